"""`metrics.prom`: figures for Prometheus, in what its text format 0.0.4 and OpenMetrics 1.0 have in common. Pure.

That is gauges without timestamps of their own, and a last line that the older format takes for a comment. A figure of 0
is there too, so that it can be seen to rise; a moment that never was has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from watcher import timestamps
from watcher.model.event import Kind
from watcher.model.version import STATUSES, Version
from watcher.publish.public import KINDS_OF_INSTALLS, Public
from watcher.state.overview import STATES
from watcher.timestamps import MomentOrEmpty

PREFIX = "comfy_watch_"
"""What every name begins with."""

_OTHER = "unknown"
"""A status that this program does not know. The registry's word for it may be anything."""

_Samples = Mapping[str, float]
"""Figures by their labels, as text; "" where there are none."""


def metrics(public: Public) -> str:
    """Return the figures of what may be published."""
    lines = [
        f"# HELP {PREFIX}{name} {about}\n"
        f"# TYPE {PREFIX}{name} gauge\n"
        + "".join(
            f"{PREFIX}{name}{labels} {figure}\n" for labels, figure in samples.items()
        )
        for name, about, samples in _families(public)
    ]
    return "".join([*lines, "# EOF\n"])


def _families(public: Public) -> Iterator[tuple[str, str, _Samples]]:
    """Yield the name, the meaning and the figures of each metric."""
    yield (
        "build_info",
        "The version of comfy-watch as a label; always 1.",
        _by("version", {public.version: 1}),
    )
    yield (
        "packs",
        "Watched packs, by how they stand.",
        _by("state", _all_of(STATES, Counter(row.state for row in public.rows))),
    )
    versions = list(_versions(public))
    statuses = Counter(
        one.status if one.status in STATUSES else _OTHER for one in versions
    )
    yield (
        "versions",
        "Listed versions of these packs, by status.",
        _by("status", _all_of((*STATUSES, _OTHER), statuses)),
    )
    yield (
        "deprecated_versions",
        "Listed versions of these packs that are deprecated, whatever their status.",
        {"": sum(one.deprecated for one in versions)},
    )
    kinds = [
        kind for kind in Kind if public.shows_installs or kind not in KINDS_OF_INSTALLS
    ]
    yield (
        "events",
        "Events since the state began, by kind.",
        _by("kind", _all_of(kinds, _events(public))),
    )
    yield (
        "undelivered_alerts",
        "Alerts that a channel has not taken, by its number in the settings.",
        _by_channel(one.alerts for one in public.channels),
    )
    yield (
        "undelivered_oldest_timestamp_seconds",
        "When the oldest of these was seen; nothing where there is none.",
        _by_channel(_seconds(one.oldest) for one in public.channels),
    )
    yield from _last_poll(public)


def _last_poll(public: Public) -> Iterator[tuple[str, str, _Samples]]:
    """Yield how the last poll went; nothing where there was none."""
    checks = public.state.checks
    yield (
        "last_poll_timestamp_seconds",
        "When the last poll began that ran to its end.",
        _single(_seconds(public.at)),
    )
    # How much was read follows from what is run.
    is_told = public.at and not public.hides_installs
    yield (
        "last_poll_duration_seconds",
        "How long that took to read and compare.",
        _single(checks.seconds if is_told else None),
    )
    yield (
        "last_poll_requests",
        "How many requests that took.",
        _single(checks.requests if is_told else None),
    )


def _versions(public: Public) -> Iterator[Version]:
    for node in public.state.snapshot.nodes.values():
        yield from node.listed


def _events(public: Public) -> Mapping[str, int]:
    snapshot = public.state.snapshot
    found: Counter[str] = Counter(snapshot.counts)
    found.update(snapshot.installed.counts)
    for node in snapshot.nodes.values():
        found.update(node.counts)
    return found


def _all_of(words: Iterable[str], counts: Mapping[str, int]) -> _Samples:
    """Return the count of each of the words, which have a series of their own even while that is 0."""
    return {word: counts.get(word, 0) for word in words}


def _seconds(moment: MomentOrEmpty) -> float | None:
    return timestamps.read(moment).timestamp() if moment else None


def _single(figure: float | None) -> _Samples:
    return {} if figure is None else {"": figure}


def _by_channel(figures: Iterable[float | None]) -> _Samples:
    return _by(
        "channel",
        {
            str(number): figure
            for number, figure in enumerate(figures, start=1)
            if figure is not None
        },
    )


def _by(label: str, figures: _Samples) -> _Samples:
    return {
        f'{{{label}="{_escaped(value)}"}}': figure for value, figure in figures.items()
    }


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
