"""Settings as people write them, read into values: lists, names, durations, URLs. Pure.

docs/dev/behaviour.md, Settings, has the forms.
Every function raises ValueError with one sentence that says what was given, unless that could be a secret, and what
is allowed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from watcher import durations
from watcher.model.selection import NODE_ID, is_glob
from watcher.model.version import STATUSES
from watcher.text.mask import (
    NOT_IN_REGISTRY_URL,
    SCHEME,
    describe,
    find_url,
    is_visible,
    nearest,
)

# `installs` is not among them: most are folders, and of an address each message shows only the scheme.
SECRET = frozenset({"alert_urls", "channels", "heartbeat_url"})
"""Settings whose values no message, log or listing shows."""

SHORTEST_INTERVAL = 10.0
"""Seconds."""

NO_ALERTS = "none"
"""The value of `alert_urls` where no alerts are wanted."""

# Each `@` and `?` counts: a warning too many costs less than a password that others can read.
LOGIN = re.compile(r"https?:/*[^/\s\"']*[@?]", re.IGNORECASE)
"""An address of a ComfyUI that may hold a password."""

_Item = TypeVar("_Item")


class EntriesError(ValueError):
    """Entries of a list that are refused: `reasons` has why, by the entry's place from 1 on."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        # On one line, for an option of the command line.
        super().__init__("; ".join(reasons.values()))
        self.reasons = reasons


# A comma may be part of a URL (`?to=a@x.org,b@y.org`): one separates only where a scheme follows.
_BETWEEN_URLS = re.compile(rf"[\s,]*,[\s,]*(?={SCHEME}://)|\s+")
_AROUND_URLS = " \t\r\n,"


def path(text: str) -> str:
    """Return a path as it is; ValueError if it looks like a URL, which may be an alert URL in the wrong place."""
    if find_url(text):
        raise ValueError(
            f"{describe(text)} is a URL, not a path; give the path of a file or folder"
        )
    return text


def items_of(
    value: object, split: Callable[[str], Iterable[object]], refusal: str
) -> list[object]:
    """Return the items of a list, or of a string: JSON, or what `split` makes of it; ValueError for anything else."""
    if isinstance(value, str):
        is_json = value.lstrip().startswith("[")
        return from_json(value) if is_json else [*split(value)]
    if isinstance(value, (list, tuple, frozenset, set)):
        return [*value]
    raise ValueError(refusal)


def words(text: str) -> list[str]:
    """Return words that are separated by commas, spaces and newlines."""
    return text.replace(",", " ").split()


def split_list(value: object) -> list[object]:
    """Return the items of a list, or of a string: JSON, or words."""
    refusal = f"{describe(value)} is not a list of names; give a list, or names separated by commas"
    return items_of(value, words, refusal)


def from_json(text: str) -> list[object]:
    """Return the items of a JSON array; the error shows nothing of the text."""
    try:
        items = json.loads(text)
    # Brackets by the thousand are no JSON that ends in a ValueError.
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise ValueError("the value begins like a JSON array but is not valid JSON")
    return items


def read_each(items: Iterable[object], read: Callable[[object], _Item]) -> list[_Item]:
    """Return the result of `read` for every item; EntriesError with everything that it refuses."""
    found: list[_Item] = []
    refused: dict[int, str] = {}
    for place, item in enumerate(items, 1):
        try:
            found.append(read(item))
        except ValueError as refusal:
            # The others are still read, so that one run names every mistake.
            refused[place] = str(refusal)
    if refused:
        raise EntriesError(refused)
    return found


def statuses(value: object) -> tuple[str, ...]:
    """Return names of statuses, in the spec's order."""
    # In one order, so that the same set is the same setting.
    wanted = choices(split_list(value), STATUSES, "a status")
    return tuple(status for status in STATUSES if status in wanted)


def choices(items: Sequence[object], known: Sequence[str], what: str) -> frozenset[str]:
    """Return one or more of the known names, written in any case."""
    # Nobody means none: most often a variable is empty that should have had a value.
    if not items:
        raise ValueError(f"the list is empty; give at least one of {', '.join(known)}")
    return frozenset(_choice(item, known, what) for item in items)


