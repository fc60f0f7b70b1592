"""What the registry says of an installed pack: one verdict, the worst that holds. Pure.

`audit` and the watch of installs use it, so that they never disagree. A copy may be more than one pack, and the worst
of all that it may be counts (docs/dev/behaviour.md, Events (Verdicts)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from watcher.changes.facts import newest_of, safe_version
from watcher.model.event import (
    EXPLAINED,
    Grade,
    badness,
    grade_of,
    grade_rank,
    worst_grade,
)
from watcher.model.finding import Finding, worst
from watcher.model.pack import (
    NODE_STATUSES,
    Claim,
    Identity,
    NodeRecord,
    Pack,
    PackKind,
)
from watcher.model.reading import Fault, ReadFailure
from watcher.model.scan import Scan
from watcher.model.selection import NODE_ID
from watcher.model.snapshot import Node
from watcher.model.version import (
    ACTIVE,
    DELETED,
    STATUSES,
    MinimumAge,
    SafeVersion,
    Version,
    is_newer,
    is_same_version,
)
from watcher.text.repository import repository_key
from watcher.values import frozen


@frozen
class Knowledge:
    """What is known of the node that an id names."""

    node: Node
    """As far as it was ever read."""
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
    def is_deleted(self) -> bool:
        """Whether the whole pack is deleted."""
        return self.record is not None and self.record.status == DELETED

    @property
    def is_complete(self) -> bool:
        """Whether every version is known. An empty first listing shows that there is none."""
        is_empty = bool(self.node.empty_since) and not self.node.versions
        return is_empty or bool(self.node.baseline_at)

    @property
    def is_in_registry(self) -> bool:
        """Whether the registry has the pack, or a version of it, as far as it was seen."""
        has_record = self.record is not None
        return has_record or self.node.banned or bool(self.node.listed)

    @property
    def safe_version(self) -> SafeVersion | None:
        """The newest good version; None if that is not known."""
        is_empty = self.is_complete and not self.node.versions
        if is_empty or self.node.banned or self.is_deleted:
            return SafeVersion(None)
        return safe_version(self.node, self.minimum_age)

    @property
    def lack(self) -> str:
        """Why it is not known how the pack as a whole stands; "" if that is known, or never will be."""
        failure = self.no_records
        is_absent = failure is not None and failure.fault is Fault.NOT_FOUND
        status = self.record.status if self.record else ""
        if self.node.banned or is_absent or status in NODE_STATUSES:
            return ""
        # It was asked about, and is nothing that the registry has.
        if failure is None and not self.is_in_registry:
            return ""
        why = status if failure is None else failure.error
        said = "the registry does not say whether the whole pack is banned"
        return f"{said}: {why}" if why else said

    def versions_meant(self, text: str | None) -> list[Version]:
        """Return the listed versions that a text names, also if it is written otherwise, the worst first."""
        if text is None:
            return []
        # As registry and installs may write one version in two ways, `v1.2` is `1.2.0`.
        same = [one for one in self.node.listed if is_same_version(one.version, text)]
        return sorted(same, key=badness, reverse=True)

    def scan_of(self, version: Version) -> Scan | None:
        """Return what the scanner found in a version; None if that was not read."""
        found = self.node.by_key.get(version.key)
        return found.scan if found else None


def as_one(each: Sequence[Finding]) -> Finding:
    """Return the worst finding of a copy, with all that is not known of it. What is accepted hides nothing else."""
    # Who accepts a flag of the pack that it claims to be does not accept a ban of another one.
    bad = [one for one in each if one.grade.is_bad and one.acceptance is None]
    return _with_gaps(worst(bad or each), each)


def _with_gaps(finding: Finding, each: Iterable[Finding]) -> Finding:
    gaps = dict.fromkeys(gap for one in each for gap in one.gaps)
    return replace(finding, gaps=tuple(gaps))


def judge_each(
    install: str, pack: Pack, known: Callable[[str], Knowledge]
) -> list[Finding]:
    """Return a finding for each pack that a copy may be, its own id first; one without an id if there is none.

    `known` returns what is known of a node by its id.
    """
    base = Finding(install=install, pack=pack, grade=Grade.OK)
    # What is in a file that cannot be read may be worse than the verdict.
    if pack.unreadable:
        gap = ReadFailure(install=install, error=f"{pack.folder}: {pack.evidence}")
        base = replace(base, gaps=(gap,))
    found: list[Finding] = []
    for one in identities(pack):
        about = known(one.id)
        # A folder may have any name: its name counts until it is certain that there is no such pack.
        if one.by is not Claim.FOLDER or about.is_in_registry or not about.is_complete:
            found.append(_judge_as(base, one, about))
    return found or [replace(base, grade=Grade.UNKNOWN, why=_why_nameless(pack))]


def explained_rows(
    install: str, pack: Pack, known: Callable[[str], Knowledge]
) -> Iterator[tuple[Version, Finding]]:
    """Yield the bad versions that a copy may have, as far as the registry has a reason, and what is found by each."""
    for one in identities(pack):
        about = known(one.id)
        name = about.node.node
        base = Finding(install=install, pack=pack, grade=Grade.OK, id=one.id, node=name)
        for row in about.versions_meant(_judged_version(pack, about)):
            if row.status in EXPLAINED:
                yield row, _of_listed(base, row, about)


def identities(pack: Pack) -> list[Identity]:
    """Return what a copy may be, as far as the registry can be asked about it; its own id first."""
    own = [Identity(id=pack.id, by=Claim.FILE)] if pack.id is not None else []
    return [one for one in (*own, *pack.others) if NODE_ID.fullmatch(one.id)]


def _judged_version(pack: Pack, known: Knowledge) -> str | None:
    """Return the version by which a copy is judged: its own, else the newest one that a reference without one means.

    None if there is none.
    """
    # A Dockerfile without a version installs what is newest on the day when it is built.
    if not pack.is_unpinned:
        return pack.claimed_version or pack.version
    listed = known.node.listed
    active = [one for one in listed if one.status == ACTIVE]
    best = newest_of(active or listed)
    return best.version if best else None


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


def _judge_as(base: Finding, one: Identity, known: Knowledge) -> Finding:
    """Return the worst that holds for a copy if it is the pack that an id names."""
    pack = base.pack
    text = _judged_version(pack, known)
    base = replace(
        base,
        id=one.id,
        node=known.node.node,
        safe_version=known.safe_version,
        at=known.minimum_age.now,
        is_listed=bool(known.versions_meant(text)),
        may_be=_may_be_yet(text, known),
        gaps=(*base.gaps, known.unread) if known.unread else base.gaps,
    )
    grounds = [
        *_of_pack(base, known),
        *_of_repository(base, known),
        *_of_versions(base, text, known),
    ]
    # What is not known hides nothing that is: both are worse than `ok`, and better than what is bad.
    if pack.unreadable:
        grounds.append(replace(base, grade=Grade.UNKNOWN, why=pack.evidence))
    if known.lack:
        gap = known.no_records or ReadFailure(node=one.id, error=known.lack)
        unknown = replace(base, grade=Grade.UNKNOWN, why=known.lack, gaps=(gap,))
        grounds.append(unknown)
    ground = _with_gaps(worst(grounds), grounds)
    detail = known.reason if ground.of_pack else ""
    return replace(ground, by=_by(one, ground), detail=detail)


def _may_be_yet(text: str | None, known: Knowledge) -> Grade | None:
    """Return `Finding.may_be`, by the rows of a copy's version, or by all where it names none that is listed."""
    if not known.is_complete or known.lack:
        return None
    rows = known.versions_meant(text) or known.node.rows
    # What is not known may be worse than all that is.
    if any(one.status not in STATUSES or one.key in known.unreadable for one in rows):
        return None
    each = [grade_of(one.status) for one in rows]
    each += [Grade.DEPRECATED for one in rows if one.deprecated]
    return worst_grade(one for one in each if one.is_bad)


