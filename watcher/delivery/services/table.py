"""The rules of every service that has some, by the name that apprise has for it, and what the sender asks them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

from watcher.alerts.render import Format, Rendered
from watcher.delivery.services import chat, on_call, push, unconfirmed
from watcher.delivery.services.desktop import desktop
from watcher.delivery.services.irc import LINE, LINES, irc, longest_line
from watcher.delivery.services.mail import mail
from watcher.delivery.services.matrix import matrix
from watcher.delivery.services.on_call import opens
from watcher.delivery.services.service import (
    NO_RULES,
    Context,
    Limit,
    Plugin,
    Rules,
    encoded,
)
from watcher.delivery.services.webhook import form, json_post, xml

# P1 is the most urgent.
_OPSGENIE = Rules(prepare=on_call.opsgenie, grade=("priority", (1, 3, 5)))
_LOUD = ("priority", (1, 0, -1))
"""Pushover's levels, which others took over: 2 would ask for an answer, -2 would show nothing."""
_URGENT = ("urgency", (2, 1, 0))
"""Those of desktop notifications."""
_ERRCODE = re.compile(rb'"errcode"\s*:\s*"?(-?[1-9]\d{0,8})')
_CODE = re.compile(rb'"code"\s*:\s*"?(-?[1-9]\d{0,8})')
"""What services say in a success when they refuse; 0 is that they took it."""
_ANY = re.compile("")
"""Any address: all requests carry the message, encrypted or encoded, or the URL's parameters may leave its text out."""
_CODE_BUT_200 = re.compile(rb'"code"\s*:\s*"?(?!200\b)(-?\d{1,9})[\s",}]')
_ASCII = {Format.TEXT: Format.ASCII}
"""What text messages are written in."""
_CHAT = {Format.MARKDOWN: Format.CHAT}
_TEXT_MESSAGES = (
    "46elks",
    "800.com",
    "Africas Talking",
    "Aprs",
    "BulkSMS",
    "BulkVS",
    "CM.com",
    "D7 Networks",
    "Dapnet",
    "Free-Mobile",
    "Infobip",
    "Kavenegar",
    "Kudosity",
    "MessageBird",
    "Octopush",
    "Plivo",
    "RingCentral",
    "SMS Eagle",
    "SMS Manager",
    "SMSC",
    "SMSTunnel",
    "SerwerSMS",
    "Sinch",
    "Société Française du Radiotéléphone",
    "Telesign",
    "Telnyx",
    "AWS Simple Notification Service (SNS)",
    "Twilio",
    "httpSMS",
)
"""Services whose messages are text messages."""
_TRIGGERED = (
    "FireHydrant",
    "GoAlert",
    "OpsiMate",
    "incident.io",
)
"""Those on call that open an alert by one word and one key."""
_SEALED = (
    "AWS End User Messaging Social (WhatsApp)",
    "AWS Simple Email Service (SES)",
    "IFTTT",
    "LFG Alarm",
    "Notifyre",
    "Session Open Group Server",
    "Vapid Web Push Notifications",
)
"""Those whose requests carry the message unseen."""
_LOUD_ALONE = (
    "Growl",
    "Join",
    "Lauther",
    "Prowl",
    "Pushsafer",
)
"""Those with Pushover's levels, and no other rule."""
RULES: Mapping[str, Rules] = {
    **dict.fromkeys(_TEXT_MESSAGES, Rules(dialects=_ASCII)),
    **dict.fromkeys(_TRIGGERED, Rules(prepare=opens("trigger", "dedup"))),
    **dict.fromkeys(_SEALED, Rules(sealed=_ANY)),
    **dict.fromkeys(_LOUD_ALONE, Rules(grade=_LOUD)),
    "AMQP": Rules(knows_code=True),
    "Bark": Rules(grade=("level", ("timeSensitive", "active", "passive")), sealed=_ANY),
    "ClickSend": Rules(
        dialects=_ASCII,
        refuses=re.compile(
            rb'"(?:status|response_code)"\s*:\s*"(?!SUCCESS")([A-Z_]{2,40})"'
        ),
    ),
    "Clickatell": Rules(
        dialects=_ASCII,
        refuses=re.compile(
            rb'"accepted"\s*:\s*(?i:false)|"(?:code|errorCode)"\s*:\s*"?(-?[1-9]\d{0,8})'
        ),
    ),
    "DBus Notification": Rules(prepare=desktop, grade=_URGENT),
    "DingTalk": Rules(refuses=_ERRCODE),
    "Cisco Webex Teams": Rules(prepare=chat.webex, most=chat.WEBEX),
    "Discord": Rules(
        prepare=chat.discord,
        shown_as=Format.MARKDOWN,
        dialects=_CHAT,
        most=chat.DISCORD_EMBED,
    ),
    "E-Mail": Rules(prepare=mail, most=30_000),
    "Feishu": Rules(refuses=_CODE),
    "Form": Rules(prepare=form, knows_code=True, answers_pages=True, sealed=_ANY),
    "GLib Notification": Rules(prepare=desktop, grade=_URGENT),
    "Gnome Notification": Rules(prepare=desktop, grade=_URGENT),
    "Gotify": Rules(grade=("priority", (8, 5, 3))),
    "IRC": Rules(prepare=irc, lines=LINES, limits=((longest_line, LINE),)),
    "JSON": Rules(prepare=json_post, knows_code=True, answers_pages=True, sealed=_ANY),
    "Jira": _OPSGENIE,
    "Kodi/XBMC": Rules(refuses=_CODE),
    "LaMetric": Rules(grade=("priority", ("critical", "warning", "info"))),
    "Lark (Feishu)": Rules(refuses=_CODE),
    "MQTT Notification": Rules(prepare=unconfirmed.mqtt),
    "MSG91": Rules(dialects=_ASCII, refuses=re.compile(rb'"type"\s*:\s*"(error)"')),
    "Matrix": Rules(
        prepare=matrix,
        shown_as=Format.HTML,
        knows_code=True,
        sealed=re.compile(r"/m\.room\.encrypted/"),
    ),
    "Mattermost": Rules(shown_as=Format.MARKDOWN),
    "OneSignal": Rules(refuses=re.compile(rb'"id"\s*:\s*""|"errors"\s*:\s*[\[{]\s*"')),
    "Opsgenie": _OPSGENIE,
    "Pager Duty": Rules(prepare=on_call.pagerduty, lines=1, most=on_call.SUMMARY),
    "PagerTree": Rules(
        prepare=on_call.pagertree, grade=("urgency", ("critical", "medium", "low"))
    ),
    "Power Automate / Workflows (for MSTeams)": Rules(
        prepare=chat.teams,
        most=chat.TEAMS_CARD,
        limits=((encoded, chat.TEAMS_ENCODED),),
        dialects={Format.MARKDOWN: Format.CODELESS},
    ),
    "PushDeer": Rules(
        refuses=re.compile(
            _CODE.pattern + rb'|"result"\s*:\s*(?:(?i:false)|null|\[\s*\])'
        )
    ),
    # It says `success`, or else what is wrong.
    "PushMe": Rules(refuses=re.compile(rb"\A\s*[^\s<s]")),
    "PushWard": Rules(prepare=push.pushward, sealed=_ANY),
    "Pushover": Rules(prepare=push.pushover, grade=_LOUD, sealed=_ANY),
    "Rocket.Chat": Rules(
        prepare=chat.rocket_chat, shown_as=Format.MARKDOWN, most=chat.ROCKET_CHAT
    ),
    "SIGNL4": Rules(prepare=on_call.signl4),
    "SMTP2Go": Rules(refuses=re.compile(rb'"failed"\s*:\s*([1-9]\d{0,8})')),
    "SendPulse": Rules(sealed=re.compile("/smtp/")),
    "ServerChan": Rules(
        refuses=re.compile(rb'"(?:code|errno)"\s*:\s*"?(-?[1-9]\d{0,8})')
    ),
    "Signalgrid": Rules(refuses=_CODE_BUT_200),
    "Simplepush": Rules(grade=("priority", (5, 3, 2)), sealed=re.compile("/tasks/")),
    "Slack": Rules(prepare=chat.slack, dialects=_CHAT),
    "SparkPost": Rules(
        refuses=re.compile(rb'"total_rejected_recipients"\s*:\s*([1-9]\d{0,8})')
    ),
    "Splunk On-Call": Rules(
        prepare=on_call.splunk, refuses=re.compile(rb'"result"\s*:\s*"(failure)"')
    ),
    "SpugPush": Rules(refuses=_CODE_BUT_200),
    "Squadcast": Rules(
        prepare=opens("trigger", "dedup"), grade=("priority", ("P1", "P3", "P5"))
    ),
    "Synology Chat": Rules(refuses=_CODE),
    "Syslog": Rules(prepare=unconfirmed.syslog),
    "Telegram": Rules(
        knows_code=True,
        dialects={Format.HTML: Format.TELEGRAM},
        most=chat.TELEGRAM,
        limits=((chat.visible, 4096), (chat.entities, 100)),
    ),
    "VoIPms": Rules(
        dialects=_ASCII,
        refuses=re.compile(rb'"status"\s*:\s*"(?!success")([a-z_]{2,40})"'),
    ),
    "Vonage": Rules(
        dialects=_ASCII, refuses=re.compile(rb'"status"\s*:\s*"([1-9]\d?)"')
    ),
    "WeCom Bot": Rules(refuses=_ERRCODE),
    "XML": Rules(prepare=xml, knows_code=True, answers_pages=True, sealed=_ANY),
    "XMPP": Rules(prepare=unconfirmed.xmpp),
    "Zulip": Rules(prepare=chat.zulip, shown_as=Format.MARKDOWN),
    "ilert": Rules(
        prepare=opens("trigger", "dedup"), grade=("priority", ("high", "high", "low"))
    ),
    "ntfy": Rules(
        prepare=push.ntfy,
        grade=("priority", ("max", "default", "low")),
        limits=((encoded, push.NTFY),),
    ),
    "seven": Rules(
        dialects=_ASCII,
        refuses=re.compile(rb'(?:\A\s*"?|"success"\s*:\s*"?)(?!100\b)(\d{3})\b'),
    ),
}
_CEILING = 3000  # bytes, below every limit that apprise leaves to the service (Slack's blocks, ntfy)
_BRIEF = 640
"""Bytes; a service that takes no more shows an event as one line: text messages, pagers."""
_NO_LIMIT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What fits one message to a service, in UTF-8 bytes."""

    body: int
    title: int
    lines: int | None
    """The most lines of the body, one for each event; None: any number."""
    titled: bool
    """The title is part of the body."""
    limits: tuple[Limit, ...]
    """What else is limited."""

    def size(self, message: Rendered, body: str) -> int:
        """Return the size of a message whose `body` is written as the service writes it; it fits up to `body`."""
        is_titled = self.titled and message.title
        size = len(body.encode()) + (
            len(f"<b>{message.title}</b><br />\r\n") if is_titled else 0
        )
        shares = (
            -(-count(message.title, body) * self.body // most)
            for count, most in self.limits
        )
        return max([size, *shares])


def rules_of(service: Plugin) -> Rules:
    """Return the rules of a service. Some names are translated by the system's language; their `text` is not."""
    return RULES.get(
        str(getattr(service.service_name, "text", service.service_name)), NO_RULES
    )


