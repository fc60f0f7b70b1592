"""What `run` logs of events: what each is about, and whether that is run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.factories import NOW, PACK, event, poll_report
from watcher import log
from watcher.model.event import Kind
from watcher.model.pack import Copy
from watcher.service.observer import LogLines


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    log.configure()


def test_an_event_is_a_line() -> None:
    """It names a node, a channel, an install or a folder, and says whether somebody runs a node that is installed."""
    stream = io.StringIO()
    log.configure("info", "json", stream)
    about: dict[str, Any] = {"kind": Kind.FAILING, "node": None, "version": None}
    events = (
        event("e1"),
        event("e2", installed=(Copy(install="pc", version="1.0.0", enabled=True),)),
        event("e3", installed=(Copy(install="pc", version="1.0.0", enabled=False),)),
        event("e4", channel="ops", **about),
        event("e5", install="laptop", **about),
        event("e6", install="laptop", folder="x.py", **about),
    )
    LogLines().poll_finished(poll_report(*events), NOW)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()][:-1]
    keys = ("node", "channel", "install", "folder", "runs")
    assert [{key: line[key] for key in keys if key in line} for line in lines] == [
        {"node": PACK},
        {"node": PACK, "runs": True},
        {"node": PACK, "runs": False},
        {"channel": "ops"},
        {"install": "laptop"},
        {"install": "laptop", "folder": "x.py", "node": None},
    ]
