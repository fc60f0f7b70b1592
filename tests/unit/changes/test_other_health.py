"""When an install, or sweeps, are failing or have recovered: at the threshold, once; forgotten with the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.support.factories import NOW, committed
from watcher.changes.health import Turn
from watcher.model.event import FAILING, INCOMPLETE, About
from watcher.model.snapshot import Snapshot

DOWN = {"studio": "gone"}


def lived(
    *polls: Mapping[str, str | None],
    about: About = About.INSTALL,
    down: tuple[int, ...] = (),
) -> list[Turn]:
    """Return what each poll says, which is given why each failed, or "". In some the registry is down."""
    after, found = Turn({}, Snapshot(), 3, NOW), []
    for number, errors in enumerate(polls):
        failing = dict(after.snapshot.failing)
        of_registry = dict(failing.pop(About.REGISTRY, {}))
        of_registry.pop(FAILING, None)
        of_registry |= {FAILING: FAILING} if number in down else {}
        failing |= {About.REGISTRY: of_registry} if of_registry else {}
        snapshot = committed(replace(after.snapshot, failing=failing))
        after = Turn(after.streaks, snapshot, 3, NOW)
        after.take_others(about, errors, {name: name for name in errors})
        found.append(after)
    return found


def swept(*lacking: str | None, down: tuple[int, ...] = ()) -> list[Turn]:
    """Return what polls say whose sweeps lacked something, lacked nothing (""), or were none (None)."""
    polls = [{INCOMPLETE: one} for one in lacking]
    return lived(*polls, about=About.REGISTRY, down=down)


def kinds(found: list[Turn]) -> list[str]:
    """Return the kinds of each poll's events."""
    return [" ".join(event.kind for event in one.events) for one in found]


def test_an_install_fails_at_the_threshold_and_recovers_once() -> None:
    """Three polls in a row make it failing, whatever the reasons; the first good scan ends that."""
    found = lived(
        *(
            {"studio": why, "office": ""}
            for why in ("gone", "", "gone", "full", "gone", "gone", "", "")
        )
    )
    assert kinds(found) == ["", "", "", "", "failing", "", "recovered", ""]
    (event,), (end,) = found[4].events, found[6].events
    assert event.reason.startswith("gone; in 3 polls in a row, since")
    assert (event.install, event.node, event.after) == ("studio", None, "failing")
    assert (end.install, end.before) == ("studio", "failing")
    assert found[5].snapshot == committed(found[4].snapshot)
    assert found[0].snapshot == committed(Snapshot())


def test_an_install_that_is_not_configured_is_forgotten() -> None:
    """It does not recover; under the same name it begins anew."""
    found = lived(DOWN, DOWN, DOWN, {}, DOWN, DOWN, DOWN)
    assert kinds(found) == ["", "", "failing", "", "", "", "failing"]
    assert found[3].snapshot.failing == {}


def test_sweeps_fail_at_the_threshold_and_recover_once() -> None:
    """A poll without a sweep neither counts nor ends anything; what fails again is another event."""
    found = swept("a", "a", None, "page 2: HTTP 500", "a", None, "", "a", "a", "a")
    assert kinds(found) == [
        *("", "", "", "failing", "", "", "recovered", "", "", "failing"),
    ]
    (failing,), (recovered,), (again,) = (found[at].events for at in (3, 6, 9))
    assert (failing.node, failing.after, recovered.before) == (
        *(None, "incomplete", "incomplete"),
    )
    assert failing.reason.startswith("page 2: HTTP 500; in 3 polls in a row, since ")
    assert len({failing.id, recovered.id, again.id}) == 3


def test_an_outage_is_not_reported_twice() -> None:
    """While the registry as a whole is reported failing its sweeps are not; if they still lack something, they are."""
    found = swept("a", "a", "a", "a", "", down=(1, 2))
    assert kinds(found) == ["", "", "", "failing", "recovered"]
    assert kinds(swept("a", "a", "a", "", down=(1, 2))) == ["", "", "", ""]
