"""`audit --format sarif`: SARIF 2.1.0, as GitHub's code scanning takes it. Pure.

Each pack that is not ok is a result, in the file that names it, or a file of the pack. The text of a message may have
links and placeholders, so that brackets and braces in it are replaced by characters that only look like them.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from watcher import __version__
from watcher.alerts.advice import STOP, advice_on_copy
from watcher.alerts.phrasing import PRODUCT
from watcher.cli.commands.audit import (
    acceptance,
    pack_cell,
    problems_of,
    why,
    within,
)
from watcher.cli.loading import Took
from watcher.cli.report import error_form, safe_words, version_cell
from watcher.cli.terminal import unstyle
from watcher.model.event import Grade, Severity
from watcher.model.finding import Finding
from watcher.model.reading import ReadFailure
from watcher.polling.audit import Audit, is_limit
from watcher.text.sanitize import safe_line, sanitize_line

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ID = "comfy-watch/"
"""What the id of a rule begins with."""
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}


_RULES: dict[Grade, tuple[str, str]] = {
    Grade.BANNED: (
        "Somebody has rejected this version of the node pack, or the whole pack, for the Comfy Registry.",
        STOP,
    ),
    Grade.FLAGGED: (
        (
            "The registry's scanner has found something in this version that nobody has reviewed yet. Most harmless"
            " packs have a finding."
        ),
        (
            "Read what was found. If you cannot judge it, install the version that the message names. A note says"
            " that all findings are informational and not new to the pack: then there is nothing to do."
        ),
    ),
    Grade.DELETED: (
        "This version, or the whole pack, is deleted in the Comfy Registry.",
        "Install the version that the message names, or disable or remove the pack if there is none.",
    ),
    Grade.DELISTED: (
        (
            "The ComfyUI-Manager installed this pack from the Comfy Registry, which no longer lists this version,"
            " or the whole pack."
        ),
        "Install the version that the message names, or disable or remove the pack if there is none.",
    ),
    Grade.PENDING: (
        "This version is uploaded, and no scan has judged it yet.",
        "Wait for the scan, or use the version that the message names until then.",
    ),
    Grade.DEPRECATED: (
        "The publisher advises against this version.",
        "Install the version that the message names.",
    ),
    Grade.UNKNOWN: (
        (
            "The registry does not say anything that counts for this copy. It may come from elsewhere, or the"
            " registry did not answer. The message says why."
        ),
        "Make sure that you know where the pack comes from and that you trust it.",
    ),
    Grade.OUTDATED: (
        "A newer version is active, not deprecated and old enough to be advised.",
        "Install the version that the message names when it suits you.",
    ),
}
"""What each verdict means, and what to do, worst first; the program's own texts. A pack that is ok breaks none."""
_INDEXES = {verdict: index for index, verdict in enumerate(_RULES)}
_LOOKALIKES = str.maketrans("[]{}\\`", "\uff3b\uff3d\uff5b\uff5d\uff3c'")

Form = dict[str, object]


def sarif(done: Audit, took: Took, folder: Path) -> Form:
    """Return the document of an audit; paths in it are relative to the folder."""
    driver = {
        "name": PRODUCT,
        "semanticVersion": __version__,
        "informationUri": _homepage(),
        "rules": [_rule(verdict, *texts) for verdict, texts in _RULES.items()],
    }
    invocation = {
        # SARIF's word for a run that did all that it was asked to.
        "executionSuccessful": all(map(is_limit, done.problems)),
        "startTimeUtc": took.started,
        "endTimeUtc": took.finished,
        "toolExecutionNotifications": [*map(_notice, done.problems)],
    }
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [invocation],
                "columnKind": "unicodeCodePoints",
                "results": [*_results(problems_of(done), folder)],
            }
        ],
    }


def _homepage() -> str:
    """Return the address of this program's page, as its package has it."""
    # The address stands in pyproject.toml alone, which a fork changes.
    urls = metadata.metadata("comfy-watch").get_all("Project-URL") or ()
    named = dict(str(one).split(", ", 1) for one in urls)
    return named["Homepage"]


def _rule(verdict: Grade, meaning: str, remedy: str) -> Form:
    return {
        "id": _ID + verdict,
        "name": f"{verdict.capitalize()}Pack",
        "shortDescription": {"text": f"A node pack is {verdict}"},
        "fullDescription": {"text": meaning},
        "help": dict.fromkeys(("text", "markdown"), f"{meaning} {remedy}"),
        "defaultConfiguration": {"level": _LEVELS[verdict.severity]},
    }


def _results(findings: list[Finding], folder: Path) -> Iterator[Form]:
    seen: Counter[tuple[str, ...]] = Counter()
    for one in findings:
        where = _uri(one.pack.file or one.pack.own_file or one.install, folder)
        identity = (where, *_identity(one))
        # One file may name a pack twice, and two results with one fingerprint would be one alert.
        seen[identity] += 1
        text = "\0".join((*identity, str(seen[identity])))
        # GitHub shows a result only at a line.
        line = one.pack.line or 1
        result: Form = {
            "ruleId": _ID + one.grade.verdict,
            "ruleIndex": _INDEXES[one.grade.verdict],
            "level": _LEVELS[one.grade.severity],
            "message": {"text": _message(one)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": where},
                        "region": {"startLine": line},
                    }
                }
            ],
            # The only one that GitHub looks at. Its own is of the line, in which several packs may be named.
            "partialFingerprints": {
                "primaryLocationLineHash": hashlib.sha256(
                    text.encode("utf-8", "replace")
                ).hexdigest()[:32]
            },
        }
        if one.acceptance:
            justification = one.acceptance.reason or one.acceptance.in_words
            result["suppressions"] = [
                {"kind": "external", "justification": justification}
            ]
        yield result


def _uri(file: str, folder: Path) -> str:
    """Return a path as a URI reference, percent-encoded, relative to the folder; a `file:` URI if it lies elsewhere."""
    path = within(file, folder)
    # A file name may have bytes that are no UTF-8; as bytes they are quoted as they are.
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


def _identity(finding: Finding) -> tuple[str, str, str]:
    """Return what stays the same while an alert is the same: not the line, but the version that was judged."""
    pack, row = finding.pack, finding.row
    version = pack.version or (row.version if row else None)
    name = finding.id or pack.id or pack.folder
    return finding.grade.verdict, name.lower(), version or ""


def _message(finding: Finding) -> str:
    """Return sentences: the first says what is wrong and what to do, since it may be all that is shown."""
    version = unstyle(version_cell(finding.pack)).strip("-")
    subject = f"{pack_cell(finding)} {version}".strip()
    verdict = "is " + finding.grade.in_words
    if not finding.pack.enabled:
        verdict += ", and disabled"
    verdict += acceptance(finding)
    advice = safe_words(advice_on_copy(finding))
    said = ": ".join(filter(None, (f"{subject} {verdict}", advice))) + "."
    if reason := why(finding):
        said += f" Why: {reason.rstrip('.')}."
    return said.translate(_LOOKALIKES)


def _notice(failure: ReadFailure) -> Form:
    about = sanitize_line(failure.node or "")
    if failure.install is not None:
        # A file lies in folders that anybody may have named.
        about = safe_line(failure.install)
    said = ": ".join(filter(None, (about, error_form(failure).error)))
    level = "warning" if is_limit(failure) else "error"
    return {"level": level, "message": {"text": said.translate(_LOOKALIKES)}}
