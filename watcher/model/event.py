"""Events: what a poll found different, as values of bounded size."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable
from dataclasses import astuple, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, Self

from watcher.model.pack import Copy
from watcher.model.scan import MOST_IN_EVENT, Scan, shortened
from watcher.model.version import (
    ACTIVE,
    BANNED,
    DELETED,
    FLAGGED,
    STATUSES,
    SafeVersion,
    Version,
    is_same_version,
    recency,
)
from watcher.timestamps import Moment
from watcher.values import frozen

LONGEST_TEXT = 1000
"""Characters that an event keeps of a text: three times what any message shows."""

MOST_COPIES = 50
"""Installed copies that an event keeps."""

FAILING = "failing"
"""The `after` of `failing`, and the `before` of `recovered`."""

EMPTY = "empty"
"""Instead of "failing": the `after` of `failing`, and the `before` of `recovered`, for a node without versions."""

UNLISTED = "unlisted"
"""The `after` of a `failing` because the packs of publishers cannot be listed."""
INCOMPLETE = "incomplete"
"""The same where the pages of all node packs lack something."""

GONE = "gone"
"""The same for a channel whose URL, or the right to use it, is no more."""


class About(StrEnum):
    """What may fail."""

    NODE = "node"
    EMPTY = "empty"
    """A node that was read and never had a version."""
    REGISTRY = "registry"
    INSTALL = "install"
    CHANNEL = "channel"


class Kind(StrEnum):
    """The event kinds (docs/dev/behaviour.md, Events), worst first: the order in which a digest shows them."""

    BANNED = "banned"
    EXPOSED = "exposed"
    FLAGGED = "flagged"
    DELETED = "deleted"
    REMOVED = "removed"
    FAILING = "failing"
    DEPRECATED = "deprecated"
    CHANGED = "changed"
    APPEARED = "appeared"
    REINSTATED = "reinstated"
    CLEARED = "cleared"
    UNDEPRECATED = "undeprecated"
    RECOVERED = "recovered"
    NEW = "new"
    PENDING = "pending"
    BASELINE = "baseline"


class Severity(StrEnum):
    """How bad an event is (docs/dev/behaviour.md, Events (Severity)), worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    def reaches(self, least: Severity) -> bool:
        """Return whether it is as bad as `least`, or worse."""
        return _SEVERITIES.index(self) <= _SEVERITIES.index(least)


def worst_of(*severities: Severity) -> Severity:
    """Return the worst of some severities."""
    return min(severities, key=_SEVERITIES.index)


class Grade(StrEnum):
    """How bad something is, worst first: of a version, a pack, an installed copy, or a row of the page.

    This is the only such order. Beside its word a grade has a severity and, if it is a reason to look at a copy that
    is run, the kind of the event that says the same.
    """

    severity: Severity
    kind: Kind | None

    def __new__(
        cls, word: str, severity: Severity = Severity.INFO, kind: Kind | None = None
    ) -> Self:
        """Make a grade: its value is the word alone."""
        made = str.__new__(cls, word)
        made._value_ = word
        made.severity, made.kind = severity, kind
        return made

    BANNED = "banned", Severity.CRITICAL, Kind.BANNED
    FAILING = "failing", Severity.WARNING
    """Of a watched pack: it, or the registry, was reported as failing."""
    UNREAD = "unread", Severity.WARNING
    """The same: the last poll could not read it, or none has read it yet."""
    # A scanner has found something, and nobody has looked yet: 62 % of harmless packs had that in 2026.
    FLAGGED = "flagged", Severity.WARNING, Kind.FLAGGED
    DELETED = "deleted", Severity.WARNING, Kind.DELETED
    DELISTED = "delisted", Severity.WARNING, Kind.REMOVED
    """The registry lacks the version, or the pack, although the Manager installed it."""
    FLAGGED_INFO = "flagged-info", Severity.INFO, Kind.FLAGGED
    """The scanner found nothing but what is informational and was in an earlier version too."""
    PENDING = "pending"
    DEPRECATED = "deprecated", Severity.WARNING, Kind.DEPRECATED
    # Worse than all that is fine: what was not answered is never that.
    UNKNOWN = "unknown", Severity.WARNING
    OUTDATED = "outdated"
    OK = "ok"

    @property
    def is_bad(self) -> bool:
        """Whether a copy that stands so exposes who runs it."""
        return self.kind is not None

    @property
    def verdict(self) -> Grade:
        """What `audit` calls it in JSON, where how bad a flag is stands apart."""
        return Grade.FLAGGED if self is Grade.FLAGGED_INFO else self

    @property
    def in_words(self) -> str:
        """The word for people, with the severity where that is not the usual one."""
        return "flagged (info)" if self is Grade.FLAGGED_INFO else str(self)


