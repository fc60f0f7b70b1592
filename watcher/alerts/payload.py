"""The public JSON form of an event (docs/scripts.md): what commands print of it, and what a webhook gets. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from watcher import timestamps
from watcher.model.event import (
    Cut,
    Event,
    Kind,
    Severity,
    bounded,
    text_of,
    worst_first,
)
from watcher.model.pack import Copy
from watcher.model.scan import MOST_IN_EVENT, Scan
from watcher.text.sanitize import escape_values
from watcher.timestamps import Moment
from watcher.values import frozen, projected


@frozen
class ScanFindingForm:
    """One thing that the registry's scanner found. Every text is untrusted."""

    rule: str | None
    """The scanner's name of what it looks for; None if it says none."""
    severity: str | None
    """How bad the scanner calls it, in lower case: `info`, `critical` or another word; None if it does not say."""
    file: str | None
    """Where it is in the archive; None if it does not say."""
    line: int | None
    """The line there; None if it does not say."""


@frozen
class CopyForm:
    """One copy of a pack."""

    install: str
    """The install's name in the settings."""
    version: str | None
    """As written there; None for a clone."""
    enabled: bool
    """Whether it is run."""


@frozen
class FieldChangeForm:
    """One watched field that differs; lists are JSON text."""

    field: str
    """The API's name of the field."""
    before: str
    """Its value before."""
    after: str
    """Its value afterwards."""


@frozen
class EventForm:
    """One event. A field with a default is left out where it has that. Every text is untrusted."""

    id: str
    """Made only of what was observed, so a repeat of the same change has the same id."""
    kind: Kind
    """What happened."""
    node: str | None
    """The node pack's id; None if the event is about the whole registry, a channel, an install, or an installed pack
    without an id.
    """
    version: str | None
    """The version's text; None if the event is about the whole pack."""
    version_id: str | None
    """The registry's id of the version; None if it has none, or if the event is about the whole pack."""
    before: str | None
    """The status before, or `deprecated`, `removed`, `failing`, `empty`, `incomplete`, `unlisted`; None if there was
    none. For `cleared`, what was wrong, as in the `after` of an `exposed`.
    """
    after: str | None
    """The same afterwards. For `baseline`, the worst that it contains: `banned`, `flagged`, `deprecated` or None. For
    `exposed`, what is wrong with what you run: `banned`, `flagged`, `deleted`, `deprecated` or `delisted`. For
    `failing`: `failing`, `empty` for a pack that never had a version, `incomplete` if the pages of all packs lack
    something, `unlisted` if the packs of publishers cannot be listed, or `gone` for a channel whose URL is no longer
    valid.
    """
    reason: str
    """A summary of why, without e-mail addresses."""
    changes: tuple[FieldChangeForm, ...]
    """The watched fields that differ. A long text is cut, and then ends with its length and a digest."""
    at: Moment
    """When the poll that saw it began."""
    published: Moment | None
    """When the version was created; None if the event is about the whole pack, or if the registry does not say."""
    severity: Severity
    """How bad it is."""
    safe_version: str | None = ""
    """The newest good version: active, not deprecated and at least `minimum_age` old, else a younger one. None if there
    is none. Absent if that is not known.
    """
    findings: tuple[ScanFindingForm, ...] = ()
    """What the registry's scanner found in a flagged or banned version, each rule and file once, the worst first: at
    most 20. Absent if it was not read.
    """
    finding_count: int = 0
    """How many findings there are; absent if they were not read."""
    installed: tuple[CopyForm, ...]
    """The installed copies of the node pack, in whatever version: enabled ones first. At most 50."""
    channel: str | None = None
    """The name of the alert channel that is failing or has recovered; absent in other events."""
    install: str | None = None
    """The name of the install that cannot be scanned, or can be again; for `appeared` that of the pack. Absent in other
    events.
    """
    folder: str = ""
    """The pack's folder, or its single file; absent but for `appeared`."""
    url: str
    """The page of the pack, or of the registry; empty in a test."""


def public_form(event: Event) -> EventForm:
    """Return the form."""
    advised, scan = event.safe_version, event.scan
    return projected(
        EventForm,
        event,
        changes=tuple(
            FieldChangeForm(
                field=one.field,
                before=_shown(one.before, one.before_cut, "removed"),
                after=_shown(one.after, one.after_cut, "added"),
            )
            for one in event.changes
        ),
        # A publisher or a proxy may write any text as a date.
        published=timestamps.normal(event.published),
        # "" is the default and so left out: null says that there is no good version.
        safe_version=advised.version if advised else "",
        # A flag may have 158 findings, and a webhook's receiver bounds its bodies.
        findings=finding_forms(scan),
        finding_count=scan.count if scan else 0,
        installed=copy_forms(event.installed),
        folder=event.folder or "",
    )


def _shown(value: str | tuple[str, ...], cut: Cut | None, what: str) -> str:
    """Return a watched field's value as text; the last item of a list that was cut says how many are left out."""
    if isinstance(value, tuple) and cut:
        value = (*value, f"… ({cut.left} more {what}; {cut.whole})")
    return text_of(value)


def copy_forms(copies: Iterable[Copy]) -> tuple[CopyForm, ...]:
    """Return what is public of installed copies."""
    return tuple(projected(CopyForm, one) for one in copies)


def finding_forms(
    scan: Scan | None, most: int | None = MOST_IN_EVENT
) -> tuple[ScanFindingForm, ...]:
    """Return the first findings of a scan, all of them if `most` is None; none if there is no scan."""
    return tuple(
        ScanFindingForm(
            rule=one.rule or None,
            severity=one.severity or None,
            file=one.file or None,
            line=one.line,
        )
        for one in (scan.items[:most] if scan else ())
    )


MOST_EVENTS = 200
MOST_BYTES = 60_000
"""Of the objects as ASCII JSON: with the text beside them, less than what common web frameworks take (100 KB)."""
_SHORT_TEXT, _FEW = 80, 3
"""Characters of each text, and installed copies and findings, of an event that is too large. Then any takes less than
half of `MOST_BYTES`.
"""


def event_objects(
    events: Sequence[Event], most_bytes: int = MOST_BYTES
) -> list[object]:
    """Return the events as `check --json` shows them, worst first, as many as fit.

    The texts of an event that does not fit are shortened first; after one that does not fit even then there is none.
    """
    objects: list[object] = []
    left = most_bytes
    # The order of the text beside them, so that both can be read together.
    for event in worst_first(events)[:MOST_EVENTS]:
        form = escape_values(public_form(event))
        # Only the event at the edge is shortened: what is worse than it has all its texts.
        if _size(form) > left:
            form = escape_values(_short_form(event))
        left -= _size(form)
        # What follows is milder, and a gap in the order would be taken for all there is.
        if left < 0:
            break
        objects.append(form)
    return objects


def plainest_objects(events: Sequence[Event]) -> list[object]:
    """Return the worst event alone, without the texts of others: for a message that was refused for what it is.

    There must be at least one event.
    """
    # A service that refused the usual form may have refused a text in it: here is none of a person.
    worst = worst_first(events)[0]
    form = _short_form(replace(worst, reason="", changes=()))
    # Only here: the severity of the event rests on its findings.
    return [escape_values(replace(form, findings=(), finding_count=0))]


def _short_form(event: Event) -> EventForm:
    return public_form(bounded(event, _SHORT_TEXT, _FEW, _FEW))


def _size(form: object) -> int:
    # apprise sends ASCII JSON, in which one character may take twelve bytes.
    return len(json.dumps(form)) + len(", ")
