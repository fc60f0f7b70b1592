"""Nothing young is advised while an older version is good, in every life of a pack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace

import click
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.factories import NOW, PACK, poll_report, version, watch
from tests.support.parameters import examples
from watcher import timestamps
from watcher.alerts.digest import compose
from watcher.alerts.render import Format, plainest, render
from watcher.changes.exposure import copies_of, with_copies
from watcher.changes.facts import finished
from watcher.changes.verdict import as_one, judge_each
from watcher.cli import report
from watcher.cli.formats import table
from watcher.model.event import Event
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import Listing
from watcher.model.pack import (
    Inventory,
    Pack,
    PackKind,
    PackRecord,
    PackRecords,
    Scanned,
    Source,
    SourceKind,
    Verdict,
)
from watcher.model.precedence import is_prerelease, precedence
from watcher.model.version import (
    ACTIVE,
    BANNED,
    FLAGGED,
    PENDING,
    STATUSES,
    MinimumAge,
    Version,
    in_order,
)
from watcher.polling.audit import Audit
from watcher.polling.reading.compare import compare
from watcher.polling.reading.exposures import Known, with_installs
from watcher.polling.reading.nodes import Compared
from watcher.polling.reading.plan import make_plan
from watcher.polling.reading.read import Answers
from watcher.state import documents
from watcher.state.model import State
from watcher.state.overview import node_rows

KEY = PACK.lower()
STUDIO = Source(name="studio", kind=SourceKind.PATH, where="/studio")
HOUR = 3600.0
LEAST = 24 * HOUR
TEXTS = ("1.0.0", "1.1.0", "1.2.0", "2.0.0", "3.0.0-rc.1")
_VERSION = r"[`'\"]?([0-9][0-9A-Za-z.-]*[0-9A-Za-z])"
_ADVICE = re.compile(
    rf"(?:newest good version is|not banned:) {_VERSION}", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens before one poll, and what that meets."""

    hours: float
    """Since the poll before."""
    moves: dict[str, str]
    """By version text: the status that it gets, `deprecated` for the other deprecation, or "" for nothing."""
    created: str
    """When a version is created that comes now: some hours ago, or at a time that is none."""
    runs: str
    is_read: bool = True
    """Whether the registry answers."""
    is_saved: bool = True
    """Whether the poll gets as far as its commit."""


_MOVES = st.sampled_from(
    [*([""] * 9), *([ACTIVE] * 5), *([PENDING] * 3), FLAGGED, BANNED, "deprecated"]
)
STEPS = st.builds(
    Step,
    hours=st.sampled_from([0.25, 1, 7, 17, 23.9, 24, 40]),
    moves=st.fixed_dictionaries(dict.fromkeys(TEXTS, _MOVES)),
    created=st.sampled_from(["0", "0", "0", "5", "30", "-2", "", "soon"]),
    runs=st.sampled_from(TEXTS),
    is_read=st.sampled_from([True] * 7 + [False]),
    is_saved=st.sampled_from([True] * 7 + [False]),
)


@dataclass
class Model:
    """What somebody would say who saw the registry at each poll that was saved."""

    seen: dict[str, Version] = field(default_factory=dict)
    """By version text, as the last answer had it."""

    def look(self, picture: dict[str, Version]) -> None:
        """Take in what an answer shows."""
        self.seen = dict(picture)

    def _good(self) -> list[str]:
        return [
            text
            for text, one in self.seen.items()
            if one.status == ACTIVE and not one.deprecated
        ]

    def _is_old(self, text: str, now: str) -> bool:
        try:
            age = timestamps.seconds_between(self.seen[text].created_at, now)
        except ValueError:
            return False
        return age >= LEAST

    def old(self, now: str) -> list[str]:
        """Return the good versions that are old enough."""
        return [text for text in self._good() if self._is_old(text, now)]

    def advised(self, now: str) -> str | None:
        """Return the version to advise."""
        newest = max(self._good(), key=_place, default=None)
        return max(self.old(now), key=_place, default=newest)


def _place(text: str) -> tuple[object, ...]:
    return not is_prerelease(text), precedence(text)


