"""The page: what it says of a state, read as a browser reads it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.support import page_picture
from tests.support.factories import (
    CHECKED,
    HARMLESS,
    NOW,
    PACK,
    event,
    exposed_to,
    install,
    known,
    minute,
    running,
    version,
)
from tests.support.work import calls_of
from watcher.alerts.advice import STOP
from watcher.changes.health import FailureStreak, Streaks
from watcher.model.event import INCOMPLETE, About, Event, Kind, Tally
from watcher.model.finding import Exposure
from watcher.model.pack import Copy, Pack, PackKind
from watcher.model.scan import Scan, ScanFinding
from watcher.model.selection import Selection
from watcher.model.snapshot import Ban, Node, Snapshot, SweepBaseline
from watcher.model.version import Version
from watcher.publish.documents import documents
from watcher.publish.page import MOST_CARDS, MOST_EVENTS, MOST_ROWS, page
from watcher.publish.public import Public, Terms, published
from watcher.state.model import Checks, State

_ALL = Terms(
    selection=Selection(globs=("*",)), minimum_age=0.0, installs=(install("home"),)
)
_SWEPT = SweepBaseline(globs=("*",), baseline_at="2025-01-01T00:00:00.000Z")
_FAILED = FailureStreak(count=1, since=NOW, error="no answer")


class _Reader(HTMLParser):
    """The text of a page and of its sections, and its elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._words: list[str] = []
        self._sections: dict[str, list[str]] = {}
        self._is_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        self._is_style = tag == "style"
        if tag == "section":
            self._words = self._sections[attributes["aria-labelledby"]] = []
        if tag == "header":
            self._words = self._sections["header"] = []
        if tag in {"article", "li", "p", "td", "th", "tr", "title", "h3"}:
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self._words.append(data)
        self._is_style = False

    def of(self, section: str) -> str:
        """Return the text of a section as one line; "" if it is not there."""
        return " ".join("".join(self._sections.get(section, [])).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def _public(
    *versions: Version,
    events: tuple[Event, ...] = (),
    terms: Terms = _ALL,
    streaks: Streaks | None = None,
    run: str | None = None,
    exposures: dict[str, Exposure] | None = None,
    **fields: Any,
) -> Public:
    """Make what may be published of one pack with these versions, of which one may be `run`."""
    state = State(
        snapshot=Snapshot(
            sweep_baseline=_SWEPT,
            nodes={
                PACK.lower(): known(
                    *versions, **{"baseline_at": _SWEPT.baseline_at} | fields
                )
            },
        ),
        checks=Checks(
            polled_at=NOW, streaks=streaks or {}, checked={PACK.lower(): CHECKED}
        ),
        installs={"home": (_pack(run),)} if run else {},
    )
    return published(running(state, **exposures or {}), events, terms, "1.2.3")


def _pack(text: str) -> Pack:
    return Pack(folder=PACK, kind=PackKind.REGISTRY, id=PACK, version=text)


def _read(*versions: Version, **fields: Any) -> _Reader:
    return _Reader(page(_public(*versions, **fields)))


def _tone(found: _Reader) -> str:
    """Return how bad the first words are."""
    return found.all("p")[0]["class"].removeprefix("standing ")


def _run(grade: str, run: str, *versions: Version, **fields: Any) -> str:
    """Return what is said of what is bad where one of these versions is run and stands so."""
    exposures = {PACK: exposed_to(grade, run, "home")}
    return _read(*versions, run=run, exposures=exposures, **fields).of("news")


def _many(number: int) -> Public:
    """Make what may be published of so many packs with a banned version that is run."""
    bans = {"id-1.1": Ban(since=NOW, changed=NOW)}
    names = [f"pack-{place:03}" for place in range(number)]
    nodes = {
        name: known(version("1.1", "banned"), node=name, bans=bans) for name in names
    }
    events = [
        event(name, Kind.BANNED, node=name, version="1.1", version_id="id-1.1")
        for name in names
    ]
    state = running(
        _state(nodes), **{one: exposed_to("banned", "1.1", "home") for one in names}
    )
    return published(state, events, _ALL, "1.2.3")


def _state(nodes: dict[str, Node]) -> State:
    """Make the state of a poll that knows these packs of the whole registry."""
    return State(
        snapshot=Snapshot(sweep_baseline=_SWEPT, nodes=nodes),
        checks=Checks(polled_at=NOW),
    )


# How all stands


def test_how_all_stands() -> None:
    """It says how much is bad, and when that was seen."""
    made = "As the poll of 2026-03-02 00:00 UTC found it. The page loads itself again every 5 minutes."
    old = _read(version("1.0"), version("1.1", "banned")).of("header")
    assert old == (
        f"Comfy Watch: Comfy Registry No ban in the last 30 days. 1 banned of 1 watched pack {made}"
    )
    well = _read(version()).of("header")
    assert "No ban in the last 30 days. 1 ok of 1 watched pack" in well


def test_the_first_words_count_bans_and_what_you_run() -> None:
    """A ban counts for 30 days after it was seen, while it lasts; what is run if it is bad. Flags are counted apart."""
    versions = (version("1.0"), version("1.1", "banned"), version("1.2", "flagged"))
    bans = {"id-1.1": Ban(since=NOW, changed=NOW)}

    def words(days: float, run: str | None = None, grade: str = "ok") -> str:
        ban = event(
            kind=Kind.BANNED,
            version="1.1",
            version_id="id-1.1",
            at=minute(-days * 24 * 60),
        )
        found = _read(
            *versions,
            events=(ban,),
            bans=bans,
            run=run,
            exposures={PACK: exposed_to(grade, run, "home")} if run else None,
        )
        said = found.of("header").partition("Registry ")[2].partition(" As the")[0]
        return f"{_tone(found)}: {said}"

    assert (
        words(29.9)
        == "critical: 1 ban in the last 30 days. 1 flagged of 1 watched pack"
    )
    assert words(30.1).startswith("info: No ban in the last 30 days. 1 flagged of 1")
    bad = "You run 1 bad pack."
    assert words(31, "1.2", "flagged").startswith(f"warning: {bad} No ban")
    assert words(29, "1.2", "flagged").startswith(f"critical: {bad} 1 ban")
    assert words(31, "1.0").startswith("ok: Nothing that you run is bad. No ban")
    unsure = words(31, "1.0", "unknown")
    assert unsure.startswith("info: Nothing that you run is known to be bad. No ban")
    bans["id-1.1"] = replace(bans["id-1.1"], until=NOW)
    assert words(0).startswith("info: No ban in the last 30 days.")


@pytest.mark.parametrize(
    ("selection", "publishers", "title"),
    [
        (Selection(globs=("*",)), (), "Comfy Registry"),
        (Selection(names=(PACK,), globs=("a-*",)), ("ann",), "ann, a-*"),
        (Selection(names=(PACK, "b")), (), "2 node packs"),
    ],
)
def test_its_title(
    selection: Selection, publishers: tuple[str, ...], title: str
) -> None:
    """It is called after the publishers or patterns that it watches, and says how all stands."""
    terms = Terms(selection=selection, publishers=publishers, minimum_age=0.0)
    text = page(_public(version(), terms=terms))
    assert f"<title>{title}: No ban in the last 30 days. Comfy Watch</title>" in text
    assert f"<h1>Comfy Watch: <bdi>{title}</bdi></h1>" in text


def test_it_loads_itself_again() -> None:
    """A page on a wall needs nobody, and no script."""
    found = _read(version()).all("meta")
    assert {"http-equiv": "refresh", "content": "300"} in found
    [policy] = [one["content"] for one in found if "Policy" in str(one)]
    # Its icon is part of it.
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_before_the_first_poll() -> None:
    """Without a poll it says that nothing is known, and claims nothing."""
    empty = _Reader(page(published(State(), (), _ALL, "1.2.3")))
    assert "There was no poll yet: nothing is known." in empty.of("header")
    assert (empty.of("news"), empty.of("events"), empty.of("packs")) == ("", "", "")


def test_nothing_known_yet() -> None:
    """A pack that was never read is not well; to watch none is said."""
    state = State(checks=Checks(polled_at=NOW))

    def said(*names: str) -> str:
        terms = Terms(selection=Selection(names=names), minimum_age=0.0)
        return _Reader(page(published(state, (), terms, "1.2.3"))).of("header")

    assert "No packs are watched." in said()
    assert "Nothing is known yet of 2 watched packs." in said("a", "b")
    state = replace(state, snapshot=Snapshot(nodes={"a": known(version(), node="a")}))
    counts = "1 unread 1 ok of 2 watched packs"
    assert f"No ban in the last 30 days. {counts}" in said("a", "b")
    unread = replace(state.checks, streaks={About.NODE: {"a": _FAILED}})
    state = replace(state, checks=unread)
    assert "The last poll could not read 1 pack. As the" in said("a", "b")


def test_nothing_was_read() -> None:
    """If the last poll could read nothing, it says so, and that the rest is older."""
    found = _read(version(), streaks={About.NODE: {"*": _FAILED}})
    assert "The last poll could read none of the watched packs." in found.of("header")
    assert "What follows is what earlier polls saw." in found.of("header")
    assert _tone(found) == "warning"
    assert f"{PACK} unread" in found.of("news")
    assert "no answer" not in found.of("news")


def test_pages_that_were_not_read() -> None:
    """A sweep that lacked pages is mentioned."""
    lacking = {About.REGISTRY: {INCOMPLETE: _FAILED}}
    found = _read(version(), streaks=lacking).of("header")
    assert "The last poll could not read all pages of the registry." in found


# What is bad


def test_the_worst_version_comes_first() -> None:
    """What is banned comes before what is flagged; how the pack stands is said if no version there says it."""
    found = _read(
        version("1.0"),
        version("1.1", "banned"),
        version("1.2", "flagged"),
        version("1.3", deprecated=True),
    )
    assert found.all("article")[0]["class"] == "critical"
    assert re.search(
        r"Some-Pack deprecated 1\.1 banned 1\.2 flagged Not banned: 1\.0\.\Z",
        found.of("news"),
    )


def test_news_come_first() -> None:
    """The packs are in the order in which what is bad was seen, whatever it is; of one poll the worst comes first.

    Good news do not count.
    """
    nodes = {
        name: known(version("1.0", status), node=name)
        for name, status in (
            ("old-ban", "banned"),
            ("ban", "banned"),
            ("flag", "flagged"),
            ("last", "flagged"),
            ("before-the-watch", "flagged"),
        )
    }
    seen = {"old-ban": -90_000, "flag": -60, "ban": -60, "last": 0}
    events = [
        event(name, node=name, version="1.0", version_id="id-1.0", at=minute(at))
        for name, at in seen.items()
    ]
    events.append(event("good", Kind.NEW, node="before-the-watch"))
    state = _state(nodes)
    found = _Reader(page(published(state, events, _ALL, "1.2.3")))
    order = ["last", "ban", "flag", "old-ban", "before-the-watch"]
    assert re.findall(r"(\S+) 1\.0 (?:banned|flagged)", found.of("news")) == order


def test_a_new_flag_is_not_behind_old_bans() -> None:
    """Of a pack with many bad versions those are shown that were seen last."""
    versions = [version(f"1.{number}", "banned") for number in range(8)]
    bans = {one.key: Ban(since=CHECKED, changed=NOW) for one in versions}
    last = event(version="0.9", version_id="id-0.9", at=NOW)
    found = _read(version("0.9", "flagged"), *versions, bans=bans, events=(last,))
    assert f"{PACK} 0.9 flagged seen 2026-03-02 1." in found.of("news")


def test_the_worst_that_is_run_is_not_behind_flags() -> None:
    """Of a pack of which many versions are run the worst is shown, though others were seen after it."""
    texts = [f"1.{number}" for number in range(8)]
    versions = [version(text, "flagged") for text in texts]
    run = [exposed_to("flagged", text, "home").copies[0] for text in texts]
    banned = exposed_to("banned", "0.9", "home").copies[0]
    events = tuple(
        event(text, version=text, version_id=f"id-{text}", at=NOW) for text in texts
    )
    found = _read(
        version("0.9", "banned"),
        *versions,
        events=events,
        exposures={PACK: Exposure(copies=(banned, *run))},
    )
    for part in ("run", "news"):
        assert re.search(r"0\.9 banned", found.of(part)), part


def test_what_is_beside_the_news() -> None:
    """What is bad and run, and the bans of 30 days, each with a way to the pack on the page: the cards are for news."""
    since = Ban(since=CHECKED, changed=NOW)
    flagged = (version("1.0"), version("0.9", "flagged"))
    new = {f"new-{n}": known(*flagged, node=f"new-{n}") for n in range(MOST_CARDS)}
    nodes = new | {
        "run": known(version("1.0", "flagged"), node="run"),
        "pack": known(version("1.0", "banned"), node="pack", bans={"id-1.0": since}),
        "whole": known(node="whole", banned=True, bans={"": since}),
    }
    ban = event("b", Kind.BANNED, node="pack", version="1.0", version_id="id-1.0")
    whole = replace(ban, id="w", node="whole", version=None, version_id=None)
    events = [
        replace(ban, id="again", at=minute(-3 * 24 * 60)),
        replace(whole, at=minute(-2 * 24 * 60)),
        replace(ban, at=CHECKED),
        replace(ban, id="run", kind=Kind.EXPOSED, after="banned"),
        *(event(name, node=name, version="0.9", version_id="id-0.9") for name in new),
    ]
    state = running(_state(nodes), run=exposed_to("flagged", "1.0", "home"))
    found = _Reader(page(published(state, events, _ALL, "1.2.3")))
    assert found.of("run") == "What is bad and you run run 1.0 flagged"
    assert found.of("bans").endswith(
        "30 days 2026-03-01 pack 1.0 record 2026-02-28 whole the whole pack record"
    )
    assert "2 bans in the last 30 days." in found.of("header")
    ways = [one["href"] for one in found.all("a") if one["href"].startswith("#")]
    assert ways == ["#pack-run", "#pack-pack", "#pack-whole"]
    ids = [one.get("id", "") for _, one in found.elements]
    anchors = [one for one in ids if one.startswith("pack-")]
    assert sorted(anchors) == sorted(f"pack-{name}" for name in nodes)
    quiet = _read(version())
    assert quiet.of("bans").endswith("None.")
    assert quiet.of("run") == ""


def test_an_id_that_can_be_no_anchor() -> None:
    """Its place has a name of our own; one that is a path has no link."""
    odd = 'a" onload="b'
    nodes = {
        one: known(version("1.0", "banned"), node=one) for one in (odd, "..", "A.b-2")
    }
    state = _state(nodes)
    found = _Reader(page(published(state, (), _ALL, "1.2.3")))
    first, second, usual = [card["id"] for card in found.all("article")]
    assert re.fullmatch("(pack-[0-9a-f]{16}){2}", first + second)
    assert usual == "pack-a.b-2"
    assert not any(".." in link["href"] for link in found.all("a"))


def test_why_it_is_flagged() -> None:
    """A flag says what the scanner found, or the reason if not all of that is known, and when it was seen."""
    item = ScanFinding(
        rule="python_bytecode_manipulation", severity="info", file="a.py", line=7
    )
    scan = Scan(items=(item,), count=1, is_whole=True)
    why = "Informational findings: imports or compiles code at run time, in a.py:7."
    seen = event(version="1.1", version_id="id-1.1", reason="1 finding")

    def said(scan: Scan) -> str:
        scans = {"id-1.1": scan}
        return _read(version("1.1", "flagged"), scans=scans, events=(seen,)).of("news")

    assert f"1.1 flagged seen 2026-03-02 {why}" in said(scan)
    part = said(replace(scan, count=2, is_whole=False))
    assert part.endswith("1.1 flagged seen 2026-03-02 Reason: 1 finding.")
    calm = _read(version("1.1", "flagged"), scans={"id-1.1": HARMLESS})
    assert "1.1 flagged (info) " in calm.of("news")


def test_why_it_is_banned() -> None:
    """A ban gives the registry's reason; one that is over gives none for a flag that came after it."""
    ban = Ban(since=CHECKED, changed=NOW, reason="Breaks the rules")
    said = "1.1 banned seen 2026-03-01 record Reason: Breaks the rules."
    first = event(
        kind=Kind.BANNED, version="1.1", version_id="id-1.1", reason="At first"
    )
    terms: dict[str, Any] = {"events": (first,), "scans": {"id-1.1": HARMLESS}}
    found = _read(version("1.1", "banned"), bans={"id-1.1": ban}, **terms)
    assert said in found.of("news")
    over = Ban(since=CHECKED, until=NOW, changed=NOW, reason="Breaks the rules")
    found = _read(version("1.1", "flagged"), bans={"id-1.1": over})
    assert "rules" not in found.of("news")


def test_a_ban_from_before_the_watch_has_no_day() -> None:
    """A ban that the first listing showed is among those of no days: nobody knows when it began."""
    ban = Ban(since=CHECKED, changed=CHECKED)
    first = version("1.1", "banned")
    found = _read(first, bans={"id-1.1": ban}, baseline_at=CHECKED)
    assert "No ban in the last 30 days." in found.of("header")
    assert "1.1 banned record" in found.of("news")


def test_a_whole_pack() -> None:
    """The ban of a whole pack has its reason, and no version is advised."""
    ban = Ban(since=CHECKED, changed=NOW, reason="Breaks the rules")
    found = _read(version("1.0", "flagged"), banned=True, bans={"": ban})
    assert found.all("article")[0]["class"] == "critical"
    assert "The whole pack is banned: Breaks the rules." in found.of("news")
    assert "1 banned of 1 watched pack" in found.of("header")
    assert "good version" not in found.of("news")
    run = _run("banned", "1.0", version("1.0"), banned=True, bans={"": ban})
    assert f"Breaks the rules. record 1.0 banned you run it {STOP}" in run
    assert "ot banned" not in run


def test_a_young_version() -> None:
    """For want of one that is old enough it is advised, with its age."""
    terms = replace(_ALL, minimum_age=7 * 86_400.0)
    young = version("1.1", created_at="2026-03-01T00:00:00Z")
    versions = (version("0.9", "flagged"), young)
    said = "The newest good version is 1.1 (out for 1 day)."
    assert said in _run("flagged", "0.9", *versions, terms=terms)


def test_a_ban_advises_nothing() -> None:
    """Where a version is banned, what is not is a fact; why is known of what is run from its event, if from nowhere."""
    exposed = event(
        kind=Kind.EXPOSED, version_id="id-1.1", after="banned", reason="it steals"
    )
    versions = (version("1.0"), version("1.1", "banned"))
    said = _run("banned", "1.1", *versions, events=(exposed,))
    assert f"Reason: it steals. {STOP} Not banned: 1.0." in said
    milder = replace(exposed, after="flagged")
    assert "it steals" not in _run("banned", "1.1", *versions, events=(milder,))


def test_nothing_is_advised_about_what_nobody_runs() -> None:
    """No version is named beside a flag or a deprecation."""
    mild = version("1.1", "flagged"), version("1.2", deprecated=True)
    assert "good version" not in _read(version("1.0"), *mild).of("news")


def test_what_is_run() -> None:
    """What is run and bad comes first and is marked."""
    versions = (version("1.0"), version("1.1", "flagged"), version("1.2", "banned"))
    flagged = exposed_to("flagged", "1.1", "home")
    banned = exposed_to("banned", "0.9", "home")
    known_of = exposed_to("banned", "0.8", "home", accepted=True)
    copies = (*known_of.copies, *banned.copies, *flagged.copies)
    exposures = {PACK: replace(flagged, copies=copies)}
    said = _read(*versions, run="1.1", exposures=exposures)
    run = "0.9 banned you run it 1.1 flagged you run it 1.2 banned"
    assert f"0.8 banned you run it Accepted. {run}" in said.of("news")
    assert "You run 1 bad pack." in said.of("header")
    assert "Some-Pack banned 1.0 you run " in said.of("packs")
    assert said.of("run").endswith("Some-Pack 0.9 banned 1.1 flagged")
    for calm in ("outdated", "pending"):
        assert "0.9" not in _run(calm, "0.9", *versions)


def test_what_is_accepted() -> None:
    """What is run and accepted is no reason to look at it first, and it says that it is accepted."""
    deleted, flagged = (
        exposed_to(*one, "home", accepted=True)
        for one in (("deleted", "0.9"), ("flagged", "v1.1"))
    )
    both = replace(flagged, copies=(*deleted.copies, *flagged.copies))
    found = _read(version("1.1", "flagged"), run="v1.1", exposures={PACK: both})
    assert found.of("news").count("you run it Accepted.") == 2
    assert found.all("article")[0]["class"] == "ok"
    assert "Nothing that you run is bad." in found.of("header")
    assert found.of("run").endswith("Nothing.")


def test_many() -> None:
    """Of many packs, versions and events only some are shown, and the rest of the packs and versions is counted."""
    found = _Reader(page(_many(MOST_ROWS + 7)))
    assert len(found.all("article")) == MOST_CARDS == 24
    for section in ("news", "run", "bans"):
        assert f"And {MOST_ROWS + 7 - 24} more." in found.of(section)
    assert "And 7 more." in found.of("packs")
    versions = [version(f"1.{number}", "banned") for number in range(8)]
    assert "And 3 more." in _read(*versions).of("news")
    events = tuple(
        event(f"e{number}", Kind.NEW, at=minute(-number))
        for number in reversed(range(MOST_EVENTS + 9))
    )
    listed = _read(version(), events=events).of("events")
    assert listed.count("New") == MOST_EVENTS


# What happened


def test_the_latest_events() -> None:
    """Warnings and other news are listed apart, the latest poll first, in the words of alerts.

    Of a poll the worst comes first, so that what has no room is not the ban.
    """
    copy = Copy(install="home", version="1.0", enabled=True)
    events = (
        event("e1", Kind.NEW, at=minute(-9), version="0.8", published=minute(-99)),
        event("e2", at=minute(-9), version="0.9", before="pending"),
        event("e3", at=NOW, version="1.0", installed=(copy,)),
        event("e4", Kind.BANNED, at=NOW, version="1.1", reason="Breaks the rules"),
        event("e5", Kind.FAILING, node=None, version=None),
    )
    assert _read(version(), events=events).of("events").partition("Latest")[2] == (
        " warnings"
        " 2026-03-02 BANNED Some-Pack 1.1. Reason: Breaks the rules."
        " 2026-03-02 Flagged Some-Pack 1.0, which you run on home."
        " 2026-03-02 The registry cannot be read."
        " 2026-03-01 Flagged Some-Pack 0.9. Nobody has reviewed it. Was pending."
        " Other news 2026-03-01 New Some-Pack 0.8. Public for 1 hour."
    )
    ban, *flags = (
        event(f"e{number}", Kind.FLAGGED if number else Kind.BANNED, at=NOW)
        for number in range(MOST_EVENTS + 1)
    )
    for of_poll in ((ban, *flags), (*flags, ban)):
        assert "BANNED" in _read(version(), events=of_poll).of("events")


def test_a_baseline() -> None:
    """A baseline says what was found, and not what those will hear who get alerts."""
    facts: dict[str, Any] = {"node": None, "version": None, "after": None}
    one = event(kind=Kind.BASELINE, tally=Tally(packs=9, versions=20), **facts)
    found = _read(version(), events=(one,)).of("events")
    assert "Now watched: 9 node packs with 20 versions." in found


# Its form


def test_records_of_bans() -> None:
    """A ban links to its document, that of a version and of the whole pack; one that ended, or has none, does not."""
    since = Ban(since=CHECKED, changed=NOW)
    bans = {"": since, "id-1.0": since, "id-1.1": replace(since, until=NOW)}
    versions = (version("1.0", "banned"), version("1.1", "flagged"))
    shown = _public(*versions, bans=bans, banned=True)
    links = [link["href"] for link in _Reader(page(shown)).all("a")]
    texts = documents(shown)
    said = [json.loads(texts[one])["summary"] for one in links if one in texts]
    assert said == [
        f"{PACK} as a whole is banned from the Comfy Registry",
        f"{PACK} 1.0 is banned from the Comfy Registry",
    ]
    nameless = {"id-": since}
    assert "record" not in _read(version("", "banned"), bans=nameless).of("news")


def test_only_deprecated() -> None:
    """Of a pack of which nothing else is bad, it is said that its newest version is deprecated."""
    found = _read(version("1.0"), version("1.1", deprecated=True)).of("news")
    assert found.endswith("Some-Pack deprecated")
    run = _run("deprecated", "1.0", version("1.0", deprecated=True), version("1.1"))
    assert "Some-Pack 1.0 deprecated you run it The newest good" in run
    assert (
        _read(version("1.0", deprecated=True), version("1.1"))
        .of("news")
        .endswith("Nothing.")
    )


def test_untrusted_text() -> None:
    """A text of the registry is text, and cannot reorder ours."""
    odd = "<b>1</b>\u202e"
    exposures = {PACK: exposed_to("banned", odd, "home")}
    text = page(_public(version(odd, "banned"), run=odd, exposures=exposures))
    shown = "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}b&gt;1"
    assert text.count(shown) == text.count(f"<bdi>{shown}") == 3
    assert "\u202e" not in text


@pytest.mark.parametrize("name", ["page-light", "page-dark", "page-telephone"])
def test_the_pictures(name: str) -> None:
    """The pictures in docs/ show the page as it is now."""
    picture = (page_picture.IMAGES / f"{name}.png").read_bytes()
    assert page_picture.digest().encode() in picture, (
        "run python -m tests.support.page_picture"
    )


def test_a_pack_with_many_bad_versions() -> None:
    """Four times as many bad versions of a pack are about four times the work."""

    def calls(count: int) -> int:
        rows = [version(f"1.{number}.0", "banned") for number in range(count)]
        made = _state({PACK.lower(): known(*rows)})
        public = published(made, (), _ALL, "1.2.3")
        page(public)  # which compiles the template
        return calls_of(lambda: page(public))

    assert calls(400) < 6 * calls(100)
