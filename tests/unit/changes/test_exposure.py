"""What is run and bad: reported once for each pack, version and verdict, and never what another event says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import (
    HARMLESS,
    NOW,
    PACK,
    event,
    known,
    version,
)
from watcher.changes import exposure
from watcher.changes.exposure import Poll
from watcher.model.acceptance import Acceptance, Accepted, End
from watcher.model.event import Event, Kind, Severity
from watcher.model.exposure import Installed
from watcher.model.finding import Finding
from watcher.model.pack import Claim, Identity, Pack, PackKind, Verdict

KEY = PACK.lower()


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
        verdict=Verdict(verdict),
        listed=listed,
    )


def poll(*runs: Finding, events: Sequence[Event] = (), **fields: Any) -> Poll:
    """Make a poll of the installs `studio` and `office`."""
    after = {KEY: known(version("1.0"))}
    terms: dict[str, Any] = {
        "unseen": frozenset(),
        "after": after,
        "accept": (),
        "now": NOW,
    }
    return Poll(
        findings=runs,
        installs=frozenset({"studio", "office"}),
        events=events,
        **terms | fields,
    )


def assess(
    reported: Installed, *runs: Finding, **fields: Any
) -> tuple[Installed, list[tuple[str, str | None, str | None]]]:
    """Return what is reported after a poll, and the events by kind, before and after."""
    installed, events = exposure.assess(reported, poll(*runs, **fields))
    return installed, [(one.kind.value, one.before, one.after) for one in events]


def first_accepted(reported: Installed, key: str = f"{KEY}@1.0") -> str | None:
    """Return as what something was accepted first; None if nothing accepts it."""
    found = reported.exposures[key].acceptance
    return found.verdict if found else None


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
    assert (last.exposures, last.seen) == ({}, 2)


@pytest.mark.parametrize("verdict", ["ok", "outdated", "unknown"])
def test_the_other_verdicts_are_no_news(verdict: str) -> None:
    """Nothing is reported of what is well, old or not known."""
    assert assess(Installed(), run(verdict)) == (Installed(), [])


def test_what_becomes_unknown_stays_as_it_was() -> None:
    """A verdict that cannot be made any more clears nothing, and is no news when it can be made again."""
    between, events = assess(FLAGGED, run("unknown"))
    assert (between, events) == (FLAGGED, [])
    assert assess(between, run()) == (FLAGGED, [])


def test_what_is_unknown_in_one_install_says_nothing_of_another() -> None:
    """What becomes unknown stays beside what is still bad, and keeps nothing where a copy is well again."""
    both, _ = assess(Installed(), run("flagged", None), run("flagged", None, "office"))
    assert assess(both, run("unknown", None), run("flagged", None, "office")) == (
        both,
        [],
    )
    one, _ = assess(Installed(), run("flagged", None))
    last, events = assess(one, run("ok", None), run("unknown", None, "office"))
    assert (last.exposures, events) == ({}, [("cleared", "flagged", None)])


@pytest.mark.parametrize(
    ("verdict", "kind", "text"),
    [
        ("banned", Kind.BANNED, "1.0"),
        ("banned", Kind.BANNED, None),
        ("flagged", Kind.FLAGGED, "1.0"),
        ("deleted", Kind.DELETED, "1.0"),
        ("deprecated", Kind.DEPRECATED, "1.0"),
        ("delisted", Kind.REMOVED, "1.0"),
        ("delisted", Kind.REMOVED, None),
    ],
)
def test_what_another_event_says_is_only_recorded(
    verdict: str, kind: Kind, text: str | None
) -> None:
    """An event of the same poll about that version, or the whole pack, says it; one of another version does not."""
    said = event(kind=kind, version=text)
    recorded, events = assess(Installed(), run(verdict), events=[said])
    assert (events, list(recorded.exposures)) == ([], [f"{KEY}@1.0"])
    assert assess(recorded, run(verdict)) == (recorded, [])
    for other in (
        replace(said, version="2.0"),
        replace(said, node="other"),
        replace(said, kind=Kind.CHANGED),
    ):
        assert assess(Installed(), run(verdict), events=[other])[1] == [
            ("exposed", None, verdict)
        ]


@pytest.mark.parametrize("kind", [Kind.REINSTATED, Kind.UNDEPRECATED])
def test_an_end_that_another_event_says_is_only_recorded(kind: Kind) -> None:
    """No `cleared` stands beside an event that says that something as bad is over; it does beside a milder one."""
    ends = event(kind=kind, version="1.0", ends=Severity.WARNING)
    after, events = assess(FLAGGED, run("ok"), events=[ends])
    assert (events, after.exposures) == ([], {})
    milder = replace(ends, ends=Severity.INFO)
    other = replace(ends, kind=Kind.RECOVERED, version=None)
    for beside in (milder, other):
        assert assess(FLAGGED, run("ok"), events=[beside])[1] == [
            ("cleared", "flagged", None)
        ]


def test_a_worse_verdict_is_news_and_a_milder_one_is_not() -> None:
    """What got worse without an event of its own is exposed anew; what got milder is recorded."""
    milder, events = assess(FLAGGED, run("deprecated"))
    assert (events, milder.exposures[f"{KEY}@1.0"].verdict) == ([], "deprecated")
    assert assess(milder, run("banned"))[1] == [("exposed", "deprecated", "banned")]


def test_a_flag_that_is_info_is_milder_than_a_deletion() -> None:
    """What follows it is news if it is worse; that its reason can be read no more is none."""
    info = replace(run(), scan=HARMLESS)
    first, events = assess(Installed(), info)
    assert events == [("exposed", None, "flagged")]
    assert assess(first, info) == (first, [])
    assert assess(first, run("deleted"))[1] == [("exposed", "flagged", "deleted")]
    assert assess(FLAGGED, run("deleted"))[1] == []
    again, events = assess(first, run())
    assert events == []
    assert assess(again, run("ok"))[1] == [("cleared", "flagged", None)]


def test_a_deprecation_is_worse_than_a_flag_that_is_info() -> None:
    """Who hears of warnings alone did not hear of the flag, but hears of the deprecation and of its end."""
    first, _ = assess(Installed(), replace(run(), scan=HARMLESS))
    then, events = assess(first, run("deprecated"))
    assert events == [("exposed", "flagged", "deprecated")]
    assert assess(then, run("ok"))[1] == [("cleared", "deprecated", None)]


@pytest.mark.parametrize("is_info", [True, False])
def test_an_end_counts_as_bad_as_the_flag_that_was_reported(is_info: bool) -> None:
    """That a flag is only informational is not known of it later, if it was reported as a warning."""
    first, _ = assess(Installed(), replace(run(), scan=HARMLESS if is_info else None))
    after, events = assess(first, replace(run(), scan=HARMLESS))
    assert (after, events) == (first, [])
    _, [cleared] = exposure.assess(after, poll(run("ok")))
    assert cleared.ends is (Severity.INFO if is_info else Severity.WARNING)


def test_of_two_clones_the_worse_is_said() -> None:
    """The event has the version by which it is worse, whose reason is read for it."""
    mild = replace(run(text=None), listed=version("1.0"), scan=HARMLESS)
    worse = replace(run(text=None, install="office"), listed=version("2.0"))
    for runs in ((mild, worse), (worse, mild)):
        _, [found] = exposure.assess(Installed(), poll(*runs))
        assert (found.version, found.version_id) == (None, "id-2.0")


def test_a_flag_that_was_accepted_as_info() -> None:
    """A deletion ends that; a reason that can be read no more does not."""
    entries = accept("1.0")
    taken, _ = assess(Installed(), replace(run(), scan=HARMLESS), accept=entries)
    assert assess(taken, run(), accept=entries)[1] == []
    assert assess(taken, run("deleted"), accept=entries)[1] == [
        ("exposed", None, "deleted")
    ]


def test_a_version_written_otherwise_is_that_version() -> None:
    """An event names the version as the registry has it: `1.0.0` is what an install calls `1.0`."""
    written = replace(run(), listed=version("1.0.0"))
    assert assess(Installed(), written, events=[event(version="1.0.0")])[1] == []


def test_a_disabled_copy_is_not_run() -> None:
    """It is not exposed; what is disabled is cleared, and what is enabled is exposed."""
    assert assess(Installed(), run(enabled=False)) == (Installed(), [])
    assert assess(FLAGGED, run(enabled=False))[1] == [("cleared", "flagged", None)]


def test_another_install_is_news_and_one_of_several_that_is_well_is_not() -> None:
    """One event tells of all installs; it is cleared when the last one does not run it any more."""
    both, events = assess(Installed(), run(), run(install="office"))
    assert (events, both.exposures[f"{KEY}@1.0"].installs) == (
        [("exposed", None, "flagged")],
        ("office", "studio"),
    )
    one, events = assess(both, run())
    assert (events, one.exposures[f"{KEY}@1.0"].installs) == ([], ("studio",))
    assert assess(one, run(), run(install="office"))[1] == [
        ("exposed", None, "flagged")
    ]


def test_what_is_not_seen_is_not_cleared() -> None:
    """An install whose packs are not known keeps its exposures; one that is not configured is forgotten silently."""
    assert assess(FLAGGED, unseen=frozenset({"studio"})) == (FLAGGED, [])
    gone, events = exposure.assess(
        FLAGGED, replace(poll(), installs=frozenset({"office"}))
    )
    assert (events, gone.exposures) == ((), {})


def test_what_is_accepted_is_recorded_with_its_verdict() -> None:
    """An accepted finding is no news until it is worse than when it was accepted, or accepted no more."""
    entries = accept("1.0")
    taken, events = assess(Installed(), run("deprecated"), accept=entries)
    assert (events, first_accepted(taken)) == ([], "deprecated")
    assert assess(taken, run("ok"), accept=entries)[1] == []
    worse, events = assess(taken, run("flagged"), accept=entries)
    assert events == [("exposed", None, "flagged")]
    assert assess(worse, run("flagged"), accept=entries) == (worse, [])
    assert assess(worse, run("ok"), accept=entries)[1] == [("cleared", "flagged", None)]
    assert assess(taken, run("deprecated"))[1] == [("exposed", None, "deprecated")]
    later, events = assess(FLAGGED, run(), accept=entries)
    assert (events, first_accepted(later)) == ([], "flagged")


C1, C2 = "0123abcdef" * 4, "f" * 40
LAST_DAY = date(2026, 3, 2)
"""The day of `NOW`."""
LATER = "2026-03-03T00:00:00.000Z"


def clone(
    verdict: str = "flagged", commit: str = C1, install: str = "studio"
) -> Finding:
    """Make a clone of `PACK`, of which this is to be said."""
    one = run(verdict, None, install)
    pack = replace(one.pack, kind=PackKind.GIT, commit=commit)
    return replace(one, pack=pack)


def accept(*findings: str, **fields: Any) -> list[Acceptance]:
    """Make accepted findings of `PACK`: a version, a commit, or "" for the pack."""
    return [
        Acceptance(finding=f"{PACK}@{one}" if one else PACK, **fields)
        for one in findings
    ]


def test_clones_and_packs_are_accepted() -> None:
    """A clone is accepted by its commit or with its pack, and not by a version that its file names."""
    for entries in (accept(C1[:7]), accept(""), accept(C1)):
        taken, events = assess(Installed(), clone(), accept=entries)
        assert (events, first_accepted(taken, f"{KEY}@")) == ([], "flagged")
        assert assess(taken, clone(), accept=entries) == (taken, [])
        assert assess(taken, clone("ok"), accept=entries)[1] == []
    for entries in (accept("1.0"), accept(C2[:7])):
        assert assess(Installed(), clone(), accept=entries)[1] == [
            ("exposed", None, "flagged")
        ]


def test_a_ban_of_the_whole_pack_is_accepted_with_it() -> None:
    """A version of a banned pack is accepted with the pack; a ban, or a flag, of the version alone is not."""
    banned = replace(run("banned"), of_pack=True)
    taken, events = assess(Installed(), banned, accept=accept(""))
    assert (events, first_accepted(taken)) == ([], "banned")
    for other in (run("banned"), run("flagged"), replace(run("deleted"), of_pack=True)):
        after = str(other.verdict)
        assert assess(Installed(), other, accept=accept(""))[1] == [
            ("exposed", None, after)
        ]
    # The version's own flag is reported when the ban of the pack is over.
    assert assess(taken, run("flagged"), accept=accept(""))[1] == [
        ("exposed", None, "flagged")
    ]


def test_every_bad_copy_has_to_be_accepted() -> None:
    """A clone of another commit that is bad is reported though the first one is accepted; one that is well is not."""
    key, entries = f"{KEY}@", accept(C1[:7])
    taken, events = assess(Installed(), clone(), clone("ok", C2), accept=entries)
    assert events == []
    both = (clone(), clone("deprecated", C2, "office"))
    worse, events = assess(taken, *both, accept=entries)
    assert (events, first_accepted(worse, key)) == (
        [("exposed", None, "flagged")],
        None,
    )
    # Once each of them is accepted there is nothing more to say; and one that goes ends nothing.
    each = accept(C1[:7], C2[:7])
    again, events = assess(worse, *both, accept=each)
    assert (events, first_accepted(again, key)) == ([], "flagged")
    assert assess(again, clone(), accept=each)[1] == []


def test_the_last_day_of_an_acceptance() -> None:
    """It holds that day. The next day's poll reports the finding once, with until when it was accepted and why."""
    entries = accept("1.0", until=LAST_DAY, reason="known")
    taken, events = assess(Installed(), run(), accept=entries)
    assert events == []
    ended, (found,) = exposure.assess(taken, poll(run(), accept=entries, now=LATER))
    assert (found.kind, found.before, found.after) == ("exposed", None, "flagged")
    assert found.acceptance == Accepted(verdict="flagged", by=entries[0], ended=End.DAY)
    assert exposure.assess(ended, poll(run(), accept=entries, now=LATER)) == (ended, ())
    assert assess(ended, run("ok"), accept=entries, now=LATER)[1] == [
        ("cleared", "flagged", None)
    ]
    # A later day accepts it again, without a word.
    longer = accept("1.0", until=date(2026, 12, 1))
    assert assess(ended, run(), accept=longer, now=LATER)[1] == []


