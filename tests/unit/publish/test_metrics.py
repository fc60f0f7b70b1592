"""The figures of `metrics.prom`, read by the parsers of both text formats."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.support.factories import (
    NOW,
    PACK,
    channel,
    event,
    install,
    known,
    minute,
    running,
    version,
)
from tests.support.figures import Figures, read
from tests.support.program import ROOT
from watcher import timestamps
from watcher.alerts.queues import outbox
from watcher.alerts.queues.outbox import Outbox
from watcher.model.event import Grade, Kind
from watcher.model.pack import Pack, PackKind
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot
from watcher.publish.documents import metrics
from watcher.publish.public import Public, Terms, published
from watcher.state.model import Checks, State

KEY = PACK.lower()
TERMS = Terms(
    selection=Selection(names=(PACK,)),
    minimum_age=0,
    channels=(channel("ops"),),
    installs=(install("home"),),
)
POLLED = Checks(polled_at=NOW, seconds=1.25, checked={KEY: NOW})
RUN = Pack(folder="some-pack", kind=PackKind.REGISTRY, id=PACK, version="1.0.0")
LIVED = State(
    snapshot=Snapshot(
        nodes={
            KEY: known(
                version("1.0.0"),
                version("2.0.0", "flagged", deprecated=True),
                version("3.0.0", "NodeVersionStatusQuarantined"),
            ),
        },
        counts={"flagged": 2, "exposed": 1, "failing": 3},
    ),
    checks=POLLED,
    installs={"home": (RUN,)},
)
LIVED = running(LIVED)
"""A state of a pack that is watched and installed."""
OWED = outbox.enqueue(Outbox(), (channel("ops"),), (event(at=minute(0.125)),), 1, NOW)


def public(state: State, terms: Terms = TERMS) -> Public:
    """Return what is published of a state."""
    return published(state, (), terms, "1.2.3")


def of(found: Figures, name: str) -> dict[str, float]:
    """Return all figures of one metric, by label."""
    return {label: figure for (one, label), figure in found.items() if one == name}


def test_a_state_is_shown_as_figures() -> None:
    """Each figure has its name, its meaning and its labels, and what is 0 is there too."""
    text = metrics(public(replace(LIVED, outbox=OWED)))
    assert text.splitlines()[:5] == [
        "# HELP comfy_watch_build_info The version of comfy-watch as a label; always 1.",
        "# TYPE comfy_watch_build_info gauge",
        'comfy_watch_build_info{version="1.2.3"} 1',
        "# HELP comfy_watch_packs Watched packs, by how they stand.",
        "# TYPE comfy_watch_packs gauge",
    ]
    assert text.endswith("\n# EOF\n")
    now = timestamps.read(NOW).timestamp()
    found = read(text)
    assert of(found, "packs") == {
        **dict.fromkeys(("banned", "failing", "unread", *Grade), 0),
        "ok": 1,
    }
    assert of(found, "versions") == {
        "active": 1,
        "pending": 0,
        "flagged": 1,
        "banned": 0,
        "deleted": 0,
        "unknown": 1,
    }
    events = of(found, "events")
    assert {*events} == {*Kind}
    assert {kind: number for kind, number in events.items() if number} == {
        "flagged": 2,
        "exposed": 1,
        "failing": 3,
    }
    assert {
        name: figure
        for (name, label), figure in found.items()
        if name not in {"packs", "versions", "events"} and label != "1.2.3"
    } == {
        "undelivered_alerts": 1,
        "undelivered_oldest_timestamp_seconds": now + 7.5,
        "last_poll_timestamp_seconds": now,
        "last_poll_duration_seconds": 1.25,
    }


def test_the_examples_for_prometheus_know_no_other_figures() -> None:
    """Each metric of the rules is there, with the labels that they ask for."""
    rules = (ROOT / "deploy" / "prometheus" / "rules.yml").read_text("utf-8")
    found = read(metrics(public(replace(LIVED, outbox=OWED))))
    asked = set(re.findall(r'comfy_watch_(\w+)(?:\{\w+=~?"([^"]*))?', rules))
    assert len(asked) > 4
    for name, labels in asked:
        known = of(found, name)
        assert known, name
        assert {*filter(None, labels.split("|"))} <= known.keys(), name


def test_before_the_first_poll_it_is_a_document_without_moments() -> None:
    """All figures are 0 then, and what never was is not there."""
    two = replace(TERMS, selection=Selection(names=(PACK, "other")))
    found = read(metrics(public(State(), two)))
    assert {name for (name, _), figure in found.items() if figure} == {
        "build_info",
        "packs",
    }
    assert of(found, "packs")["unread"] == 2
    assert not {name for name, _ in found if "last_poll" in name or "oldest" in name}


def test_channels_are_numbered_in_the_order_of_the_settings() -> None:
    """Their names are private. One that owes nothing has no oldest alert."""
    owed = outbox.enqueue(Outbox(), (channel("chat"),), (event(),), 1, NOW)
    terms = replace(TERMS, channels=(channel("ops"), channel("chat")))
    text = metrics(public(replace(LIVED, outbox=owed), terms))
    found = read(text)
    assert of(found, "undelivered_alerts") == {"1": 0, "2": 1}
    assert [*of(found, "undelivered_oldest_timestamp_seconds")] == ["2"]
    assert "ops" not in text
    assert "chat" not in text
