"""JSON that others wrote, decoded within bounds. Pure."""

from __future__ import annotations

import json

from watcher.installs.recognise.texts import TooMuchError
from watcher.text.json_limits import too_dense


def load(data: bytes) -> object:
    """Return the document; ValueError if it is none, TooMuchError if it holds more values than anybody's list has."""
    encoding = json.detect_encoding(data)
    if encoding != "utf-8":  # Windows also writes UTF-16
        data = data.decode(encoding, "replace").encode()
    if too_dense(data):
        raise TooMuchError("holds too many values")
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None
    return document


def table(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Return a JSON array; an empty one for anything else."""
    return value if isinstance(value, list) else []
