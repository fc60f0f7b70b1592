"""An install is where it is: the real program, with entries that change their order, names and number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.manager import FakeManager, installed
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

Polls = Callable[..., list[tuple[str, str | None, str | None]]]


@pytest.fixture
def polls(watch: Watcher, registry: FakeRegistry) -> Polls:
    """What polls with some entries of `installs`; it returns the events by kind, node and install."""
    registry.catalog.publish("bravo", "1.0.0")

    def poll(
        *entries: str | Mapping[str, str], code: int = 0
    ) -> list[tuple[str, str | None, str | None]]:
        document = watch.but(nodes="", installs=list(entries)).check(code=code)
        keys = ("kind", "node", "install")
        return [tuple(one.get(key) for key in keys) for one in document["events"]]

    return poll


def test_entries_that_move(
    polls: Polls, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Whatever happens to the entries makes no event, and hides none. An unmounted one keeps packs and count."""
    first = LivedIn(tmp_path / "first" / "ComfyUI")
    second = LivedIn(tmp_path / "second" / "ComfyUI")
    first.put("alpha", "1.0.0")
    second.put("bravo", "1.0.0")
    one, two = str(first.root), str(second.root)
    assert polls(one) == []
    assert polls(two, one) == []
    assert polls({"name": "second", "path": one}, {"path": two}) == []
    first.put("bravo", "1.0.0")
    assert polls(two, {"name": "box", "path": f"{one}/"}) == [
        ("appeared", "bravo", "box")
    ]
    first.unmount()
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    assert polls({"name": "box", "path": two}, one, code=1) == [
        ("banned", "alpha", None)
    ]
    assert polls(one, two, code=1) == []
    attic = {"name": "attic", "path": one}
    assert polls(attic, two, code=1) == [("failing", None, "attic")]
    first.mount()
    first.remove("alpha")
    assert polls(two, one) == [
        ("recovered", None, "first"),
        ("cleared", "alpha", None),
    ]


def test_an_address_is_itself_with_another_login(
    watch: Watcher, polls: Polls, registry: FakeRegistry
) -> None:
    """A new password or token changes nothing that is known; of the address the state has nothing but its name."""
    with FakeManager(packs={"alpha": installed("alpha", "1.0.0")}) as manager:
        address = manager.url.removeprefix("http://")
        assert polls(f"http://ann:hunter2@{address}") == []
        manager.packs["bravo"] = installed("bravo", "1.0.0")
        assert polls("/nowhere", f"http://ann:secret@{address}/?token=old", code=1) == [
            ("appeared", "bravo", address)
        ]
        assert polls(f"http://{address}?token=new") == []
    saved = b"".join(watch.contents().values()).decode()
    parts = ("hunter2", "secret", "ann:", f"//{address}")
    assert [part for part in parts if part in saved] == []
