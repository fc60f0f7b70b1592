"""The rules of every service that has some, by the name that apprise has for it, and what the sender asks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from apprise import NotifyFormat

from watcher.alerts.digest import Digest
from watcher.alerts.payload import event_objects, plainest_objects
from watcher.alerts.render import Format, Rendered, render
from watcher.delivery.refusal import HTML, NOTHING
from watcher.delivery.services import chat
from watcher.delivery.services.mail import address_copies, mail
from watcher.delivery.services.matrix import matrix
from watcher.delivery.services.service import (
    NO_RULES,
    Context,
    Plugin,
    Rules,
    encoded,
)

_ERRCODE = rb'"errcode"\s*:\s*"?(-?[1-9]\d{0,8})'
_CODE = rb'"code"\s*:\s*"?(-?[1-9]\d{0,8})'
_CODE_BUT_200 = rb'"code"\s*:\s*"?(?!200\b)(-?\d{1,9})[\s",}]'
REFUSES: Mapping[str, bytes] = {
    "ClickSend": rb'"(?:status|response_code)"\s*:\s*"(?!SUCCESS")([A-Z_]{2,40})"',
    "Clickatell": rb'"accepted"\s*:\s*(?i:false)|"(?:code|errorCode)"\s*:\s*"?(-?[1-9]\d{0,8})',
    "DingTalk": _ERRCODE,
    "Feishu": _CODE,
    "Kodi/XBMC": _CODE,
    "Lark (Feishu)": _CODE,
    "MSG91": rb'"type"\s*:\s*"(error)"',
    "OneSignal": rb'"id"\s*:\s*""|"errors"\s*:\s*[\[{]\s*"',
    "PushDeer": _CODE + rb'|"result"\s*:\s*(?:(?i:false)|null|\[\s*\])',
    # It says `success`, or else what is wrong.
    "PushMe": rb"\A\s*[^\s<s]",
    "SMTP2Go": rb'"failed"\s*:\s*([1-9]\d{0,8})',
    "SerwerSMS": rb'"error"\s*:\s*(?:"|\{(?:[^{}]*?"code"\s*:\s*"?(\d{1,9}))?)',
    "ServerChan": rb'"(?:code|errno)"\s*:\s*"?(-?[1-9]\d{0,8})',
    "Signalgrid": _CODE_BUT_200,
    "SparkPost": rb'"total_rejected_recipients"\s*:\s*([1-9]\d{0,8})',
    "Splunk On-Call": rb'"result"\s*:\s*"(failure)"',
    "SpugPush": _CODE_BUT_200,
    "Synology Chat": _CODE,
    "VoIPms": rb'"status"\s*:\s*"(?!success")([a-z_]{2,40})"',
    "Vonage": rb'"status"\s*:\s*"([1-9]\d?)"',
    "WeCom Bot": _ERRCODE,
    "seven": rb'(?:\A\s*"?|"success"\s*:\s*"?)(?!100\b)(\d{3})\b',
}
"""What services say in a success when they refuse, beyond the default; a group is the service's own code."""
_SES = "AWS Simple Email Service (SES)"
_ANSWER_XML = ("AWS Simple Notification Service (SNS)", "Exotel", "Prowl")
"""Beside SES. Exotel does where the path has no `.json`, and apprise's has none."""
_ANY = ""
_SEALED: Mapping[str, str] = {
    "AWS End User Messaging Social (WhatsApp)": _ANY,
    "Bark": _ANY,
    "IFTTT": _ANY,
    "LFG Alarm": _ANY,
    "Notifyre": _ANY,
    "PushWard": _ANY,
    "SendPulse": "/smtp/",
    "Session Open Group Server": _ANY,
    "Simplepush": "/tasks/",
    "Vapid Web Push Notifications": _ANY,
}
"""The addresses of requests that carry the message unseen: encrypted, or encoded."""


def json_post(service: Plugin, context: Context) -> None:
    """Add the events to a webhook of one's own, unless the URL sets these fields itself (docs/scripts.md)."""
    objects = plainest_objects if context.plain else event_objects
    service.payload_extras.setdefault("events", objects(context.events))
    service.payload_extras.setdefault("event_count", len(context.events))


