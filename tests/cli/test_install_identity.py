"""An install is where it is: the real program, with entries that change their order, names and number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.manager import FakeManager, installed
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

Entry = str | Mapping[str, str]
Polls = Callable[..., list[tuple[str, str | None, str | None]]]


@pytest.fixture
def first(tmp_path: Path) -> LivedIn:
    """A ComfyUI that runs alpha 1.0.0."""
    installed = LivedIn(tmp_path / "first" / "ComfyUI")
    installed.put("alpha", "1.0.0")
    return installed


@pytest.fixture
def second(tmp_path: Path, registry: FakeRegistry) -> LivedIn:
    """A ComfyUI that runs bravo 1.0.0."""
    registry.catalog.publish("bravo", "1.0.0")
    installed = LivedIn(tmp_path / "second" / "ComfyUI")
    installed.put("bravo", "1.0.0")
    return installed


@pytest.fixture
def polls(watch: Watcher) -> Polls:
    """What polls with some entries of `installs`; it returns the events by kind, node and install."""

    def poll(
        *entries: Entry, code: int = 0
    ) -> list[tuple[str, str | None, str | None]]:
        document = watch.but(nodes="", installs=list(entries)).check(code=code)
        return [_said(event) for event in document["events"]]

    return poll


def _said(event: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    return event["kind"], event["node"], event.get("install")


def test_entries_that_move(polls: Polls, first: LivedIn, second: LivedIn) -> None:
    """Whatever happens to the entries makes no event, and hides none of a pack that comes."""
    one, two = str(first.root), str(second.root)
    assert polls(one) == []
    assert polls(two, one) == []
    assert polls(one, two) == []
    assert polls({"name": "second", "path": one}, {"path": two}) == []
    first.put("bravo", "1.0.0")
    assert polls(two, {"name": "box", "path": f"{one}/"}) == [
        ("appeared", "bravo", "box")
    ]
    second.put("alpha", "1.0.0")
    assert polls({"name": "box", "path": two}) == [("appeared", "alpha", "box")]
    assert polls(one) == []


def test_one_that_is_unmounted_is_no_other(
    polls: Polls, first: LivedIn, second: LivedIn, registry: FakeRegistry
) -> None:
    """Its last list is its own, though another entry has its place and name: what is banned of it is reported."""
    one, two = str(first.root), str(second.root)
    assert polls({"name": "box", "path": one}, two) == []
    first.unmount()
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    entries = {"name": "box", "path": two}, one
    assert polls(*entries, code=1) == [("banned", "alpha", None)]
    first.mount()
    assert polls(*reversed(entries)) == []
    first.remove("alpha")
    assert polls(one, two) == [("cleared", "alpha", None)]


def test_a_failing_one_keeps_its_count(
    watch: Watcher, polls: Polls, first: LivedIn, second: LivedIn
) -> None:
    """It is failing at the third poll and recovers, each by the name that it has then."""
    one, two = str(first.root), str(second.root)
    first.unmount()
    assert polls(one, code=1) == []
    assert polls(two, one, code=1) == []
    named = {"name": "attic", "path": one}
    assert polls(named, two, code=1) == [("failing", None, "attic")]
    now = watch.but(nodes="", installs=[two, one])
    assert "install first failing" in now.run("health").out
    assert "first" in now.run("status").out
    first.mount()
    assert polls(one, two) == [("recovered", None, "first")]


def test_an_address_is_itself_with_another_login(
    watch: Watcher, polls: Polls, registry: FakeRegistry
) -> None:
    """A new password or token changes nothing that is known; of the address the state has nothing but its name."""
    registry.catalog.publish("bravo", "1.0.0")
    with FakeManager(packs={"alpha": installed("alpha", "1.0.0")}) as manager:
        address = manager.url.removeprefix("http://")
        assert polls(f"http://ann:hunter2@{address}") == []
        manager.packs["bravo"] = installed("bravo", "1.0.0")
        assert polls("/nowhere", f"http://ann:secret@{address}/?token=old", code=1) == [
            ("appeared", "bravo", address)
        ]
        assert polls(f"http://{address}?token=new") == []
    saved = b"".join(watch.contents().values()).decode()
    assert not any(
        part in saved for part in ("hunter2", "secret", "ann:", f"//{address}")
    )
