"""An answer of the registry: a bounded value made of the HTTP response. Knows no HTTP library."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import AsyncIterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus

from watcher import timestamps
from watcher.model.reading import Fault
from watcher.text.sanitize import sanitize_line
from watcher.values import frozen


@frozen
class Answer:
    """A whole answer."""

    code: int
    body: bytes
    """Decompressed."""
    server_time: str = ""
    """When the registry made it, by its own clock: `Date` less `Age`, as RFC 3339; "" if it does not say."""
    retry_after: float | None = None
    """`Retry-After` in seconds; None if there is none that can be read."""
    location: str = ""
    """Where a redirect leads."""


_SMALL = 4 * 2**20
"""Bytes of a body that need no turn: a page of 100 packs has half a megabyte."""
_STEP = 2**20
"""Bytes that are decompressed at once."""


class NoAnswerError(Exception):
    """There was no usable answer. The message says why, for a person, and holds no text of the server's.

    It is caught where it is known what was asked about.
    """

    def __init__(self, why: str, fault: Fault = Fault.OWN) -> None:
        super().__init__(why)
        self.why = why
        """As `ReadFailure.error`."""
        self.fault = fault


async def read_body(
    chunks: AsyncIterable[bytes], encoding: str, limit: int, large: asyncio.Lock
) -> bytes:
    """Return a body as it comes, decompressed; it may have `limit` bytes then. Raises NoAnswerError.

    The rest of a `large` one is read while no other is: all that come at once have to fit into memory.
    """
    # Only gzip was asked for: anything else is of something on the way, and cannot be decoded here.
    if encoding not in {"", "identity", "gzip", "x-gzip"}:
        raise NoAnswerError("its answer has a compression that was not requested")
    damaged = NoAnswerError("its answer is damaged (gzip)")
    unzip = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
    parts: list[bytes] = []
    size = 0
    async with contextlib.AsyncExitStack() as turn:
        async for chunk in chunks:
            left = chunk
            # Step by step, and counted as it comes: a gzip of a few KB can hold gigabytes.
            while left:
                part, left = left, b""
                if unzip is not None:
                    if unzip.eof:
                        raise damaged  # zlib would keep what follows the end, uncounted
                    try:
                        part = unzip.decompress(part, _STEP)
                    except zlib.error:
                        raise damaged from None
                    left = unzip.unconsumed_tail
                if size <= _SMALL < size + len(part):
                    await turn.enter_async_context(large)
                size += len(part)
                if size > limit:
                    raise NoAnswerError(
                        f"its answer is larger than {limit / 2**20:g} MB"
                    )
                parts.append(part)
    # A body without a length ends where the connection does, and zlib does not mind that the rest is lacking.
    is_cut_off = unzip is not None and size and not unzip.eof
    if is_cut_off or (unzip is not None and unzip.unused_data):
        raise damaged
    return b"".join(parts)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return `Retry-After` in seconds; None if it cannot be read. A date is relative to the answer's own `Date`."""
    text = headers.get("retry-after", "")
    if (seconds := _seconds(text)) is not None:
        return seconds
    try:
        now = parsedate_to_datetime(headers["date"])
        wait = parsedate_to_datetime(text) - now
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return max(wait.total_seconds(), 0.0)


def _seconds(text: str) -> float | None:
    """Return a header's number of seconds; None if it is none."""
    number = text.strip()
    # Other digits than ASCII's are no header's, and a long number is no wait that anybody asks for.
    return float(number[:9]) if number.isascii() and number.isdigit() else None


@lru_cache(maxsize=8)
def parse_server_time(date: str, age: str) -> str:
    """Return `Date` less `Age` as RFC 3339; "" if there is no `Date` that can be read.

    A cache gives the seconds since it got the answer as `Age`; of several the most counts, of none that can be read 0.
    Some caches keep the registry's `Date`, others write their own; so this is the moment at which the answer was made,
    or an earlier one.
    """
    try:
        served = timestamps.show(parsedate_to_datetime(date).astimezone(UTC))
    except (ValueError, OverflowError):
        return ""
    # Two caches in a row may leave two: taken for new, an old answer would be reported as a change.
    seconds = max(filter(None, map(_seconds, age.split(","))), default=0.0)
    return timestamps.later(served, -seconds) if seconds else served


SLOW_DOWN = "the registry asked to slow down"
_LONGEST = 256_000
"""Bytes of an error body that is decoded."""


def describe_refusal(code: int, body: bytes) -> str:
    """Return what a status other than 200 means, for a person (docs/dev/registry.md, Errors)."""
    # In words, as most people do not know what 429 is; the number is there for those who do.
    other = "the registry gave an unexpected answer" if code < 500 else "registry error"
    quoted = "".join(f": {sanitize_line(text, 200)}" for text in _texts(body)[:1])
    return f"{_REFUSALS.get(code, other)} ({int(code)}){quoted}"


_REFUSALS: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "the registry rejected the request",
    HTTPStatus.FORBIDDEN: "the registry, or something in front of it, refused access",
    HTTPStatus.NOT_FOUND: "the registry does not know it",
    HTTPStatus.TOO_MANY_REQUESTS: SLOW_DOWN,
}


def parse_ban(body: bytes) -> str | None:
    """Return the reason that a 403 gives for the ban of a node, or None if it is no ban.

    docs/dev/registry.md, Node bans.
    If the ban has no reason, it is the phrase "node banned" as the body has it.
    """
    texts = _texts(body)
    # Either field may have the phrase, and the other one the reason.
    others = [text for text in texts if text.strip().lower() != "node banned"]
    return None if len(others) == len(texts) else (others or texts)[0]


def _texts(body: bytes) -> list[str]:
    """Return the `message` and the `error` of a JSON object, as far as they are texts and not empty."""
    try:
        answer = json.loads(body.decode("utf-8-sig")) if len(body) <= _LONGEST else None
    except (ValueError, RecursionError):
        answer = None
    about = answer if isinstance(answer, dict) else {}
    found = about.get("message"), about.get("error")
    return [text for text in found if isinstance(text, str) and text.strip()]
