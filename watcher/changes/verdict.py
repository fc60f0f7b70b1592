"""What the registry says of an installed pack: one verdict, the worst that holds. Pure.

`audit` and the watch of installs use it, so that they never disagree. A copy may be more than one pack, and the worst
of all that it may be counts (docs/behaviour.md, Events (Verdicts)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from watcher.changes.facts import newest_of, safe_version
from watcher.model.event import EXPOSURES
from watcher.model.finding import Finding, Grade, grade_of, rank, worst
from watcher.model.pack import (
    NODE_STATUSES,
    Claim,
    Identity,
    NodeRecord,
    Pack,
    PackKind,
    Verdict,
)
from watcher.model.reading import Fault, ReadFailure
from watcher.model.scan import Scan
from watcher.model.selection import NODE_ID
from watcher.model.snapshot import Mark, Node
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    PENDING,
    MinimumAge,
    SafeVersion,
    Version,
    badness,
    is_newer,
    is_same_version,
)
from watcher.text.repository import repository_key
from watcher.values import frozen

_BY_STATUS = {
    BANNED: Verdict.BANNED,
    FLAGGED: Verdict.FLAGGED,
    DELETED: Verdict.DELETED,
    PENDING: Verdict.PENDING,
    ACTIVE: Verdict.OK,
}


@frozen
class Knowledge:
    """What is known of the node that an id names."""

    node: Node | None = None
    """None if it was never read."""
    record: NodeRecord | None = None
    """None if the registry has not answered about the pack as a whole, or does not know it."""
    unreadable: frozenset[str] = frozenset()
    """Keys of versions of which the answer does not say readably whether they are deprecated."""
    minimum_age: MinimumAge
    """How old a version has to be to be advised."""
    reason: str = ""
    """A summary of why the pack as a whole is banned or deleted."""
    unread: ReadFailure | None = None
    """Why the node's versions are not known, or not all of them."""
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
        """Whether every version is known. An empty first listing shows that there is none."""
        node = self.node
        return node is not None and (bool(node.baseline_at) or _is_empty(node))

    @property
    def is_in_registry(self) -> bool:
        """Whether the registry has the pack, or a version of it, as far as it was seen."""
        node = self.node
        if self.record is not None or node is None or node.banned:
            return self.record is not None or node is not None
        left = any(one.mark is not Mark.REMOVED for one in node.versions)
        return left and not node.emptied

    @property
    def safe_version(self) -> SafeVersion | None:
        """The newest good version; None if that is not known."""
        if self.is_banned or self.is_deleted:
            return SafeVersion(None)
        if self.node is None:
            return None
        if _is_empty(self.node):
            return SafeVersion(None)
        return safe_version(self.node, self.minimum_age)

    @property
    def lack(self) -> str:
        """Why it is not known how the pack as a whole stands; "" if that is known, or never will be."""
        failure = self.no_records
        is_absent = failure is not None and failure.fault is Fault.NOT_FOUND
        if self.is_banned or is_absent:
            return ""
        if self.record is not None and self.record.status in NODE_STATUSES:
            return ""
        if self.record is not None:
            status = self.record.status or "none"
            return f"the registry gives the pack an unknown status: {status}"
        if failure is None and not self.is_in_registry:
            return ""
        why = f": {failure.error}" if failure else ""
        return f"the registry does not say whether the whole pack is banned{why}"

    def versions_meant(self, text: str) -> list[Version]:
        """Return the listed versions that a copy may have which says that it has this one, the worst first."""
        return find_versions(text, self.node.listed) if self.node else []

    def scan_of(self, version: Version) -> Scan | None:
        """Return what the scanner found in a version; None if that was not read."""
        found = self.node.find(version.key) if self.node else None
        return found.scan if found else None

    @property
    def _status(self) -> str:
        return self.record.status if self.record else ""


def _is_empty(node: Node) -> bool:
    """Return whether a first listing showed that it has no version."""
    return bool(node.empty_since) and not node.baseline_at and not node.versions


