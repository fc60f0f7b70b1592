"""What is run and bad: reported once for each pack, version and verdict, and never what another event says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import NOW, PACK, event, known, version
from watcher.changes import exposure
from watcher.changes.exposure import Poll
from watcher.model.event import Event, Grade, Kind, Severity
from watcher.model.finding import Acceptance, Finding, Installed, JudgedCopy
from watcher.model.pack import Claim, Identity, Pack, PackKind, Scanned
from watcher.model.reading import ReadFailure

KEY = PACK.lower()
Said = list[tuple[str, str | None, str | None]]


def run(
    verdict: str = "flagged",
    text: str | None = "1.0",
    install: str = "studio",
    *,
    enabled: bool = True,
) -> Finding:
    """Make a copy of `PACK`, of which this is to be said."""
    listed = None if text is None or verdict == "delisted" else version(text)
    pack = Pack(
        folder=PACK, kind=PackKind.REGISTRY, id=PACK, version=text, enabled=enabled
    )
    return Finding(
        install=install,
        pack=pack,
        id=PACK,
        node=PACK,
        grade=Grade(verdict),
        row=listed,
        is_listed=listed is not None,
        may_be=Grade.OK if listed and verdict == "pending" else None,
    )


BOTH = {name: Scanned(name=name, packs=()) for name in ("studio", "office")}


def unseen(*names: str) -> dict[str, Scanned]:
    """Return the scans of both installs where the packs of some are not known."""
    return BOTH | {name: Scanned(name=name, packs=None, error="gone") for name in names}


def poll(*runs: Finding, events: Sequence[Event] = (), **fields: Any) -> Poll:
    """Make a poll of the installs `studio` and `office`."""
    terms: dict[str, Any] = {
        "after": {KEY: known(version("1.0"))},
        "accept": (),
        "now": NOW,
        "revision": 1,
        "scans": BOTH,
    }
    return Poll(findings=runs, events=events, **terms | fields)


def assessed(reported: Installed, given: Poll) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is known after a poll, and its events."""
    installed, _, events = exposure.assess(reported, given)
    return installed, events


def assess(
    reported: Installed, *runs: Finding, **fields: Any
) -> tuple[Installed, Said]:
    """Return what is known after a poll, and its new events by kind, before and after."""
    given = poll(*runs, **fields)
    installed, events = assessed(reported, given)
    return installed, [
        (one.kind.value, one.before, one.after) for one in events[len(given.events) :]
    ]


def said(*polls: Sequence[Finding], **fields: Any) -> list[Said]:
    """Return the events of several polls in a row."""
    installed, found = Installed(), []
    for runs in polls:
        installed, events = assess(installed, *runs, **fields)
        found.append(events)
    return found


EXPOSED, CLEARED = ("exposed", None, "flagged"), ("cleared", "flagged", None)
OFFICE = run(install="office")
FLAGGED, _ = assess(Installed(), run())


@pytest.mark.parametrize(
    "verdict", ["banned", "flagged", "deleted", "deprecated", "delisted"]
)
def test_each_bad_verdict_is_reported_once(verdict: str) -> None:
    """It is exposed when it is first seen, not again while it lasts, and cleared when it is over."""
    first, events = assess(Installed(), run(verdict))
    assert events == [("exposed", None, verdict)]
    assert assess(first, run(verdict)) == (first, [])
    last, events = assess(first, run("ok"))
    assert events == [("cleared", verdict, None)]
    assert last == Installed()


def test_what_is_reinstated_names_what_else_is_bad() -> None:
    """What is run, bad, not accepted and said by no other event; also of another version. The worst comes first."""
    back = event("back", Kind.REINSTATED, version=None, before="banned", after="active")
    reported, _ = assess(Installed(), run("banned"), run("banned", "0.9", "office"))
    runs = run("deprecated"), run("banned", "0.9", "office")
    done = assessed(reported, poll(*runs, events=[back]))[1]
    assert [(one.version, one.status) for one in done[0].bad_versions] == [
        ("0.9", "banned"),
        ("1.0", "deprecated"),
    ]
    accepted = [Acceptance(node=PACK, copy="0.9", worst=Grade.BANNED)]
    late = poll(*runs, run("flagged", "2.0"), events=[back], accept=accepted)
    done = assessed(reported, late)[1]
    assert [one.version for one in done[0].bad_versions] == ["1.0"]
    done = assessed(reported, poll(run("ok"), events=[back]))[1]
    assert done[0].bad_versions == ()


def test_what_waits_for_its_scan_may_be_deprecated() -> None:
    """That a deprecated version is pending again ends nothing."""
    listed = version("1.0", status="pending", deprecated=True)
    waiting = replace(run("pending"), row=listed)
    polls = [run("deprecated")], [waiting], [run("deprecated")], [run("ok")]
    assert said(*polls) == [
        [("exposed", None, "deprecated")],
        [],
        [],
        [("cleared", "deprecated", None)],
    ]