VERDICTS = tuple(one for one in Grade if one not in {Grade.FAILING, Grade.UNREAD})
"""The grades of copies, in the words of `audit --fail-on`."""
_RANKS = {grade: rank for rank, grade in enumerate(Grade)}


def grade_of(
    status: str, *, deprecated: bool = False, scan: Scan | None = None
) -> Grade:
    """Return how bad a version or a pack is by its status, and by what was found in it; None if that was not read."""
    grade = Grade.UNKNOWN
    if status == ACTIVE:
        grade = Grade.OK
    elif status == FLAGGED and scan is not None and scan.is_harmless:
        grade = Grade.FLAGGED_INFO
    elif status in STATUSES:
        grade = Grade(status)
    return worst_grade([grade, Grade.DEPRECATED]) if deprecated else grade


def grade_rank(grade: Grade) -> int:
    """Return a key that sorts grades, the worst first."""
    return _RANKS[grade]


def worst_grade(grades: Iterable[Grade]) -> Grade:
    """Return the worst of some grades; that of none is `ok`."""
    return min(grades, key=grade_rank, default=Grade.OK)


def badness(version: Version) -> tuple[object, ...]:
    """Return a key that sorts versions by how bad they are, the worst last; versions that differ differ in it."""
    grade = grade_of(version.status, deprecated=version.deprecated)
    return -grade_rank(grade), version.deprecated, astuple(version)


# A version waits for its scan for half an hour; what comes of that is the news.
DEFAULT_KINDS: frozenset[Kind] = frozenset(Kind) - {Kind.PENDING}
"""What any channel gets unless it names its kinds."""

# Who watches thousands of packs waits for what is bad: each new version would be noise.
SWEPT_KINDS: frozenset[Kind] = frozenset(
    (
        Kind.BANNED,
        Kind.FLAGGED,
        Kind.DELETED,
        Kind.FAILING,
        Kind.REINSTATED,
        Kind.RECOVERED,
        Kind.BASELINE,
    )
)
"""What such a channel gets of a node that only a glob of the settings chooses."""


@frozen
class Cut:
    """What is left out of a list that was too long."""

    left: int
    """How many of its items that the other list has not."""
    whole: str
    """The length of the whole list as JSON, and a digest."""


@frozen
class FieldChange:
    """One watched field that differs."""

    field: str
    """The API's name of the field."""
    before: str | tuple[str, ...]
    """Its value before; of a list that was cut only items that `after` has not."""
    after: str | tuple[str, ...]
    """Its value afterwards, likewise."""
    before_cut: Cut | None = None
    """What of `before` is left out; None if it is whole."""
    after_cut: Cut | None = None
    """The same of `after`."""


@frozen
class BadVersion:
    """One of the versions that a baseline or a `reinstated` names. Every text is untrusted."""

    node: str
    """The node pack's id."""
    version: str
    """Its text; "" for a copy without a known version."""
    status: str
    """`banned` or `flagged`; of a `reinstated` any verdict."""


@frozen
class Tally:
    """How much a baseline takes in, and how much of it is bad."""

    packs: int = 1
    """Node packs."""
    versions: int = 0
    """All of their versions."""
    banned: int = 0
    """How many of these are banned."""
    flagged: int = 0
    """How many are flagged."""
    deprecated: int = 0
    """How many are deprecated."""
    banned_packs: int = 0
    """How many packs are banned as a whole."""
    patterns: str = ""
    """What chose the packs; "" if all are watched, or the only one is. Untrusted text."""
    has_others: bool = False
    """Other packs were watched before."""


