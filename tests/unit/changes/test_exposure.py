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
GAP = ReadFailure(node=PACK, error="HTTP 500")


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


def poll(*runs: Finding, **fields: Any) -> Poll:
    """Make a poll of the installs `studio` and `office`."""
    terms: dict[str, Any] = {
        "after": {KEY: known(version("1.0"))},
        "accept": (),
        "events": (),
        "now": NOW,
        "revision": 1,
        "scans": BOTH,
    }
    return Poll(findings=runs, **terms | fields)


def assessed(
    reported: Installed, *runs: Finding, **fields: Any
) -> tuple[Installed, tuple[Event, ...]]:
    """Return what is known after a poll, and its events."""
    installed, _, events = exposure.assess(reported, poll(*runs, **fields))
    return installed, events


def assess(
    reported: Installed, *runs: Finding, events: Sequence[Event] = (), **fields: Any
) -> tuple[Installed, list[str]]:
    """Return what is known after a poll, and its new events in words: what each reports, and what was before."""
    installed, found = assessed(reported, *runs, events=events, **fields)
    return installed, [
        " ".join(filter(None, (one.kind, one.after, one.before and f"({one.before})")))
        for one in found[len(events) :]
    ]


def said(*polls: str | Sequence[Finding], **fields: Any) -> list[list[str]]:
    """Return the new events of several polls in a row, each of some copies, or of one with a verdict."""
    installed, found = Installed(), []
    for runs in polls:
        given = [run(runs)] if isinstance(runs, str) else runs
        installed, events = assess(installed, *given, **fields)
        found.append(events)
    return found


OFFICE = run(install="office")
FLAGGED, _ = assess(Installed(), run())
DELISTED, _ = assess(Installed(), run("delisted"))


@pytest.mark.parametrize(
    "verdict", ["banned", "flagged", "deleted", "deprecated", "delisted"]
)
def test_each_bad_verdict_is_reported_once(verdict: str) -> None:
    """It is exposed when it is first seen, not again while it lasts, and cleared when it is over."""
    assert said(verdict, verdict, "ok", "ok") == [
        [f"exposed {verdict}"],
        [],
        [f"cleared ({verdict})"],
        [],
    ]


@pytest.mark.parametrize("verdict", ["ok", "outdated", "unknown", "pending"])
def test_the_other_verdicts_are_no_news(verdict: str) -> None:
    """Nothing is reported of what is well, old or not known; what is known to be well ends what was bad."""
    assert assess(Installed(), run(verdict)) == (Installed(), [])
    is_end = verdict != "unknown"
    assert assess(FLAGGED, run(verdict))[1] == (["cleared (flagged)"] if is_end else [])


def test_what_is_reinstated_names_what_else_is_bad() -> None:
    """What is run, bad, not accepted and said by no other event; also of another version. The worst comes first."""
    back = event("back", Kind.REINSTATED, version=None, before="banned", after="active")
    reported, _ = assess(Installed(), run("banned"), run("banned", "0.9", "office"))
    runs = run("deprecated"), run("banned", "0.9", "office"), run("flagged", "2.0")
    _, (done, *_) = assessed(reported, *runs, events=[back])
    assert [(one.version, one.status) for one in done.bad_versions] == [
        ("0.9", "banned"),
        ("1.0", "deprecated"),
    ]
    accept = [Acceptance(node=PACK, copy="0.9", worst=Grade.BANNED)]
    _, (done, *_) = assessed(reported, *runs, events=[back], accept=accept)
    assert [one.version for one in done.bad_versions] == ["1.0"]


def test_what_waits_for_its_scan_may_be_deprecated() -> None:
    """That a deprecated version is pending again ends nothing."""
    listed = version("1.0", status="pending", deprecated=True)
    waiting = [replace(run("pending"), row=listed)]
    assert said("deprecated", waiting, "deprecated") == [["exposed deprecated"], [], []]