@pytest.mark.parametrize("verdict", ["unknown", "pending"])
@pytest.mark.parametrize(
    ("may_be", "grade"),
    [(None, "banned"), ("banned", "banned"), ("flagged", "flagged"), ("ok", None)],
)
def test_how_bad_what_is_unknown_may_still_be(
    verdict: str, may_be: str | None, grade: str | None
) -> None:
    """It stays as bad as it was, or as the worst that it may be now; it ends where that is nothing bad."""
    bad, _ = assess(Installed(), run("banned", None))
    unknown = replace(run(verdict, None), may_be=Grade(may_be) if may_be else None)
    after, events = assess(bad, unknown)
    assert events == ([] if grade else [("cleared", "banned", None)])
    left = [copy.grade for one in after.exposures.values() for copy in one.copies]
    assert left == ([grade] if grade else [])
    mild, _ = assess(Installed(), run("deprecated", None))
    worse = replace(unknown, may_be=Grade.BANNED)
    assert assess(mild, worse) == (mild, [])
    gap = ReadFailure(node=PACK, error="HTTP 500")
    assert assess(bad, replace(unknown, gaps=(gap,))) == (bad, [])
    two, _ = assess(bad, unknown, replace(unknown, may_be=Grade.DEPRECATED))
    assert [one.grade for one in two.exposures[KEY].copies] == [grade or "deprecated"]
    pardon = event("e1", Kind.REINSTATED, version=None)
    for other in (
        replace(pardon, version="1.0"),
        replace(pardon, node="other"),
        replace(pardon, kind=Kind.CHANGED),
    ):
        assert assess(bad, unknown, events=[other])[0] == after
    after, _ = assess(bad, unknown, events=[pardon])
    assert bool(after.exposures) == (grade == "banned")


@pytest.mark.parametrize("verdict", ["ok", "outdated", "unknown", "pending"])
def test_the_other_verdicts_are_no_news(verdict: str) -> None:
    """Nothing is reported of what is well, old or not known; what is known to be well ends what was bad."""
    assert assess(Installed(), run(verdict)) == (Installed(), [])
    is_end = verdict != "unknown"
    assert assess(FLAGGED, run(verdict))[1] == ([CLEARED] if is_end else [])


def test_what_is_not_known_any_more_stays_as_it_was() -> None:
    """A verdict that cannot be made, and an install that cannot be seen, end nothing and are no news later."""
    assert assess(FLAGGED, run("unknown")) == (FLAGGED, [])
    _, stands, _ = exposure.assess(FLAGGED, poll(run("unknown")))
    assert stands == {KEY: FLAGGED.exposures[KEY].copies}
    assert assess(FLAGGED, scans=unseen("studio")) == (FLAGGED, [])
    delisted, _ = assess(Installed(), run("delisted"))
    unlisted = replace(run("unknown"), row=None, is_listed=False, may_be=Grade.OK)
    assert assess(delisted, unlisted) == (delisted, [])
    assert assess(delisted, run("pending"))[1] == [("cleared", "delisted", None)]
    elsewhere, events = assess(FLAGGED, run("ok"), run("unknown", install="office"))
    assert (elsewhere.exposures, events) == ({}, [CLEARED])


def test_what_is_listed_again_is_not_delisted() -> None:
    """It ends, also if the copy is unknown for another reason; not where that was not answered, or it may be bad."""
    delisted, _ = assess(Installed(), run("delisted"))
    back = replace(run("unknown"), row=None, may_be=Grade.OK)
    assert assess(delisted, back) == (Installed(), [("cleared", "delisted", None)])
    gap = ReadFailure(node=PACK, error="HTTP 500")
    assert assess(delisted, replace(back, gaps=(gap,))) == (delisted, [])
    assert assess(delisted, replace(back, may_be=None)) == (delisted, [])
    assert assess(delisted, replace(back, may_be=Grade.BANNED)) == (delisted, [])


@pytest.mark.parametrize(
    ("verdict", "kind", "text"),
    [
        ("banned", Kind.BANNED, "1.0"),
        ("banned", Kind.BANNED, None),
        ("flagged", Kind.FLAGGED, "1.0.0"),
        ("deleted", Kind.DELETED, "1.0"),
        ("deprecated", Kind.DEPRECATED, "1.0"),
        ("delisted", Kind.REMOVED, "1.0"),
        ("delisted", Kind.REMOVED, None),
    ],
)
def test_what_another_event_says_is_only_recorded(
    verdict: str, kind: Kind, text: str | None
) -> None:
    """An event of the poll about that version, however it is written, or the whole pack says it, and is marked."""
    other = event(kind=kind, version=text)
    recorded, (marked,) = assessed(Installed(), poll(run(verdict), events=[other]))
    assert (marked, len(recorded.exposures)) == (replace(other, exposes=True), 1)
    assert assess(recorded, run(verdict)) == (recorded, [])
    for elsewhere in (
        replace(other, version="2.0"),
        replace(other, node="other"),
        replace(other, kind=Kind.CHANGED),
        replace(other, kind=Kind.BASELINE),
    ):
        _, events = assessed(Installed(), poll(run(verdict), events=[elsewhere]))
        assert events[0] == elsewhere
        assert [one.after for one in events[1:]] == [verdict]


