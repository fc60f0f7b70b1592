"""The problems of a poll, a sentence each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal

from watcher.changes.health import IS_ID_RIGHT
from watcher.polling.model import Report
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
# What may last, in words.
_UNREAD = "{} cannot be read".format
_EMPTY = "{} has no versions".format
_TAKES_NONE = " takes no alerts"
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


def _error(event: str, sentence: str, *about: str) -> Problem:
    return Problem(level="error", event=event, sentence=sentence, about=about)


def warning(event: str, sentence: str, *about: str) -> Problem:
    """Return a problem with which all else goes on; its words are safe to print."""
    return Problem(level="warning", event=event, sentence=sentence, about=about)


def problems(report: Report) -> Iterator[Problem]:
    """Yield the problems of a poll. Nodes with the same error share one."""
    # An outage gives most packs one error, and nobody reads it a hundred times.
    by_error: dict[str, list[str]] = {}
    for number, one in enumerate(report.failures):
        error = safe_line(one.error, _ERROR_LENGTH)
        if one.node is None:
            yield _of_registry(report, error, is_first=not number)
        else:
            by_error.setdefault(error, []).append(sanitize_line(one.node))
    for error, nodes in by_error.items():
        yield _error("node unread", f"{_some(nodes)}: {error}", *map(_UNREAD, nodes))
    if empty := [*map(sanitize_line, report.empty)]:
        # Mostly a typing error in the settings, which only a person can mend.
        said = f"{_some(empty)}: no versions found: {IS_ID_RIGHT}"
        yield warning("node empty", said, *map(_EMPTY, empty))
    for name in map(sanitize_line, report.no_packs_of):
        said = f"publisher {name}: it has no node packs; {IS_ID_RIGHT}"
        yield warning("publisher empty", said)
    yield from _of_installs(report)
    if report.unpublished:
        said = f"publish_dir: {safe_line(Trusted(report.unpublished))}"
        yield _error("not published", said, "publish_dir cannot be written")
    yield from delivery_problems(
        report.channel_errors, report.expired_by_channel, report.unsaved
    )


def _of_registry(report: Report, error: str, *, is_first: bool) -> Problem:
    """Return the problem that nothing, or not all, could be read of the registry."""
    # Where packs failed too, and not for the same reason, this is only about a list of packs.
    is_only = len(report.failures) == 1 or report.failure_of_registry
    if report.checked or not (is_first and is_only):
        return _error("registry unread", error, _PART_UNREAD)
    # Before the list of a publisher's packs came, there is none.
    of_packs = f" ({plural(report.watched, 'pack')})" if report.watched else ""
    about = _UNREAD("the registry")
    return _error("registry unread", f"{about}: {error}{of_packs}", about)


def _of_installs(report: Report) -> Iterator[Problem]:
    """Yield the problems of installs and of packs; what is not known of packs is said once."""
    for one in report.unscanned:
        install = f"install {sanitize_line(one.install or '')}"
        # The words of a scan are this program's, with names of files that a person has to find.
        said = f"{install}: {escape_invisible(one.error[:_ERROR_LENGTH])}"
        yield _error("install unscanned", said, _UNREAD(install))
    if unknown := [*map(sanitize_line, report.unknown)]:
        said = f"{_some(unknown)}: installed, but the registry does not know it"
        yield warning("pack unknown", said)
    # Where the registry cannot be reached, that is an error of its nodes already.
    if report.no_packs and report.no_packs not in {one.error for one in report.unread}:
        why = safe_line(report.no_packs, _ERROR_LENGTH)
        said = f"{why}; so bans of whole packs may be seen late"
        yield warning("packs unread", said)


def delivery_problems(
    failures: Mapping[str, str], expired: Mapping[str, int], unsaved: Iterable[str] = ()
) -> Iterator[Problem]:
    """Yield the problems of a round of deliveries: files not written, channels that failed, alerts that expired.

    `failures` are the reasons by channel, `expired` the number of alerts.
    """
    for what in unsaved:
        said = f"{safe_line(Trusted(what))}; no change and no alert is lost"
        yield _error("state unsaved", said)
    for name, why in failures.items():
        channel = f"channel {name}"
        # Who reads this in a mail from cron would think that they are lost.
        kept = "" if name in expired else "; its alerts are kept and retried"
        said = f"{channel}: {safe_line(why)}{kept}"
        yield _error("channel failed", said, channel + _TAKES_NONE)
    for name, alerts in expired.items():
        lost = f"{plural(alerts, 'alert')} expired: not delivered within alert_expiry"
        yield _error("alerts expired", f"channel {name}: {lost}")


def set_aside_problems(found: Mapping[str, int]) -> Iterator[Problem]:
    """Yield a problem for each channel that is gone, with how many of its alerts are set aside."""
    for name, alerts in found.items():
        kept = f"{plural(alerts, 'alert')} for it {'is' if alerts == 1 else 'are'} kept"
        said = f"channel {name}: its URL was removed; {kept} until it is back or alert_expiry"
        yield warning("alerts set aside", said)


def may_last(report: Report) -> Callable[[str], bool]:
    """Return what says of a problem, by `Problem.about`, whether it may last though the poll did not report it.

    It may if its node was not read, or if its channel took nothing since it failed: what expires is no recovery.
    """
    # Where nothing was read, none of the problems of yesterday is known to have ended.
    unread = [one.node for one in report.unread] if report.checked else report.nodes
    names = [sanitize_line(node) for node in unread if node is not None]
    unsure = {*map(_UNREAD, names), *map(_EMPTY, names)}
    unsure |= set() if report.checked else {_PART_UNREAD}
    taking = {f"channel {name}{_TAKES_NONE}" for name in report.taking}
    return lambda about: (
        about in unsure or (about.endswith(_TAKES_NONE) and about not in taking)
    )


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


def _some(names: list[str]) -> str:
    """Return the first names and the count of the others."""
    if len(names) <= _NAMES:
        return ", ".join(names)
    more = plural(len(names) - _NAMES, "more pack")
    return f"{', '.join(names[:_NAMES])} and {more}"
