"""The JSON documents that commands print and a webhook gets; their schemas are generated from these classes.

A field with a default is left out where it has that.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from watcher.alerts.payload import EventForm, ScanFindingForm
from watcher.model.event import Severity
from watcher.model.pack import PackKind
from watcher.timestamps import Moment
from watcher.values import frozen


@frozen
class ErrorForm:
    """What could not be read, or was not answered."""

    install: str = ""
    """The install's name, if the error is about one."""
    node: str | None = ""
    """The node pack's id, if the error is about the registry; None if it is about no single pack."""
    error: str
    """What went wrong, for a person."""


@frozen
class NodeCounts:
    """How many node packs there are, installed ones included."""

    watched: int
    """All of them."""
    checked: int
    """Those that could be read."""
    failed: int
    """Those that could not."""


@frozen
class AlertCounts:
    """How many alerts."""

    delivered: int
    """Alerts that a channel took in this poll."""
    unconfirmed: int
    """Alerts that were sent in this poll to a channel that cannot say whether they arrived."""
    pending: int
    """Alerts that are still owed."""
    expired: int
    """Alerts that were given up in this poll."""


@frozen
class CheckDocument:
    """What `check --json` prints: what one poll checked, the events that it saw, and how the alerts stand."""

    started: Moment
    """When the poll began."""
    finished: Moment
    """When it ended."""
    nodes: NodeCounts
    """How many node packs there are."""
    events: tuple[EventForm, ...]
    """All events of this poll."""
    errors: tuple[ErrorForm, ...]
    """What could not be checked."""
    alerts: AlertCounts
    """How many alerts there are."""


@frozen
class AcceptedForm:
    """How the settings accept a finding."""

    reason: str | None
    """Why, in the words of who wrote the settings; None if they say nothing."""
    until: str | None
    """The last day (`2026-11-30`, UTC); None if it has no end."""


class Verdict(StrEnum):
    """What is wrong with an installed pack, worst first."""

    BANNED = "banned"
    FLAGGED = "flagged"
    DELETED = "deleted"
    DELISTED = "delisted"
    PENDING = "pending"
    DEPRECATED = "deprecated"
    UNKNOWN = "unknown"
    OUTDATED = "outdated"
    OK = "ok"


@frozen
class PackForm:
    """One pack in one install, or one that a file names. Every text is untrusted."""

    install: str
    """The install's name, or the name of the file."""
    id: str | None
    """The id of the pack that the copy was judged as: the worst of all that it may be. None if it has no id."""
    kind: PackKind
    """How it was recognised."""
    version: str | None
    """The installed version, as it is written there; None for a clone, and if it is not known."""
    enabled: bool
    """Whether ComfyUI loads it. A disabled copy never makes the exit code 3."""
    folder: str
    """The name of the pack's folder or file."""
    verdict: Verdict
    """The worst verdict that holds."""
    severity: Severity
    """How bad the verdict is. `flagged` is a warning, unless the scanner surely found nothing but what is informational
    and was in an earlier version too; then it is info.
    """
    status: str | None
    """The status of that version in the registry (`active`, `pending`, `flagged`, `banned`, `deleted`, or one that this
    program does not know); None if the registry does not list it. A ban of the whole pack does not change it.
    """
    deprecated: bool | None
    """Whether that version is deprecated; None if the registry does not list it."""
    reason: str
    """A summary of the registry's reason, and what the verdict rests on if that is not the pack's own id and version.
    For `unknown` and `delisted` it says why. Empty if there is none.
    """
    safe_version: str | None = ""
    """The newest good version: active, not deprecated and at least `minimum_age` old, else a younger one. None if there
    is none. Absent if it is not known, and for a pack that has no version.
    """
    accepted: AcceptedForm | None
    """How the settings, or `--accept`, accept what is wrong; None if nothing does."""
    file: str | None
    """The file in which it is referred to, relative to the working folder if it lies there; None for an installed pack.
    """
    line: int | None
    """Where that stands in the file; None if it is not known."""
    url: str | None
    """The pack's page in the registry; None without an id."""