def _by(one: Identity, ground: Finding) -> str:
    """Return what says that a copy is what it was judged as; "" where its own id and version do."""
    pack = ground.pack
    if pack.is_unpinned:
        return "not pinned"
    if one.id != pack.id:
        return f"its {one.by} says that it is {one.id}"
    if pack.kind is not PackKind.GIT or ground.grade is Grade.UNKNOWN:
        return ""
    if ground.row is not None and pack.claimed_version is not None:
        return f"a clone whose file says {pack.claimed_version}"
    return f"a clone that claims to be {one.id}"


def _of_pack(base: Finding, known: Knowledge) -> Iterator[Finding]:
    """Yield what holds for the pack as a whole."""
    whole = replace(base, of_pack=True, why="the whole pack")
    if known.node.banned:  # an answer may have ended what its record still says
        yield replace(whole, grade=Grade.BANNED)
    if known.is_deleted:
        yield replace(whole, grade=Grade.DELETED)
    # Any folder may claim an id; the Manager's mark shows that the registry had it once.
    is_gone = known.is_complete and not known.is_in_registry
    if base.pack.kind is PackKind.REGISTRY and is_gone:
        why = "the registry does not list this pack any more"
        yield replace(whole, grade=Grade.DELISTED, why=why)


def _of_repository(base: Finding, known: Knowledge) -> Iterator[Finding]:
    """Yield that a copy of another repository may be anything; a clone has to show that it is of the registry's."""
    ours = repository_key(base.pack.repository or "")
    theirs = repository_key(known.record.repository if known.record else "")
    # A fork keeps the pyproject of the pack that it was made from, and may have other code.
    if ours and theirs and ours != theirs:
        why = f"claims to be {base.id}, whose repository is {theirs.removeprefix('github.com/')}"
    # What the registry does not have, or was not read, is said of the version.
    elif (
        base.pack.kind is PackKind.GIT
        and known.is_in_registry
        and not (ours and theirs)
    ):
        why = f"no repository shows that it is {base.id}"
    else:
        return
    yield replace(base, grade=Grade.UNKNOWN, why=why)


