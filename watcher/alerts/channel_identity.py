"""Which alert URLs there are and were: so that apprise need not be asked again, and that a queue finds its way. Pure.

Only keyed digests are kept: no URL, nor a part of one, is in the state (contract, Secrets).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from watcher.model.channel import Channel

LINE_LIMIT = 16
"""How many earlier addresses of a channel are kept, the latest."""

FORMER_LIMIT = 256
"""How many addresses of former channels are kept, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Which alert URLs apprise has accepted: keyed digests of them by channel name; `apprise` is its version.

    `placed` are those names that were made from a place in `alert_urls`, `earlier` has by name the addresses that a
    channel had before this one, `former` those of channels that are no more (`follow`).
    """

    salt: str = ""
    apprise: str = ""
    accepted: Mapping[str, str] = field(default_factory=dict)
    placed: tuple[str, ...] = ()
    earlier: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    former: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`addresses` to keep, `digests` by channel name, and by channel name why apprise refuses its URL (`refused`)."""

    addresses: Addresses
    digests: dict[str, str]
    refused: dict[str, str]


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
    found = digests(channels, salt)
    refused = {
        channel.name: why
        for channel in channels
        if found[channel.name] not in old and (why := refusal(channel.url)) is not None
    }
    kept = replace(known, salt=salt, apprise=apprise, accepted=dict(sorted(found.items()))) if found else known
    return Verdict(addresses=kept, digests=found, refused=refused)


def follow(known: Addresses, addresses: Mapping[str, str], placed: Collection[str]) -> Addresses:
    """Take in the channels as they are in this poll, by the `addresses` of their names, and keep each one's line.

    A channel goes on where its address does. With a new address it goes on if it was edited: under the same name, in
    the very next poll, with an address that no other channel ever had. A `placed` name says nothing; in `alert_urls` it
    is an edit if one address went and one came, and no more.
    """
    before, now = known.accepted, set(addresses.values())
    earlier: dict[str, tuple[str, ...]] = {}
    for name, was in _went_on(known, addresses, placed).items():
        line = dict.fromkeys((*known.earlier.get(was, ()), before[was]))
        if kept := [address for address in line if address not in now]:
            earlier[name] = tuple(kept[-LINE_LIMIT:])
    current = now.union(*earlier.values())
    former = [address for address in _seen(known) if address not in current]
    return replace(
        known,
        accepted=dict(sorted(addresses.items())),
        placed=tuple(sorted(placed)),
        earlier=dict(sorted(earlier.items())),
        former=tuple(former[-FORMER_LIMIT:]),
    )


def _went_on(known: Addresses, addresses: Mapping[str, str], placed: Collection[str]) -> dict[str, str]:
    """Give by the name of each channel that was there in the last poll the name that it had then."""
    before, now = known.accepted, set(addresses.values())
    names = {before[name]: name for name in reversed(list(before))}
    found = {
        name: name if before.get(name) == address else names[address]
        for name, address in addresses.items()
        if address in names
    }
    edited = {name: name for name in addresses if name in before and name not in {*placed, *known.placed}}
    gone = [name for name in known.placed if name in before and before[name] not in now]
    came = [name for name in placed if addresses[name] not in names]
    if len(gone) == len(came) == 1:
        edited[came[0]] = gone[0]
    seen = _seen(known)
    for name, was in edited.items():
        new = addresses[name]
        if before[was] not in now and (new not in seen or new in known.earlier.get(was, ())):
            found[name] = was
    return found


def _seen(known: Addresses) -> dict[str, None]:
    """Give every address that is known, the latest last."""
    lines = (address for line in known.earlier.values() for address in line)
    return dict.fromkeys((*known.former, *lines, *known.accepted.values()))


def digests(channels: Iterable[Channel], salt: str) -> dict[str, str]:
    """Give the digests of the channels' URLs by channel name."""
    return {channel.name: digest(channel.url, salt) for channel in channels}


def digest(url: str, salt: str) -> str:
    """Give a digest that is slow to guess a URL from (about a millisecond each)."""
    return hashlib.scrypt(
        url.encode("utf-8", "surrogatepass"), salt=bytes.fromhex(salt), n=512, r=8, p=1, dklen=16
    ).hex()