def test_a_milder_verdict_is_no_news_and_clears_nothing() -> None:
    """What got worse without an event of its own is exposed anew; the end has the worst that was reported."""
    milder, events = assess(FLAGGED, run("deprecated"))
    assert events == []
    worse, events = assess(milder, run("banned"))
    assert events == [("exposed", "deprecated", "banned")]
    mild, _ = assess(worse, run("deprecated"))
    _, [cleared] = assessed(mild, poll(run("ok")))
    assert (cleared.before, cleared.ends) == ("deprecated", Severity.CRITICAL)


def test_what_was_not_answered_makes_nothing_milder() -> None:
    """A verdict that lacks an answer neither ends a worse one nor lets it be news again."""
    gap = ReadFailure(node=PACK, error="HTTP 500")
    banned, _ = assess(Installed(), run("banned"))
    waiting, lacking = (
        replace(run(verdict), gaps=(gap,)) for verdict in ("pending", "deprecated")
    )
    assert assess(banned, waiting) == assess(banned, lacking) == (banned, [])
    accept = [Acceptance(node=PACK, copy="1.0")]
    assert assess(banned, lacking, accept=accept) == (banned, [])
    assert assess(Installed(), lacking)[1] == [("exposed", None, "deprecated")]
    taken, _ = assess(Installed(), run(), accept=accept)
    assert assess(taken, lacking)[1] == [("exposed", None, "deprecated")]


def test_a_flag_that_is_info() -> None:
    """What is worse by its severity is news; that its reason can be read no more is none."""
    info = run("flagged-info")
    first, events = assess(Installed(), info)
    assert events == [EXPOSED]
    _, [cleared] = assessed(first, poll(run("ok")))
    assert cleared.ends is Severity.INFO
    for verdict in ("deleted", "deprecated"):
        assert assess(first, run(verdict))[1] == [("exposed", "flagged", verdict)]
        assert assess(FLAGGED, run(verdict))[1] == []
    assert assess(first, run())[1] == []
    calmer, events = assess(FLAGGED, info)
    assert events == []
    _, [cleared] = assessed(calmer, poll(run("ok")))
    assert cleared.ends is Severity.WARNING


def test_a_copy_is_an_install_and_a_version() -> None:
    """A bad one that lands on another server is news, also where the pack is bad already; an end is none."""
    both = (run(), OFFICE)
    assert said(both, [run()], both) == [[EXPOSED], [], [EXPOSED]]
    other = run("flagged", "2.0")
    assert said([run()], [other], [run("ok", "2.0")]) == [
        [EXPOSED],
        [EXPOSED],
        [CLEARED],
    ]
    _, (one, two) = assessed(Installed(), poll(*both, other))
    assert [one.version, two.version] == ["1.0", "2.0"]
    mixed = (run(), replace(OFFICE, grade=Grade.DELISTED))
    assert said(mixed)[0] == [("exposed", None, "delisted"), EXPOSED]


def test_a_pack_is_cleared_once_nothing_of_it_is_bad() -> None:
    """One event for all of it, with the version if there was one."""
    known_, _ = assess(Installed(), run("banned"), OFFICE, run("flagged", "2.0"))
    left, events = assess(known_, run("ok"), OFFICE, run("ok", "2.0"))
    assert events == []
    _, [cleared] = assessed(left, poll(run("ok"), run("ok", install="office")))
    assert (cleared.version, cleared.before, cleared.ends) == (
        *("1.0", "flagged", Severity.CRITICAL),
    )
    _, [cleared] = assessed(known_, poll())
    assert (cleared.version, cleared.before) == (None, "banned")


def test_a_disabled_copy_is_not_run() -> None:
    """It is not exposed; what is disabled or gone is cleared, and what is enabled is exposed."""
    off = run(enabled=False)
    assert exposure.assess(Installed(), poll(off))[1] == {}
    assert said([off], [run()], [off], [run()], []) == [
        *([], [EXPOSED], [CLEARED], [EXPOSED], [CLEARED]),
    ]


