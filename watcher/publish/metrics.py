"""`metrics.prom`: figures for Prometheus, in what its text format 0.0.4 and OpenMetrics 1.0 have in common. Pure.

That is gauges without timestamps of their own, and a last line that the older format takes for a comment. A count of 0
is there too, so that it can be seen to rise. What never was has no figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from watcher import timestamps
from watcher.model.event import Kind
from watcher.model.version import STATUSES
from watcher.publish.public import Public
from watcher.state.overview import by_state
from watcher.timestamps import MomentOrEmpty

PREFIX = "comfy_watch_"
"""What every name begins with."""

_OTHER = "unknown"
"""A status that this program does not know. The registry's word for it may be anything."""

_Family = tuple[str, str, str, Mapping[str, float | None]]
"""The name and the meaning of a metric, its label ("" if it has none), and its figures by what the label says. None is
no figure.
"""


def metrics(public: Public) -> str:
    """Return the figures of what may be published."""
    lines: list[str] = []
    for name, about, label, figures in _families(public):
        lines += f"# HELP {PREFIX}{name} {about}", f"# TYPE {PREFIX}{name} gauge"
        for value, figure in figures.items():
            labels = f'{{{label}="{_escaped(value)}"}}' if label else ""
            if figure is not None:
                lines.append(f"{PREFIX}{name}{labels} {figure}")
    return "\n".join([*lines, "# EOF\n"])


def _families(public: Public) -> Iterator[_Family]:
    yield (
        "build_info",
        "The version of comfy-watch as a label; always 1.",
        "version",
        {public.version: 1},
    )
    yield (
        "packs",
        "Watched packs, by how they stand.",
        "state",
        by_state(public.rows),
    )
    versions = [one for node in public.nodes.values() for one in node.listed]
    statuses = Counter(
        one.status if one.status in STATUSES else _OTHER for one in versions
    )
    yield (
        "versions",
        "Listed versions of these packs, by status.",
        "status",
        _all_of((*STATUSES, _OTHER), statuses),
    )
    yield (
        "deprecated_versions",
        "Listed versions of these packs that are deprecated, whatever their status.",
        "",
        {"": sum(one.deprecated for one in versions)},
    )
    yield (
        "events",
        "Events since the state began, by kind.",
        "kind",
        _all_of(Kind, public.counts),
    )
    channels = {str(place): one for place, one in enumerate(public.channels, start=1)}
    yield (
        "undelivered_alerts",
        "Alerts that a channel has not taken, by its number in the settings.",
        "channel",
        {place: one.alerts for place, one in channels.items()},
    )
    yield (
        "undelivered_oldest_timestamp_seconds",
        "When the oldest of these was seen; nothing where there is none.",
        "channel",
        {place: _seconds(one.oldest) for place, one in channels.items()},
    )
    yield from _last_poll(public)


def _last_poll(public: Public) -> Iterator[_Family]:
    """Yield how the last poll went; nothing where there was none."""
    yield (
        "last_poll_timestamp_seconds",
        "When the last poll began that ran to its end.",
        "",
        {"": _seconds(public.at)},
    )
    yield (
        "last_poll_duration_seconds",
        "How long that took to read and compare.",
        "",
        {"": public.seconds or None},
    )
    yield (
        "last_poll_requests",
        "How many requests that took.",
        "",
        {"": public.requests or None},
    )


def _all_of(words: Iterable[str], counts: Mapping[str, int]) -> Mapping[str, int]:
    """Return the count of each of the words, which have a series of their own even while that is 0."""
    return {word: counts.get(word, 0) for word in words}


def _seconds(moment: MomentOrEmpty) -> float | None:
    return timestamps.read(moment).timestamp() if moment else None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
