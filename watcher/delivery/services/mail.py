"""Mail: headers for programs that read it, and a page that any screen shows well."""

from __future__ import annotations

import contextlib
import ipaddress
import sys
from functools import cache, partial
from itertools import count
from typing import Any

from watcher.delivery.services.service import Context, Levels, Plugin
from watcher.model.event import digest

_PRIORITY: Levels = (("1", "high"), ("3", "normal"), ("5", "low"))
"""X-Priority and Importance, which mail programs show."""


def mail(service: Plugin, context: Context) -> None:
    """Set the headers that the URL does not set, and make a page of the HTML.

    `Auto-Submitted` keeps answering machines silent (RFC 3834), and `List-Id` is for filters (RFC 2919).
    """
    name, address = service.from_addr
    service.from_addr = (name or service.app_id, address)
    domain = address.rpartition("@")[2]
    priority, importance = context.level(_PRIORITY)
    headers = {
        "Auto-Submitted": "auto-generated",
        "List-Id": f"{service.app_id} <comfy-watch.{domain}>",
        "X-Priority": priority,
        "Importance": importance,
    }
    own = {name.lower() for name in service.headers}
    # What the URL sets stays, in any case of its letters.
    service.headers = service.headers | {
        name: text for name, text in headers.items() if name.lower() not in own
    }
    plugin: Any = sys.modules[type(service).__module__]
    plugin.AppriseSMTPController = _reconnecting()
    # A repeat has the ids of the mails before it, so that their readers see one mail. apprise has no option for that.
    message = digest(repr((service.targets, [one.id for one in context.events])), 32)
    numbers = count(1)
    plugin.make_msgid = lambda **_: f"<{message}.{next(numbers)}@{domain}>"
    # Apprise prefers it for HTML.
    service.send_html = partial(_send_page, service, context.level(_BARS))


@cache
def _reconnecting() -> type:
    """Return what sends mails through one connection, and through a new one after a mail that failed.

    A server may have left, or may hang, at one recipient.
    """
    from apprise.plugins.email.smtp import (  # noqa: PLC0415 - apprise is loaded by then
        AppriseSMTPController,
    )

    class Reconnecting(AppriseSMTPController):
        is_fresh = True

        def sendmail(self, from_addr: str, to_addrs: list[str], message: str) -> bool:
            # After a failure a late reply to one mail could be taken for that to the next.
            if not self.is_fresh:
                self.__exit__(None, None, None)
                self.__enter__()
            self.is_fresh = super().sendmail(from_addr, to_addrs, message)
            return self.is_fresh

    return Reconnecting


def address_copies(service: Plugin) -> None:
    """Give each copy a mail of its own: who refuses it does not bring it to the others again.

    A web service would send the copies one with each recipient's. With `?batch=yes` all go out in one request, as they
    are: there a blind copy must not be addressed beside the others.
    """
    if getattr(service, "batch", False):
        return
    # Sorted, so that a repeat has the same order, and each mail its id of before.
    copies = sorted({*service.cc, *service.bcc})
    # From here on apprise knows no copies, only recipients.
    service.cc, service.bcc = set(), set()
    match service.targets[:1]:
        case [tuple()]:
            service.targets += [(service.names.get(one, False), one) for one in copies]
        case [dict()]:
            service.targets += [{"email": one} for one in copies]
        case _:
            service.targets += copies


def sends_password_openly(service: Plugin) -> bool:
    """Return whether a mail service sends its password unencrypted to another machine.

    For some providers apprise encrypts `mailto://` too.
    """
    return (
        bool(service.password)
        and service.secure_mode == "insecure"
        and not _is_loopback(service.smtp_host)
    )


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host.lower() == "localhost"


def _send_page(service: Plugin, bar: str, *, body: str, **message: object) -> bool:
    """Send HTML as a whole page with a bar of a colour.

    apprise makes the text part of the page. A `br` is an empty line there; the page shows none.
    """
    spaced = body.replace("\n<p>", '<br class="gap">\n<p>')
    page = f'{_HEAD}<div style="border-left:4px solid {bar};padding-left:14px">{spaced}</div></body></html>'
    return bool(service.send(body=page, **message))


_BARS: Levels = ("#c62828", "#e69500", "#3b82f6")
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
    "<style>"
    ":root{color-scheme:light dark}"
    "body{margin:0 auto;padding:16px;max-width:42em;font:16px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif;"
    "overflow-wrap:anywhere}"
    "p{margin:18px 0 4px}p:first-child{margin-top:0}p:last-child{margin-bottom:0}ul{margin:0;padding-left:20px}"
    "li{margin:6px 0}.gap{display:none}"
    "samp{font-family:ui-monospace,Consolas,monospace;font-size:.9em;padding:1px 4px;border-radius:4px;"
    "background:#8882}"
    "a{color:#0b57d0}"
    "@media (prefers-color-scheme:dark){body{background:#1b1b1f;color:#e3e3e8}a{color:#a8c7fa}}"
    "</style></head><body>"
)
