"""The body of an error answer: which message it has, and whether it is a ban of the node."""

from __future__ import annotations

import pytest

from watcher.registry.answer import describe_refusal, parse_ban


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":"E","message":"m"}', "m"),
        (b'{"error":"E"}', "E"),
        (b'{"error":"E","message":""}', "E"),
        (b'\xef\xbb\xbf{"message":"m"}', "m"),
        (b"{}", ""),
        (b'{"message":["m"]}', ""),
        (b'{"message":["m"],"error":"E"}', "E"),
        *((body, "") for body in (b"[]", b"<html>", b"\xff", b"[" * 100_000)),
        (b'{"message":"m"}' + b" " * 255_985, "m"),
        (b'{"message":"m"}' + b" " * 255_986, ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_every_shape_of_an_error_answer(body: bytes, said: str) -> None:
    """An error's message is found in every shape that is known; a body that is no JSON object has none."""
    quoted = f": {said}" if said else ""
    refused = "the registry rejected the request (400)"
    assert describe_refusal(400, body) == f"{refused}{quoted}"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"message": "Node Banned"}', "Node Banned"),
        (b'{"error": " node banned\\n"}', " node banned\n"),
        (
            b'{"error": "Node banned", "message": "It stole passwords"}',
            "It stole passwords",
        ),
        (b'{"message": "NODE BANNED", "error": "Forbidden"}', "Forbidden"),
        (b'{"message": "This node banned you"}', None),
        (b'{"details": "node banned"}', None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_ban_is_said_in_the_registrys_words(body: bytes, reason: str | None) -> None:
    """A 403 is a ban only where an object's `message` or `error` says so; the other of the two is the reason."""
    assert parse_ban(body) == reason


def test_the_message_is_made_safe() -> None:
    """What the registry says is text."""
    assert describe_refusal(418, b'{"message": "m\\u001b"}') == (
        "the registry gave an unexpected answer (418): m"
    )
