"""The used part of apprise's services, and what a rule for one of them may say.

The services are apprise's objects, made by `watcher.delivery.urls`. A rule changes one object; where it replaces a
method, apprise has no hook, and the rule says so. The rule for mail replaces names in the plugin's module instead, in
the process that delivers: the plugin makes its ids and its connection by these.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import field
from json import dumps
from typing import Any, TypeAlias

from watcher.alerts.digest import Digest
from watcher.alerts.render import Format
from watcher.delivery.refusal import MARKUP, NOTHING
from watcher.model.channel import Cause, Outcome
from watcher.model.event import Event, Severity
from watcher.values import frozen

_PAGE = re.compile(
    r"https://registry\.comfy\.org/nodes/[A-Za-z0-9][A-Za-z0-9._~%-]{0,300}"
)
Levels = tuple[Any, Any, Any]
"""What a service calls critical, warning and info."""
_TONES: Levels = ("failure", "warning", "info")
NEEDS_CRYPTOGRAPHY = "end-to-end encryption needs the package cryptography (pipx inject comfy-watch cryptography)"


Plugin: TypeAlias = Any
"""A service of apprise, which leaves it mostly untyped; each has attributes that only its rule knows."""


@frozen
class Context:
    """What is sent to a service, for its rules."""

    events: tuple[Event, ...]
    digest: Digest
    plain: bool = False
    """The service has refused the message for what it is: it gets no more than the plainest form."""
    asked: frozenset[str] = frozenset()
    """The names of the URL's parameters: what the URL sets itself stays as it is."""
    named: set[str] = field(default_factory=set)
    """Ids of events that the message names elsewhere than in its body, so that none needs a further one."""
    refusals: list[Outcome] = field(default_factory=list)
    """Why the message is not delivered: what apprise takes for success, or does not explain."""

    @property
    def worst(self) -> Event:
        """The worst event, which the title names."""
        return self.digest.worst

    def level(self, levels: Levels) -> Any:  # noqa: ANN401 - the service's own
        """Return what the service calls the severity of the worst event."""
        return dict(zip(Severity, levels, strict=True))[self.worst.severity]

    @property
    def tone(self) -> str:
        """Apprise's type of message: never `success`, which closes what other messages have opened."""
        return str(self.level(_TONES))

    @property
    def page(self) -> str | None:
        """The page of the worst event's node, or None."""
        # A tap opens it: what is no page of the registry's is never handed on.
        return self.worst.url if _PAGE.fullmatch(self.worst.url) else None

    def refuse(self, reason: str, cause: Cause = Cause.OTHER) -> None:
        """Note why the message is not delivered: before it goes out, then it does not, or while it does."""
        # The first one counts: what comes after it mostly follows from it.
        self.refusals.append(Outcome(reason=reason, cause=cause))


Limit = tuple[Callable[[str, str], int], int]
"""How something is counted in a title and a body, and the most of it that a service takes."""
Prepare = Callable[[Plugin, Context], None]
"""Changes a service before its message goes out."""


@frozen
class Rules:
    """What holds for one service; the defaults hold for services without rules."""

    prepare: Prepare | None = None
    priority: Levels | None = None
    """What the attribute and the URL's parameter of that name are set to, unless the URL has it."""
    formats: Mapping[Format, Format] = field(default_factory=dict)
    """What to write where apprise names a format: of text, to which apprise defaults, what the service shows (unless
    the URL has `?format=`), and of another one its dialect.

    HTML is that of mail, which a service may be, or pass it on as: apprise converts that to a text part, where a code
    tag would begin a line. Here are those that read HTML as it was sent, or know no other tag for code.
    """
    most: int | None = None
    """The most bytes of a body; None: below every limit that apprise leaves to the service."""
    lines: int | None = None
    """It shows lines, not paragraphs: each event is one, and at most so many."""
    limits: tuple[Limit, ...] = ()
    """What else is limited."""
    refuses: re.Pattern[bytes] = NOTHING
    """What is in the body of a success where the service did not take the message, apprise does not look, and the
    default of `watcher.delivery.refusal` does not hold. A group is the service's own code.
    """
    sealed: re.Pattern[str] | None = None
    """The addresses of requests that carry the message although it may not be seen in them."""
    page: re.Pattern[bytes] = MARKUP
    """What a success is that comes from a web page, not from the service. Most services answer no markup."""


NO_RULES = Rules()


def encoded(title: str, body: str) -> int:
    """Return the bytes of both as JSON, all that is not ASCII written as escapes."""
    # apprise sends ASCII alone, so that an emoji takes twelve bytes.
    return len(dumps([title, body]))


def supports(service: Plugin, flag: str) -> bool:
    """Return a constant of a plugin's module: whether the library for one of its features is installed."""
    return bool(getattr(sys.modules[type(service).__module__], flag))
