"""The problems of a poll, a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Literal

from watcher.changes.health import IS_ID_RIGHT
from watcher.model.reading import ALL
from watcher.polling.model import Dispatch, Report
from watcher.text.sanitize import (
    Trusted,
    escape_invisible,
    plural,
    safe_line,
    sanitize_line,
)
from watcher.values import frozen

_ERROR_LENGTH = 300
_NAMES = 3
_TAKES_NONE = " takes no alerts"
_NOTHING_READ = "the registry cannot be read"
_PART_UNREAD = "not all of the registry can be read"


@frozen
class Problem:
    """Something that a person should know about a poll."""

    level: Literal["error", "warning"]
    event: str
    """The log line's event name."""
    sentence: str
    """For a person; safe to print."""
    about: tuple[str, ...] = ()
    """What may last until the next poll, in words: "alpha cannot be read"; else empty."""


def problems(report: Report) -> list[Problem]:
    """Return the problems of a poll. Nodes with the same error share one."""
    by_error: dict[str, list[str]] = {}
    of_all = report.failure_of_registry
    found: list[Problem] = []
    of_parts = [one for one in report.unread if one.node == ALL]
    for one in (of_all, *of_parts) if of_all else report.unread:
        error = Trusted(safe_line(one.error, _ERROR_LENGTH))
        if one is of_all or one.node == ALL:
            found.append(_of_registry(report, error, is_all=one is of_all))
        else:
            name = sanitize_line(one.node or "")
            by_error.setdefault(error, []).append(name)
    found += [
        Problem(
            level="error",
            event="node unread",
            sentence=f"{_some(nodes)}: {error}",
            about=tuple(map(_unread, nodes)),
        )
        for error, nodes in by_error.items()
    ]
    if empty := [*map(sanitize_line, report.empty)]:
        found.append(
            Problem(
                level="warning",
                event="node empty",
                sentence=f"{_some(empty)}: no versions found: {IS_ID_RIGHT}",
                about=tuple(map(_empty, empty)),
            )
        )
    errors = {safe_line(one.error, _ERROR_LENGTH) for one in report.unread}
    found += [
        Problem(
            level="warning",
            event="publisher empty",
            sentence=f"publisher {name}: it has no node packs; is the id right?",
        )
        for name in map(sanitize_line, report.no_packs_of)
    ]
    found += _of_installs(report, errors)
    if report.unpublished:
        error = Trusted(safe_line(Trusted(report.unpublished)))
        found.append(
            Problem(
                level="error",
                event="not published",
                sentence=f"publish_dir: {error}",
                about=("publish_dir cannot be written",),
            )
        )
    return found + delivery_problems(
        report.channel_errors, report.expired_by_channel, report.unsaved
    )


def _of_registry(report: Report, error: Trusted, *, is_all: bool) -> Problem:
    """Return the problem that nothing, or not all, could be read of the registry."""
    # Before the list of a publisher's packs came, there is none.
    of_packs = f" ({plural(report.watched, 'pack')})" if report.watched else ""
    # Where packs were asked too, this is only about a list of packs.
    is_nothing = is_all or (not report.checked and len(report.unread) == 1)
    return Problem(
        level="error",
        event="registry unread",
        sentence=f"{_NOTHING_READ}: {error}{of_packs}" if is_nothing else error,
        about=(_NOTHING_READ if is_nothing else _PART_UNREAD,),
    )


def _of_installs(report: Report, errors: Container[str]) -> list[Problem]:
    """Return the problems of installs and of packs; what is not known of packs is said once.

    `errors` are those of nodes.
    """
    found: list[Problem] = []
    for one in report.unscanned:
        name = sanitize_line(one.install or "")
        # The words of a scan are this program's, with names of files that a person has to find.
        error = escape_invisible(one.error[:_ERROR_LENGTH])
        found.append(
            Problem(
                level="error",
                event="install unscanned",
                sentence=f"install {name}: {error}",
                about=(f"install {name} cannot be read",),
            )
        )
    if report.unknown:
        nodes = [sanitize_line(node) for node in report.unknown]
        found.append(
            Problem(
                level="warning",
                event="pack unknown",
                sentence=f"{_some(nodes)}: installed, but the registry does not know it",
            )
        )
    error = safe_line(report.no_packs, _ERROR_LENGTH)
    # Where the registry cannot be reached, that is an error of its nodes already.
    if error and error not in errors:
        found.append(
            Problem(
                level="warning",
                event="packs unread",
                sentence=f"{error}; so bans of whole packs may be seen late",
            )
        )
    return found


