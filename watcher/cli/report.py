"""What `check` says of a poll: to a person, as the contract's JSON document, and as an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from watcher import timestamps
from watcher.cli.terminal import as_document, kind, table
from watcher.model.event import SEVERITY, Event, Kind
from watcher.polling.dispatch import Dispatch
from watcher.polling.poll import Report
from watcher.state.records import event_form
from watcher.text.sanitize import OwnText, display, sanitize_line

_TEXT = 300
_NAMES = 3


def as_json(report: Report) -> str:
    """Give the one document of `check --json` (contract, Commands)."""
    return as_document(
        {
            "started": report.started,
            "finished": report.finished,
            "nodes": {
                "watched": report.watched,
                "checked": report.checked,
                "failed": report.watched - report.checked,
            },
            "events": [event_form(event) for event in report.events],
            "errors": [{"node": node, "error": sanitize_line(error, _TEXT)} for node, error in report.errors],
            "alerts": {"delivered": report.delivered, "pending": report.pending, "expired": report.expired},
        }
    )


def lines(report: Report, *, dry_run: bool, width: int | None = None) -> list[str]:
    """Give the lines for stdout: the events, worst first, and one that sums up.

    `width` is the terminal's, None for what is no terminal.
    """
    worst_first = sorted(report.events, key=lambda event: SEVERITY[event.kind])
    said = table((), [(_name(event), kind(event.kind), _what(event)) for event in worst_first], width)
    counts = [_count(report.checked, "node") + " checked", _count(len(report.events), "event")]
    if report.watched > report.checked:
        counts.insert(1, f"{report.watched - report.checked} failed")
    if report.delivered:
        counts.append(_count(report.delivered, "alert") + " delivered")
    if report.pending:
        counts.append(_count(report.pending, "alert") + " still undelivered")
    if report.expired:
        counts.append(_count(report.expired, "alert") + " given up")
    seconds = timestamps.seconds_between(report.started, report.finished)
    said.append(f"{', '.join(counts)} ({max(seconds, 0):.1f} s){'; dry run: nothing saved or sent' if dry_run else ''}")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What could not be done: a `sentence` for a person, safe to print; for a log the name of what happened, and its
    fields. A field that is not `OwnText` is taken for a stranger's text there.

    `about` names what may be so in the next poll too, a node or channel each (`ended_problems`); empty for what ended.
    """

    level: Literal["error", "warning"]
    event: str
    fields: Mapping[str, str | int]
    sentence: str
    about: tuple[str, ...] = ()


def problems(report: Report) -> list[Problem]:
    """Give what could not be done and why, strangers' text made plain; nodes that failed alike share a complaint."""
    alike: dict[str, list[str]] = {}
    for node, error in report.errors:
        alike.setdefault(sanitize_line(error, _TEXT), []).append(sanitize_line(node))
    said = [
        Problem(
            level="error",
            event="node unread",
            fields={"nodes": _some(nodes), "count": len(nodes), "error": error},
            sentence=f"{_some(nodes)}: {error}",
            about=tuple(f"unread {node}" for node in nodes),
        )
        for error, nodes in alike.items()
    ]
    if report.empty:
        nodes = [sanitize_line(node) for node in report.empty]
        said.append(
            Problem(
                level="warning",
                event="node empty",
                fields={"nodes": _some(nodes), "count": len(nodes)},
                sentence=f"{_some(nodes)}: no versions found: is the id right?",
                about=tuple(f"empty {node}" for node in nodes),
            )
        )
    said += [
        Problem(
            level="warning",
            event="alerts set aside",
            fields={"channel": name, "alerts": alerts},
            sentence=f"channel {name} is gone from the settings; its {_count(alerts, 'undelivered alert')} will be "
            "kept for its URL until alert_expiry",
        )
        for name, alerts in report.set_aside.items()
    ]
    said += unsaved_problems(report.unsaved)
    return said + channel_problems(report.channel_errors, report.expired_by_channel)


def ended_problems(about: Iterable[str], nodes: Iterable[str], channels: Iterable[str]) -> list[str]:
    """Say that what complaints were `about` is so no more, for what is still watched or a channel."""
    watched, known = {sanitize_line(node).lower() for node in nodes}, set(channels)
    said: list[str] = []
    for what, _, name in (one.partition(" ") for one in about):
        if what == "unread" and name.lower() in watched:
            said.append(f"{name}: can be read again")
        elif what == "empty" and name.lower() in watched:
            said.append(f"{name}: has versions now")
        elif what == "channel" and name in known:
            said.append(f"channel {name}: no alert waits for it any more")
    return said


class ProblemReporter:
    """Tells complaints, each only the first time that it comes: what can't wait for the report is not told twice."""

    def __init__(self, tell: Callable[[Problem], None]) -> None:
        self._tell = tell
        self._told: list[Problem] = []

    def __call__(self, said: Iterable[Problem]) -> None:
        """Tell what is new among these."""
        for complaint in said:
            if complaint not in self._told:
                self._told.append(complaint)
                self._tell(complaint)

    def farewell(self, done: Dispatch) -> None:
        """Tell which alerts are given up and why, before they are forgotten."""
        failures = {name: why for name, why in done.failures.items() if name in done.expired}
        self(channel_problems(failures, done.expired))


def unsaved_problems(unsaved: Iterable[str]) -> list[Problem]:
    """Give what could not be written."""
    return [
        Problem(
            level="error",
            event="state unsaved",
            fields={"error": OwnText(what)},
            sentence=f"{display(OwnText(what))}; no change and no alert is lost by it",
        )
        for what in unsaved
    ]


def channel_problems(failures: Mapping[str, str], expired: Mapping[str, int]) -> list[Problem]:
    """Give what channels did not take: by name why one failed, and how many alerts were given up."""
    failed = [
        Problem(
            level="error",
            event="channel failed",
            fields={"channel": name, "error": why if isinstance(why, OwnText) else sanitize_line(why)},
            sentence=f"channel {name}: {display(why)}"
            + ("" if name in expired else "; its alerts are kept and tried again"),
            about=() if name in expired else (f"channel {name}",),
        )
        for name, why in failures.items()
    ]
    return failed + [
        Problem(
            level="error",
            event="alerts given up",
            fields={"channel": name, "alerts": alerts},
            sentence=f"channel {name}: {_count(alerts, 'alert')} could not be delivered within alert_expiry: given up",
        )
        for name, alerts in expired.items()
    ]


def _some(names: list[str]) -> str:
    """Name a few, and count the rest."""
    if len(names) <= _NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMES])} and {len(names) - _NAMES} more nodes"


def exit_code(report: Report, fail_on: Iterable[Kind]) -> int:
    """Give the exit code of a `check` (contract, Commands)."""
    if any(event.kind in set(fail_on) for event in report.events):
        return 3
    return 1 if report.watched > report.checked or report.pending or report.expired or report.unsaved else 0


def _name(event: Event) -> str:
    name = sanitize_line(event.node) if event.node is not None else "(registry)"
    return f"{name} {sanitize_line(event.version, 100)}" if event.version is not None else name


def _what(event: Event) -> str:
    """Say what changed, in a line."""
    parts = []
    if event.kind is Kind.CHANGED:
        parts += [f"{c.field}: {_value(c.before)} → {_value(c.after)}" for c in event.changes]
    elif event.version is not None and event.before and event.after:
        parts.append(f"{sanitize_line(event.before, 40)} → {sanitize_line(event.after, 40)}")
    if event.reason:
        parts.append(sanitize_line(event.reason, _TEXT))
    return "; ".join(parts)


def _value(text: str) -> str:
    return sanitize_line(text, 80) or "(none)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