@pytest.mark.parametrize("unseen", [True, False])
def test_an_acceptance_of_what_cannot_be_seen_ends_too(unseen: bool) -> None:
    """Where an install, or what a clone is, cannot be read, what was accepted stays accepted until its last day."""
    entries = accept(C1[:7], until=LAST_DAY)
    taken, _ = assess(Installed(), clone(), accept=entries)
    runs = () if unseen else (clone("unknown", C2),)
    fields = {"unseen": frozenset({"studio"} if unseen else ()), "accept": entries}
    assert assess(taken, *runs, **fields) == (taken, [])
    assert assess(taken, *runs, **fields, now=LATER)[1] == [
        ("exposed", None, "flagged")
    ]
    assert assess(taken, *runs, **{**fields, "accept": ()})[1] == [
        ("exposed", None, "flagged")
    ]


def test_what_is_accepted_while_it_cannot_be_seen() -> None:
    """A version or a pack covers each copy, seen or not; a commit covers none that is not seen."""
    unseen = frozenset({"studio"})
    exposed, _ = assess(Installed(), clone())
    for finding, ended in (("", True), (C1[:7], False)):
        after, events = assess(exposed, unseen=unseen, accept=accept(finding))
        is_known = first_accepted(after, f"{KEY}@") is not None
        assert (events, is_known) == ([], ended)
    # An entry for the pack may take the place of one for the commit.
    taken, _ = assess(Installed(), clone(), accept=accept(C1[:7]))
    assert assess(taken, unseen=unseen, accept=accept(""))[1] == []


