"""The used part of apprise's services, and what a rule for one of them may say.

The services are apprise's objects, made by `watcher.delivery.urls`. A rule changes one object, never a class or a
module of apprise; where it replaces a method, apprise has no hook, and the rule says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from watcher.alerts.digest import Digest
from watcher.alerts.render import Format
from watcher.model.event import Event


class Service(Protocol):
    """The used part of an apprise service, which apprise leaves mostly untyped."""

    service_name: object
    notify_format: object
    body_maxlen: int
    body_max_line_count: int
    title_maxlen: int
    overflow_amalgamate_title: bool
    payload_extras: dict[str, object]
    flags: int | None
    request_rate_per_sec: float
    url_identifier: object
    """What identifies the service, without its targets."""

    def __len__(self) -> int:
        """Return the number of targets."""

    def throttle(self, *args: object, **options: object) -> None:
        """Pause before a request, where the service wants that."""

    def dialect_convert(self, body: str, body_format: object) -> str:
        """Return a body as the service writes it."""

    def resolve_format(self, body_format: object) -> StrEnum:
        """Return the format in which a body of this format is sent."""

    def url_parameters(self) -> dict[str, str]:
        """Return the parameters of the URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is sent to a service, for its rules."""

    events: tuple[Event, ...]
    digest: Digest
    timeout: float
    """Seconds for each request."""


Prepare = Callable[[Any, Context], None]
"""Changes a service before its message goes out. Its type is `Any`: each has attributes that only its rule knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for one service; the defaults hold for services without rules."""

    prepare: Prepare | None = None
    shown_as: Format | None = None
    """The format that the service shows; apprise sends it plain text unless the URL has `?format=`."""
    knows_code: bool = False
    """It reads HTML as it was sent, or knows no other tag for code. All others may be mail, or pass it on as mail:
    apprise converts the HTML of mail to a text part, where a code tag would begin a line.
    """
    codeless: bool = False
    """It reads Markdown without code: a backtick is a backtick."""
    most: int | None = None
    """The most bytes of a body; None: below every limit that apprise leaves to the service."""


NO_RULES = Rules()
