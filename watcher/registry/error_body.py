"""The body of an error answer, in any of the shapes of docs/registry.md, Errors."""

from __future__ import annotations

import json

_LONGEST = 256_000
"""Bytes of an error body that is decoded."""


def parse_message(body: bytes) -> str:
    """Return the `message` of an error body, else its `error`, else ""."""
    return next(iter(_texts(body)), "")


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
    found = [answer.get("message"), answer.get("error")] if isinstance(answer, dict) else []
    return [text for text in found if isinstance(text, str) and text.strip()]