@frozen
class _Ground:
    """One thing that holds for a copy: a finding has the worst of them."""

    verdict: Verdict
    why: str = ""
    of_pack: bool = False
    row: Version | None = None
    scan: Scan | None = None
    """What the scanner found in `row`; None if that was not read."""
    unanswered: bool = False
    """The registry did not say what `why` is about, or said what is not known here."""

    @property
    def grade(self) -> Grade:
        """The verdict, and of a flag how bad it is."""
        return grade_of(self.verdict, self.scan)


def as_one(each: Sequence[Finding]) -> Finding:
    """Return the worst finding of a copy, with all that is not known of it. What is accepted hides nothing else."""
    bad = [one for one in each if one.verdict in EXPOSURES]
    not_accepted = [one for one in bad if one.acceptance is None]
    gaps = dict.fromkeys(gap for one in each for gap in one.gaps)
    return replace(worst(not_accepted or each), gaps=tuple(gaps))


def judge_each(
    install: str, pack: Pack, known: Callable[[str], Knowledge]
) -> list[Finding]:
    """Return a finding for each pack that a copy may be, its own id first; one without an id if there is none.

    `known` returns what is known of a node by its id.
    """
    found = [
        _judge_as(install, pack, one, known(one.id))
        for one in identities(pack)
        if _may_be(one, known)
    ]
    if not found:
        why = _why_nameless(pack)
        found = [Finding(install=install, pack=pack, verdict=Verdict.UNKNOWN, why=why)]
    if not pack.unreadable:
        return found
    gap = ReadFailure(install=install, error=f"{pack.folder}: {pack.evidence}")
    return [replace(one, gaps=(gap, *one.gaps)) for one in found]


def identities(pack: Pack) -> list[Identity]:
    """Return what a copy may be, as far as the registry can be asked about it; its own id first."""
    own = [Identity(id=pack.id, by=Claim.FILE)] if pack.id is not None else []
    return [one for one in (*own, *pack.others) if NODE_ID.fullmatch(one.id)]


def judged_version(pack: Pack, known: Knowledge) -> str | None:
    """Return the version by which a copy is judged: its own, else the newest one that a reference without one means.

    None if there is none.
    """
    if not pack.is_unpinned or known.node is None:
        return pack.claimed_version or pack.version
    listed = known.node.listed
    active = [one for one in listed if one.status == ACTIVE]
    best = newest_of(active or listed)
    return best.version if best else None


def _may_be(one: Identity, known: Callable[[str], Knowledge]) -> bool:
    """Return whether an identity counts: a folder may have any name, so there has to be such a pack."""
    if one.by is not Claim.FOLDER:
        return True
    of = known(one.id)
    # It counts until it is certain that there is no such pack.
    return of.is_in_registry or not of.is_complete


def _why_nameless(pack: Pack) -> str:
    """Return why the registry cannot be asked about a pack."""
    if pack.id:
        return "its id cannot be one of the registry"
    match pack.kind:
        case PackKind.FILE:
            return "a single file has no id"
        case PackKind.GIT if not pack.file:
            return "a clone that names no id"
        case _:
            return pack.evidence or "nothing in it says which pack it is"


def _judge_as(install: str, pack: Pack, one: Identity, known: Knowledge) -> Finding:
    """Return the worst that holds for a copy if it is the pack that an id names."""
    grounds = [*_of_pack(pack, known), *_of_repository(pack, one, known)]
    text = judged_version(pack, known)
    if pack.is_unpinned:
        grounds.append(_of_newest(text, one, known))
    elif text is None:
        grounds += _of_no_version(known)
    elif pack.kind is PackKind.GIT:
        grounds += _of_claim(text, known)
    else:
        grounds += _of_version(pack, text, known)
    if pack.unreadable:
        grounds.append(_Ground(verdict=Verdict.UNKNOWN, why=pack.evidence))
    lacks = [ground.why for ground in grounds if ground.unanswered]
    gaps = [ReadFailure(node=one.id, error=why) for why in lacks]
    if known.unread:
        gaps.insert(0, known.unread)
    if known.lack:
        grounds.append(_Ground(verdict=Verdict.UNKNOWN, why=known.lack))
        gaps.append(known.no_records or ReadFailure(node=one.id, error=known.lack))
    ground = min(grounds, key=lambda each: rank(each.grade))
    return Finding(
        install=install,
        pack=pack,
        verdict=ground.verdict,
        id=one.id,
        node=known.node.node if known.node else one.id,
        row=ground.row,
        scan=ground.scan,
        of_pack=ground.of_pack,
        safe_version=known.safe_version,
        at=known.minimum_age.now,
        by=_by(pack, one, ground),
        why=ground.why,
        may_be=_may_be_yet(text, known),
        detail=known.reason if ground.of_pack else "",
        gaps=tuple(gaps),
    )