def _choice(item: object, known: Sequence[str], what: str) -> str:
    name = lower(item)
    if isinstance(name, str) and name in known:
        return name
    close = nearest(str(name), known)
    meant = f" (did you mean {close}?)" if close else ""
    raise ValueError(
        f"{describe(item)} is not {what}{meant}; give one of {', '.join(known)}"
    )


def stripped(value: object) -> str:
    """Return a text without blanks around it; "" for anything else."""
    return value.strip() if isinstance(value, str) else ""


def lower(value: object) -> object:
    """Return a text as a name is compared: in lower case, without blanks around it."""
    return value.strip().lower() if isinstance(value, str) else value


def whole(value: object, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`."""
    try:
        # As a text, since `true` is a number to Python; `3.0` is shown as 3, so that its refusal would read as wrong.
        found = int(f"{value:g}" if isinstance(value, float) else str(value))
    except ValueError:
        refusal = "is not a whole number"
    else:
        if low <= found <= high:
            return found
        refusal = "is out of range"
    raise ValueError(f"{describe(value)} {refusal}; give {low} to {high}")


def seconds(value: object, low: float, high: float) -> float:
    """Return the seconds of a duration from `low` to `high`."""
    try:
        found = durations.parse(value if isinstance(value, (str, int, float)) else "")
    except ValueError as refusal:
        raise ValueError(f"{describe(value)} is not a duration; {refusal}") from None
    if not low <= found <= high:
        raise ValueError(
            f"{describe(value)} is out of range; give {durations.show(low)} to {durations.show(high)}"
        )
    return found


def interval(value: object) -> float:
    """Return the seconds between two polls, or between two looks of `wait`."""
    # The bound is read with each value, so that a test of the loop can lower it before settings are loaded.
    return seconds(value, SHORTEST_INTERVAL, 366 * durations.DAY)


def web_address(value: object) -> SplitResult | None:
    """Return the parts of an address by http or https with a host that can exist; None for anything else."""
    if not isinstance(value, str) or not is_visible(value) or " " in value:
        return None
    try:
        parts = urlsplit(value)
        # As the client of HTTP will encode it; it would raise in the middle of a poll.
        host = (parts.hostname or "").encode("idna")
        # Port 0 can be written, and no server can have it.
        is_usable = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:  # of a port, of brackets, or of a host's part that is too long
        return None
    return parts if host and is_usable else None


def registry_url(value: object) -> str:
    """Return the registry's URL without a trailing slash: http or https, a host, perhaps a port and a path."""
    text = stripped(value)
    # Every message about a failed request names this URL.
    may_be_secret = NOT_IN_REGISTRY_URL.search(text)
    if may_be_secret or web_address(text) is None:
        shown = "the value (not shown)" if may_be_secret else describe(value)
        raise ValueError(
            f"{shown} is not a registry URL; give one such as https://api.comfy.org, without user, query or fragment"
        )
    return text.rstrip("/")


def alert_urls(value: object) -> tuple[str, ...] | None:
    """Return apprise URLs from a list, JSON, or text that is split at white space and at commas before a scheme.

    None stands for `NO_ALERTS`. Only the form of a URL is checked: `watcher.delivery` asks apprise. Errors show no part
    of a URL.
    """
    if isinstance(value, str):
        value = value.strip(_AROUND_URLS)
    items = items_of(value, _urls, "the value is not a list of apprise URLs")
    # Beside a URL the word would contradict it: it is refused as no URL.
    if len(items) == 1 and lower(items[0]) == NO_ALERTS:
        return None
    return tuple(read_each(items, alert_url))


def _urls(text: str) -> list[str]:
    return [part for part in _BETWEEN_URLS.split(text) if part.strip(",")]


def alert_url(value: object) -> str:
    """Return one apprise URL, of which only the scheme is checked; errors show no part of it."""
    text = stripped(value)
    if not re.match(f"{SCHEME}://", text):
        raise ValueError(
            "the value (not shown) is not an apprise URL; begin it with a scheme, such as discord:// or mailtos://"
        )
    # An invisible character comes with what is copied from a page, and no service knows the URL that it makes.
    if not is_visible(text):
        raise ValueError(
            "the URL (not shown) contains invisible or control characters; percent-encode or remove them"
        )
    return text


def heartbeat_url(value: object) -> str | None:
    """Return a monitor's URL, http or https; None for an empty text or "none". Errors show no part of it."""
    if lower(value) in (None, "", NO_ALERTS):
        return None
    text = stripped(value)
    parts = web_address(text)
    # What stands behind `#` is never sent: a ping would not reach what its user means.
    if parts is None or parts.fragment:
        raise ValueError(
            "the value (not shown) is not the URL of a monitor; give one such as https://hc-ping.com/your-uuid,"
            " without a fragment"
        )
    return text


_SITE = r"(?:https?://)?registry\.comfy\.org/(?:[^?#]*/)?"
_PACK_URL = re.compile(_SITE + r"nodes/([^/?#]+)/*(?:[?#].*)?", re.IGNORECASE)
_PUBLISHER_URL = re.compile(_SITE + r"publishers/([^/?#]+)/*(?:[?#].*)?", re.IGNORECASE)
# Of characters that an id may have: what no id can match is a mistake.
_GLOB = re.compile(r"!?(?:[A-Za-z0-9._*?-]|\[!?[A-Za-z0-9._-]+\]){1,200}")
"""A glob that an id could match."""


def _publisher(item: object) -> str:
    text = stripped(item)
    if url := _PUBLISHER_URL.fullmatch(text):
        text = url[1]
    # The registry's pages write a publisher with it.
    text = text.removeprefix("@")
    if not NODE_ID.fullmatch(text):
        raise ValueError(
            f"{describe(item)} is not the id of a publisher; give the last part of the publisher's URL on"
            " registry.comfy.org"
        )
    return text


def node_id(item: object) -> str:
    """Return an id, or a pack's URL as its id."""
    text = id_or_glob(item)
    if is_glob(text):
        raise ValueError(
            f"{describe(text)} is a pattern, which is not allowed here; give each pack's id"
        )
    return text


def _including(item: object) -> str:
    text = id_or_glob(item)
    if text.startswith("!"):
        raise ValueError(
            f"{describe(text)} leaves out packs, which is not possible here"
        )
    return text


def id_or_glob(item: object) -> str:
    """Return an id, a pack's URL as its id, or a glob."""
    text = stripped(item)
    if url := _PACK_URL.fullmatch(text):
        text = url[1]
    # A URL may have a `?` too, and is to be called a URL.
    if is_glob(text) and not find_url(text):
        if not _GLOB.fullmatch(text):
            raise ValueError(
                f"{describe(text)} is a pattern that no id can match; letters A to Z, digits, '.', '_', '-', '*',"
                " '?' and '[a-z]' are allowed, and '!' first to leave out"
            )
    elif not NODE_ID.fullmatch(text):
        raise ValueError(
            f"{describe(item)} is not the id of a pack; give the last part of the pack's URL on registry.comfy.org,"
            " e.g. rgthree-comfy"
        )
    return text


def _each_once(
    read_one: Callable[[object], str],
) -> Callable[[object], tuple[str, ...]]:
    """Return what reads a list: each item once, whatever its case, in its first spelling."""

    def read_list(value: object) -> tuple[str, ...]:
        found: dict[str, str] = {}
        for item in read_each(split_list(value), read_one):
            # To the registry an id in another case is the same.
            found.setdefault(item.lower(), item)
        return tuple(found.values())

    return read_list


read = _each_once(node_id)
"""Node ids, a pack's URL as its id."""
read_watched = _each_once(id_or_glob)
"""Node ids, as `read`, and globs over ids, in their order."""
read_globs = _each_once(_including)
"""Ids, and globs that include."""
read_publishers = _each_once(_publisher)
"""Ids of publishers, a URL as its id and without the `@` of one."""