@dataclass
class Life:
    """Polls of one pack, with a restart between any two: only what the state's file holds is kept."""

    now: str = NOW
    state: State = field(default_factory=State)
    model: Model = field(default_factory=Model)
    picture: dict[str, Version] = field(
        default_factory=lambda: {"1.0.0": version("1.0.0")}
    )

    def _move(self, step: Step) -> None:
        self.now = timestamps.later(self.now, step.hours * HOUR)
        created = step.created
        if re.fullmatch(r"-?\d+", created):
            created = timestamps.later(self.now, -int(created) * HOUR)
        for text, move in step.moves.items():
            old = self.picture.get(text)
            if move == "deprecated" and old:
                self.picture[text] = replace(old, deprecated=not old.deprecated)
            elif move in STATUSES:
                one = old or version(text, created_at=created)
                self.picture[text] = replace(one, status=move)

    def live(self, step: Step) -> None:
        """Let one poll happen, and hold all that it says against the model."""
        self._move(step)
        before = deepcopy(self.model)
        if step.is_read:
            self.model.look(self.picture)
        running = Pack(folder=PACK, kind=PackKind.REGISTRY, id=PACK, version=step.runs)
        saved, events = self._poll(step, running)
        if self.model.seen:
            self._judge(events, running, saved)
        if step.is_saved:
            self.state = saved
        else:
            self.model = before

    def _poll(self, step: Step, running: Pack) -> tuple[State, tuple[Event, ...]]:
        config = watch("http://registry", PACK, installs=(STUDIO,), minimum_age=LEAST)
        scans = {"studio": Scanned(packs=(running,))}
        plan = make_plan(config, self.state, scans, self.now)
        listing = Listing(
            node=PACK, versions=in_order(self.picture.values()), at=self.now
        )
        failure = ReadFailure(node=PACK, error="HTTP 500", fault=Fault.OWN)
        answers = Answers(
            nodes={KEY: listing if step.is_read else failure},
            packs=PackRecords(records={KEY: PackRecord(id=PACK, status=ACTIVE)}),
        )
        change = compare(config, plan, answers, ())
        change = with_installs(config, plan, answers, change, scans)
        events = with_copies(change.events, copies_of(change.installs))
        age = MinimumAge(seconds=LEAST, now=self.now)
        snapshot, events = finished(events, change.snapshot, {}, age)
        state = replace(
            self.state,
            snapshot=documents.read_snapshot(documents.write_snapshot(snapshot)),
            checks=change.checks,
            installs=change.installs,
        )
        events = tuple(
            documents.read_event(documents.write_event(one)) for one in events
        )
        return state, events

    def _judge(self, events: Iterable[Event], running: Pack, saved: State) -> None:
        advised = self.model.advised(self.now)
        is_young = advised is not None and advised not in self.model.old(self.now)
        events = tuple(one for one in events if one.node is not None)
        for event in events:
            safe = event.safe_version
            assert safe is not None
            assert (safe.version, safe.is_young) == (advised, is_young)
        audit = self._audit(running, saved)
        self._judge_outdated(running, saved, audit.findings[0].verdict)
        for text in _texts(events, audit):
            assert set(_ADVICE.findall(text)) <= {advised}, text
            assert is_young or "out for" not in text, text

    def _judge_outdated(self, running: Pack, saved: State, verdict: Verdict) -> None:
        """`status` and `audit` call outdated what runs an older version than a good one that is old enough."""
        with_pack = replace(saved, installs={"studio": (running,)})
        age = MinimumAge(seconds=LEAST, now=self.now)
        (row,) = node_rows([PACK], with_pack, age)
        best = max(self.model.old(self.now), key=_place, default="")
        is_outdated = precedence(best) > precedence(running.version or "")
        assert row.outdated == is_outdated
        if verdict in {Verdict.OUTDATED, Verdict.OK}:
            assert (verdict is Verdict.OUTDATED) == is_outdated

    def _audit(self, running: Pack, saved: State) -> Audit:
        """Return what `audit` says beside such a state."""
        known = Known(
            found=Compared(),
            nodes=saved.snapshot.nodes,
            records={KEY: PackRecord(id=PACK, status=ACTIVE)},
            failure=None,
            minimum_age=MinimumAge(seconds=LEAST, now=self.now),
        )
        finding = as_one(judge_each("studio", running, known.of))
        inventory = Inventory(install="studio", packs=(running,))
        named = replace(finding, named=True)
        return Audit(
            inventories=(inventory, replace(inventory, named=True)),
            findings=(finding, named),
            problems=(),
        )


def _texts(events: tuple[Event, ...], audit: Audit) -> Iterator[str]:
    """Yield what each output says."""
    yield from table.lines(audit, 0, None)
    if not events:
        return
    digest = compose(events)
    for form in Format:
        yield render(digest, form, 20_000, 100).body
    yield render(digest, Format.ASCII, 160, 100, 1).body
    yield plainest(digest).body
    lines = report.lines(poll_report(*events), dry_run=False)
    yield "\n".join(map(click.unstyle, lines))
    # A message that is merged from several polls has the last word of each pack.
    alone = (compose((one,)) for one in events)
    yield from (render(one, Format.TEXT, 20_000, 100).body for one in alone)


def _step(
    hours: float = 1, runs: str = "1.0.0", created: str = "0", **moves: str
) -> Step:
    names = {"a": "1.0.0", "b": "1.1.0", "c": "1.2.0", "d": "2.0.0"}
    texts = {names[name]: move for name, move in moves.items()}
    return Step(hours=hours, moves=texts, created=created, runs=runs)


@examples(100)
@given(st.lists(STEPS, min_size=1, max_size=8))
@example([_step(b=ACTIVE, created="30"), _step(runs="1.1.0"), _step()])
@example([_step(b=ACTIVE), _step(a="deprecated")])
@example([_step(), _step(b=ACTIVE), _step(a=FLAGGED), _step(24, a=BANNED)])
@example([_step(), _step(b=PENDING, created="40"), _step(b=ACTIVE), _step(24)])
@example([_step(b=PENDING), _step(b=ACTIVE), _step(c=ACTIVE), _step(23.9), _step(1)])
@example([_step(), _step(a=FLAGGED, b=ACTIVE, created="soon"), _step(99, a=BANNED)])
def test_what_is_advised_is_old(steps: list[Step]) -> None:
    """Each event and text has the version that a simple model advises."""
    life = Life()
    for step in steps:
        life.live(step)