@frozen
class AuditDocument:
    """What `audit --json` prints: what the registry says of every installed pack."""

    started: Moment
    """When the look began."""
    finished: Moment
    """When it ended."""
    packs: tuple[PackForm, ...]
    """Worst first."""
    errors: tuple[ErrorForm, ...]
    """What could not be read, or was not answered; stderr says the same."""


@frozen
class VersionForm:
    """One version. Its texts are untrusted. A field that the registry leaves out is empty or None."""

    node: str
    """The node pack's id as the registry writes it."""
    version: str | None
    """Mostly semantic versioning; None if it has none."""
    version_id: str | None
    """The registry's id of the version; None if it has none."""
    status: str
    """`active`, `pending`, `flagged`, `banned` or `deleted`; any other text is a status that this program does not
    know.
    """
    deprecated: bool
    """Whether the publisher advises against it."""
    published: Moment | None
    """When it was published; None if that is not known."""
    reason: str | None
    """A summary of the registry's reason for the status; empty if it gives none. None without `--reasons`, or if it
    could not be read.
    """
    download_url: str | None
    """Where the archive is."""
    dependencies: tuple[str, ...]
    """pip requirements."""
    url: str
    """The pack's page in the registry."""


@frozen
class VersionsDocument:
    """What `versions --json` prints: the versions that match, as the registry has them."""

    started: Moment
    """When the look began."""
    finished: Moment
    """When it ended."""
    versions: tuple[VersionForm, ...]
    """Newest first, up to `--limit`. Each version is there once."""
    total: int
    """How many versions match."""
    packs: int
    """How many node packs have a version that matches."""
    by_status: Mapping[str, int]
    """How many matching versions have each status, worst first."""
    errors: tuple[ErrorForm, ...]
    """What could not be read. If there is anything, the counts are too low."""


@frozen
class WaitDocument:
    """What `wait --json` prints: what the registry says of one version. Its texts are untrusted."""

    started: Moment
    """When the wait began."""
    finished: Moment
    """When it ended."""
    node: str
    """The node pack's id, as the registry writes it if it has shown the version."""
    version: str | None
    """The version that was waited for; None if none was named and none was seen."""
    version_id: str | None
    """The registry's id of the version; None if it was never seen."""
    status: str | None
    """What was seen last: `active`, `pending`, `flagged`, `banned`, `deleted`, or a status that this program does not
    know. It is `banned` or `deleted` if the whole pack is. None if the version was never seen.
    """
    reason: str | None
    """A summary of the registry's reason; empty if it gives none. None if it was not read."""
    findings: tuple[ScanFindingForm, ...] | None
    """What the registry's scanner found, each rule and file once: the worst first. Empty if there is none; None if it
    was not read.
    """
    finding_count: int | None
    """How many findings there are; None if they were not read."""
    error: str | None
    """Why there is no verdict, or no reason for one; None if there is both."""
    url: str
    """The pack's page in the registry."""


@frozen
class WebhookDocument:
    """What a `json://` channel posts: a message's text for people, and its events for programs.

    A URL with fields of its own (`?:name=value`) adds or renames some.
    """

    version: str
    """The version of apprise's part of this form: all fields except `events` and `event_count`."""
    title: str
    """One line: the worst event."""
    message: str
    """The text for people, in the format that the URL asks for."""
    attachments: tuple[str, ...]
    """Always empty."""
    type: Literal["failure", "warning", "info"]
    """apprise's word for the severity of the worst event: `failure` is critical."""
    events: tuple[EventForm, ...]
    """The events, worst first: at most 200, and at most 60,000 bytes. The plainest form, which follows when you refuse
    a message for what it is, has only the worst event, without its reason, findings and changes.
    """
    event_count: int
    """How many events the message has. If `events` has fewer, `comfy-watch history --since TIME --json` prints all
    of them; the message names the command.
    """
