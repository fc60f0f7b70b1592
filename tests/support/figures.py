"""Figures for Prometheus, read by parsers of both its text formats."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as newer
from prometheus_client.parser import text_string_to_metric_families as older

from watcher.publish.documents import PREFIX

Figures = dict[tuple[str, str], float]
"""By the name of a metric, without what all names begin with, and the value of its label, "" for none."""


def read(text: str) -> Figures:
    """Return the figures of a text, which both parsers read alike."""
    found = _figures(newer(text))  # type: ignore[no-untyped-call] # it has no hints
    assert _figures(older(text)) == found
    return found


def of(found: Figures, name: str) -> dict[str, float]:
    """Return the figures of one metric that are not 0, by label."""
    return {
        label: figure
        for (one, label), figure in found.items()
        if one == name and figure
    }


def _figures(families: Iterable[Metric]) -> Figures:
    """Return what a parser read: gauges, each with a text of help, one label at most and no time of its own."""
    found: Figures = {}
    for family in families:
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert sample.name == family.name
            assert sample.timestamp is None
            assert len(sample.labels) <= 1
            label = "".join(sample.labels.values())
            found[family.name.removeprefix(PREFIX), label] = sample.value
    return found
