"""Digests of alert URLs: which URLs apprise has accepted, and which queue belongs to which URL. Pure.

Only keyed digests are kept: no URL, nor a part of one, is in the state (docs/behaviour.md, Secrets).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from watcher.model.channel import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The alert URLs that apprise has accepted."""

    salt: str = ""
    """The key of the digests, in hexadecimal."""
    apprise: str = ""
    """The version of apprise that accepted them."""
    url_digests: Mapping[str, str] = field(default_factory=dict)
    """By channel name."""


def judge(
    channels: Iterable[Channel],
    known: Addresses,
    *,
    apprise: str,
    refusal: Callable[[str], str | None],
    new_salt: Callable[[], str],
) -> tuple[Addresses, dict[str, str]]:
    """Ask `refusal` about the URLs that this `apprise` version has not accepted yet.

    Return the addresses of all channels and, by channel name, why apprise refuses a URL.
    """
    salt = known.salt or new_salt()
    # Another version of apprise may refuse what this one accepted.
    accepted = set(known.url_digests.values()) if known.apprise == apprise else set()
    found = url_digests(channels, salt)
    refused = {
        channel.name: why
        for channel in channels
        if found[channel.name] not in accepted
        and (why := refusal(channel.url)) is not None
    }
    return Addresses(salt=salt, apprise=apprise, url_digests=found), refused


def url_digests(channels: Iterable[Channel], salt: str) -> dict[str, str]:
    """Return the digests of the channels' URLs by channel name."""
    return {
        channel.name: digest(channel.url, salt)
        for channel in sorted(channels, key=lambda channel: channel.name)
    }


def digest(text: str, salt: str) -> str:
    """Return a digest that is slow to guess the text from (about a millisecond each)."""
    return hashlib.scrypt(
        text.encode("utf-8", "surrogatepass"),
        salt=bytes.fromhex(salt),
        n=512,
        r=8,
        p=1,
        dklen=16,
    ).hex()
