"""The workflow that ComfyUI writes into a PNG or a WebP. Pure.

Nothing of the picture is decoded; what is packed in it is unpacked up to a limit.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from watcher.installs.recognise.texts import TooMuchError

SUFFIXES = (".png", ".webp")
LIMIT = 16 * 1024 * 1024
"""Bytes of one text once it is unpacked."""

_PNG = b"\x89PNG\r\n\x1a\n"
_KEYS = (b"workflow", b"prompt")
_TIFF_TAGS = frozenset({0x010E, 0x010F, 0x0110})
_ASCII = 2
_MOST_TAGS = 1_000


def workflow(data: bytes) -> bytes:
    """Return the JSON of the workflow in an image, else of its prompt; ValueError if it has neither."""
    if data.startswith(_PNG):
        texts = dict(_png_texts(data))
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        texts = dict(_webp_texts(data))
    else:
        raise ValueError("is neither a PNG nor a WebP")
    found = next((texts[key] for key in _KEYS if key in texts), None)
    if found is None:
        raise ValueError("holds no workflow")
    return found


def _png_texts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at + 8 <= len(data):
        (length,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind in {b"tEXt", b"zTXt", b"iTXt"}:
            key, _, rest = body.partition(b"\0")
            if key in _KEYS:
                yield key, _png_text(kind, rest)


def _png_text(kind: bytes, rest: bytes) -> bytes:
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _unpacked(rest[1:])
    packed, text = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
    return _unpacked(text) if packed else text


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, LIMIT)
    except zlib.error:
        raise ValueError("holds a text that is damaged") from None
    if unpacker.unconsumed_tail:
        raise TooMuchError(
            f"holds a text of more than {LIMIT // 1024**2} MB, which is not unpacked"
        )
    return text


def _webp_texts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        if kind == b"EXIF":
            yield from _exif_texts(
                data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
            )
        at += 8 + length + length % 2


def _exif_texts(tiff: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the texts of the first directory that begin with a key and a colon."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return
    (number,) = struct.unpack_from(f"{order}H", tiff, start)
    for index in range(min(number, _MOST_TAGS)):
        at = start + 2 + 12 * index
        if at + 12 > len(tiff):
            return
        tag, form, length, offset = struct.unpack_from(f"{order}HHII", tiff, at)
        if tag in _TIFF_TAGS and form == _ASCII:
            begin = offset if length > 4 else at + 8
            key, colon, text = (
                tiff[begin : begin + length].rstrip(b"\0").partition(b":")
            )
            if colon and key.lower() in _KEYS:
                yield key.lower(), text
