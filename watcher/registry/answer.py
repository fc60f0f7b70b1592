"""An answer of the registry: a bounded value made of the HTTP response. Knows no HTTP library."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus

from watcher import timestamps
from watcher.model.reading import Fault
from watcher.text.sanitize import sanitize_line


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
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

    @property
    def is_page(self) -> bool:
        """Whether it is a success with a web page, or another document that is no JSON."""
        return self.code == HTTPStatus.OK and self.body[:64].lstrip()[:1] == b"<"


class NoAnswerError(Exception):
    """There was no usable answer. The message says why, for a person, and holds no text of the server's.

    It is caught where it is known what was asked about.
    """

    def __init__(self, why: str, fault: Fault = Fault.OWN) -> None:
        super().__init__(why)
        self.why = why
        """As `ReadFailure.error`."""
        self.fault = fault


class Body:
    """Collects a body and decompresses it, up to `limit` bytes of the result. Every method raises NoAnswerError."""

    def __init__(self, encoding: str, limit: int) -> None:
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise NoAnswerError("its answer has a compression that was not requested")
        self._unzip = (
            zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
        )
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Add the next bytes as received."""
        if self._unzip is not None:
            if self._unzip.eof and chunk:
                # Zlib would keep what follows the end, uncounted.
                raise NoAnswerError("its answer is damaged (gzip)")
            try:
                chunk = self._unzip.decompress(chunk, self._limit - self._size + 1)
            except zlib.error:
                raise NoAnswerError("its answer is damaged (gzip)") from None
        self._size += len(chunk)
        if self._size > self._limit:
            raise NoAnswerError(
                f"its answer is larger than {self._limit / 1024 / 1024:g} MB"
            )
        self._parts.append(chunk)

    def finish(self) -> bytes:
        """Return the whole body. A gzip stream that was cut off is an error."""
        if self._unzip is not None and (
            self._unzip.unused_data or (self._size and not self._unzip.eof)
        ):
            raise NoAnswerError("its answer is damaged (gzip)")
        return b"".join(self._parts)


def parse_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return `Retry-After` in seconds; None if it cannot be read. A date is relative to the answer's own `Date`."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            now = parsedate_to_datetime(headers["date"])
            seconds = (parsedate_to_datetime(text) - now).total_seconds()
        except (ValueError, TypeError, KeyError, OverflowError):
            return None
    return max(seconds, 0.0)


@lru_cache(maxsize=8)
def parse_server_time(date: str, age: str) -> str:
    """Return `Date` less `Age` as RFC 3339; "" if there is no `Date` that can be read.

    A cache gives the seconds since it got the answer as `Age`. Some caches keep the registry's `Date`, others write
    their own; so this is the moment at which the answer was made, or an earlier one.
    """
    try:
        served = (
            timestamps.show(parsedate_to_datetime(date).astimezone(UTC)) if date else ""
        )
    except (ValueError, OverflowError):
        return ""
    seconds = _parse_age(age)
    return timestamps.later(served, -seconds) if served and seconds else served


def _parse_age(text: str) -> float:
    """Return the seconds of an `Age` header: of several the most; 0 if none can be read."""
    ages = (one.strip() for one in text.split(","))
    return max(
        (float(age[:9]) for age in ages if age.isascii() and age.isdigit()), default=0.0
    )


_LONGEST = 256_000
"""Bytes of an error body that is decoded."""


def describe_refusal(code: int, body: bytes, *, of_node: bool = False) -> str:
    """Return what a status other than 200 means, for a person (docs/registry.md, Errors).

    `of_node`: one node was asked about, so that its id may be what is wrong.
    """
    match code:
        case HTTPStatus.FORBIDDEN:
            what = "the registry, or something in front of it, refused access"
        case HTTPStatus.BAD_REQUEST:
            what = "the registry rejected the request"
        case HTTPStatus.NOT_FOUND:
            what = "the registry does not know it"
        case HTTPStatus.TOO_MANY_REQUESTS:
            what = "the registry asked to slow down"
        case _:
            what = (
                "registry error"
                if code >= 500
                else "the registry gave an unexpected answer"
            )
    doubt = "; is the id right?" if of_node and code == HTTPStatus.NOT_FOUND else ""
    message = next(iter(_texts(body)), "")
    quoted = f": {sanitize_line(message, 200)}" if message else ""
    return f"{what} ({int(code)}){quoted}{doubt}"


def parse_ban(body: bytes) -> str | None:
    """Return the reason that a 403 gives for the ban of a node, or None if it is no ban (docs/registry.md, Node bans).

    If the ban has no reason, it is the phrase "node banned" as the body has it.
    """
    texts = _texts(body)
    others = [text for text in texts if text.strip().lower() != "node banned"]
    return None if len(others) == len(texts) else (others or texts)[0]


def _texts(body: bytes) -> list[str]:
    """Return the `message` and the `error` of a JSON object, as far as they are texts and not empty."""
    try:
        answer = json.loads(body.decode("utf-8-sig")) if len(body) <= _LONGEST else None
    except (ValueError, RecursionError):
        return []
    found = (
        [answer.get("message"), answer.get("error")] if isinstance(answer, dict) else []
    )
    return [text for text in found if isinstance(text, str) and text.strip()]
