"""Chat services: what a message looks like there, and how much of it they get."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qs

import pytest

from tests.unit.delivery.services.conftest import (
    BY_SEVERITY,
    FLAG,
    RELEASE,
    Service,
    event,
)
from watcher.model.event import Event

HOOK = "discord://1234567890/token"


def _long(count: int) -> tuple[Event, ...]:
    reason = "it sends the keys of this machine to a server of its own; " * 4
    return tuple(
        event(id=f"id{number}", version=f"1.{number}.0", reason=reason)
        for number in range(count)
    )


def test_a_discord_message_is_an_embed_with_the_colour_of_its_severity(
    service: Service,
) -> None:
    """A ban, a flag and a release have three colours; the title leads to the page, and nothing is previewed."""
    colours = []
    for one in BY_SEVERITY:
        assert service.tell(HOOK, one) == ""
        [embed] = service.last["embeds"]
        assert embed["url"] == "https://registry.comfy.org/nodes/comfyui-night-lights"
        assert "content" not in service.last
        colours.append(embed["color"])
    assert len(set(colours[:3])) == 3
    assert colours[3] == colours[2]
    assert colours[0] >> 16 > max(colours[0] >> 8 & 255, colours[0] & 255)  # red


@pytest.mark.parametrize(
    ("query", "plain"),
    [("?format=text", False), ("?format=markdown&flags=4", False), ("", True)],
)
def test_a_discord_message_may_be_no_embed(
    service: Service, query: str, plain: bool
) -> None:
    """A URL that suppresses embeds or asks for a text, and what was refused as one, gets no embed and no preview."""
    assert service.tell(HOOK + query, plain=plain) == ""
    assert service.last["flags"] == 4
    assert "comfyui-night-lights" in service.last["content"]
    assert "embeds" not in service.last


def test_a_discord_message_uses_the_room_of_an_embed(service: Service) -> None:
    """A digest that is longer than a plain message fits the embed's 4,096 characters, and all of it 6,000."""
    assert service.tell(HOOK, *_long(25)) == ""
    [embed] = service.last["embeds"]
    assert 2000 < len(embed["description"]) <= 4096
    shown = embed["title"] + embed["description"] + embed["author"]["name"]
    assert len(shown) <= 6000


_OK = (200, "ok")
_SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
_TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12315544/"
_TEAMS = f"workflows://prod.example/{'a' * 32}/signature"


def test_a_slack_message_is_blocks_of_the_colour_of_its_severity(
    service: Service,
) -> None:
    """Slack shows the blocks whole and makes no links of words; a lock screen shows the title."""
    colours = []
    for one in BY_SEVERITY:
        assert service.tell(_SLACK, one, answer=_OK) == ""
        [attachment] = service.last["attachments"]
        header, section, _ = attachment["blocks"]
        assert header["text"]["text"] == attachment["fallback"]
        assert (section["expand"], section["text"]["verbatim"]) == (True, True)
        colours.append(attachment["color"])
    assert colours == ["#A32037", "#CACF29", "#3AA3E3", "#3AA3E3"]


@pytest.mark.parametrize(
    ("query", "plain"),
    [("blocks=no", False), ("format=text", False), ("blocks=yes", True)],
)
def test_a_slack_message_may_be_no_blocks(
    service: Service, query: str, plain: bool
) -> None:
    """A URL that wants none or a text, and what was refused as blocks, gets an attachment without them."""
    assert service.tell(f"{_SLACK}?{query}", plain=plain, answer=_OK) == ""
    [attachment] = service.last["attachments"]
    assert "blocks" not in attachment
    assert "comfyui-night-lights" in attachment["text"]


