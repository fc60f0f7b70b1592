"""Settings as people write them, read into values: lists, statuses, numbers, URLs (docs/behaviour.md, Settings). Pure.

Every function raises ValueError with one sentence that says what was given, unless that could be a secret, and what
is allowed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from watcher import durations
from watcher.model.version import API_PREFIX, STATUSES
from watcher.text.mask import (
    NOT_IN_REGISTRY_URL,
    SCHEME,
    describe,
    describe_registry_url,
    find_url,
    is_visible,
)

CHANNEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

SECRET = frozenset({"alert_urls", "channels", "heartbeat_url"})
"""Settings whose values no message, log or listing shows."""

SEALED = SECRET | {"installs"}
"""Settings that may hold a secret: no log of another library shows them."""

NO_ALERTS = "none"
"""The value of `alert_urls` where no alerts are wanted."""

LOGIN = re.compile(r"https?:/*[^/\s\"']*[@?]", re.IGNORECASE)
"""An address of a ComfyUI that may hold a password."""

_Item = TypeVar("_Item")
_BETWEEN_URLS = re.compile(rf"[\s,]*,[\s,]*(?={SCHEME}://)|\s+")
_AROUND_URLS = " \t\r\n,"


def path(text: str) -> str:
    """Return a path as it is; ValueError if it looks like a URL, which may be an alert URL in the wrong place."""
    if found := find_url(text):
        url = f"{found[1] or ''}://"
        raise ValueError(
            f"{describe(url)} is a URL, not a path; give the path of a file or folder"
        )
    return text


def suggest(name: str, known: Iterable[str], *, likeness: float = 0.5) -> str | None:
    """Return the known name most similar to this one, or None if none is at least as similar as `likeness`."""
    import difflib

    close = difflib.get_close_matches(
        name.lower().replace("-", "_"), list(known), n=1, cutoff=likeness
    )
    return close[0] if close else None


def split_list(value: object) -> list[object]:
    """Return the items of a list, or of a string: JSON, or words separated by commas, spaces and newlines."""
    if isinstance(value, str):
        return (
            from_json(value)
            if value.lstrip().startswith("[")
            else list(value.replace(",", " ").split())
        )
    if isinstance(value, (list, tuple, frozenset, set)):
        return list(value)
    raise ValueError(
        f"{describe(value)} is not a list of names; give a list, or names separated by commas"
    )


def from_json(text: str) -> list[object]:
    """Return the items of a JSON array; the error shows nothing of the text."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise ValueError("the value begins like a JSON array but is not valid JSON")
    return items


class EntriesError(ValueError):
    """Invalid list entries. `refused` has the problem of each, by its number from 1."""

    def __init__(self, refused: Mapping[int, str]) -> None:
        super().__init__(
            "; ".join(f"entry {place}: {why}" for place, why in refused.items())
        )
        self.refused = refused


def read_each(items: Iterable[object], read: Callable[[object], _Item]) -> list[_Item]:
    """Return the result of `read` for every item; EntriesError with everything that it refuses."""
    found: list[_Item] = []
    refused: dict[int, str] = {}
    for place, item in enumerate(items, 1):
        try:
            found.append(read(item))
        except ValueError as refusal:
            refused[place] = str(refusal)
    if refused:
        raise EntriesError(refused)
    return found


def statuses(value: object) -> tuple[str, ...]:
    """Return short status names, in the spec's order; long names (`NodeVersionStatusActive`) are allowed too."""
    prefix = API_PREFIX.lower()
    items = split_list(value)
    short = [
        item.strip().lower().removeprefix(prefix) if isinstance(item, str) else item
        for item in items
    ]
    wanted = choices(short, STATUSES, "a status")
    return tuple(status for status in STATUSES if status in wanted)


def choices(items: Sequence[object], known: Sequence[str], what: str) -> list[str]:
    """Return one or more of the known names, written in any case."""
    if not items:
        raise ValueError(f"the list is empty; give at least one of {', '.join(known)}")
    return read_each(items, lambda item: choice(item, known, what))