def _may_be_yet(text: str | None, known: Knowledge) -> Verdict | None:
    """Return `Finding.may_be`, by the rows of a copy's version, or by all where it names none that is listed."""
    if known.node is None or not known.is_complete or known.lack:
        return None
    meant = known.versions_meant(text) if text is not None else []
    rows = meant or known.node.rows
    if any(one.status not in _BY_STATUS or one.key in known.unreadable for one in rows):
        return None
    each = [Verdict.DEPRECATED for one in rows if one.deprecated]
    each += [one for one in map(verdict_of, rows) if one in EXPOSURES]
    return min(each, key=rank, default=Verdict.OK)


def _by(pack: Pack, one: Identity, ground: _Ground) -> str:
    """Return what says that a copy is what it was judged as; "" where its own id and version do."""
    if pack.is_unpinned:
        return "not pinned"
    if one.by is Claim.FOLDER:
        return f"its folder is named after {one.id}"
    if one.by is Claim.REPOSITORY:
        return f"its repository is that of {one.id}"
    if one.id != pack.id:
        return f"its {'.cnr-id' if one.by is Claim.CNR_ID else 'file'} says that it is {one.id}"
    if pack.kind is not PackKind.GIT or ground.verdict is Verdict.UNKNOWN:
        return ""
    if ground.row is not None and pack.claimed_version is not None:
        return f"a clone whose file says {pack.claimed_version}"
    return f"a clone that claims to be {one.id}"


def _of_pack(pack: Pack, known: Knowledge) -> Iterator[_Ground]:
    """Yield what holds for the pack as a whole."""
    if known.is_banned:
        yield _Ground(verdict=Verdict.BANNED, of_pack=True, why="the whole pack")
    if known.is_deleted:
        yield _Ground(verdict=Verdict.DELETED, of_pack=True, why="the whole pack")
    is_gone = known.is_complete and not known.is_in_registry
    if pack.kind is PackKind.REGISTRY and is_gone:
        why = "the registry does not list this pack any more"
        yield _Ground(verdict=Verdict.DELISTED, of_pack=True, why=why)


def _of_repository(pack: Pack, one: Identity, known: Knowledge) -> Iterator[_Ground]:
    """Yield that a copy of another repository may be anything; a clone has to show that it is of the registry's."""
    ours = repository_key(pack.repository or "")
    theirs = repository_key(known.record.repository if known.record else "")
    why = ""
    if ours and theirs and ours != theirs:
        why = f"claims to be {one.id}, whose repository is {theirs.removeprefix('github.com/')}"
    elif pack.kind is not PackKind.GIT:
        return
    elif not ours:
        why = f"a clone that claims to be {one.id}, without the address of a repository"
    elif not known.is_in_registry:
        # Else the registry was not read, which is said of the version.
        if known.is_complete:
            why = f"claims to be {one.id}, which the registry does not know"
    elif not theirs:
        why = f"claims to be {one.id}, whose repository is not known"
    if why:
        yield _Ground(verdict=Verdict.UNKNOWN, why=why)


def _of_version(pack: Pack, text: str, known: Knowledge) -> Iterator[_Ground]:
    """Yield what holds for the version that a copy has."""
    found = known.versions_meant(text)
    if not found:
        yield _of_unlisted(pack, text, known)
        return
    yield from (_of_listed(one, known) for one in found)
    worst, safe = found[0], known.safe_version
    if safe is None or safe.version is None or safe.is_young:
        return
    if is_newer(safe.version, worst.version):
        yield _Ground(verdict=Verdict.OUTDATED, row=worst)


