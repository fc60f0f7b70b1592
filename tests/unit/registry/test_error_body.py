"""The body of an error answer: which message it has, and whether it is a ban of the node."""

from __future__ import annotations

import pytest

from watcher.registry.answer import describe_refusal, parse_ban


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":"E","message":"m"}', "m"),
        (b'{"message":"m","details":["d"]}', "m"),
        (b'{"error":"E"}', "E"),
        (b'{"error":"E","message":""}', "E"),
        (b'\xef\xbb\xbf{"message":"m"}', "m"),
        (b"{}", ""),
        (b'{"message":7}', ""),
        (b'{"message":["m"]}', ""),
        (b'{"message":["m"],"error":"E"}', "E"),
        *(
            (body, "")
            for body in (
                b"[]",
                b'"m"',
                b"",
                b"<html>",
                b"\xff",
                b"[" * 100_000,
                b"9" * 10_000,
            )
        ),
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
        (b'{"error": "Node banned", "message": ""}', "Node banned"),
        (b'{"error": "Node banned", "message": ["x"]}', "Node banned"),
        (b'\xef\xbb\xbf{"message": "node banned"}', "node banned"),
        (b'{"message": "Forbidden"}', None),
        (b'{"message": "This node banned you"}', None),
        (b'{"details": "node banned"}', None),
        *(
            (body, None)
            for body in (b"{}", b'["node banned"]', b'"node banned"', b"node banned")
        ),
        (b'{"message": "node banned"}' + b" " * 256_000, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_ban_is_said_in_the_registrys_words(body: bytes, reason: str | None) -> None:
    """A 403 is a ban only where an object's `message` or `error` says so; the other of the two is the reason."""
    assert parse_ban(body) == reason


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (400, "the registry rejected the request (400): m"),
        (403, "the registry, or something in front of it, refused access (403): m"),
        (404, "the registry does not know it (404): m"),
        (429, "the registry asked to slow down (429): m"),
        (503, "registry error (503): m"),
        (418, "the registry gave an unexpected answer (418): m"),
    ],
)
def test_a_refusal_is_said_with_its_code_and_message(code: int, said: str) -> None:
    """A person gets what a status means, the status and the registry's message, if it has one, made safe."""
    assert describe_refusal(code, b'{"message": "m\\u001b"}') == said
    assert describe_refusal(code, b"<html>") == said.removesuffix(": m")