@frozen
class Event:
    """One observed transition."""

    id: str
    """Made only of what was observed: the same transition has the same id."""
    kind: Kind
    """What happened."""
    node: str | None
    """None for the registry as a whole, the baseline of all nodes that globs choose, a channel or an install, and for
    an installed pack without an id.
    """
    version: str | None = None
    """None for the node as a whole, like `version_id`."""
    version_id: str | None = None
    """The registry's id of the version."""
    before: str | None = None
    """The status before, or `deprecated`, `removed`, `failing`, `empty`, `incomplete`, `unlisted`; None where there was
    none.
    """
    after: str | None = None
    """Like `before`, or `gone`. For a baseline, the worst that it contains; for `exposed`, what is wrong with what is
    run.
    """
    reason: str = ""
    """A summary of the registry's reason: untrusted text, without e-mail addresses."""
    changes: tuple[FieldChange, ...] = ()
    """For `changed`: what differs."""
    at: Moment
    """When the poll that saw it began: RFC 3339, UTC, with `Z`."""
    url: str
    """The page of the node, or of the registry."""
    published: str = ""
    """When the version was created, as the API gives it (RFC 3339); untrusted text. "" for the node as a whole."""
    safe_version: SafeVersion | None = None
    """The newest good version; None if that is not known."""
    channel: str | None = None
    """The channel that is failing or has recovered, by name; `node` is None then."""
    install: str | None = None
    """The same for an install; for `appeared` the one that the pack is in."""
    folder: str | None = None
    """For `appeared`: the name of the pack's folder or file, as `Pack.folder`."""
    installed: tuple[Copy, ...] = ()
    """The installed copies of the node pack, whatever their version: enabled ones first."""
    bad_versions: tuple[BadVersion, ...] = ()
    """For a baseline: some of the banned and flagged versions, the banned ones first, and the latest first. For
    `reinstated`: what is run of the pack and bad all the same, the worst first.
    """
    tally: Tally = Tally(packs=0)
    """For a baseline."""
    scan: Scan | None = None
    """For `flagged`, `banned` and an exposure to these: what the scanner found; None if that was not read."""
    exposes: bool = False
    """Somebody runs what it says is bad: it stands for an `exposed` too."""
    ends: Severity | None = None
    """For `reinstated`, `cleared`, `undeprecated` and `recovered`: how bad the worst was that it ends."""

    @property
    def node_key(self) -> str:
        """The id of the node in lower case; "" without a node."""
        return (self.node or "").lower()

    @property
    def key(self) -> str:
        """The key of the version that it is about (as `Version.key`), or "" for the node as a whole.

        A clone that is exposed has no version, but may be judged by one.
        """
        by_text = "" if self.version is None else f"={self.version}"
        return self.version_id or by_text

    @property
    def kind_reported(self) -> Kind:
        """The kind of the event that is as bad: for an exposure or a baseline that of the worst that it reports."""
        is_report = self.kind in {Kind.EXPOSED, Kind.BASELINE}
        return EXPOSURES.get(self.after or "", self.kind) if is_report else self.kind

    @property
    def severity(self) -> Severity:
        """How bad it is. A baseline and an exposure are as bad as the worst that they contain.

        The baseline of all nodes is a warning at most.
        """
        kind = self.kind_reported
        if kind is Kind.BANNED:
            # Nobody is woken for what a whole registry has had for long.
            return Severity.WARNING if self.is_about_all else Severity.CRITICAL
        # An archive that is replaced after its release gets into installs that trust its version.
        if self.replaces_archive and self.runs_it:
            return Severity.CRITICAL
        # Most harmless packs have an informational flag: people who hear of each stop listening.
        is_warning = kind in _WARNINGS and not self.is_harmless
        return Severity.WARNING if is_warning else Severity.INFO

    @property
    def warns(self) -> bool:
        """Whether it warns of using a version, or some of a node."""
        if self.kind is Kind.CHANGED:
            return self.replaces_archive
        is_bad = self.severity is not Severity.INFO
        return is_bad and self.kind is not Kind.FAILING

    @property
    def is_a_ban(self) -> bool:
        """Whether a version, or the whole node, is banned."""
        return self.kind_reported is Kind.BANNED and self.kind is not Kind.BASELINE

    @property
    def is_a_flag(self) -> bool:
        """Whether a version is flagged."""
        return self.kind_reported is Kind.FLAGGED and self.kind is not Kind.BASELINE

    @property
    def is_harmless(self) -> bool:
        """Whether it is a flag for which the scanner surely found nothing but what is harmless."""
        return self.is_a_flag and self.scan is not None and self.scan.is_harmless

    @property
    def replaces_archive(self) -> bool:
        """Whether a published version has another archive than before, the mark of a swapped package."""
        moved = (one for one in self.changes if one.field == "downloadUrl")
        return self.kind is Kind.CHANGED and any(
            one.before and one.after for one in moved
        )

    @property
    def is_about_all(self) -> bool:
        """Whether it is the baseline of all nodes that globs choose, and not of one."""
        return self.kind is Kind.BASELINE and self.node is None

    @property
    def is_explained(self) -> bool:
        """Whether the registry's reason for the status of a version belongs to it."""
        kinds = {Kind.FLAGGED, Kind.BANNED, Kind.DELETED, Kind.EXPOSED}
        is_one = self.kind in kinds and self.after in EXPLAINED
        return is_one and self.node is not None and self.key != ""

    @property
    def runs_it(self) -> bool:
        """Whether somebody runs what the event is about: its version, or any of the node if it has none.

        A clone has no version that is known, and a disabled copy is not run. An exposure is about nothing else.
        """
        return self.kind is Kind.EXPOSED or any(
            copy.enabled and is_meant(copy, self) for copy in self.installed
        )

    @property
    def runs_its_pack(self) -> bool:
        """Whether somebody runs the node pack that the event is about, in whatever version."""
        return self.kind is Kind.EXPOSED or any(copy.enabled for copy in self.installed)

    @property
    def matches(self) -> set[str]:
        """The words of `check --fail-on` that it matches: that of what it stands for too."""
        is_calm = self.kind is Kind.FLAGGED and self.is_harmless
        exposed = {Kind.EXPOSED} if self.exposes else set[str]()
        return {Grade.FLAGGED_INFO if is_calm else self.kind, *exposed}


