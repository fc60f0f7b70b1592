"""`python -m tests.support.pictures`: draw the pictures of docs/images from what the program really sends.

It needs Chromium (Debian: `chromium fonts-noto-color-emoji`), and shows the events of docs/alerts.md. The mail is the
page that a mail server got. Of the Discord message, the embed is the one that was posted; how Discord draws an embed is
imitated.
"""

from __future__ import annotations

import html
from typing import Any

import pytest
import requests
from markdown_it import MarkdownIt

from tests.cli.test_docs import ALERTS
from tests.support.chromium import DARK, draw, in_a_frame
from tests.support.fakes.smtp import Mailbox
from tests.support.fakes.webhook import Webhook
from tests.support.program import ROOT
from watcher.delivery.process import Job
from watcher.delivery.sender import send
from watcher.delivery.urls import load
from watcher.model.channel import Outcome

IMAGES = ROOT / "docs" / "images"
_DISCORD = """<!doctype html><meta charset="utf-8"><style>
body{{margin:0;padding:20px;background:#313338;color:#dbdee1;font:16px/1.375 "gg sans","Noto Sans",sans-serif}}
.message{{display:flex;gap:16px}} .avatar{{width:40px;height:40px;border-radius:50%;background:#5865f2}}
.name{{font-weight:600;color:#f2f3f5}} .tag{{background:#5865f2;color:#fff;font-size:10px;padding:1px 4px;
border-radius:3px;vertical-align:2px}} .embed{{margin-top:6px;max-width:484px;padding:10px 16px 14px 12px;
background:#2b2d31;border-left:4px solid #{color};border-radius:4px;font-size:14px}}
.author{{font-weight:600;font-size:14px;margin-bottom:6px}} .title{{font-weight:600;font-size:16px;margin-bottom:6px}}
a{{color:#00a8fc;text-decoration:none}} code{{background:#1e1f22;border-radius:4px;padding:1px 4px;font-size:85%}}
ul{{margin:4px 0 10px;padding-left:18px}} p{{margin:6px 0}}</style>
<div class="message"><div class="avatar"></div><div><span class="name">Comfy Watch</span> <span class="tag">APP</span>
<div class="embed"><div class="author">{author}</div><div class="title"><a href="#">{title}</a></div>{body}</div>
</div></div>"""


def _deliver(url: str) -> None:
    load()
    outcome = send(Job(url=url, events=ALERTS, timeout=30.0), lambda what, value: None)
    assert outcome == Outcome(taken=True), outcome


def mail() -> str:
    """Return the page of the mail that a server got."""
    with Mailbox() as mailbox:
        _deliver(mailbox.apprise_url())
        page = mailbox.mails[-1].message.get_body(("html",))
    assert page is not None
    return str(page.get_content())


def discord() -> str:
    """Return a page that shows the embed that Discord gets."""
    original = requests.adapters.HTTPAdapter.send
    with Webhook() as webhook, pytest.MonkeyPatch.context() as patch:

        def divert(
            self: Any, request: requests.PreparedRequest, **options: Any
        ) -> requests.Response:
            request.url = f"{webhook.url}/discord"
            return original(self, request, **options)

        patch.setattr(requests.adapters.HTTPAdapter, "send", divert)
        _deliver("discord://1234567890/token")
        [embed] = webhook.messages("/discord")[-1].json["embeds"]
    return _DISCORD.format(
        color=f"{embed['color']:06x}",
        author=html.escape(embed["author"]["name"]),
        title=html.escape(embed["title"]),
        body=MarkdownIt("commonmark", {"breaks": True}).render(embed["description"]),
    )


def main() -> None:
    """Draw all pictures."""
    IMAGES.mkdir(exist_ok=True)
    page = mail()
    draw(page, IMAGES / "mail.png", "700,280")
    narrow = in_a_frame(page, 360)
    draw(narrow, IMAGES / "mail-dark-narrow.png", "360,470", DARK)
    draw(discord(), IMAGES / "discord.png", "640,326")


if __name__ == "__main__":
    main()
