"""Discord and Slack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Reply, says, text
from tests.proxied.schema import (
    ANYTHING,
    LINK,
    YES_OR_NO,
    Schema,
    matching,
    one_of,
    record,
    several,
    whole,
    words,
)

# Discord: https://discord.com/developers/docs/resources/webhook#execute-webhook

_EMBED = record(
    {},
    title=words(256),
    description=words(4096),
    url=LINK,
    timestamp=matching(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"),
    color=whole(0, 0xFFFFFF),
    footer=record({"text": words(2048, least=1)}, icon_url=LINK),
    author=record({"name": words(256, least=1)}, url=LINK, icon_url=LINK),
    thumbnail=record({"url": LINK}, height=whole(1, 4096), width=whole(1, 4096)),
    image=record({"url": LINK}),
    fields=several(
        record(
            {"name": words(256, least=1), "value": words(1024, least=1)},
            inline=YES_OR_NO,
        ),
        25,
    ),
    type=one_of("rich"),
)
_DISCORD: Schema = record(
    {},
    content=words(2000, least=1),
    username=words(80, least=1),
    avatar_url=LINK,
    tts=YES_OR_NO,
    wait=YES_OR_NO,
    embeds=several(_EMBED, 10, least=1),
    allowed_mentions=record(
        {},
        parse=several(one_of("roles", "users", "everyone"), 3),
        roles=several(words(20), 100),
        users=several(words(20), 100),
        replied_user=YES_OR_NO,
    ),
    flags=whole(0, 1 << 20),
    thread_name=words(100),
)
_QUIET = 4 | 4096
"""The flags that a webhook may set: no previews of links, no notification."""


def _embedded(said: Any) -> Iterator[str]:
    for embed in said.get("embeds", ()):
        yield from (embed.get(part, "") for part in ("title", "description"))
        yield embed.get("footer", {}).get("text", "")
        yield embed.get("author", {}).get("name", "")
        yield from (
            field[part]
            for field in embed.get("fields", ())
            for part in ("name", "value")
        )


def _discord(asked: Asked) -> Iterator[str]:
    said = asked.said
    if not ({"content", "embeds"} & said.keys()):
        yield "an empty message"
    if (total := sum(map(len, _embedded(said)))) > 6000:
        yield f"{total} characters in the embeds, at most 6000"
    if said.get("flags", 0) & ~_QUIET:
        yield f"flags {said['flags']}"
    if said.get("tts"):
        yield "a message that is read aloud"
    mentions = said.get("allowed_mentions", {})
    if mentions.get("parse") or mentions.get("roles") or mentions.get("users"):
        yield "mentions are allowed"
    if "content" in said and not said.get("flags", 0) & 4 and not said.get("embeds"):
        yield "links are previewed"


def _on_discord(said: Any) -> Shown:
    shown: Shown = []
    if "content" in said:
        heading, _, rest = said["content"].partition("\n")
        shown += [(Dialect.TITLE, heading.strip()), (Dialect.MARKDOWN, rest)]
    for embed in said.get("embeds", ()):
        shown += [(Dialect.TITLE, embed["title"])] if "title" in embed else []
        shown.append((Dialect.MARKDOWN, embed.get("description", "")))
        shown += [
            (Dialect.MARKDOWN, field[part])
            for field in embed.get("fields", ())
            for part in ("name", "value")
        ]
        shown += [
            (Dialect.BARE, embed[name][part])
            for name, part in (("footer", "text"),)
            if name in embed
        ]
    return shown


# Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks

_SLACK_TEXT = {
    "oneOf": [
        record(
            {"type": one_of("mrkdwn"), "text": words(3000, least=1)}, verbatim=YES_OR_NO
        ),
        record(
            {"type": one_of("plain_text"), "text": words(3000, least=1)},
            emoji=YES_OR_NO,
        ),
    ]
}
_BLOCK = {
    "oneOf": [
        record({"type": one_of("header"), "text": record({"type": one_of("plain_text"), "text": words(150, least=1)},
                                                         emoji=YES_OR_NO)}, block_id=words(255)),
        record({"type": one_of("section"), "text": _SLACK_TEXT}, block_id=words(255), expand=YES_OR_NO),
        record({"type": one_of("context"), "elements": several(ANYTHING, 10, least=1)}, block_id=words(255)),
        record({"type": one_of("divider")}),
    ]
}  # fmt: skip
_ATTACHMENT = record(
    {},
    title=words(250),
    text=words(3000),
    fallback=words(3000),
    color=matching("#[0-9A-Fa-f]{6}|good|warning|danger"),
    footer=words(300),
    footer_icon=LINK,
    ts={"type": "number"},
    blocks=several(_BLOCK, 50),
    mrkdwn_in=several(words(20), 5),
)
_SLACK: Schema = record(
    {},
    channel=words(80),
    username=words(80),
    icon_url=LINK,
    icon_emoji=words(100),
    mrkdwn=YES_OR_NO,
    text=words(40000),
    attachments=several(_ATTACHMENT, 20),
    blocks=several(_BLOCK, 50),
    unfurl_links=YES_OR_NO,
    unfurl_media=YES_OR_NO,
    link_names=one_of(False, 0),
)


def _slack(asked: Asked) -> Iterator[str]:
    if not any(asked.said.get(part) for part in ("text", "attachments", "blocks")):
        yield "no_text"


def _on_slack(said: Any) -> Shown:
    shown: Shown = []
    for attachment in said["attachments"]:
        shown += [
            (Dialect.TITLE, attachment[part])
            for part in ("title", "fallback")
            if attachment.get(part)
        ]
        shown += [(Dialect.SLACK, attachment["text"])] if "text" in attachment else []
        for block in (
            block for block in attachment.get("blocks", ()) if "text" in block
        ):
            dialect = (
                Dialect.SLACK if block["text"]["type"] == "mrkdwn" else Dialect.TEXT
            )
            shown.append(
                (
                    Dialect.TITLE if block["type"] == "header" else dialect,
                    block["text"]["text"],
                )
            )
    return shown


_POSTED = says(
    {
        "ok": True,
        "channel": "C123ABC456",
        "ts": "1503435956.000247",
        "message": {"type": "message"},
    }
)
_HOOK = "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7F"

CHAT = (
    *(
        Peer(
            name=name,
            url=f"discord://123456789{number}/token{query}",
            host="discord.com",
            path=f"/api/webhooks/123456789{number}/token",
            schema=_DISCORD,
            check=_discord,
            shown=_on_discord,
            taken=reply,
        )
        for number, (name, query, reply) in enumerate(
            (
                ("discord", "", Reply(status=204)),
                (
                    "discord-embeds",
                    "?format=markdown",
                    says({"id": "1", "type": 0, "content": ""}),
                ),
                ("discord-text", "?format=text", Reply(status=204)),
                ("discord-content", "?flags=4", Reply(status=204)),
            )
        )
    ),
    *(
        Peer(
            name=f"slack-hook-{letter}",
            url=f"slack://{_HOOK.removeprefix('/services/')}{letter}/{query}",
            host="hooks.slack.com",
            path=f"{_HOOK}{letter}",
            schema=_SLACK,
            check=_slack,
            shown=_on_slack,
            taken=text("ok"),
        )
        for letter, query in (
            ("a", ""),
            ("b", "?blocks=yes"),
            ("c", "?format=text"),
            ("d", "?format=text&blocks=yes"),
        )
    ),
    Peer(
        name="slack-bot",
        url="slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general",
        host="slack.com",
        path="/api/chat.postMessage",
        schema=_SLACK,
        check=_slack,
        shown=_on_slack,
        taken=_POSTED,
    ),
)