@pytest.mark.parametrize(
    ("may_be", "grade"),
    [(None, "banned"), ("banned", "banned"), ("flagged", "flagged"), ("ok", None)],
)
def test_how_bad_what_is_unknown_may_still_be(
    may_be: str | None, grade: str | None
) -> None:
    """It stays as bad as it was, or as the worst that it may be now; it ends where that is nothing bad."""
    bad, _ = assess(Installed(), run("banned", None))
    unknown = replace(run("unknown", None), may_be=Grade(may_be) if may_be else None)
    after, events = assess(bad, unknown)
    assert events == ([] if grade else ["cleared (banned)"])
    left = [copy.grade for one in after.exposures.values() for copy in one.copies]
    assert left == ([grade] if grade else [])
    assert assess(bad, replace(unknown, gaps=(GAP,))) == (bad, [])
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


def test_what_is_not_known_any_more_stays_as_it_was() -> None:
    """A verdict that cannot be made, and an install that cannot be seen, end nothing and are no news later."""
    worse = replace(run("unknown"), may_be=Grade.BANNED)
    assert assess(FLAGGED, worse) == (FLAGGED, [])
    _, stands, _ = exposure.assess(FLAGGED, poll(worse))
    assert stands == {KEY: FLAGGED.exposures[KEY].copies}
    unseen = BOTH | {"studio": Scanned(name="studio", packs=None, error="gone")}
    assert assess(FLAGGED, scans=unseen) == (FLAGGED, [])


def test_what_is_listed_again_is_not_delisted() -> None:
    """It ends, also if the copy is unknown for another reason; not where that was not answered, or it may be bad."""
    back = replace(run("unknown"), row=None, may_be=Grade.OK)
    assert assess(DELISTED, back) == (Installed(), ["cleared (delisted)"])
    for not_sure in (
        {"is_listed": False},
        {"gaps": (GAP,)},
        {"may_be": None},
        {"may_be": Grade.BANNED},
    ):
        assert assess(DELISTED, replace(back, **not_sure)) == (DELISTED, [])


@pytest.mark.parametrize(
    ("verdict", "kind", "text"),
    [
        ("banned", Kind.BANNED, None),
        ("flagged", Kind.FLAGGED, "1.0.0"),
        ("delisted", Kind.REMOVED, "1.0"),
    ],
)
def test_what_another_event_says_is_only_recorded(
    verdict: str, kind: Kind, text: str | None
) -> None:
    """An event of the poll about that version, however it is written, or the whole pack says it, and is marked."""
    other = event(kind=kind, version=text)
    recorded, (marked,) = assessed(Installed(), run(verdict), events=[other])
    assert (marked, len(recorded.exposures)) == (replace(other, exposes=True), 1)
    assert assess(recorded, run(verdict)) == (recorded, [])
    for elsewhere in (
        replace(other, version="2.0"),
        replace(other, node="other"),
        replace(other, kind=Kind.BASELINE),
    ):
        _, events = assessed(Installed(), run(verdict), events=[elsewhere])
        assert events[0] == elsewhere
        assert [one.after for one in events[1:]] == [verdict]


def test_what_was_not_answered_makes_nothing_milder() -> None:
    """A verdict that lacks an answer neither ends a worse one nor lets it be news again."""
    banned, _ = assess(Installed(), run("banned"))
    waiting, lacking = (
        replace(run(verdict), gaps=(GAP,)) for verdict in ("pending", "deprecated")
    )
    assert assess(banned, waiting) == assess(banned, lacking) == (banned, [])
    accept = [Acceptance(node=PACK, copy="1.0")]
    assert assess(banned, lacking, accept=accept) == (banned, [])
    taken, _ = assess(Installed(), run(), accept=accept)
    assert assess(taken, lacking)[1] == ["exposed deprecated"]


def test_a_flag_that_is_info() -> None:
    """What is worse by its severity is news; that its reason can be read no more is none."""
    info, events = assess(Installed(), run("flagged-info"))
    assert events == ["exposed flagged"]
    _, [cleared] = assessed(info, run("ok"))
    assert cleared.ends is Severity.INFO
    assert assess(info, run("deprecated"))[1] == ["exposed deprecated (flagged)"]
    assert assess(FLAGGED, run("deprecated"))[1] == []
    assert assess(info, run())[1] == []
    calmer, events = assess(FLAGGED, run("flagged-info"))
    assert events == []
    _, [cleared] = assessed(calmer, run("ok"))
    assert cleared.ends is Severity.WARNING