def delivery_problems(
    failures: Mapping[str, str], expired: Mapping[str, int], unsaved: Iterable[str] = ()
) -> list[Problem]:
    """Return the problems of a round of deliveries: files not written, channels that failed, alerts that expired.

    `failures` are the reasons by channel, `expired` the number of alerts.
    """
    found = [
        Problem(
            level="error",
            event="state unsaved",
            sentence=f"{safe_line(Trusted(what))}; no change and no alert is lost",
        )
        for what in unsaved
    ]
    found += [
        Problem(
            level="error",
            event="channel failed",
            sentence=f"channel {name}: {safe_line(why)}"
            + ("" if name in expired else "; its alerts are kept and retried"),
            about=(_undelivered(name),),
        )
        for name, why in failures.items()
    ]
    return found + [
        Problem(
            level="error",
            event="alerts expired",
            sentence=f"channel {name}: {plural(alerts, 'alert')} expired: not delivered within alert_expiry",
        )
        for name, alerts in expired.items()
    ]


def set_aside_problems(found: Mapping[str, int]) -> list[Problem]:
    """Return a problem for each channel that is gone, with how many of its alerts are set aside."""
    return [
        Problem(
            level="warning",
            event="alerts set aside",
            sentence=f"channel {name}: its URL was removed; {plural(alerts, 'alert')} for it "
            f"{'is' if alerts == 1 else 'are'} kept until it is back or alert_expiry",
        )
        for name, alerts in found.items()
    ]


def may_last(report: Report) -> Callable[[str], bool]:
    """Return what says of a problem, by `Problem.about`, whether it may last though the poll did not report it.

    It may if its node was not read, or if its channel took nothing since it failed: what expires is no recovery.
    """
    unread = [node for node, _ in report.errors] if report.checked else report.nodes
    names = [sanitize_line(node) for node in unread]
    part = () if report.checked else (_PART_UNREAD,)
    unsure = {*map(_unread, names), *map(_empty, names), *part}
    taking = set(map(_undelivered, report.taking))
    return lambda about: (
        about in unsure or (about.endswith(_TAKES_NONE) and about not in taking)
    )


def _unread(node: str) -> str:
    return f"{node} cannot be read"


def _empty(node: str) -> str:
    return f"{node} has no versions"


def _undelivered(channel: str) -> str:
    return f"channel {channel}{_TAKES_NONE}"


class ProblemReporter:
    """Reports each problem once: those that could not wait for the end of the poll are not repeated there."""

    def __init__(self, report: Callable[[Problem], None]) -> None:
        self._report = report
        self._reported: list[Problem] = []

    def __call__(self, found: Iterable[Problem]) -> None:
        """Report those that are new."""
        for problem in found:
            if problem not in self._reported:
                self._reported.append(problem)
                self._report(problem)

    def set_aside(self, found: Mapping[str, int]) -> None:
        """Report which alerts are set aside, before the state forgets that they belonged to a channel."""
        self(set_aside_problems(found))

    def expired(self, done: Dispatch) -> None:
        """Report which alerts expired, and why their channels failed, before they are forgotten."""
        failures = {
            name: why for name, why in done.failures.items() if name in done.expired
        }
        self(delivery_problems(failures, done.expired))


def _some(names: list[str]) -> str:
    """Return the first names and the count of the others."""
    if len(names) <= _NAMES:
        return ", ".join(names)
    more = plural(len(names) - _NAMES, "more pack")
    return f"{', '.join(names[:_NAMES])} and {more}"
