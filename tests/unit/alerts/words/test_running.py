"""Whether somebody runs it, where and in which version, and what to do then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.factories import event
from watcher.alerts.digest import Digest, compose
from watcher.alerts.words.running import running, running_in_short
from watcher.model.event import Change, Event, Kind
from watcher.model.pack import Copy
from watcher.model.version import SafeVersion

HERE = Copy(install="workstation", version="1.2.0")
THERE = Copy(install="laptop", version="1.1.0")
CLONE = Copy(install="server", version=None)
_SWAPPED: dict[str, Any] = {
    "kind": Kind.CHANGED,
    "changes": (Change(field="downloadUrl", before="https://a", after="https://b"),),
}
UNUSED = Copy(install="attic", version="1.2.0", enabled=False)
UNUSED_CLONE = Copy(install="attic", version=None, enabled=False)


def _event(*copies: Copy, kind: Kind = Kind.BANNED, **fields: Any) -> Event:
    return event(kind=kind, **{"version": "1.2.0", "installed": copies} | fields)


@pytest.mark.parametrize(
    ("copies", "said", "in_short"),
    [
        ((), "", ""),
        ((HERE,), "you run 1.2.0 on workstation", "you run it"),
        ((THERE,), "you run 1.1.0 on laptop", "you run 1.1.0"),
        ((THERE, HERE), "you run 1.2.0 on workstation, 1.1.0 on laptop", "you run it"),
        (
            (CLONE,),
            "you have a copy of unknown version on server",
            "you have a copy of unknown version",
        ),
        (
            (CLONE, HERE),
            "you run 1.2.0 on workstation; you have a copy of unknown version on server",
            "you run it",
        ),
        (
            (UNUSED,),
            "you keep a disabled copy of 1.2.0 on attic",
            "you keep a disabled copy of 1.2.0",
        ),
        (
            (UNUSED_CLONE,),
            "you keep a disabled copy of unknown version on attic",
            "you keep a disabled copy of unknown version",
        ),
        ((HERE, UNUSED), "you run 1.2.0 on workstation", "you run it"),
        (
            (THERE, UNUSED),
            "you run 1.1.0 on laptop; you keep a disabled copy of 1.2.0 on attic",
            "you run 1.1.0",
        ),
        ((Copy(install="a", version="v1.2"),), "you run v1.2 on a", "you run it"),
    ],
)
def test_it_is_said_where_it_is_run(
    copies: tuple[Copy, ...], said: str, in_short: str
) -> None:
    """The version of the event comes first, a clone is no version, and what is disabled is not run."""
    one = _event(*copies)
    assert ("".join(running(one)), "".join(running_in_short(one))) == (said, in_short)


def test_many_installs_are_counted() -> None:
    """Two versions are named, with three installs of each."""
    copies = [
        Copy(install=f"pc{place}", version=f"1.{place % 4}.0") for place in range(40)
    ]
    assert "".join(running(_event(*copies))) == (
        "you run 1.2.0 on pc2, pc6, pc10 and 7 more, 1.0.0 on pc0, pc4, pc8 and 7 more, and 2 more versions"
    )
    assert "".join(running(_event(HERE, HERE))) == "you run 1.2.0 on workstation"


def test_an_event_of_the_whole_pack_concerns_every_copy() -> None:
    """Whatever the version, and a clone too."""
    assert "".join(running(_event(THERE, CLONE, version=None))) == (
        "you run 1.1.0 on laptop; you have a copy of unknown version on server"
    )
    assert "".join(running_in_short(_event(THERE, version=None))) == "you run 1.1.0"


def test_an_exposure_does_not_say_twice_that_it_is_run() -> None:
    """Its line begins with that."""
    one = _event(HERE, kind=Kind.EXPOSED, after="flagged")
    assert ("".join(running(one)), running_in_short(one)) == ("on workstation", ())


# Advice


def _lines(digest: Digest) -> list[str]:
    return [
        f"{line.symbol} {line.lead} {line.pack} {line.version}{line.about}: {' '.join(line.advice)}"
        for group in digest.groups
        for line in group.lines
    ]


def _advice(*events: Event) -> str:
    return next(
        (
            " ".join(line.advice)
            for group in compose(events).groups
            for line in group.lines
            if line.advice
        ),
        "",
    )


@pytest.mark.parametrize(
    ("one", "advice"),
    [
        (
            _event(HERE, safe_version=SafeVersion("1.1.0")),
            "remove it first then move to: 1.1.0",
        ),
        (
            _event(HERE, safe_version=SafeVersion(None)),
            "remove it first no safe version",
        ),
        (_event(HERE), "remove it first"),
        (
            _event(CLONE, version=None, safe_version=SafeVersion(None)),
            "remove it first no safe version",
        ),
        (
            _event(HERE, reason="A Stealer", safe_version=SafeVersion("1.1.0")),
            "remove it first then move to: 1.1.0 change the passwords and keys that this machine held",
        ),
        (
            _event(HERE, kind=Kind.EXPOSED, after="banned", reason="backdoor"),
            "remove it first change the passwords and keys that this machine held",
        ),
        (
            _event(
                HERE,
                kind=Kind.FLAGGED,
                reason="a miner",
                safe_version=SafeVersion("1.1.0"),
            ),
            "move to: 1.1.0",
        ),
        (
            _event(HERE, kind=Kind.FLAGGED, safe_version=SafeVersion(None)),
            "no safe version: disable or remove it",
        ),
        (
            _event(
                kind=Kind.EXPOSED, after="deprecated", safe_version=SafeVersion("1.3.0")
            ),
            "move to: 1.3.0",
        ),
        (
            _event(kind=Kind.EXPOSED, after="delisted", safe_version=SafeVersion(None)),
            "no safe version: disable or remove it",
        ),
        (
            _event(THERE, reason="a stealer", safe_version=SafeVersion("1.1.0")),
            "newest safe version: 1.1.0",
        ),
        (
            _event(UNUSED, reason="a stealer", safe_version=SafeVersion("1.1.0")),
            "newest safe version: 1.1.0",
        ),
        (_event(CLONE, safe_version=SafeVersion(None)), "no safe version"),
        (
            _event(HERE, safe_version=SafeVersion("1.2.0"), **_SWAPPED),
            "do not install it again before you know why",
        ),
        (
            _event(HERE, safe_version=SafeVersion("1.1.0"), **_SWAPPED),
            "do not install it again before you know why move to: 1.1.0",
        ),
        (
            _event(THERE, safe_version=SafeVersion("1.1.0"), **_SWAPPED),
            "newest safe version: 1.1.0",
        ),
        (_event(HERE, kind=Kind.CLEARED, safe_version=SafeVersion("1.2.0")), ""),
        (_event(HERE, kind=Kind.UPDATE, safe_version=SafeVersion("1.3.0")), ""),
    ],
)
def test_what_to_do_about_what_is_run(one: Event, advice: str) -> None:
    """A ban is removed first, and after malware secrets are changed; else move, or disable it if nothing is safe."""
    assert _advice(one) == advice


def test_another_version_that_is_banned_is_not_removed() -> None:
    """The advice is about what is run: here a flagged version, beside a ban of one that is not."""
    ban = _event(
        HERE, version="1.3.0", reason="a stealer", safe_version=SafeVersion("1.1.0")
    )
    flag = _event(HERE, kind=Kind.FLAGGED, safe_version=SafeVersion("1.1.0"))
    assert _advice(ban, flag) == "move to: 1.1.0"


def test_a_baseline_says_nothing_of_the_version_that_is_run() -> None:
    """It has banned versions, which need not be the one that is run."""
    one = _event(
        HERE,
        kind=Kind.BASELINE,
        version=None,
        after="banned",
        reason="stealer",
        safe_version=SafeVersion("1.2.0"),
    )
    assert _advice(one) == "newest safe version: 1.2.0"


def test_each_new_kind_has_its_line() -> None:
    """An exposure has the symbol of what it reports; what is better again, and an update, are said calmly."""
    flagged = _event(
        HERE,
        kind=Kind.EXPOSED,
        node="b",
        before=None,
        after="flagged",
        safe_version=SafeVersion("1.1.0"),
    )
    events = (
        _event(
            CLONE,
            kind=Kind.EXPOSED,
            node="a",
            version=None,
            before=None,
            after="banned",
            safe_version=SafeVersion(None),
        ),
        flagged,
        _event(HERE, kind=Kind.CLEARED, node="c", before="flagged", after=None),
        _event(THERE, kind=Kind.CLEARED, node="d", before="flagged", after=None),
        _event(THERE, kind=Kind.UPDATE, node="e", before=None, after="active"),
    )
    assert _lines(compose(events)) == [
        "⛔ you run BANNED a None, in a copy of unknown version: remove it first no safe version",
        "🚩 you run flagged b 1.2.0: move to: 1.1.0",
        "✅ cleared c 1.2.0, no longer a problem: ",
        "✅ cleared d 1.2.0, which you do not run any more: ",
        "🆙 update available: e 1.2.0: ",
    ]


def test_an_install_has_a_line_of_its_own() -> None:
    """One that cannot be scanned, and one that can be again."""
    about: dict[str, Any] = {
        "node": None,
        "version": None,
        "before": None,
        "after": None,
    }
    failing = event(
        kind=Kind.FAILING, install="laptop", reason="no such folder", **about
    )
    recovered = event("e2", Kind.RECOVERED, install="server", **about)
    digest = compose((failing, recovered))
    assert _lines(digest) == [
        "🔌 install failing laptop None, which cannot be scanned: ",
        "✅ install recovered server None, which can be scanned again: ",
    ]
    assert digest.titles[2] == "Comfy Watch: 1 install failing, 1 install recovered"


def test_the_first_exposures_are_one_group() -> None:
    """What a first scan finds is read in one go, worst first, and each has its own advice."""
    found = [
        _event(
            HERE,
            kind=Kind.EXPOSED,
            node=f"n{i}",
            after="deprecated",
            safe_version=SafeVersion(f"9.{i}"),
        )
        for i in range(5)
    ]
    found.append(
        _event(
            HERE,
            kind=Kind.EXPOSED,
            node="bad",
            after="banned",
            safe_version=SafeVersion("1.0"),
        )
    )
    digest = compose(tuple(found))
    assert [group.heading for group in digest.groups] == ["Problems in what you run: 6"]
    assert [line.pack for line in digest.groups[0].lines] == [
        "bad",
        *(f"n{i}" for i in range(5)),
    ]
    assert [line.advice[-1] for line in digest.groups[0].lines] == [
        "1.0",
        *(f"9.{i}" for i in range(5)),
    ]
    assert digest.titles[:2] == (
        "You run BANNED bad 1.2.0 and 5 more",
        "You run BANNED bad 1.2.0",
    )
    assert (
        digest.titles[2] == "Comfy Watch: 1 exposed as banned, 5 exposed as deprecated"
    )


def test_what_is_run_is_counted_apart() -> None:
    """A warning of what is run is not lost among the others."""
    events = (
        _event(HERE, node="a"),
        _event(THERE, node="b"),
        _event(node="c"),
        _event(HERE, node="d", **_SWAPPED),
        _event(HERE, node="e", kind=Kind.NEW),
        _event(node="f", kind=Kind.NEW),
    )
    assert compose(events).titles[-3] == (
        "Comfy Watch: 1 banned that you run, 1 with a replaced archive that you run, 2 banned, 2 new"
    )
