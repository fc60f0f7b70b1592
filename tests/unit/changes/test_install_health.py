"""When an install is reported failing or recovered: at the threshold, once, and forgotten with its settings."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.factories import NOW, committed
from watcher.changes.health import Turn
from watcher.model.event import About
from watcher.model.snapshot import Snapshot


def lived(*polls: Mapping[str, str]) -> list[Turn]:
    """Return what each poll says; a poll is why each install could not be scanned, or ""."""
    after, found = Turn({}, Snapshot(), 3, NOW), []
    for errors in polls:
        names = {f"/{name}": name for name in errors}
        snapshot = committed(after.snapshot)
        after = Turn(after.streaks, snapshot, 3, NOW)
        scans = {key: errors[name] for key, name in names.items()}
        after.take_others(About.INSTALL, scans, names)
        found.append(after)
    return found


def kinds(found: list[Turn]) -> list[list[tuple[str, str | None]]]:
    """Return the events of each poll, by kind and install."""
    return [
        [(event.kind.value, event.install) for event in one.events] for one in found
    ]


def test_an_install_fails_at_the_threshold_and_recovers_once() -> None:
    """Three polls in a row make it failing, whatever the reasons; the first good scan ends that."""
    found = lived(
        *(
            {"studio": why, "office": ""}
            for why in ("gone", "", "gone", "full", "gone", "gone", "", "")
        )
    )
    assert kinds(found) == [
        [],
        [],
        [],
        [],
        [("failing", "studio")],
        [],
        [("recovered", "studio")],
        [],
    ]
    (event,) = found[4].events
    assert "; in 3 polls in a row, since" in event.reason
    assert event.reason.startswith("gone; ")
    assert (event.node, event.after, found[6].events[0].before) == (
        None,
        "failing",
        "failing",
    )


def test_an_install_that_is_not_configured_is_forgotten() -> None:
    """It does not recover; under the same name it begins anew."""
    down = {"studio": "gone"}
    found = lived(down, down, down, {}, down, down, down)
    assert kinds(found) == [
        [],
        [],
        [("failing", "studio")],
        [],
        [],
        [],
        [("failing", "studio")],
    ]
    assert found[3].snapshot.failing == {}
    assert len({event.id for one in found for event in one.events}) == 2


def test_a_quiet_poll_changes_nothing() -> None:
    """While nothing begins or ends, the value that is saved stays the same."""
    down = {"studio": "gone"}
    found = lived(down, down, down, down)
    assert found[3].snapshot.failing == found[2].snapshot.failing
    assert lived({"studio": ""})[0].snapshot == committed(Snapshot())
