"""What ends something is as bad as that was, in every life of a pack and of what is installed of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import (
    PACK,
    committed,
    minute,
    version,
    watch,
)
from tests.support.parameters import examples
from watcher.changes.facts import VersionKey
from watcher.model.event import Event, Grade, Kind, Severity, worst_of
from watcher.model.pack import (
    NodeRecord,
    NodeRecords,
    Pack,
    PackKind,
    Scanned,
    Source,
    SourceKind,
)
from watcher.model.reading import Fault, Listing, NodeBanned, ReadFailure, Reading
from watcher.model.scan import Scan, ScanFinding
from watcher.model.snapshot import Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    PENDING,
    Version,
    in_order,
)
from watcher.polling.poll import salted
from watcher.polling.reading.compare import compare, explained, wanted_reasons
from watcher.polling.reading.plan import make_plan, with_records
from watcher.polling.reading.read import Answers
from watcher.state import documents
from watcher.state.model import State
from watcher.text.status_reason import Reason

KEY = PACK.lower()
STUDIO = Source(name="studio", kind=SourceKind.PATH, where="/studio")
BAD = {FLAGGED: Kind.FLAGGED, BANNED: Kind.BANNED, DELETED: Kind.DELETED}


def _reason(severity: str) -> Reason:
    """Make a reason with one finding; whatever the version, it is the same one."""
    finding = ScanFinding(rule="net", severity=severity, file="x.py", line=1)
    return Reason(summary="why", scan=Scan(items=(finding,), count=1, is_whole=True))


_FOUND = st.sampled_from(["info", "info", "high", ""])


@dataclass(frozen=True, kw_only=True)
class Step:
    """What happens before one poll, and what the poll meets."""

    moves: dict[str, str]
    """By version text: the status that it gets, or what else happens to it; "" where nothing does."""
    answer: str = "whole"
    """How the registry answers: with a `whole` listing, one that is `cut`, a `ban` of the pack, or not at all (`none`).
    """
    record: str = ACTIVE
    """The pack's status by `GET /nodes`."""
    found: dict[str, str] = field(default_factory=dict)
    """By version text: the severity of what the scanner found; "" where the reason cannot be read."""
    runs: str | None = None
    """The installed version; None if there is none."""
    unseen: bool = False
    """The install cannot be scanned."""


_VERSIONS = ["1.0", "2.0", "3.0"]
_GONE, _DEPRECATED, _NAMELESS = "gone", "deprecated", "nameless"
_RARE = [
    *([PENDING] * 4),
    BANNED,
    DELETED,
    "Quarantined",
    _GONE,
    _DEPRECATED,
    _NAMELESS,
]
_MOVES = st.sampled_from([*([""] * 8), *([ACTIVE] * 4), *([FLAGGED] * 4), *_RARE])


def steps(
    runs: st.SearchStrategy[str | None] = st.none(),  # noqa: B008 - made once
) -> st.SearchStrategy[Step]:
    """Make up a poll."""
    return st.builds(
        Step,
        moves=st.fixed_dictionaries(dict.fromkeys(_VERSIONS, _MOVES)),
        answer=st.sampled_from(["whole"] * 12 + ["cut", "cut", "ban", "none"]),
        record=st.sampled_from([ACTIVE] * 15 + [BANNED]),
        found=st.fixed_dictionaries(dict.fromkeys(_VERSIONS, _FOUND)),
        runs=runs,
        unseen=st.sampled_from([False] * 7 + [True]),
    )


def _moved(one: Version, move: str) -> Version | None:
    """Return a version after a move; None if it is not listed any more."""
    match move:
        case "gone":
            return None
        case "deprecated":
            return replace(one, deprecated=not one.deprecated)
        case "nameless":
            return replace(one, id="" if one.id else f"id-{one.version}")
        case _:
            return replace(one, status=move)


@dataclass
class Life:
    """Polls of one pack, with a restart between any two: only what the state's file holds is kept."""

    baseline: str = "summary"
    has_installs: bool = False
    state: State = field(default_factory=State)
    number: int = 0
    picture: dict[str, Version] = field(
        default_factory=lambda: {text: version(text) for text in _VERSIONS[:2]}
    )
    """What the registry has of the pack, by version text."""

    @property
    def listed(self) -> tuple[Version, ...]:
        """The versions that an answer shows."""
        return in_order(self.picture.values())

    def _move(self, step: Step) -> None:
        for text, move in step.moves.items():
            if not move:
                continue
            one = self.picture.pop(text, version(text))
            if (moved := _moved(one, move)) is not None:
                self.picture[text] = moved

    def poll(self, step: Step) -> tuple[Event, ...]:
        """Do what a poll does between its reading and its saving; return the events."""
        self.number += 1
        self._move(step)
        now = minute(self.number)
        config = watch(
            "http://registry",
            PACK,
            baseline=self.baseline,
            installs=(STUDIO,) if self.has_installs else (),
        )
        scans = self._scans(step)
        if self.has_installs:
            self.state = salted(self.state)
        plan = make_plan(config, self.state, scans, now)
        record = NodeRecord(id=PACK, status=step.record)
        packs = NodeRecords(records={KEY: record})
        seen = plan.answered(plan.seen(None), {KEY: self._answer(step, now)})
        answers = Answers(seen=with_records(seen, packs), packs=packs)
        change = compare(config, plan, answers, (), scans)
        wanted = wanted_reasons(config, change)
        reasons = _read(step, wanted, change.snapshot.nodes.get(KEY))
        change = explained(config, change, reasons, self.state.snapshot.nodes)
        saved = documents.write_snapshot(committed(change.snapshot))
        self.state = replace(
            self.state,
            snapshot=documents.read_snapshot(saved),
            checks=change.checks,
            installs=change.installs,
        )
        return change.events

    def _scans(self, step: Step) -> dict[str, Scanned]:
        if not self.has_installs:
            return {}
        if step.unseen:
            last = self.state.installs.get("studio")
            return {"studio": Scanned(name="studio", packs=last, error="unmounted")}
        found: tuple[Pack, ...] = ()
        if step.runs is not None:
            found = (
                Pack(folder=PACK, kind=PackKind.REGISTRY, id=PACK, version=step.runs),
            )
        return {"studio": Scanned(name="studio", packs=found)}

    def _answer(self, step: Step, now: str) -> Reading:
        match step.answer:
            case "ban":
                return NodeBanned(node=PACK, message="Node banned")
            case "none":
                return ReadFailure(node=PACK, error="HTTP 500", fault=Fault.OWN)
            case _:
                return Listing(
                    node=PACK,
                    versions=self.listed,
                    at=now,
                    incomplete="it was cut short" if step.answer == "cut" else "",
                    spelling=PACK,
                )


