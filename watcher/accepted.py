"""Which alert URLs apprise has accepted before, so that a quiet poll need not load apprise to ask again. Pure.

Only keyed digests are kept: no URL, nor a part of one, is in the state (contract, Secrets).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from watcher.channels import Channel
from watcher.state import Addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`addresses` to keep, `digests` by channel name, and a `problems` line for each URL that apprise refuses."""

    addresses: Addresses
    digests: dict[str, str]
    problems: tuple[str, ...]


def judge(
    channels: Iterable[Channel],
    known: Addresses,
    *,
    apprise: str,
    refusal: Callable[[str], str | None],
    new_salt: Callable[[], str],
) -> Verdict:
    """Ask `refusal` about the URLs that this `apprise` version has not accepted yet."""
    salt = known.salt or new_salt()
    old = set(known.accepted.values()) if known.apprise == apprise else set()
    digests = {channel.name: digest(channel.url, salt) for channel in channels}
    problems = [
        f"channel {channel.name}: {why}"
        for channel in channels
        if digests[channel.name] not in old and (why := refusal(channel.url)) is not None
    ]
    kept = Addresses(salt=salt, apprise=apprise, accepted=dict(sorted(digests.items()))) if digests else known
    return Verdict(addresses=kept, digests=digests, problems=tuple(problems))


def resalted(channels: Iterable[Channel], accepted: Addresses, salt: str) -> tuple[dict[str, str], Addresses]:
    """Give the digests by channel name, and what to keep of accepted URLs, as they are with another salt."""
    digests = {channel.name: digest(channel.url, salt) for channel in channels}
    return digests, replace(accepted, salt=salt, accepted=dict(sorted(digests.items())))


def digest(url: str, salt: str) -> str:
    """Give a digest that is slow to guess a URL from (about a millisecond each)."""
    return hashlib.scrypt(
        url.encode("utf-8", "surrogatepass"), salt=bytes.fromhex(salt), n=512, r=8, p=1, dklen=16
    ).hex()
