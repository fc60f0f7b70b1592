"""The public JSON form of an event: in `check --json`, `history --json` and what a webhook gets (docs/webhook.md)."""

from __future__ import annotations

from collections.abc import Iterable

from watcher import timestamps
from watcher.model.event import (
    Event,
    Kind,
    Severity,
    severity_of,
)
from watcher.model.pack import Copy
from watcher.model.scan import MOST_IN_EVENT, Scan
from watcher.timestamps import Moment
from watcher.values import frozen


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
    return EventForm(
        id=event.id,
        kind=event.kind,
        node=event.node,
        version=event.version,
        version_id=event.version_id,
        before=event.before,
        after=event.after,
        reason=event.reason,
        changes=tuple(
            FieldChangeForm(field=one.field, before=one.before, after=one.after)
            for one in event.changes
        ),
        at=event.at,
        published=public_time(event.published),
        severity=severity_of(event),
        safe_version=event.safe_version.version if event.safe_version else "",
        findings=finding_forms(event.scan),
        finding_count=event.scan.count if event.scan else 0,
        installed=copy_forms(event.installed),
        channel=event.channel,
        install=event.install,
        folder=event.folder or "",
        url=event.url,
    )


def copy_forms(copies: Iterable[Copy]) -> tuple[CopyForm, ...]:
    """Return what is public of installed copies."""
    return tuple(
        CopyForm(install=one.install, version=one.version, enabled=one.enabled)
        for one in copies
    )


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


def public_time(text: str) -> str | None:
    """Return a time of the registry's as the program writes times; None for what is no time."""
    try:
        return timestamps.show(timestamps.read(text)) if text else None
    except (ValueError, OverflowError):
        return None