def _of_claim(text: str, known: Knowledge) -> Iterator[_Ground]:
    """Yield what holds for a version that is only claimed: it may be of any commit, so that it is never outdated."""
    found = known.versions_meant(text)
    yield from (_of_listed(one, known) for one in found)
    if not found:
        why = f"the registry does not have its version {text}"
        yield from _of_no_version(known, why)


def _of_newest(text: str | None, one: Identity, known: Knowledge) -> _Ground:
    """Return what holds for the newest version, which a reference without a version installs."""
    if known.node is None or not known.is_complete:
        return _of_unread(known)
    if text is None:
        what = f"a pack {one.id}" if not known.is_in_registry else "any version"
        why = f"the registry does not have {what}"
        return _Ground(verdict=Verdict.UNKNOWN, why=why)
    ground = _of_listed(known.versions_meant(text)[0], known)
    is_active = ground.row is not None and ground.row.status == ACTIVE
    what = "the newest active version" if is_active else "the newest version"
    return replace(ground, why=ground.why or f"judged by {text}, {what}")


def _of_no_version(
    known: Knowledge, why: str = "it does not say which version it is"
) -> Iterator[_Ground]:
    """Yield what holds for a copy that may be any version: what holds for all of them, the mildest."""
    if known.node is None or not known.is_complete:
        yield _of_unread(known)
        return
    yield _Ground(verdict=Verdict.UNKNOWN, why=why)
    # It may be any of them: only what holds for all is certain, and of no flag that its findings are known.
    every = [
        replace(_of_listed(version, known), scan=None) for version in known.node.listed
    ]
    mildest = max(every, key=lambda one: rank(one.grade), default=None)
    if mildest is not None and mildest.verdict is not Verdict.OK:
        worse = "" if mildest.verdict is Verdict.BANNED else " or worse"
        why = f"every version of it is {mildest.verdict}{worse}"
        yield replace(mildest, row=None, why=mildest.why or why)


def _of_unread(known: Knowledge) -> _Ground:
    """Return what holds where not every version is known."""
    why = "the registry has not been asked yet"
    if known.unread:
        why = f"it could not be checked: {known.unread.error}"
    elif known.node:
        why = "its versions are not all known"
    return _Ground(verdict=Verdict.UNKNOWN, why=why)


def verdict_of(version: Version) -> Verdict:
    """Return how bad a version is by its row alone."""
    verdict = _BY_STATUS.get(version.status, Verdict.UNKNOWN)
    return min(verdict, Verdict.DEPRECATED, key=rank) if version.deprecated else verdict


def _of_listed(version: Version, known: Knowledge) -> _Ground:
    """Return what the registry says of a version that it lists."""
    verdict = verdict_of(version)
    is_unknown = version.status not in _BY_STATUS
    why = f"the registry gives it an unknown status: {version.status}"
    if verdict is Verdict.OK and version.key in known.unreadable:
        why = "the registry's answer does not show whether it is deprecated"
        return _Ground(verdict=Verdict.UNKNOWN, row=version, why=why)
    return _Ground(
        verdict=verdict,
        row=version,
        scan=known.scan_of(version),
        why=why if is_unknown else "",
        unanswered=is_unknown,
    )


def _of_unlisted(pack: Pack, text: str, known: Knowledge) -> _Ground:
    """Return what holds for a version that the registry does not list, as far as is known."""
    node = known.node
    if node is None or not known.is_complete:
        return _of_unread(known)
    if pack.kind is PackKind.REGISTRY:
        why = "the registry does not list this version any more"
        return _Ground(verdict=Verdict.DELISTED, why=why)
    what = f"its version {text}" if known.is_in_registry else f"a pack {pack.id}"
    why = f"the registry does not have {what}"
    return _Ground(verdict=Verdict.UNKNOWN, why=why)


def find_versions(text: str, versions: Iterable[Version]) -> list[Version]:
    """Return the versions that a text names, also if it is written otherwise (`v1.2` is `1.2.0`), the worst first."""
    same = [one for one in versions if is_same_version(one.version, text)]
    return sorted(same, key=badness, reverse=True)