def test_the_acceptance_that_ends_first_ends_all() -> None:
    """Of several clones each has to be accepted on the day."""
    entries = [*accept(C1[:7]), *accept(C2[:7], until=LAST_DAY, reason="for now")]
    both = (clone(), clone("deprecated", C2))
    taken, _ = assess(Installed(), *both, accept=entries)
    _, (found,) = exposure.assess(taken, poll(*both, accept=entries, now=LATER))
    assert found.acceptance is not None
    assert found.acceptance.reason == "for now"


def test_a_changed_entry_accepts_what_is_now() -> None:
    """What has become worse is accepted again by an entry that was changed since."""
    taken, _ = assess(Installed(), run("deprecated"), accept=accept("1.0"))
    worse, (found,) = exposure.assess(taken, poll(run("deleted"), accept=accept("1.0")))
    assert found.acceptance is not None
    assert (found.acceptance.ended, found.acceptance.verdict) == (
        End.WORSE,
        "deprecated",
    )
    entries = accept("1.0", reason="gone, and we know")
    again, events = assess(worse, run("deleted"), accept=entries)
    assert (events, first_accepted(again)) == ([], "deleted")


def test_nothing_is_accepted_of_what_is_not_known_to_be_bad() -> None:
    """What is well or unknown is not accepted: what it becomes is compared with nothing."""
    for verdict in ("ok", "unknown", "outdated"):
        assert assess(Installed(), run(verdict), accept=accept("1.0")) == (
            Installed(),
            [],
        )
    assert [run(one).covered_by(accept("1.0")) for one in ("ok", "unknown")] == [
        None
    ] * 2


