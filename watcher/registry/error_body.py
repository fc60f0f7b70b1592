"""The body of an error answer, in any of the shapes of docs/registry.md, Errors."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 256_000
"""Bytes of an error body that is decoded."""

_NODE_BANNED = "node banned"


def parse_message(body: bytes) -> str | None:
    """Return the `message` of an error body, else its `error`, else ""; None if it is no JSON object.

    A body of more than 256 KB is not decoded: "" if it begins as an object.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if len(body) > _LONGEST:
        return "" if body[:_LONGEST].lstrip()[:1] == b"{" else None
    answer = _decode(body)
    if answer is None:
        return None
    text = answer.get("message") or answer.get("error") or ""
    return text if isinstance(text, str) else ""


def parse_ban(body: bytes) -> str | None:
    """Return the reason that a 403 gives for the ban of a node, or None if it is no ban (docs/registry.md, Node bans).

    A ban is a JSON object whose `message` or `error` is "node banned". The reason is the other of the two, else that
    phrase.
    """
    answer = _decode(body.removeprefix(b"\xef\xbb\xbf"))
    if answer is None:
        return None
    texts = [text for name in ("message", "error") if isinstance(text := answer.get(name), str) and text.strip()]
    others = [text for text in texts if text.strip().lower() != _NODE_BANNED]
    return None if len(others) == len(texts) else (others or texts)[0]


def _decode(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in an error body; None if there is none, or it is too long."""
    if len(body) > _LONGEST:
        return None
    try:
        answer = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None
