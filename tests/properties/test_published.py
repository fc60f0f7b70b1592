"""The published files: the same bytes for the same state, and every text as a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.corpus import TEXTS
from tests.hostile.strategies import UNTRUSTED
from tests.hostile.strategies import events as hostile_events
from tests.support import figures, program
from tests.support.factories import (
    NOW,
    install,
    known,
    minute,
    version,
)
from tests.support.harness import write_settings
from tests.support.page_picture import public as pictured
from tests.support.page_shape import Shape
from tests.support.parameters import examples
from tests.support.strategies import made, states
from watcher import __version__
from watcher.alerts.queues.outbox import Outbox, change
from watcher.durations import DAY
from watcher.model.event import Event
from watcher.model.pack import Pack, PackKind
from watcher.model.selection import Selection
from watcher.model.snapshot import Ban, Snapshot
from watcher.publish.folder import files_of as files
from watcher.publish.public import Terms, published
from watcher.state.model import Checks, State
from watcher.state.store import StateFolder

LATER = minute(60)
ALL = Terms(selection=Selection(globs=("*",)), minimum_age=0.0)


def written(state: State, history: Any, terms: Terms = ALL) -> dict[str, str]:
    """Return the published files."""
    return dict(files(published(state, history, terms, "1.2.3")))


@st.composite
def lived(draw: st.DrawFn) -> tuple[State, tuple[Event, ...]]:
    """Make up a whole state, and events of every kind, most of them about packs that the state has."""
    state = draw(states())
    names = [node.node for node in state.snapshot.nodes.values()]
    about = st.none() | st.sampled_from([*names, "stranger"])
    ids = [f"event-{number}" for number in range(draw(st.integers(0, 8)))]
    return state, tuple(draw(made(Event, id=st.just(one), node=about)) for one in ids)


def turned(value: Any) -> Any:
    """Return a value with each of its mappings in the opposite order."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: getattr(value, one.name) for one in fields(value)}
        return replace(value, **{name: turned(part) for name, part in parts.items()})
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return tuple(map(turned, value)) if type(value) is tuple else value


@examples(60)
@given(lived())
def test_only_what_differs_is_written_otherwise(
    one: tuple[State, tuple[Event, ...]],
) -> None:
    """The order of a mapping is in no file; a poll that only passes time changes the page and the figures alone."""
    state, history = one
    polled = replace(state.checks, polled_at=NOW)
    later = replace(
        polled,
        polled_at=LATER,
        polled_before=NOW,
        checked=dict.fromkeys(polled.checked, LATER),
        requests=polled.requests + 1,
        seconds=polled.seconds + 1,
    )
    before = written(replace(state, checks=polled), history)
    assert before == written(turned(replace(state, checks=polled)), turned(history))
    after = written(replace(state, checks=later), history)
    assert {name for name in before | after if before.get(name) != after.get(name)} <= {
        "index.html",
        "metrics.prom",
    }


def judge(found: Mapping[str, str]) -> None:
    """See that every file is read as what it is, and that the page has no element, attribute or link of a text's."""
    for name, text in found.items():
        text.encode()
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", text
        ), name
        if name.endswith(".json"):
            json.loads(text)
    shape = Shape(found["index.html"])
    assert shape.elements <= shape_of_all().elements
    assert shape.others == []
    assert shape.foreign_links == set()
    feed = ET.fromstring(found["feed.xml"])
    tags = {one.tag.rpartition("}")[2] for one in feed.iter()}
    assert tags <= {
        *("feed", "id", "title", "updated", "author", "name", "entry"),
        *("link", "category", "content"),
    }
    figures.read(found["metrics.prom"])


@cache
def shape_of_all() -> Shape:
    """Return the shape of a page that has everything that pages may have, and no hostile text."""
    return Shape(dict(files(pictured()))["index.html"])


def hostile(texts: list[str], history: list[Event]) -> tuple[State, list[Event], Terms]:
    """Return a state in which each text is all that it may be, its history, and terms by which all is shown."""
    # An id with half a character has no address, so that no poll takes it in.
    ids = [text.encode("utf-8", "replace").decode() for text in texts]
    nodes = {
        name.lower(): known(
            version(f"1{text}", "banned", id=f"{number}", created_at=text),
            version(f"2{text}", text, id=f"x{number}"),
            version(text, id=f"{number}{text}"),
            node=name,
            bans={
                f"{number}": Ban(since=NOW, changed=NOW, reason=text),
                "": Ban(since=NOW, changed=NOW, until=NOW, reason=text),
            },
        )
        for number, (text, name) in enumerate(zip(texts, ids, strict=True))
    }
    installs = {
        install(text).identity: (made_pack(text, node),)
        for text, node in zip(texts, reversed(ids), strict=True)
    }
    about = [
        replace(event, node=event.node and ids[number % len(ids)])
        for number, event in enumerate(history)
    ]
    state = State(
        snapshot=Snapshot(nodes=nodes),
        checks=Checks(polled_at=NOW, watched=tuple(ids)),
        installs=installs,
    )
    selection = Selection(names=tuple(ids))
    terms = replace(ALL, selection=selection, installs=tuple(map(install, texts)))
    return state, [*history, *about], terms


def made_pack(text: str, node: str) -> Pack:
    """Return an installed copy of a pack in a folder of this name."""
    return Pack(folder=text, kind=PackKind.REGISTRY, id=node, version=f"1{node}")


@examples(60)
@given(
    st.lists(UNTRUSTED, min_size=1, max_size=4, unique_by=str.lower), hostile_events()
)
def test_any_text_stays_a_text(texts: list[str], history: list[Event]) -> None:
    """Whatever packs, versions, reasons and installs are called, each file is what it is."""
    judge(written(*hostile(texts, history)))


@pytest.mark.bounded
@pytest.mark.parametrize("share", range(4))
def test_the_whole_corpus_stays_text(share: int) -> None:
    """The same holds of all hostile texts that are known, with lone halves of characters and very long ones too."""
    texts = [*TEXTS, "\ud800", "\udfff evil", "]]>" * 999, "\x00\x0b", "# EOF", "-->"]
    unique = {text.lower(): text for text in texts[share::4]}
    judge(written(*hostile([*unique.values()], [])))


def test_another_machine_writes_the_same(tmp_path: Path) -> None:
    """A process with another hash seed, locale, zone and working folder writes the same bytes."""
    state, *_ = hostile(["Alpha", "beta ü", "gamma <b>", "delta"], [])
    nodes = state.snapshot.nodes
    checks = replace(state.checks, checked=dict.fromkeys(nodes, NOW))
    state = replace(state, installs={}, checks=checks)
    folder = StateFolder(tmp_path / "state")
    with folder.locked():
        folder.prepare(change(Outbox(), state.outbox))
        folder.commit(replace(state.snapshot, revision=1))
        folder.save_checks(state.checks, 1)
    write_settings(tmp_path, nodes=["*"], state_dir=str(folder.path))
    env = {"PYTHONHASHSEED": "2", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "TZ": "EST5EDT"}
    given = ["publish", "site", "--config", str(tmp_path / "comfy-watch.toml")]
    done = program.run(*given, cwd=tmp_path, env=env)
    assert done.code == 0, done
    found = {
        path.relative_to(tmp_path / "site").as_posix(): path.read_text("utf-8")
        for path in (tmp_path / "site").rglob("*")
        if path.is_file()
    }
    assert len(found) > 3
    terms = replace(ALL, minimum_age=DAY)
    assert found == dict(files(published(folder.load(), [], terms, __version__)))
