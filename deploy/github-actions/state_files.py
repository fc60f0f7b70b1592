"""What the files of two state folders say about each other: whether one is worth saving, and which of two goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

STATE_FILE = re.compile(r"[a-z][a-z0-9_-]{0,60}\.jsonl?")
"""The name of a file that is part of a state (state/README.md); its lock and what a killed run left are not."""

_DAY = timedelta(days=1)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z", re.ASCII)


def names(folder: Path) -> list[str]:
    """Return the names of a folder's state files, sorted; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(
        file.name
        for file in folder.iterdir()
        if STATE_FILE.fullmatch(file.name) and file.is_file()
    )


def is_worth_saving(before: Path, after: Path) -> bool:
    """Return whether more than times and counts of the last poll differs, or the saved poll is not of the last day."""
    if names(before) != names(after):
        return True
    if any(_content(before / name) != _content(after / name) for name in names(after)):
        return True
    saved, now = polled_at(before), polled_at(after)
    return now is not None and not (saved and timedelta() <= now - saved < _DAY)


def polled_at(folder: Path) -> datetime | None:
    """Return when the last poll of a state began; None if it has no RFC 3339 time in UTC, as the program writes it."""
    text = str(_document(folder / "checks.json").get("polled_at"))
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def goes_on(ours: Path, theirs: Path) -> str:
    """Return which of two states that began as one goes on, `ours` or `theirs`; "" if either way an alert is lost.

    It is the one whose poll began later, since what the other saw it has seen too. But if the other owes an alert that
    it knows nothing of (a change that came and went between the two), the other goes on: what this one alone saw is
    found again by the next poll.
    """
    old = datetime.min.replace(tzinfo=UTC)
    by_time = sorted((ours, theirs), key=lambda folder: polled_at(folder) or old)
    for winner, loser in (by_time[::-1], by_time):
        if owed(loser) <= owed(winner) | _recorded(winner):
            return "ours" if winner is ours else "theirs"
    return ""


def owed(folder: Path) -> frozenset[str]:
    """Return the ids of the events whose alerts are undelivered."""
    messages: dict[tuple[str, str], Any] = {}
    for line in _lines(folder / "owed.jsonl"):
        # Each line has values as they are from then on.
        with suppress(AttributeError, TypeError, ValueError, RecursionError):
            for channel, changed in json.loads(line).get("messages", {}).items():
                messages |= {(channel, key): one for key, one in changed.items()}
    waiting = [one for one in messages.values() if isinstance(one, dict)]
    return frozenset(str(event) for one in waiting for event in one.get("events", ()))


def _recorded(folder: Path) -> frozenset[str]:
    """Return the ids of the events in the history; a damaged line is skipped."""
    return frozenset(_ids(_lines(folder / "history.jsonl")))


def _lines(file: Path) -> list[bytes]:
    try:
        return file.read_bytes().splitlines()
    except OSError:
        return []


def _ids(lines: Iterable[bytes]) -> Iterable[str]:
    for line in lines:
        try:
            yield str(json.loads(line)["id"])
        except (KeyError, TypeError, ValueError, RecursionError):
            continue


def _content(file: Path) -> object:
    """Return what counts as a change of a file: its bytes, of checks.json all but times and figures of polls."""
    if file.name == "checks.json" and (document := _document(file, _without_times)):
        return {
            key: value
            for key, value in document.items()
            if not isinstance(value, int | float)
        }
    return file.read_bytes()


def _without_times(found: dict[str, object]) -> dict[str, object]:
    """Return an object of JSON with an empty text in place of each time."""
    return {
        key: "" if isinstance(one, str) and _TIME.fullmatch(one) else one
        for key, one in found.items()
    }


def _document(
    file: Path, hook: Callable[[dict[str, object]], object] | None = None
) -> dict[str, object]:
    """Return a JSON file's object, each object in it as `hook` returns it; an empty one where there is none."""
    try:
        found = json.loads(file.read_bytes(), object_hook=hook)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