MATCHES = (*Kind, Grade.FLAGGED_INFO)
"""The words of `check --fail-on`."""


def is_meant(copy: Copy, event: Event) -> bool:
    """Return whether a copy says that it is the event's version, maybe written otherwise; any if it has none."""
    if event.version is None:
        return True
    # A pyproject may say `v1.2` where the registry says `1.2.0`.
    return copy.version is not None and is_same_version(copy.version, event.version)


EXPOSURES: dict[str, Kind] = {one: one.kind for one in Grade if one.kind}
"""What an exposure or a baseline may report, as its `after`, with the kind of the event that is as bad."""


_WARNINGS = {
    Kind.EXPOSED,
    Kind.FLAGGED,
    Kind.DELETED,
    Kind.REMOVED,
    Kind.FAILING,
    Kind.DEPRECATED,
    Kind.CHANGED,
}


EXPLAINED = {FLAGGED, BANNED, DELETED}
"""The statuses for which the registry has a reason."""


def rank(event: Event) -> tuple[int, ...]:
    """Return a key that sorts events worst first: by severity, then by what somebody runs, then by kind.

    The version that is run comes before another version of a pack that is run, and that before the rest. A replaced
    archive ranks right after a flag, an exposure right after the kind that it reports. Of baselines that are equally
    severe the worse one comes first.
    """
    kind, after_it = event.kind_reported, 0
    if event.replaces_archive:
        kind, after_it = Kind.FLAGGED, 1
    elif event.kind is Kind.EXPOSED:
        after_it = 2
    elif event.kind is Kind.BASELINE:
        kind, after_it = Kind.BASELINE, _KINDS.index(kind)
    apart = 0 if event.runs_it else 1 if event.runs_its_pack else 2
    severity = _SEVERITIES.index(event.severity)
    return severity, apart, _KINDS.index(kind), after_it


def worst_first(events: Iterable[Event]) -> list[Event]:
    """Return events as a message has them: worst first, and among equals the newest version."""
    # What has no time of its own stays in its order: sorting keeps that of equals.
    newest_first = sorted(
        events, key=lambda event: recency(event.published), reverse=True
    )
    return sorted(newest_first, key=rank)


_SEVERITIES, _KINDS = tuple(Severity), tuple(Kind)