def _read(
    step: Step, wanted: Iterable[tuple[str, str]], node: Node | None
) -> dict[VersionKey, Reason]:
    """Return the reasons that a poll reads: of what it wants, and of flagged versions in the same answers."""
    keys = {key for _, key in wanted}
    if node is not None and keys:
        keys |= {one.key for one in node.rows if one.status == FLAGGED}
    found = {key: step.found.get(key.lstrip("id-=")) for key in keys}
    return {
        (KEY, key): _reason(severity) for key, severity in found.items() if severity
    }


@dataclass
class Reported:
    """How bad what was reported of versions is, and has not ended: the judge of `Event.ends`."""

    versions: dict[str, Severity] = field(default_factory=dict)
    """By version text, the worst since the version was active."""
    removed: set[str] = field(default_factory=set)

    def ended_by(self, end: Event) -> Severity | None:
        """Return how bad what an event ends is; None if it ends nothing that is looked at here."""
        match end.kind:
            case Kind.REINSTATED if end.version is not None:
                return self.versions.get(end.version, Severity.INFO)
            case Kind.REINSTATED if end.before == BANNED:
                return Severity.CRITICAL
            case Kind.REINSTATED | Kind.UNDEPRECATED | Kind.RECOVERED:
                return Severity.WARNING
            case _:
                return None

    def see(self, one: Event) -> None:
        """Take an event of a version."""
        if one.version is None:
            return
        if one.kind is Kind.REMOVED:
            self.removed.add(one.version)
        elif one.after == ACTIVE or one.before == "removed":
            self._begin(one.version)
        if one.kind in BAD.values():
            self._take(one.version, one.severity)

    def take(self, listed: Iterable[Version]) -> None:
        """Take what a listing shows and no event said: it counts as reported."""
        for one in listed:
            if one.version in self.removed:
                self._begin(one.version)
            if one.status in BAD and one.version not in self.versions:
                self._take(one.version, Grade(one.status).severity)

    def _begin(self, text: str) -> None:
        self.removed.discard(text)
        self.versions.pop(text, None)

    def _take(self, text: str, severity: Severity) -> None:
        before = self.versions.get(text, Severity.INFO)
        self.versions[text] = worst_of(before, severity)


@examples(500)
@given(
    st.lists(steps(), max_size=20),
    st.sampled_from(["summary", "silent"]),
)
def test_an_end_is_as_bad_as_what_it_ends(life: list[Step], baseline: str) -> None:
    """What ends something is as bad as the worst of that, whatever was between.

    No two events share an id, and nothing is removed that is listed.
    """
    lived, reported, is_banned = Life(baseline=baseline), Reported(), False
    ids: list[str] = []
    for step in life:
        for one in lived.poll(step):
            assert one.ends is reported.ended_by(one)
            assert one.kind is not Kind.REMOVED or one.version not in lived.picture
            reported.see(one)
            ids.append(one.id)
        # After a 403 only a whole listing shows how the versions are.
        is_banned = step.answer == "ban" or (is_banned and step.answer != "whole")
        if step.answer in {"whole", "cut"} and not is_banned:
            reported.take(lived.listed)
    assert len(ids) == len({*ids})


_RUN = st.sampled_from([*(["1.0"] * 8), "2.0", None])


@examples(500)
@given(st.lists(steps(runs=_RUN), max_size=20), st.sampled_from(["summary", "silent"]))
def test_what_was_run_has_an_end_as_bad(life: list[Step], baseline: str) -> None:
    """What is run and bad no more was ended by an event that is as bad as the worst that was reported of it."""
    lived = Life(baseline=baseline, has_installs=True)
    begun, ids = list[Severity](), list[str]()
    for step in life:
        events = lived.poll(step)
        ids += [one.id for one in events]
        begun += [
            one.severity for one in events if one.exposes or one.kind is Kind.EXPOSED
        ]
        cleared = [one.ends for one in events if one.kind is Kind.CLEARED]
        is_over = begun and not lived.state.snapshot.installed.exposures
        assert cleared == ([worst_of(*begun)] if is_over else [])
        if is_over:
            begun.clear()
    assert len(ids) == len({*ids})