def test_events_have_ids_of_their_own() -> None:
    """The same observation has the same id after a crash, and never that of another one."""
    ids: list[str] = []
    reported = Installed()
    for verdict in ("flagged", "ok", "flagged", "banned", "ok"):
        found = poll(run(verdict))
        again = exposure.assess(reported, found)
        reported, events = exposure.assess(reported, found)
        assert again == (reported, events)
        ids += [one.id for one in events]
    assert len(ids) == len(set(ids)) == 5


def test_a_clone_has_no_version() -> None:
    """A ban of the whole pack is exposed for a clone without a version, with the reason."""
    clone = replace(run("banned", None), detail="Malware")
    _, (found,) = exposure.assess(Installed(), poll(clone))
    assert (found.version, found.version_id, found.reason, found.after) == (
        None,
        None,
        "Malware",
        "banned",
    )
    _, events = exposure.assess(
        Installed(), poll(clone, events=[event(kind=Kind.BANNED, version=None)])
    )
    assert events == ()


VERDICTS = st.sampled_from(
    [None, "banned", "flagged", "deleted", "deprecated", "delisted", "ok", "unknown"]
)


@given(st.lists(st.tuples(VERDICTS, VERDICTS, st.booleans()), max_size=8))
def test_exposures_follow_what_is_run(
    polls: list[tuple[str | None, str | None, bool]],
) -> None:
    """Whatever installs do, what is recorded is bad now or cannot be seen, and a quiet poll reports nothing."""
    reported = Installed()
    for studio, office, unseen in polls:
        named = [("studio", studio), ("office", office)]
        hidden = frozenset({"office"} if unseen else ())
        runs = [
            run(verdict, install=install)
            for install, verdict in named
            if verdict and install not in hidden
        ]
        before = reported.exposures.get(f"{KEY}@1.0")
        reported, _ = exposure.assess(reported, poll(*runs, unseen=hidden))
        bad = {
            one.install
            for one in runs
            if one.verdict not in {Verdict.OK, Verdict.UNKNOWN}
        }
        found = reported.exposures.get(f"{KEY}@1.0")
        assert bad <= set(found.installs if found else ())
        assert set(found.installs if found else ()) - bad <= set(
            before.installs if before else ()
        )
        assert exposure.assess(reported, poll(*runs, unseen=hidden)) == (reported, ())


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


@pytest.mark.parametrize("between", ["ok", "pending", None])
def test_what_was_accepted_is_known_while_it_is_well(between: str | None) -> None:
    """A flag that was accepted, and is over for a while, does not make a later ban one that is accepted."""
    entries = accept("1.0")
    taken, _ = assess(Installed(), run(), accept=entries)
    well, events = assess(taken, *([run(between)] if between else []), accept=entries)
    assert (events, well.exposures) == ([], {})
    again, events = assess(well, run(), accept=entries)
    assert (events, first_accepted(again)) == ([], "flagged")
    assert assess(well, run("banned"), accept=entries)[1] == [
        ("exposed", None, "banned")
    ]
    # Another entry is about what is there now, and none is kept that the settings do not have.
    changed = accept("1.0", reason="known")
    assert assess(well, run("banned"), accept=changed)[1] == []
    assert assess(well, accept=())[0].accepted == {}
