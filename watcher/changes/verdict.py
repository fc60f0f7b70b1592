"""What the registry says of an installed pack: one verdict, the worst that holds. Pure.

`audit` and the watch of installs use it, so that they never disagree. A copy may be more than one pack, and the worst
of all that it may be counts (docs/behaviour.md, Events (Verdicts)).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from watcher.changes.facts import NOT_KNOWN, safe_version
from watcher.model.failure import Fault, ReadFailure
from watcher.model.pack import (
    PACK_STATUSES,
    Claim,
    Identity,
    Pack,
    PackKind,
    PackRecord,
    Verdict,
)
from watcher.model.precedence import is_same_version, precedence
from watcher.model.snapshot import Mark, Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    PENDING,
    STATUSES,
    Version,
    badness,
)
from watcher.text.repository import repository_key

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_BY_STATUS = {
    BANNED: Verdict.BANNED,
    FLAGGED: Verdict.FLAGGED,
    DELETED: Verdict.DELETED,
    PENDING: Verdict.PENDING,
    ACTIVE: Verdict.OK,
}
_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}


def rank(verdict: Verdict) -> int:
    """Return a key that sorts verdicts, the worst first."""
    return _RANKS[verdict]


class Missing(Enum):
    """What could not be read, or was not answered."""

    FILE = auto()
    """A file of the copy."""
    VERSIONS = auto()
    """The versions of the pack, or some of them."""
    PACK = auto()
    """Whether the whole pack is banned."""
    STATUS = auto()
    """What a status means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that is not known of a copy: the truth may be worse than its verdict."""

    of: Missing
    why: str
    """For a person; it holds untrusted text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the node that an id names."""

    node: Node | None = None
    """None if it was never read."""
    record: PackRecord | None = None
    """None if the registry has not answered about the pack as a whole, or does not know it."""
    statuses: tuple[str, ...] = STATUSES
    """Those that are watched."""
    no_node: str = ""
    """Why the node's versions are not known, or not all of them, for a person."""
    no_records: ReadFailure | None = None
    """Why there was no usable answer about packs as a whole. Where the registry does not have the endpoint at all
    (`NOT_FOUND`), verdicts rest on versions alone.
    """

    @property
    def is_banned(self) -> bool:
        """Whether the whole pack is banned."""
        return (self.node is not None and self.node.banned) or self._status == BANNED

    @property
    def is_deleted(self) -> bool:
        """Whether the whole pack is deleted."""
        return self._status == DELETED

    @property
    def is_complete(self) -> bool:
        """Whether every version of the watched statuses is known. An empty first listing shows that there is none."""
        node = self.node
        return node is not None and bool(
            node.baseline_at or (node.empty_since and not node.versions)
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether versions of some statuses are not watched, so that a version that is not listed may be there."""
        covered = self.node.statuses if self.node else ()
        return not (
            set(self.statuses) >= set(STATUSES)
            and set(covered or STATUSES) >= set(STATUSES)
        )

    @property
    def is_in_registry(self) -> bool:
        """Whether the registry has the pack, or a version of it, as far as it was seen."""
        node = self.node
        if self.record is not None or node is None or node.banned:
            return self.record is not None or node is not None
        left = any(node.marks.get(one.key) is not Mark.REMOVED for one in node.versions)
        return left and not node.turned_empty

    @property
    def safe_version(self) -> str | None:
        """The version to move to, as `facts.safe_version` has it."""
        if self.is_banned or self.is_deleted:
            return None
        if self.node is None:
            return NOT_KNOWN
        if (
            self.node.empty_since
            and not self.node.baseline_at
            and not self.node.versions
        ):
            return None
        return safe_version(self.node, self.statuses)

    @property
    def gap(self) -> Gap | None:
        """What is not known of the pack as a whole; None if that is known, or never will be."""
        failure = self.no_records
        is_absent = failure is not None and failure.fault is Fault.NOT_FOUND
        if self.is_banned or is_absent:
            return None
        if self.record is not None:
            status = self.record.status or "none"
            why = (
                f"the registry gives the pack a status that is not known here: {status}"
            )
            return None if status in PACK_STATUSES else Gap(of=Missing.STATUS, why=why)
        if not (failure or self.is_in_registry):
            return None
        why = f": {failure.error}" if failure else ""
        return Gap(
            of=Missing.PACK,
            why=f"the registry does not say whether the whole pack is banned{why}",
        )

    @property
    def _status(self) -> str:
        return self.record.status if self.record else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, and what it rests on."""

    verdict: Verdict
    id: str | None = None
    """The pack that the copy was judged as, as written; None without an id."""
    by: str = ""
    """What says that it is that pack, if not its own id and version do, for a person; it holds untrusted text."""
    of_pack: bool = False
    """It is about the pack as a whole, whatever its version."""
    listed: Version | None = None
    """The installed version as the registry lists it."""
    safe_version: str | None = NOT_KNOWN
    """The version to move to; None if there is none; `NOT_KNOWN`."""
    why: str = ""
    """Why the verdict is `unknown` or `delisted`, or what it rests on, for a person; it holds untrusted text."""
    gap: Gap | None = None


def judge(pack: Pack, known: Callable[[str], Known]) -> Judgement:
    """Return the worst verdict that holds for an installed pack, of all that it may be.

    `known` returns what is known of a node by its id.
    """
    each = judge_each(pack, known)
    worst = min(each, key=lambda one: rank(one.verdict))
    return replace(worst, gap=next((one.gap for one in each if one.gap), None))


def judge_each(pack: Pack, known: Callable[[str], Known]) -> list[Judgement]:
    """Return a judgement for each pack that a copy may be, its own id first; one without an id if there is none."""
    found = [
        _judge_as(pack, one, known(one.id))
        for one in identities(pack)
        if _may_be(one, known)
    ]
    if not found:
        found = [Judgement(verdict=Verdict.UNKNOWN, why=_why_nameless(pack))]
    if pack.unreadable:
        found = [
            replace(one, gap=Gap(of=Missing.FILE, why=pack.evidence)) for one in found
        ]
    return found


def identities(pack: Pack) -> list[Identity]:
    """Return what a copy may be, as far as the registry can be asked about it; its own id first."""
    own = [Identity(id=pack.id, by=Claim.FILE)] if pack.id is not None else []
    return [one for one in (*own, *pack.others) if _ID.fullmatch(one.id)]


def _may_be(one: Identity, known: Callable[[str], Known]) -> bool:
    """Return whether an identity counts: a folder may have any name, so there has to be such a pack."""
    of = known(one.id)
    return one.by is not Claim.FOLDER or of.is_in_registry or not of.is_complete


def _why_nameless(pack: Pack) -> str:
    """Return why the registry cannot be asked about a pack."""
    if pack.id:
        return "its id is none that the registry has"
    match pack.kind:
        case PackKind.FILE:
            return "a single file has no id"
        case PackKind.GIT:
            return "a clone that names no id"
        case _:
            return pack.evidence or "nothing in it says which pack it is"


def _judge_as(pack: Pack, one: Identity, known: Known) -> Judgement:
    """Return the worst that holds for a copy if it is the pack that an id names."""
    held = [*_of_pack(known), *_of_repository(pack, one, known)]
    if pack.kind is PackKind.REGISTRY:
        held += _of_absence(known)
    if (text := pack.claimed_version or pack.version) is None:
        held += _of_no_version(known)
    else:
        held += (
            _of_claim(text, known)
            if pack.kind is PackKind.GIT
            else _of_version(pack, text, known)
        )
    if gap := known.gap:
        held.append(Judgement(verdict=Verdict.UNKNOWN, why=gap.why, gap=gap))
    worst = min(held, key=lambda each: rank(each.verdict))
    return replace(
        worst,
        id=one.id,
        by=_by(pack, one, worst),
        safe_version=known.safe_version,
        gap=next((each.gap for each in held if each.gap), None),
    )


def _by(pack: Pack, one: Identity, judgement: Judgement) -> str:
    """Return what says that a copy is what it was judged as; "" where its own id and version do."""
    if one.id != pack.id and one.by is Claim.FOLDER:
        return f"its folder is named after {one.id}"
    if one.id != pack.id:
        return f"its {'.cnr-id' if one.by is Claim.CNR_ID else 'file'} says that it is {one.id}"
    if pack.kind is PackKind.GIT and judgement.verdict is not Verdict.UNKNOWN:
        is_by_version = (
            judgement.listed is not None and pack.claimed_version is not None
        )
        return (
            f"a clone whose file says {pack.claimed_version}"
            if is_by_version
            else f"a clone that claims to be {one.id}"
        )
    return ""


def _of_pack(known: Known) -> Iterator[Judgement]:
    """Yield what holds for the pack as a whole."""
    if known.is_banned:
        yield Judgement(verdict=Verdict.BANNED, of_pack=True)
    if known.is_deleted:
        yield Judgement(verdict=Verdict.DELETED, of_pack=True)


def _of_absence(known: Known) -> Iterator[Judgement]:
    """Yield that a pack from the registry is not there any more."""
    if known.is_complete and not known.is_in_registry and not known.is_narrowed:
        why = "the registry does not list this pack any more"
        yield Judgement(verdict=Verdict.DELISTED, of_pack=True, why=why)


def _of_repository(pack: Pack, one: Identity, known: Known) -> Iterator[Judgement]:
    """Yield that a copy of another repository may be anything; a clone has to show that it is of the registry's."""
    ours = repository_key(pack.repository or "")
    theirs = repository_key(known.record.repository if known.record else "")
    why = ""
    if ours and theirs and ours != theirs:
        why = f"claims to be {one.id}, whose repository is {theirs.removeprefix('github.com/')}"
    elif pack.kind is PackKind.GIT and not ours:
        why = f"a clone that claims to be {one.id}, without the address of a repository"
    elif pack.kind is PackKind.GIT and not known.is_in_registry:
        why = f"claims to be {one.id}, which the registry does not know"
    elif pack.kind is PackKind.GIT and not theirs:
        why = f"claims to be {one.id}, whose repository the registry does not name"
    if why:
        yield Judgement(verdict=Verdict.UNKNOWN, why=why)


def _of_version(pack: Pack, text: str, known: Known) -> Iterator[Judgement]:
    """Yield what holds for the version that a copy has."""
    if known.node is None:
        yield _unread(known)
        return
    found = find_version(text, known.node.listed)
    if found is None:
        yield _judge_unlisted(pack, text, known, known.node)
        return
    yield _judge_listed(found)
    safe = known.safe_version
    if safe and is_newer(safe, found.version):
        yield Judgement(verdict=Verdict.OUTDATED, listed=found)


def _of_claim(text: str, known: Known) -> Iterator[Judgement]:
    """Yield what holds for a version that is only claimed: it may be of any commit, so that it is never outdated."""
    found = find_version(text, known.node.listed) if known.node else None
    if found is not None:
        yield _judge_listed(found)
        return
    yield from _of_no_version(
        known, f"the registry does not have a version {text} of it"
    )


def _of_no_version(
    known: Known, why: str = "it does not say which version it is"
) -> Iterator[Judgement]:
    """Yield what holds for a copy that may be any version: what holds for all of them, the mildest."""
    if known.node is None or not known.is_complete:
        yield _unread(known)
        return
    yield Judgement(verdict=Verdict.UNKNOWN, why=why)
    mildest = max(
        map(_judge_listed, known.node.listed),
        key=lambda one: rank(one.verdict),
        default=None,
    )
    if mildest is not None and mildest.verdict is not Verdict.OK:
        worse = "" if mildest.verdict is Verdict.BANNED else " or worse"
        yield replace(
            mildest, listed=None, why=f"every version of it is {mildest.verdict}{worse}"
        )


def _unread(known: Known) -> Judgement:
    why = known.no_node or (
        "its versions are not all known"
        if known.node
        else "the registry has not been asked yet"
    )
    gap = Gap(of=Missing.VERSIONS, why=known.no_node) if known.no_node else None
    return Judgement(verdict=Verdict.UNKNOWN, why=why, gap=gap)


def _judge_listed(version: Version) -> Judgement:
    """Return what the registry says of a version that it lists."""
    verdict = _BY_STATUS.get(version.status, Verdict.UNKNOWN)
    why = f"the registry gives it a status that is not known here: {version.status}"
    gap = Gap(of=Missing.STATUS, why=why) if verdict is Verdict.UNKNOWN else None
    if version.deprecated:
        verdict = min(verdict, Verdict.DEPRECATED, key=rank)
    return Judgement(verdict=verdict, listed=version, why=why if gap else "", gap=gap)


def _judge_unlisted(pack: Pack, text: str, known: Known, node: Node) -> Judgement:
    """Return the verdict of a version that the registry does not list, as far as is known."""
    if not known.is_complete:
        return _unread(known)
    left = tuple(one for one in node.versions if node.marks.get(one.key) is Mark.LEFT)
    if known.is_narrowed or find_version(text, left):
        return Judgement(
            verdict=Verdict.UNKNOWN, why="its version has none of the watched statuses"
        )
    if pack.kind is not PackKind.REGISTRY:
        what = (
            f"a version {text} of it" if known.is_in_registry else f"a pack {pack.id}"
        )
        return Judgement(
            verdict=Verdict.UNKNOWN, why=f"the registry does not have {what}"
        )
    return Judgement(
        verdict=Verdict.DELISTED, why="the registry does not list this version any more"
    )


def find_version(text: str, versions: Iterable[Version]) -> Version | None:
    """Return the version that an installed pack says it is, also if it is written otherwise: `v1.2` is `1.2.0`.

    Of several the worst is returned.
    """
    return max(
        (one for one in versions if is_same_version(one.version, text)),
        key=badness,
        default=None,
    )


def is_newer(version: str, than: str) -> bool:
    """Return whether a version is newer than another; two ways to write one version are not."""
    return precedence(version)[:-1] > precedence(than)[:-1]