def choice(item: object, known: Sequence[str], what: str) -> str:
    """Return one of the known names, written in any case."""
    name = item.strip().lower() if isinstance(item, str) else ""
    if name in known:
        return name
    close = suggest(name, known)
    meant = f" (did you mean {close}?)" if close else ""
    raise ValueError(
        f"{describe(item)} is not {what}{meant}; give one of {', '.join(known)}"
    )


def number(value: object, low: float, high: float, *, whole: bool = False) -> float:
    """Return a number from `low` to `high`, given as a number or as text."""
    found: float | None = None
    if isinstance(value, str) and re.fullmatch(
        r"\s*-?[0-9]{1,15}(\.[0-9]{1,15})?\s*", value
    ):
        found = float(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found = value
    if found is None or not low <= found <= high or (whole and found != int(found)):
        raise ValueError(
            f"{describe(value)} is not allowed; give a {'whole ' * whole}number from {low:g} to {high:g}"
        )
    return int(found) if whole else found


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


def registry_url(value: object) -> str:
    """Return the registry's URL without a trailing slash: http or https, a host, perhaps a port and a path."""
    allowed = "give one such as https://api.comfy.org, without user, query or fragment"
    text = value.strip() if isinstance(value, str) else ""
    if not text or not is_visible(text) or " " in text:
        raise ValueError(f"{describe(value)} is not a URL; {allowed}")
    try:
        parts = urlsplit("" if NOT_IN_REGISTRY_URL.search(text) else text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"{describe_registry_url(text)} is not a registry URL; {allowed}"
        )
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError(
            f"{describe_registry_url(text)} has an invalid port; give a number from 1 to 65535, or none"
        )
    return text.rstrip("/")


def alert_urls(value: object) -> tuple[str, ...] | None:
    """Return apprise URLs from a list, JSON, or text that is split at white space and at commas before a scheme.

    None stands for `NO_ALERTS`. Only the form of a URL is checked: `watcher.delivery` asks apprise. Errors show no part
    of a URL.
    """
    items = value
    if isinstance(value, str):
        text = value.strip(_AROUND_URLS)
        parts = [part for part in _BETWEEN_URLS.split(text) if part.strip(",")]
        items = from_json(text) if text.startswith("[") else parts
    if not isinstance(items, (list, tuple)):
        raise ValueError("the value is not a list of apprise URLs")
    return (
        None
        if len(items) == 1 and _is_none(items[0])
        else tuple(read_each(items, alert_url))
    )


def _is_none(item: object) -> bool:
    return isinstance(item, str) and item.strip(_AROUND_URLS).lower() == NO_ALERTS


def alert_url(value: object) -> str:
    """Return one apprise URL, of which only the scheme is checked; errors show no part of it."""
    if _is_none(value):
        raise ValueError(
            "'none' means that no alerts are wanted; use it alone, in alert_urls, or remove it"
        )
    text = value.strip() if isinstance(value, str) else ""
    if not re.match(f"{SCHEME}://", text):
        raise ValueError(
            "the value (not shown) is not an apprise URL; begin it with a scheme, e.g. discord://"
        )
    if not is_visible(text):
        raise ValueError(
            "the URL (not shown) contains invisible or control characters; percent-encode or remove them"
        )
    return text


def heartbeat_url(value: object) -> str | None:
    """Return a monitor's URL, http or https; None for an empty text or "none". Errors show no part of it."""
    if value is None or (
        isinstance(value, str) and value.strip().lower() in {"", NO_ALERTS}
    ):
        return None
    allowed = "give one such as https://hc-ping.com/your-uuid, without a fragment"
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        usable = (
            parts.scheme in {"http", "https"} and parts.port != 0 and not parts.fragment
        )
        usable = (
            usable
            and bool((parts.hostname or "").encode("idna"))
            and is_visible(text)
            and " " not in text
        )
    except ValueError:  # of a port, of brackets, or of a host's part that is too long
        usable = False
    if not usable:
        raise ValueError(
            f"the value (not shown) is not the URL of a monitor; {allowed}"
        )
    return text
