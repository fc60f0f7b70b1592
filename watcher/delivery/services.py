"""Rules for single services: which format each one displays correctly, and how to keep it from mentioning people.

apprise is not imported here. The services are its objects, made by `watcher.delivery.urls`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol, cast

from watcher.alerts.render import Format

_SUPPRESS_EMBEDS = 4  # Discord's flag against link previews, whose text is untrusted too
_SHOWN_AS = {"Discord": Format.MARKDOWN, "Mattermost": Format.MARKDOWN, "Matrix": Format.HTML}
"""The formats that these services show. apprise sends them plain text unless the URL has `?format=`."""
_KNOW_CODE = frozenset({"Telegram", "Matrix", "JSON", "XML", "Form", "AMQP"})
"""Services that read HTML as it was sent, or that know no other tag for code. All others may be mail, or pass it on as
mail: apprise converts the HTML of mail to a text part, where a code tag would begin a line.
"""
_CODELESS = frozenset({"Power Automate / Workflows (for MSTeams)"})
"""Services that read Markdown without code: in an Adaptive Card a backtick is a backtick."""


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


def format_of(service: Service, *, single: bool) -> Format:
    """Return the format to send to a service; a `single` one accepts only the format that was set on it."""
    name = str(service.service_name)
    if service.body_max_line_count > 0:  # a pop-up, which shows what it gets
        return Format.TEXT
    asked = service.url_parameters().get("format")
    form = Format(service.resolve_format(None).value)
    if asked is None or (single and asked == Format.TEXT):
        form = _SHOWN_AS.get(name, form)
    if form is Format.HTML and (name not in _KNOW_CODE or getattr(service, "mode", "") == "slack"):
        return Format.MAIL
    return Format.CODELESS if form is Format.MARKDOWN and name in _CODELESS else form


def disable_mentions(service: Service) -> None:
    """Change a service so that it mentions nobody and shows nothing but the message."""
    if service.service_name == "Discord" and not getattr(service, "flags", 0):
        service.flags = None if "format" in service.url_parameters() else _SUPPRESS_EMBEDS
    if service.service_name == "Matrix":
        _mention_nobody(service)


def _mention_nobody(matrix: Any) -> None:  # noqa: ANN401 - apprise's own object, untyped
    """Make each Matrix message state that it mentions nobody. Otherwise clients notify users whose names occur in it.

    Code also stays in its line in the plain text that apprise makes of the HTML. Private methods are replaced because
    apprise has no hook for a message's content.
    """
    names = "_fetch", "_e2ee_get_megolm", "_matrix_plain_fallback"
    ask, session_of, text_of = (cast("Any", getattr(matrix, name, None)) for name in names)

    def fetch(path: str, payload: object = None, **more: object) -> object:
        return ask(path, payload=_with_no_mentions(payload), **more)

    def session(room: object) -> object:
        found = session_of(room)
        encrypt = found.encrypt
        found.encrypt = lambda event: encrypt(event | {"content": _with_no_mentions(event["content"])})
        return found

    def fallback(body: str, *more: object) -> object:
        return text_of(body.replace("code>", "samp>"), *more)

    for name, ours in zip(names, (fetch, session, fallback), strict=True):
        setattr(matrix, name, ours)


def _with_no_mentions(content: object) -> object:
    return content | {"m.mentions": {}} if isinstance(content, dict) and "msgtype" in content else content
