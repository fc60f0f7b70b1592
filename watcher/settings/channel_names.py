"""Names of the channels in `alert_urls`, which have no other. Pure, and without apprise, which no quiet poll loads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from watcher.text import mask

NATIVE: Mapping[str, str] = {
    "api.flock.com": "flock",
    "api.incident.io": "incidentio",
    "api.squadcast.com": "squadcast",
    "chat.googleapis.com": "gchat",
    "ciscospark.com": "webex",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "hooks.slack-gov.com": "slack",
    "hooks.slack.com": "slack",
    "inbots.zoom.us": "zoom",
    "logic.azure.com": "workflows",
    "maker.ifttt.com": "ifttt",
    "ntfy.sh": "ntfy",
    "open.larksuite.com": "lark",
    "powerplatform.com": "workflows",
    "qyapi.weixin.qq.com": "wecombot",
    "webexapis.com": "webex",
    "webhooks.t2bot.io": "matrix",
}
"""The scheme of apprise for the addresses that services themselves give out, by their host, or the end of it."""


def names(urls: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return the name of each URL: its service, and the second one numbered (`discord`, `discord-2`).

    `taken` are names of other channels, in lower case, which are passed over.
    """
    unfree = set(taken)
    found: dict[str, str] = {}
    for url in urls:
        name = service = _service(url)
        number = 1
        while name in unfree:
            number += 1
            name = f"{service}-{number}"
        unfree.add(name)
        found[url] = name
    return found


def _service(url: str) -> str:
    """Return the service of a URL: its scheme, or that of a native address."""
    scheme = mask.scheme(url)
    if scheme in ("http", "https"):
        host = url.split("/", 3)[2].rpartition("@")[2].partition(":")[0].lower()
        known = (NATIVE[end] for end in NATIVE if f".{host}".endswith(f".{end}"))
        return next(known, scheme)
    return scheme.replace("+", "-")
