"""What the registry answers for a version's `status_reason`: its findings, in each way in which they are told."""

from __future__ import annotations

import json

from tests.flags.packs import Found, Release, Told

READ_AT_MOST_MB = 2
"""Megabytes of an answer that the polls of these tests read; the ordinary bound would only make them slow."""
_ITEMS_READ = 20_000
_CODE = "subprocess.run([ffmpeg, '-i', path])  # reviewer: jane.reviewer@comfy.example"


def reason_of(release: Release) -> str:
    """Return the reason of a version as the registry has it; what was found in it does not depend on how it is told."""
    if not release.found:
        return "Passed automated checks"
    whole = json.dumps([_item(one) for one in release.found])
    match release.told:
        case Told.WHOLE:
            return whole
        case Told.OLDER:
            return json.dumps([_older(one) for one in release.found])
        case Told.IN_MESSAGE:
            return json.dumps(
                {
                    "message": whole,
                    "by": "jane.reviewer@comfy.example",
                    "statusHistory": [],
                }
            )
        case Told.IN_HISTORY:
            entry = {
                "status": "NodeVersionStatusFlagged",
                "message": whole,
                "by": "jane.reviewer@comfy.example",
            }
            return json.dumps({"message": "", "statusHistory": [entry], "batchId": "7"})
        case Told.EMPTY:
            return ""
        case Told.IN_WORDS:
            return "Flagged for a review"
        case Told.CUT_OFF:
            return whole[:-12]
        case Told.TOO_LARGE:
            return json.dumps(
                [
                    _item(release.found[0])
                    | {"code_snippet": "x" * (READ_AT_MOST_MB << 20)}
                ]
            )
        case Told.TOO_MANY:
            known = {
                "issue_type": release.found[0].rule,
                "severity": "info",
                "file_path": release.found[0].file,
            }
            return json.dumps(
                [known] * _ITEMS_READ + [_item(one) for one in release.found]
            )


def _item(found: Found) -> dict[str, object]:
    is_bundled = found.rule.startswith("vendored")
    return {
        "issue_type": found.rule,
        "severity": found.severity,
        "scanner": "provenance_scan" if is_bundled else "yara_scan",
        "description": f"{found.rule} in {found.file}",
        "file_path": found.file,
        "line_number": found.line,
        "code_snippet": _CODE,
        "admin_tags": ["system-modification"],
        "recommendation": None,
    }


def _older(found: Found) -> dict[str, object]:
    return {
        "type": found.rule,
        "severity": found.severity,
        "path": found.file,
        "line": found.line,
    }