# These read any text as Markdown: what is sent as plain text could mention somebody or become a link.
_MARKDOWN = {Format.TEXT: Format.MARKDOWN}
_OWN = Rules(formats={Format.HTML: Format.HTML}, page=NOTHING, sealed=re.compile(_ANY))
"""A webhook of one's own, which says what it likes, and whose URL may leave the text out of a request."""
RULES: dict[str, Rules] = {
    **{name: Rules(page=HTML) for name in _ANSWER_XML},
    _SES: Rules(page=HTML, sealed=re.compile(_ANY)),
    "Discord": Rules(
        prepare=chat.discord,
        formats=_MARKDOWN,
        most=chat.DISCORD_EMBED,
    ),
    "E-Mail": Rules(prepare=mail, most=30_000),
    "Form": _OWN,
    "Gotify": Rules(priority=(8, 5, 3)),
    "JSON": replace(_OWN, prepare=json_post),
    "Jira": Rules(prepare=chat.opens),
    "MQTT Notification": Rules(prepare=chat.mqtt),
    "Mattermost": Rules(formats=_MARKDOWN),
    "Matrix": Rules(
        prepare=matrix,
        formats={Format.TEXT: Format.HTML, Format.HTML: Format.HTML},
        sealed=re.compile(r"/m\.room\.encrypted/"),
    ),
    "Opsgenie": Rules(prepare=chat.opens),
    "Pager Duty": Rules(prepare=chat.pagerduty, lines=1, most=chat.SUMMARY),
    "Power Automate / Workflows (for MSTeams)": Rules(
        prepare=chat.teams,
        most=chat.TEAMS_CARD,
        limits=((encoded, chat.TEAMS_ENCODED),),
        formats={Format.MARKDOWN: Format.CODELESS},
    ),
    "Pushover": Rules(
        prepare=chat.pushover, priority=(1, 0, -1), sealed=re.compile(_ANY)
    ),
    "Slack": Rules(prepare=chat.slack),
    "Telegram": Rules(
        formats={Format.HTML: Format.TELEGRAM},
        most=chat.TELEGRAM,
        limits=((chat.visible, 4096), (chat.entities, 100)),
    ),
    "XML": _OWN,
    "Zulip": Rules(formats=_MARKDOWN),
    "ntfy": Rules(
        prepare=chat.ntfy,
        priority=("max", "default", "low"),
        limits=((encoded, chat.NTFY),),
    ),
}
# By field, so that a service may stand in several of the tables.
for _name, _said in REFUSES.items():
    RULES[_name] = replace(RULES.get(_name, NO_RULES), refuses=re.compile(_said))
for _name, _where in _SEALED.items():
    RULES[_name] = replace(RULES.get(_name, NO_RULES), sealed=re.compile(_where))
_CEILING = 3000  # bytes, below every limit that apprise leaves to the service (Slack's blocks, ntfy)
_BRIEF = 640
"""Bytes; a service that takes no more shows an event as one line, in ASCII: text messages, pagers."""
_NO_LIMIT = 1000


def rules_of(service: Plugin) -> Rules:
    """Return the rules of a service. Some names are translated by the system's language; their `text` is not."""
    return RULES.get(
        str(getattr(service.service_name, "text", service.service_name)), NO_RULES
    )


def prepare(service: Plugin, context: Context) -> None:
    """Change a service so that what is sent to it is shown as it is meant, mentions nobody and does no harm."""
    rules = rules_of(service)
    if rules.priority is not None and "priority" not in context.asked:
        service.priority = context.level(rules.priority)
    # Before the rule of the service, which numbers the mails by their recipients.
    if hasattr(service, "bcc"):
        address_copies(service)
    if rules.prepare is not None:
        rules.prepare(service, context)


def format_of(service: Plugin) -> Format:
    """Return the format to send to a service."""
    if service.body_max_line_count > 0:  # a pop-up, which shows what it gets
        return Format.TEXT
    formats = {Format.HTML: Format.MAIL, **rules_of(service).formats}
    # Matrix by way of what passes on Slack's messages.
    if getattr(service, "mode", "") == "slack":
        formats[Format.TEXT] = formats[Format.HTML] = Format.MAIL
    form = Format(service.resolve_format(None).value)
    # Some services take several formats, as a tuple, and send what they get.
    is_single = isinstance(service.notify_format, NotifyFormat)
    is_asked = form is Format.TEXT and not is_single
    if not (is_asked and service.url_parameters().get("format")):
        form = formats.get(form, form)
    is_brief = service.body_maxlen <= _BRIEF and service.title_maxlen <= 0
    return Format.ASCII if form is Format.TEXT and is_brief else form


def fitted(service: Plugin, digest: Digest, form: Format) -> Rendered:
    """Return a message in a format that fits one message to a service; what is limited is counted in UTF-8 bytes."""
    rules, markup = rules_of(service), NotifyFormat(form.markup)
    # Some plugins take any length, and their service cuts it or refuses it.
    most: int = min(service.body_maxlen, rules.most or _CEILING)
    is_in_body = service.title_maxlen <= 0 or bool(service.overflow_amalgamate_title)
    if service.body_max_line_count > 0:
        lines = service.body_max_line_count - is_in_body
    else:
        lines = rules.lines or (_NO_LIMIT if most <= _BRIEF else None)
    title = min(service.title_maxlen, most) if service.title_maxlen > 0 else most // 3
    # Where each line is an event, a title in the body would say the first one twice.
    if is_in_body and lines is not None:
        title = 0

    def size(message: Rendered) -> int:
        """Return the size of what the service makes of a message."""
        body = service.dialect_convert(message.body, markup)
        size = len(body.encode())
        if is_in_body and message.title:
            size += len(f"<b>{message.title}</b><br />\r\n")
        # Each other limit is a share of the body's, so that one number says whether a message fits.
        shares = (
            -(-count(message.title, body) * most // limit)
            for count, limit in rules.limits
        )
        return max([size, *shares])

    return render(digest, form, most, title, lines, size)