def test_a_copy_is_an_install_and_a_version() -> None:
    """A bad one that lands on another server is news, also where the pack is bad already; an end is none."""
    both = (run(), OFFICE)
    assert said(both, "flagged", both) == [["exposed flagged"], [], ["exposed flagged"]]
    other = run("flagged", "2.0")
    assert said("flagged", [other]) == [["exposed flagged"], ["exposed flagged"]]
    _, (one, two) = assessed(Installed(), *both, other)
    assert [one.version, two.version] == ["1.0", "2.0"]


def test_a_pack_is_cleared_once_nothing_of_it_is_bad() -> None:
    """One event for all of it, with the version if there was one."""
    three, _ = assess(Installed(), run("banned"), OFFICE, run("flagged", "2.0"))
    left, events = assess(three, run("ok"), OFFICE, run("ok", "2.0"))
    assert events == []
    _, [cleared] = assessed(left, run("ok"), run("ok", install="office"))
    assert (cleared.version, cleared.before, cleared.ends) == (
        *("1.0", "flagged", Severity.CRITICAL),
    )
    _, [cleared] = assessed(three)
    assert (cleared.version, cleared.before) == (None, "banned")


def test_a_disabled_copy_is_not_run() -> None:
    """It is not exposed; what is disabled or gone is cleared, and what is enabled is exposed."""
    off = run(enabled=False)
    assert exposure.assess(Installed(), poll(off))[1] == {}
    assert said([off], "flagged", [off], "flagged", []) == [
        *([], ["exposed flagged"], ["cleared (flagged)"]),
        *(["exposed flagged"], ["cleared (flagged)"]),
    ]


def test_an_install_that_left_the_settings_ends_without_an_event() -> None:
    """What is bad in another one stays; and what ends there is cleared."""
    office = {"office": BOTH["office"]}
    gone, events = assess(FLAGGED, scans=office)
    assert (events, gone.exposures) == ([], {})
    both, _ = assess(Installed(), run(), OFFICE)
    one, events = assess(both, OFFICE, scans=office)
    assert events == []
    _, events = assess(one, run("ok", install="office"), scans=office)
    assert events == ["cleared (flagged)"]


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
    assert assess(taken, run("ok"), accept=accept)[1] == []
    assert assess(taken, run("banned"), accept=accept)[1] == ["exposed banned"]
    assert assess(taken, run())[1] == ["exposed flagged"]
    assert assess(FLAGGED, run(), accept=accept) == (taken, [])


def test_what_is_accepted_keeps_a_pack_from_being_cleared() -> None:
    """It is once nothing of it is bad; and every bad clone of an install has to be accepted."""
    accept = [Acceptance(node=PACK, copy="2.0"), Acceptance(node=PACK, copy=COMMIT[:7])]
    other = run("flagged", "2.0")
    assert said([run(), other], [other], [], accept=accept) == [
        *(["exposed flagged"], [], ["cleared (flagged)"]),
    ]
    assert said([other], [], accept=accept) == [[], []]
    clones = [clone(), clone("deprecated", "f" * 40)]
    assert said([clone()], clones, accept=accept) == [[], ["exposed deprecated"]]


def test_the_worst_of_two_clones_is_said() -> None:
    """The event has the version by which it is worse, whose reason is read for it; two verdicts are two events."""
    mild = replace(clone("flagged-info"), row=version("1.0"))
    worse = replace(clone(), row=version("2.0"))
    for runs in ((mild, worse), (worse, mild)):
        _, [found] = assessed(Installed(), *runs)
        assert (found.version, found.version_id) == (None, "id-2.0")
    banned = replace(clone("banned"), install="office", detail="Malware")
    _, [first, second] = assessed(Installed(), mild, banned)
    assert (first.after, first.reason, second.after) == ("banned", "Malware", "flagged")


def test_copies_are_all_that_may_be_the_pack() -> None:
    """Enabled copies come first; a clone of another repository and what only a folder is named after count too."""
    claimed = Pack(folder="b", kind=PackKind.CLAIMED, id=KEY, version="1.1")
    packs = (
        replace(claimed, version="1.0", enabled=False),
        claimed,
        replace(claimed, kind=PackKind.GIT, version=None, repository="https://x.y/z"),
        replace(claimed, id=None),
        replace(claimed, id="no id at all"),
        replace(
            claimed,
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