def event_id(*parts: object) -> str:
    """Return a short id made only of what was observed: the same transition has the same id after a crash."""
    return digest("\x1f".join("" if part is None else str(part) for part in parts), 20)


def digest(text: str, length: int) -> str:
    """Return the beginning of a text's SHA-256."""
    # JSON of others may have half of a surrogate pair.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


_SHORTEST_ITEM = 60
_WHOLE = {"id", "node", "channel", "url", "safe_version"}
"""Fields of an event that are never cut: names that have to be found again, and what is short."""
_MARK = 100
"""More characters than what stands in place of the items that are left out."""


def bounded(
    event: Event,
    longest: int = LONGEST_TEXT,
    copies: int = MOST_COPIES,
    findings: int = MOST_IN_EVENT,
) -> Event:
    """Return the event with long texts cut to their beginning, their length and a digest of the whole text.

    Of a list that is too long, before or after, both keep what differs. Two long texts that differ stay different. The
    id stays: it was made from the whole texts. Of many installed copies those that the event is about are kept first.
    """
    installed = event.installed
    if len(installed) > copies:
        installed = tuple(
            sorted(
                installed, key=lambda one: (not one.enabled, not is_meant(one, event))
            )
        )
    shorter = replace(
        event,
        changes=tuple(_shortened(one, longest) for one in event.changes),
        installed=installed[:copies],
        scan=event.scan and shortened(event.scan, findings),
    )
    kept: Event = _texts_cut(shorter, longest, _WHOLE)
    return kept


def _texts_cut(value: Any, longest: int, whole: Container[str] = ()) -> Any:  # noqa: ANN401 - whatever an event has
    """Return a value with each text in it cut, but for the fields that stay whole."""
    if isinstance(value, str):
        return cut(value, longest)
    if isinstance(value, tuple):
        return tuple(_texts_cut(one, longest) for one in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    texts = {
        name: _texts_cut(getattr(value, name), longest)
        for name in (one.name for one in fields(value))
        if name not in whole
    }
    return replace(value, **texts)


def _shortened(change: FieldChange, longest: int) -> FieldChange:
    """Return a change; if one of two lists is long, both with what differs alone.

    Else a long list could hide what was added at its end.
    """
    old, new = change.before, change.after
    is_short = len(text_of(old)) <= longest and len(text_of(new)) <= longest
    if is_short or isinstance(old, str) or isinstance(new, str):
        return change
    before, before_cut = _differing(old, new, change.before_cut, longest)
    after, after_cut = _differing(new, old, change.after_cut, longest)
    return replace(
        change, before=before, after=after, before_cut=before_cut, after_cut=after_cut
    )


def _differing(
    items: tuple[str, ...], others: tuple[str, ...], known: Cut | None, longest: int
) -> tuple[tuple[str, ...], Cut | None]:
    """Return the items that another list has not, as many as fit, and what is left out."""
    have = set(others)
    differing = [item for item in dict.fromkeys(items) if item not in have]
    text = text_of(items)
    # A short list that has nothing in common says more whole.
    if len(text) <= longest and len(differing) == len(items):
        return items, known
    kept: list[str] = []
    room = longest - min(_MARK, longest // 2)
    for item in differing:
        short = cut(item, max(_SHORTEST_ITEM, longest // 8))
        room -= len(text_of((short,)))
        # However little room there is, one says more than none.
        if room < 0 and kept:
            break
        kept.append(short)
    # The digest stays that of the whole list, however often it is cut.
    before = known or Cut(left=0, whole=_of_all(text))
    left = before.left + len(differing) - len(kept)
    return tuple(kept), replace(before, left=left)


def text_of(value: str | tuple[str, ...]) -> str:
    """Return a watched field's value as text, a list as JSON; "" for an empty one."""
    is_list = isinstance(value, tuple) and value
    return json.dumps(value, ensure_ascii=False) if is_list else "".join(value)


def cut(text: str, longest: int) -> str:
    """Return a text; of a long one the beginning, with the length and a digest of all of it."""
    if len(text) <= longest:
        return text
    mark = f"… ({_of_all(text)})"
    return text[: longest - len(mark)] + mark


def _of_all(text: str) -> str:
    return f"{len(text)} characters, sha256 {digest(text, 16)}"