def _of_versions(
    base: Finding, text: str | None, known: Knowledge
) -> Iterator[Finding]:
    """Yield what holds for the version by which a copy is judged, or for all if it may be any."""
    pack, found = base.pack, known.versions_meant(text)
    if not known.is_complete and (pack.is_unpinned or not found):
        # Of what was not read in full only the very version that a copy has says something.
        yield replace(base, grade=Grade.UNKNOWN, why=_why_unread(known))
    elif not found:
        # All were read, so that not to be among them says something.
        yield _of_unlisted(base, text, known)
        # It may be any of them, so that only what holds for all is certain.
        if pack.kind is PackKind.GIT or text is None:
            yield from _of_all(base, known)
    elif pack.is_unpinned:
        ground = _of_listed(base, found[0], known)
        active = "active " if found[0].status == ACTIVE else ""
        why = f"judged by {text}, the newest {active}version"
        yield replace(ground, why=ground.why or why)
    else:
        yield from (_of_listed(base, one, known) for one in found)
        safe = base.safe_version
        # A claim may be of any commit, so that it is never outdated.
        if pack.kind is PackKind.GIT or not (safe and safe.version) or safe.is_young:
            return
        if is_newer(safe.version, found[0].version):
            yield replace(base, grade=Grade.OUTDATED, row=found[0])


def _of_all(base: Finding, known: Knowledge) -> Iterator[Finding]:
    """Yield the mildest that holds for any version, if that is not fine; of no flag its findings are known."""
    every = [_of_listed(base, one, known) for one in known.node.listed]
    mildest = max(every, key=lambda one: grade_rank(one.grade.verdict), default=base)
    # Of no flag it is certain that it is an info: only of the version that it is.
    grade = mildest.grade.verdict
    if grade is not Grade.OK:
        worse = "" if grade is Grade.BANNED else " or worse"
        why = mildest.why or f"every version of it is {grade}{worse}"
        yield replace(mildest, grade=grade, scan=None, row=None, why=why)


def _why_unread(known: Knowledge) -> str:
    """Return why not every version is known."""
    if known.unread:
        return f"it could not be checked: {known.unread.error}"
    if known.node.versions:
        return "its versions are not all known"
    return "the registry has not been asked yet"


def _of_listed(base: Finding, version: Version, known: Knowledge) -> Finding:
    """Return what the registry says of a version that it lists."""
    scan = known.scan_of(version)
    grade = grade_of(version.status, deprecated=version.deprecated, scan=scan)
    why, gaps = "", base.gaps
    if version.status not in STATUSES:
        why = f"the registry gives it an unknown status: {version.status}"
        gaps = (*gaps, ReadFailure(node=base.id, error=why))
    # The one field that could still make it bad did not come.
    elif grade is Grade.OK and version.key in known.unreadable:
        grade = Grade.UNKNOWN
        why = "the registry's answer does not show whether it is deprecated"
    return replace(base, grade=grade, row=version, scan=scan, why=why, gaps=gaps)


def _of_unlisted(base: Finding, text: str | None, known: Knowledge) -> Finding:
    """Return what holds for a version that the registry does not list, though all were read."""
    pack = base.pack
    if text is not None and pack.kind is PackKind.REGISTRY:
        why = "the registry does not list this version any more"
        return replace(base, grade=Grade.DELISTED, why=why)
    if not known.is_in_registry:
        why = f"the registry does not have a pack {base.id}"
    elif text is not None:
        why = f"the registry does not have its version {text}"
    elif pack.is_unpinned:
        why = "the registry does not have any version"
    else:
        why = "it does not say which version it is"
    return replace(base, grade=Grade.UNKNOWN, why=why)
