"""The last step: outputs, the job's summary and annotations of a poll, and whether the job turns red.

Environment: `CODE`, `DOCUMENT` and `REFUSAL` (outputs of poll.py), `FAIL_ON_INCOMPLETE` as the input of action.yml;
what the runner sets. Outputs: see action.yml. The exit code is the program's, but 0 where it is 1 and that is no reason
to turn red.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from event_table import kind_of, plain, summary, title
from workflow_commands import add_summary, annotate, set_output

from watcher.text.plural import plural

_MOST_BYTES = 100_000
"""Of the output `events`: what a later step can still take in one environment variable on Linux (128 KiB)."""
_MOST_ANNOTATIONS = 9
"""Of one level; GitHub shows ten of a step, and the last one says why the job is red."""
_SEVERITIES = ("critical", "warning", "info")
_LEVELS = {"banned": "error", "flagged": "warning"}
_TEXT = 300
_WORDS = {
    2: "the configuration is wrong, and nothing was polled; the log says what",
    4: "the state cannot be used, and nothing was changed; the log says why",
}


def main() -> int:
    """Report the poll, and return the exit code of the action."""
    code = int(os.environ["CODE"])
    document = _document(Path(os.environ["DOCUMENT"]))
    set_output("exit-code", str(code))
    _set_outputs(document)
    if document is None:
        why = os.environ["REFUSAL"] or _WORDS.get(code, f"the poll ended with exit code {code}; the log says why")
        add_summary(f"### Comfy Watch: failed\n\nExit code {code}: {why}.\n")
        annotate("error", "Comfy Watch", why)
        return code or 1
    add_summary(summary(document, _counts(document["events"])))
    _annotate_events(document["events"])
    if code == 1:
        return _incomplete(document, os.environ["FAIL_ON_INCOMPLETE"])
    if code == 3:
        annotate("error", "Comfy Watch", f"fail-on: {title(_counts(document['events']))}")
    return code


def _document(path: Path) -> dict[str, Any] | None:
    """Return the document of `check --json` with its events worst first; None if there is none."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict):
        return None
    return {**document, "events": sorted(document["events"], key=_rank)}


def _set_outputs(document: Mapping[str, Any] | None) -> None:
    events = document["events"] if document else []
    shown, size = [], 0
    for event in events:
        size += len(json.dumps(event)) + len(", ")
        if size > _MOST_BYTES:
            break
        shown.append(event)
    set_output("events", json.dumps(shown))
    set_output("events-omitted", str(len(events) - len(shown)))
    set_output("counts", json.dumps(_counts(events)))
    set_output("worst", _SEVERITIES[_rank(events[0])] if events else "")
    set_output("document", os.environ["DOCUMENT"] if document else "")


def _rank(event: Mapping[str, Any]) -> int:
    return _SEVERITIES.index(event["severity"]) if event["severity"] in _SEVERITIES else len(_SEVERITIES) - 1


def _counts(events: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many events there are of each kind, in the order in which the kinds come."""
    return dict(Counter(map(kind_of, events)))


def _annotate_events(events: Sequence[Mapping[str, Any]]) -> None:
    """Annotate each banned and each flagged version, or count those beyond what GitHub shows."""
    for kind, level in _LEVELS.items():
        found = [event for event in events if event["kind"] == kind]
        shown = found if len(found) <= _MOST_ANNOTATIONS else found[: _MOST_ANNOTATIONS - 1]
        for event in shown:
            what = event["version"] if event["version"] is not None else "the whole pack"
            text = plain(event["reason"], _TEXT) or f"{kind}; the registry gives no reason"
            annotate(level, f"{kind}: {plain(event['node'])} {plain(what)}", text)
        if len(found) > len(shown):
            annotate(level, kind, f"{len(found) - len(shown)} more {kind} versions; the summary lists them")


def _incomplete(document: Mapping[str, Any], fail: str) -> int:
    """Say what is incomplete, and return 1 if the job turns red for it."""
    nodes, alerts = document["nodes"], document["alerts"]
    parts = [f"{nodes['failed']} of {nodes['watched']} node packs could not be checked"] if nodes["failed"] else []
    words = {"pending": "undelivered", "expired": "expired"}
    owed = [f"{plural(alerts[what], 'alert')} {word}" for what, word in words.items() if alerts[what]]
    # Neither: the program could not save what it saw.
    only_nodes = bool(parts) and not owed
    red = fail == "always" or (fail == "alerts" and not only_nodes)
    said = "; ".join([*parts, *owed]) or "the change could not be saved"
    annotate("error" if red else "warning", "Comfy Watch", f"incomplete: {said}; the log says why")
    return int(red)


if __name__ == "__main__":
    sys.exit(main())