def test_a_slack_message_fits_its_blocks(service: Service) -> None:
    """A header takes 150 characters, a section 3,000, whatever Slack's escapes add."""
    many = tuple(
        replace(one, node=f"p{'&' * 90}{number}", reason="<&>" * 200)
        for number, one in enumerate(_long(25))
    )
    assert service.tell(_SLACK, *many, answer=_OK) == ""
    header, section, _ = service.last["attachments"][0]["blocks"]
    assert 2000 < len(section["text"]["text"]) <= 3000
    assert len(header["text"]["text"]) <= 150
    long = event(node="x" * 100, version=f"1.0.0-{'x' * 99}")
    assert service.tell(_SLACK, long, answer=_OK) == ""
    header, *_ = service.last["attachments"][0]["blocks"]
    assert len(header["text"]["text"]) <= 150


def test_telegram_has_empty_lines_between_packs_and_short_links(
    service: Service,
) -> None:
    """One empty line is between two packs, and a word leads to the page."""
    other = event(
        node="another", id="id7", url="https://registry.comfy.org/nodes/another"
    )
    both = (event(), event(**FLAG))
    assert service.tell(_TELEGRAM, *both, other) == ""
    text = service.last["text"].replace("\r\n", "\n")
    packs = text.split("\n\n")
    assert [text.count("<code>") for text in packs[:3]] == [3, 3, 3]
    assert '<a href="https://registry.comfy.org/nodes/another">registry</a>' in text
    assert ">https://" not in text
    assert "\n\n\n" not in text


def test_telegram_styles_all_that_a_message_quotes(service: Service) -> None:
    """A hundred parts of a message have a style, and Telegram counts what it shows: no more than 4,096 characters."""
    for reason in ("keys " * 60, "&" * 300, "🦊" * 300, "x"):
        many = tuple(replace(one, reason=reason) for one in _long(25))
        assert service.tell(_TELEGRAM, *many) == ""
        text = service.last["text"]
        assert len(text.encode()) > 3000
        assert text.count("</") <= 100
        shown = unescape(re.sub("<[^>]*>", "", text))
        assert len(shown.encode("utf-16-le")) // 2 <= 4096


def test_a_card_has_the_colour_of_its_severity(service: Service) -> None:
    """The title of a card is on the colour of a ban, a flag or a release, and is not cut."""
    styles = []
    for one in BY_SEVERITY[:3]:
        assert service.tell(_TEAMS, one) == ""
        [container, text] = service.last["attachments"][0]["content"]["body"]
        [title] = container["items"]
        assert (title["wrap"], text["wrap"]) == (True, True)
        assert "comfyui-night-lights" in title["text"]
        styles.append(container["style"])
    assert styles == ["attention", "warning", "accent"]
    assert service.tell(f"{_TEAMS}?wrap=no") == ""
    [container, _] = service.last["attachments"][0]["content"]["body"]
    assert container["items"][0]["wrap"] is False


def test_a_plain_card_is_as_apprise_makes_it(service: Service) -> None:
    """What Teams has refused goes out in the plainest card."""
    assert service.tell(_TEAMS, plain=True) == ""
    [title, text] = service.last["attachments"][0]["content"]["body"]
    assert (title["type"], text["type"]) == ("TextBlock", "TextBlock")


def test_teams_gets_more_than_a_thousand_characters(service: Service) -> None:
    """A card holds twenty-five events, and stays below the 28 KB of a request, JSON's escapes included."""
    assert service.tell(_TEAMS, *_long(25)) == ""
    assert "1.24.0" in json.dumps(service.last)
    hostile = tuple(replace(one, reason="😀" * 300) for one in _long(25))
    assert service.tell(_TEAMS, *hostile) == ""
    assert len(json.dumps(service.last)) <= 28 * 1024


def test_a_text_message_names_the_worst_event_in_one_line(service: Service) -> None:
    """Where there is room for a line or two, the worst event's node, version and kind are in it, and the reference."""
    assert (
        service.tell(
            "vonage://12345678:abcdefghijklmnop@15555550000/15555551111",
            event(**RELEASE),
            event(),
        )
        == ""
    )
    text = parse_qs(str(service.requests[-1].body))["text"][0]
    assert len(text) <= 160
    assert "BANNED comfyui-night-lights 1.2.0." in text.splitlines()[0]
    assert text.count("BANNED") == 1
    assert "history --since " in text.splitlines()[-1]
