"""What the registry says of an installed pack: one verdict, the worst that holds. Pure.

`audit` and the watch of installs use it, so that they never disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from watcher.changes.facts import NOT_KNOWN, safe_version
from watcher.model.pack import Pack, PackKind, PackRecord, Verdict
from watcher.model.precedence import normalised, precedence
from watcher.model.snapshot import Mark, Node
from watcher.model.version import BANNED, DELETED, FLAGGED, STATUSES, Version, badness
from watcher.text.repository import repository_key

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


_BY_STATUS = {BANNED: Verdict.BANNED, FLAGGED: Verdict.FLAGGED, DELETED: Verdict.DELETED}
_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}


def rank(verdict: Verdict) -> int:
    """Return a key that sorts verdicts, the worst first."""
    return _RANKS[verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the node that a pack's id names."""

    node: Node | None = None
    """None if it was never read."""
    record: PackRecord | None = None
    """None if there is none: the registry gave no usable answer, or does not know the id."""
    statuses: tuple[str, ...] = STATUSES
    """Those that are watched."""
    no_node: str = ""
    """Why the node's versions are not known, or not all of them, for a person."""
    no_record: str = ""
    """Why there is no usable answer about the pack as a whole, for a person; "" if there is one."""

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
        return node is not None and bool(node.baseline_at or (node.empty_since and not node.versions))

    @property
    def safe_version(self) -> str | None:
        """The version to move to, as `facts.safe_version` has it."""
        if self.is_banned or self.is_deleted:
            return None
        if self.node is None:
            return NOT_KNOWN
        if self.node.empty_since and not self.node.baseline_at and not self.node.versions:
            return None
        return safe_version(self.node, self.statuses)

    @property
    def _status(self) -> str:
        return self.record.status if self.record else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A verdict, and what it rests on."""

    verdict: Verdict
    of_pack: bool = False
    """It is about the pack as a whole, whatever its version."""
    listed: Version | None = None
    """The installed version as the registry lists it."""
    safe_version: str | None = NOT_KNOWN
    """The version to move to; None if there is none; `NOT_KNOWN`."""
    why: str = ""
    """Why the verdict is `unknown`, `delisted`, or no more than it is, for a person; it holds untrusted text."""


def judge(pack: Pack, known: Known) -> Judgement:
    """Return the worst verdict that holds for an installed pack."""
    if why := _why_nameless(pack):
        return Judgement(verdict=Verdict.UNKNOWN, why=why)
    if pack.kind is PackKind.GIT:
        return _judge_clone(pack, known)
    judgement = replace(_judge_version(pack, known), safe_version=known.safe_version)
    whole = Verdict.BANNED if known.is_banned else Verdict.DELETED if known.is_deleted else Verdict.OK
    if rank(whole) <= rank(judgement.verdict) and whole is not Verdict.OK:
        return replace(judgement, verdict=whole, of_pack=True, why="")
    return judgement


def names_a_node(pack: Pack) -> bool:
    """Return whether a pack has an id that the registry can be asked about."""
    return pack.id is not None and _ID.fullmatch(pack.id) is not None


def _why_nameless(pack: Pack) -> str:
    """Return why the registry cannot be asked about a pack; "" if it can."""
    if names_a_node(pack):
        return ""
    if pack.id:
        return "its id is none that the registry has"
    match pack.kind:
        case PackKind.FILE:
            return "a single file has no id"
        case PackKind.GIT:
            return "a clone that names no id"
        case _:
            return pack.evidence or "nothing in it says which pack it is"


def _judge_clone(pack: Pack, known: Known) -> Judgement:
    """Return the verdict of a clone: it has no version, and its id counts if the registry has its repository for it."""
    claimed = f"claims to be {pack.id}"
    ours, theirs = (
        repository_key(pack.repository or ""),
        repository_key(known.record.repository if known.record else ""),
    )
    why = ""
    if not ours:
        why = f"a clone that {claimed}, without the address of a repository"
    elif known.record is None:
        why = known.no_record or f"{claimed}, which the registry does not know"
    elif not theirs:
        why = f"{claimed}, for which the registry names no repository"
    elif ours != theirs:
        why = f"{claimed}, whose repository is {theirs.removeprefix('github.com/')}"
    if why:
        return Judgement(verdict=Verdict.UNKNOWN, why=why)
    if known.is_banned or known.is_deleted:
        verdict = Verdict.BANNED if known.is_banned else Verdict.DELETED
        return Judgement(verdict=verdict, of_pack=True, safe_version=None)
    return Judgement(verdict=Verdict.OK, why="a clone: only bans of the whole pack show")


def _judge_version(pack: Pack, known: Known) -> Judgement:
    if pack.version is None:
        return Judgement(verdict=Verdict.UNKNOWN, why="it does not say which version it is")
    if known.node is None:
        return Judgement(verdict=Verdict.UNKNOWN, why=known.no_node or "the registry has not been asked yet")
    found = find_version(pack.version, known.node.listed)
    if found is None:
        return _judge_unlisted(pack, pack.version, known, known.node)
    verdicts = [_BY_STATUS.get(found.status, Verdict.OK if found.status in STATUSES else Verdict.UNKNOWN)]
    verdicts += [Verdict.DEPRECATED] if found.deprecated else []
    safe = known.safe_version
    verdicts += [Verdict.OUTDATED] if safe and is_newer(safe, found.version) else []
    verdict = min(verdicts, key=rank)
    why = f"the registry gives it a status that is not known here: {found.status}" if verdict is Verdict.UNKNOWN else ""
    return Judgement(verdict=verdict, listed=found, why=why)


def _judge_unlisted(pack: Pack, version: str, known: Known, node: Node) -> Judgement:
    """Return the verdict of a version that the registry does not list, as far as is known."""
    if not known.is_complete:
        return Judgement(verdict=Verdict.UNKNOWN, why=known.no_node or "its versions are not all known")
    left = tuple(one for one in node.versions if node.marks.get(one.key) is Mark.LEFT)
    narrowed = not set(known.statuses) >= set(STATUSES) or bool(
        node.statuses and not set(node.statuses) >= set(STATUSES)
    )
    if narrowed or find_version(version, left):
        return Judgement(verdict=Verdict.UNKNOWN, why="its version has none of the watched statuses")
    gone = not node.listed and known.record is None
    if pack.kind is not PackKind.REGISTRY:
        what = f"a pack {pack.id}" if gone else f"a version {version} of it"
        return Judgement(verdict=Verdict.UNKNOWN, why=f"the registry does not have {what}")
    what = "this pack" if gone else "this version"
    return Judgement(verdict=Verdict.DELISTED, of_pack=gone, why=f"the registry does not list {what} any more")


def find_version(text: str, versions: Iterable[Version]) -> Version | None:
    """Return the version that an installed pack says it is: with the same text, else the same one written otherwise.

    `v1.2` is `1.2.0`. Of several the worst is returned.
    """
    every = tuple(versions)
    same: Sequence[Version] = [one for one in every if one.version == text]
    if not same:
        key = normalised(text)
        same = [one for one in every if key is not None and normalised(one.version) == key]
    return max(same, key=badness, default=None)


def is_newer(version: str, than: str) -> bool:
    """Return whether a version is newer than another; two ways to write one version are not."""
    return precedence(version)[:-1] > precedence(than)[:-1]