def sealed_of(service: Plugin, asked: Container[str]) -> re.Pattern[str] | None:
    """Return the addresses of requests that carry the message unseen. A template may leave any word of it out."""
    return _ANY if "template" in asked else rules_of(service).sealed


def prepare(service: Plugin, context: Context) -> None:
    """Change a service so that what is sent to it is shown as it is meant, mentions nobody and does no harm."""
    rules = rules_of(service)
    if rules.grade is not None:
        context.grade(service, *rules.grade)
    if rules.prepare is not None:
        rules.prepare(service, context)


def format_of(service: Plugin, *, single: bool) -> Format:
    """Return the format to send to a service; a `single` one accepts only the format that was set on it."""
    if service.body_max_line_count > 0:  # a pop-up, which shows what it gets
        return Format.TEXT
    rules = rules_of(service)
    asked = service.url_parameters().get("format")
    form = Format(service.resolve_format(None).value)
    if asked is None or (single and asked == Format.TEXT):
        form = rules.shown_as or form
    if form is Format.HTML and (
        not rules.knows_code or getattr(service, "mode", "") == "slack"
    ):
        return Format.MAIL
    return rules.dialects.get(form, form)


def room_of(service: Plugin) -> Room:
    """Return what fits one message to a service."""
    rules = rules_of(service)
    body = min(service.body_maxlen, rules.most or _CEILING)
    titled = service.title_maxlen <= 0 or bool(service.overflow_amalgamate_title)
    lines = (
        service.body_max_line_count - titled
        if service.body_max_line_count > 0
        else None
    )
    if lines is None:
        lines = rules.lines or (_NO_LIMIT if body <= _BRIEF else None)
    title = min(service.title_maxlen, body) if service.title_maxlen > 0 else body // 3
    # Where each line is an event, a title in the body would say the first one twice.
    is_said_twice = titled and lines is not None
    return Room(
        body=body,
        title=0 if is_said_twice else title,
        lines=lines,
        titled=titled,
        limits=rules.limits,
    )
