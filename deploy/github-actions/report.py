"""The last step: annotations, outputs and the job's summary of a poll, and whether the job turns red.

Environment: `CODE`, `DOCUMENT` and `REFUSAL` (outputs of poll.py), `FAIL_ON_INCOMPLETE` as the input of action.yml;
what the runner sets. Outputs: see action.yml. The exit code is the program's, but 0 where it is 1 and that is no reason
to turn red, and 1 where it is 0 and a part of the report could not be written.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import poll_document
from event_table import in_words, plain, summary, title, undelivered, unscanned
from poll_document import Event, Poll
from workflow_commands import add_summary, annotate, set_output

_MOST_BYTES = 100_000
"""Of the output `events`: what a later step can still take in one environment variable on Linux (128 KiB)."""
_MOST_ANNOTATIONS = 9
"""Of one level; GitHub shows ten of a step, and the last one says why the job is red."""
_WARNED_OF = ("exposed", "flagged")
_TEXT = 300
_TITLE = "Comfy Watch"
_WORDS = {
    2: "the configuration is wrong, and nothing was polled; the log says what",
    4: "the state cannot be used, and nothing was changed; the log says why",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is said of how the poll ended, "" if there is nothing to say, and whether the job turns red for it."""

    red: bool
    said: str


def main() -> int:
    """Report the poll, and return the exit code of the action."""
    code = int(os.environ["CODE"])
    poll = poll_document.read(Path(os.environ["DOCUMENT"]))
    verdict = _verdict(
        code, poll, os.environ["FAIL_ON_INCOMPLETE"], os.environ["REFUSAL"]
    )
    parts: dict[str, Callable[[], None]] = {
        "the annotations": partial(_annotate, poll, verdict),
        "the outputs": partial(_set_outputs, code, poll),
        "the summary": partial(_add_summary, code, poll, verdict),
    }
    unwritten = [what for what, write in parts.items() if not _is_written(what, write)]
    return (code or 1) if verdict.red or unwritten else 0


def _is_written(what: str, write: Callable[[], None]) -> bool:
    try:
        write()
    except Exception as error:  # noqa: BLE001 - the one place around one part's work: the others are still written
        annotate(
            "error",
            _TITLE,
            f"{what} of this poll could not be written: {type(error).__name__}: {error}",
        )
        return False
    return True


def _verdict(
    code: int, poll: Poll | None, fail_on_incomplete: str, refusal: str
) -> Verdict:
    """Judge how the poll ended, by its exit code and by what its document says is missing."""
    if poll is None:
        why = refusal or _WORDS.get(
            code, f"the poll ended with exit code {code}; the log says why"
        )
        return Verdict(red=True, said=why)
    owed, unread = undelivered(poll), _unread(poll)
    if code == 1 and not (
        owed or unread
    ):  # as bad as an alert that nobody got: nothing else may tell of it
        owed = [
            "something failed that the document does not show, such as writing a file of the state"
        ]
    parts = [f"fail-on: {title(poll.counts)}"] if code == 3 else []
    if owed or unread:
        parts.append(f"incomplete: {'; '.join([*unread, *owed])}; the log says why")
    if code not in (0, 1, 3):
        parts.append(f"the poll ended with exit code {code}; the log says why")
    for_incomplete = {"always": True, "never": False}.get(
        fail_on_incomplete, bool(owed)
    )
    return Verdict(
        red=for_incomplete if code == 1 else code != 0, said="; ".join(parts)
    )


def _unread(poll: Poll) -> list[str]:
    """Return what could not be checked. If it lasts, an alert tells of it."""
    parts = (
        [f"{poll.failed} of {poll.watched} node packs could not be checked"]
        if poll.failed
        else []
    )
    if any(one.about.sort == "registry" for one in poll.problems):
        in_full = " in full" if poll.checked else ""
        parts.append(f"the registry could not be read{in_full}")
    return [*parts, *unscanned(poll)]


def _annotate(poll: Poll | None, verdict: Verdict) -> None:
    """Annotate the worst events, and how the poll ended."""
    for level in ("error", "warning"):
        _annotate_events(
            level,
            [event for event in poll.events if _level(event) == level] if poll else [],
        )
    if verdict.said:
        annotate("error" if verdict.red else "warning", _TITLE, verdict.said)


def _level(event: Event) -> str:
    if event.severity == "critical":
        return "error"
    is_warning = event.severity == "warning" and event.kind in _WARNED_OF
    return "warning" if is_warning else ""


def _annotate_events(level: str, events: list[Event]) -> None:
    """Annotate each event, or count those beyond what GitHub shows."""
    shown = (
        events if len(events) <= _MOST_ANNOTATIONS else events[: _MOST_ANNOTATIONS - 1]
    )
    for event in shown:
        text = (
            plain(event.reason, _TEXT) or f"{event.kind}; the registry gives no reason"
        )
        annotate(level, f"{event.kind}: {in_words(event)}", text)
    if left := len(events) - len(shown):
        annotate(level, _TITLE, f"{left} more; the summary lists them")


def _set_outputs(code: int, poll: Poll | None) -> None:
    events = poll.events if poll else ()
    set_output("exit-code", str(code))
    set_output("document", os.environ["DOCUMENT"] if poll else "")
    set_output("worst", events[0].severity if events else "")
    set_output("counts", json.dumps(poll.counts if poll else {}))
    shown: list[Mapping[str, object]] = []
    size = 0
    for event in events:
        size += len(json.dumps(event.raw)) + len(", ")
        if size > _MOST_BYTES:
            break
        shown.append(event.raw)
    set_output("events", json.dumps(shown))
    set_output("events-omitted", str(len(events) - len(shown)))


def _add_summary(code: int, poll: Poll | None, verdict: Verdict) -> None:
    add_summary(
        summary(poll)
        if poll
        else f"### Comfy Watch: failed\n\nExit code {code}: {verdict.said}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