def test_an_install_that_left_the_settings_ends_without_an_event() -> None:
    """What is bad in another one stays; and what ends there is cleared."""
    office = {"office": BOTH["office"]}
    gone, events = assess(FLAGGED, scans=office)
    assert (events, gone.exposures) == ([], {})
    both, _ = assess(Installed(), run(), OFFICE)
    one, events = assess(both, OFFICE, scans=office)
    assert events == []
    assert assess(one, run("ok", install="office"), scans=office)[1] == [CLEARED]


COMMIT = "0123abcdef" * 4


def clone(verdict: str = "flagged", commit: str = COMMIT) -> Finding:
    """Make a clone of `PACK`, of which this is to be said."""
    one = run(verdict, None)
    return replace(one, pack=replace(one.pack, kind=PackKind.GIT, commit=commit))


def test_what_is_accepted_is_no_news() -> None:
    """It is kept as accepted, clears nothing, and is exposed once it is accepted no more, or is worse than that."""
    accept = [Acceptance(node=PACK, copy="1.0")]
    taken, events = assess(Installed(), run(), accept=accept)
    assert events == []
    [copy] = taken.exposures[KEY].copies
    assert copy == JudgedCopy(
        install="studio", version="1.0", grade=Grade.FLAGGED, accepted=True
    )
    assert assess(taken, run(), accept=accept) == (taken, [])
    assert assess(taken, run("ok"), accept=accept)[1] == []
    assert assess(taken, run("banned"), accept=accept)[1] == [
        ("exposed", None, "banned")
    ]
    assert assess(taken, run())[1] == [EXPOSED]
    assert assess(FLAGGED, run(), accept=accept) == (taken, [])


def test_what_is_accepted_keeps_a_pack_from_being_cleared() -> None:
    """It is once nothing of it is bad; and every bad clone of an install has to be accepted."""
    accept = [Acceptance(node=PACK, copy="2.0"), Acceptance(node=PACK, copy=COMMIT[:7])]
    polls: tuple[list[Finding], ...] = (
        [run(), run("flagged", "2.0")],
        [run("flagged", "2.0")],
        [],
    )
    assert said(*polls, accept=accept) == [[EXPOSED], [], [CLEARED]]
    assert said(*polls[1:], accept=accept) == [[], []]
    other = clone("deprecated", "f" * 40)
    assert said([clone()], [clone(), other], accept=accept) == [
        *([], [("exposed", None, "deprecated")]),
    ]


def test_the_worst_of_two_clones_is_said() -> None:
    """The event has the version by which it is worse, whose reason is read for it; two verdicts are two events."""
    mild = replace(clone("flagged-info"), row=version("1.0"))
    worse = replace(clone(), row=version("2.0"))
    for runs in ((mild, worse), (worse, mild)):
        _, [found] = assessed(Installed(), poll(*runs))
        assert (found.version, found.version_id) == (None, "id-2.0")
    banned = replace(clone("banned"), install="office", detail="Malware")
    _, [first, second] = assessed(Installed(), poll(mild, banned))
    assert (first.after, first.reason, second.after) == ("banned", "Malware", "flagged")


def test_events_have_ids_of_their_own() -> None:
    """The same observation has the same id after a crash, and never that of another one."""
    ids: list[str] = []
    reported = Installed()
    for number, verdict in enumerate(("flagged", "ok", "flagged", "banned", "ok")):
        found = poll(run(verdict), revision=number)
        again = assessed(reported, found)
        reported, events = assessed(reported, found)
        assert again == (reported, events)
        ids += [one.id for one in events]
    assert len(ids) == len(set(ids)) == 5


def test_copies_are_all_that_may_be_the_pack() -> None:
    """Enabled copies come first; a clone of another repository and what only a folder is named after count too."""
    packs = (
        Pack(folder="a", kind=PackKind.REGISTRY, id=PACK, version="1.0", enabled=False),
        Pack(folder="b", kind=PackKind.CLAIMED, id=KEY, version="1.1"),
        Pack(
            folder="c",
            kind=PackKind.GIT,
            id=PACK,
            repository="https://github.com/bob/some-pack",
        ),
        Pack(folder="e", kind=PackKind.FILE),
        Pack(folder="f", kind=PackKind.CLAIMED, id="no id at all", version="1"),
        Pack(
            folder=PACK,
            kind=PackKind.REGISTRY,
            id="popular",
            version="1.2",
            others=(Identity(id=PACK, by=Claim.FOLDER),),
        ),
    )
    copies = exposure.copies_of({"studio": packs})
    assert [(one.version, one.enabled) for one in copies[KEY]] == [
        (None, True),
        ("1.1", True),
        ("1.2", True),
        ("1.0", False),
    ]
    assert copies.keys() == {KEY, "popular"}
    about, other = exposure.with_copies([event(), event(node=None)], copies)
    assert (about.installed, other.installed) == (copies[KEY], ())
