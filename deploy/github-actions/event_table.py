"""The Markdown of the job's summary. Text from the registry stands in code, where nothing is markup."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markdown_table import quoted, table
from poll_document import Copy, Event, Poll, Subject

from watcher.text.sanitize import plural, sanitize_line

_MOST_COPIES = 3
_PAGE = re.compile(r"https://registry\.comfy\.org/nodes/[A-Za-z0-9._~%-]{1,300}")
_REGISTRY = "the registry"
_NAME, _TEXT = 100, 300


def summary(poll: Poll) -> str:
    """Return the summary of a poll: its events, worst first, and then what could not be checked."""
    said = [
        f"{poll.checked} of {poll.watched} node packs checked",
        *unscanned(poll),
        *undelivered(poll),
    ]
    if poll.delivered:
        said.append(f"{plural(poll.delivered, 'alert')} delivered")
    if poll.unconfirmed:
        said.append(f"{plural(poll.unconfirmed, 'alert')} unconfirmed")
    lines = [f"### Comfy Watch: {title(poll.counts)}", "", f"{', '.join(said)}.", ""]
    if poll.events:
        head: tuple[str, ...] = ("", "node pack", "version", "why", "")
        rows = [_row(event) for event in poll.events]
        if any(event.runs for event in poll.events):
            head = (*head[:3], "you run", *head[3:])
            rows = [
                (*row[:3], _runs(event.runs), *row[3:])
                for row, event in zip(rows, poll.events, strict=True)
            ]
        lines += table(head, rows)
    if poll.problems:
        rows = [(_shown(one.about), quoted(one.why, _TEXT)) for one in poll.problems]
        lines += table(("could not be checked", "why"), rows)
    return "\n".join(lines) + "\n"


def title(counts: Mapping[str, int]) -> str:
    """Return the events in words: `1 banned, 2 new`."""
    return (
        ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing new"
    )


def undelivered(poll: Poll) -> list[str]:
    """Return how many alerts nobody got."""
    words = {"undelivered": poll.pending, "expired": poll.expired}
    return [
        f"{plural(count, 'alert')} {word}" for word, count in words.items() if count
    ]


def unscanned(poll: Poll) -> list[str]:
    """Return how many installs could not be scanned."""
    count = sum(one.about.sort == "install" for one in poll.problems)
    return [f"{plural(count, 'install')} could not be scanned"] if count else []


def plain(text: str, limit: int = _NAME) -> str:
    """Return untrusted text for an annotation, which has no markup."""
    return sanitize_line(text, limit)


def in_words(event: Event) -> str:
    """Return what an event is about, for an annotation."""
    if event.about.sort != "node":
        return (
            f"{event.about.sort} {plain(event.about.name)}"
            if event.about.name
            else _REGISTRY
        )
    what = "the whole pack" if event.version is None else plain(event.version)
    return f"{plain(event.about.name)} {what}"


def _row(event: Event) -> tuple[str, ...]:
    return (
        f"**{event.kind}**" if event.severity == "critical" else event.kind,
        _shown(event.about),
        quoted(event.version, _NAME),
        quoted(event.reason, _TEXT),
        f"[registry]({event.url})" if _PAGE.fullmatch(event.url) else "",
    )


def _shown(about: Subject) -> str:
    if about.sort == "node":
        return quoted(about.name, _NAME)
    return f"{about.sort} {quoted(about.name, _NAME)}" if about.name else _REGISTRY


def _runs(copies: Sequence[Copy]) -> str:
    """Return which versions of a node pack are run, and where; "" for none."""
    shown = [
        f"{quoted(copy.version, _NAME) or 'a copy of unknown version'} on {quoted(copy.install, _NAME)}"
        for copy in copies
    ]
    more = f" and {len(shown) - _MOST_COPIES} more" if len(shown) > _MOST_COPIES else ""
    return ", ".join(shown[:_MOST_COPIES]) + more
