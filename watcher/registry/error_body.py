"""The body of an error answer, in any of the shapes of docs/registry.md, Errors."""

from __future__ import annotations

import json
from http import HTTPStatus

from watcher.text.sanitize import sanitize_line

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
