"""The rules of every service that has some, by the name that apprise has for it, and what the sender asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from watcher.alerts.render import Format
from watcher.delivery.services.chat import discord
from watcher.delivery.services.matrix import matrix
from watcher.delivery.services.service import NO_RULES, Context, Rules, Service
from watcher.delivery.services.webhook import form, json, xml

RULES: Mapping[str, Rules] = {
    "AMQP": Rules(knows_code=True),
    "Discord": Rules(prepare=discord, shown_as=Format.MARKDOWN),
    "E-Mail": Rules(most=30_000),
    "Form": Rules(prepare=form, knows_code=True),
    "JSON": Rules(prepare=json, knows_code=True),
    "Matrix": Rules(prepare=matrix, shown_as=Format.HTML, knows_code=True),
    "Mattermost": Rules(shown_as=Format.MARKDOWN),
    "Power Automate / Workflows (for MSTeams)": Rules(codeless=True),  # in an Adaptive Card
    "Telegram": Rules(knows_code=True),
    "XML": Rules(prepare=xml, knows_code=True),
}
_CEILING = 3000  # bytes, below every limit that apprise leaves to the service (Slack's blocks, ntfy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What fits one message to a service, in UTF-8 bytes."""

    body: int
    title: int
    lines: int | None
    """The most lines of the body; None: any number."""
    titled: bool
    """The title is part of the body."""


def rules_of(service: Service) -> Rules:
    """Return the rules of a service."""
    return RULES.get(str(service.service_name), NO_RULES)


def prepare(service: Service, context: Context) -> None:
    """Change a service so that what is sent to it is shown as it is meant, mentions nobody and does no harm."""
    if (change := rules_of(service).prepare) is not None:
        change(service, context)


def format_of(service: Service, *, single: bool) -> Format:
    """Return the format to send to a service; a `single` one accepts only the format that was set on it."""
    if service.body_max_line_count > 0:  # a pop-up, which shows what it gets
        return Format.TEXT
    rules = rules_of(service)
    asked = service.url_parameters().get("format")
    form = Format(service.resolve_format(None).value)
    if asked is None or (single and asked == Format.TEXT):
        form = rules.shown_as or form
    if form is Format.HTML and (not rules.knows_code or getattr(service, "mode", "") == "slack"):
        return Format.MAIL
    return Format.CODELESS if form is Format.MARKDOWN and rules.codeless else form


def room_of(service: Service) -> Room:
    """Return what fits one message to a service."""
    body = min(service.body_maxlen, rules_of(service).most or _CEILING)
    titled = service.title_maxlen <= 0 or bool(service.overflow_amalgamate_title)
    lines = service.body_max_line_count
    return Room(
        body=body,
        title=min(service.title_maxlen, body) if service.title_maxlen > 0 else body // 3,
        lines=lines - titled if lines > 0 else None,
        titled=titled,
    )
