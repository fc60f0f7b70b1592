"""An answer of the registry, from what came over HTTP to a bounded value; knows no HTTP library."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from watcher import timestamps

_ETAG = re.compile(r'(?:W/)?"[!#-~]{0,250}"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer: status code, decompressed body, and what its headers tell that is of use (else "")."""

    code: int
    body: bytes
    date: str = ""
    etag: str = ""


class NoAnswerError(Exception):
    """There was no usable answer. The message says why, in our words, to a person.

    `on_the_way`: the fault lies with the registry or the way to it; else with this one answer. `unreached`: no HTTP
    answer came at all, or none to its end in time, so that nothing shows that the registry can be reached.
    """

    def __init__(self, why: str, *, on_the_way: bool = False, unreached: bool = False) -> None:
        super().__init__(why)
        self.on_the_way = on_the_way
        self.unreached = unreached


class Body:
    """Gathers a body and decompresses it, never beyond the limit. Every method raises NoAnswerError."""

    def __init__(self, encoding: str, limit: int) -> None:
        """Begin a body of this `Content-Encoding`; `limit` is in bytes, decompressed."""
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise NoAnswerError("its answer is compressed in a way that was not asked for")
        self._unzip = zlib.decompressobj(wbits=31) if encoding.endswith("gzip") else None
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Take the next bytes as they came."""
        if self._unzip is not None:
            if self._unzip.eof and chunk:
                raise NoAnswerError("its answer is damaged (gzip)")  # what follows the end would be kept, uncounted
            try:
                chunk = self._unzip.decompress(chunk, self._limit - self._size + 1)
            except zlib.error:
                raise NoAnswerError("its answer is damaged (gzip)") from None
        self._size += len(chunk)
        if self._size > self._limit:
            raise NoAnswerError(f"its answer is larger than {self._limit / 1024 / 1024:g} MB (max_response_mb)")
        self._parts.append(chunk)

    def finish(self) -> bytes:
        """Return the whole body; one that broke off inside its compression is damaged."""
        if self._unzip is not None and (self._unzip.unused_data or (self._size and not self._unzip.eof)):
            raise NoAnswerError("its answer is damaged (gzip)")
        return b"".join(self._parts)


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, which may be a date by the answer's own clock; None if it is neither."""
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


def date_of(headers: Mapping[str, str]) -> str:
    """Return `Date` as RFC 3339; empty where there is none, or none that the calendar has."""
    return _date(headers.get("date", ""))


@lru_cache(maxsize=8)
def _date(text: str) -> str:
    try:
        return timestamps.show(parsedate_to_datetime(text).astimezone(UTC)) if text else ""
    except (ValueError, OverflowError):
        return ""


def etag_of(headers: Mapping[str, str]) -> str:
    """Return `ETag` if it can be sent back as it is; empty for what is none by RFC 9110, and for a long one."""
    text = headers.get("etag", "")
    return text if _ETAG.fullmatch(text) else ""
