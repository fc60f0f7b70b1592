"""Text messages: Twilio and Vonage, which split a long one into at most ten parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, Refusal, Reply, refused, says, throttled
from tests.proxied.schema import matching, one_of, record, words

_FORM = "application/x-www-form-urlencoded"


def one_part(text: str) -> Iterator[str]:
    """Yield what makes the parts of a text message shorter: 70 characters with one that its alphabet lacks."""
    if not text.isascii() or "`" in text:
        yield "characters that a text message has no room for"


def _check(asked: Asked) -> Iterator[str]:
    [(_, text)] = _text_sent(asked.said)
    yield from one_part(text)


def _text_sent(said: Any) -> Shown:
    [text] = [
        said[name] for name in ("Body", "text", "body", "message") if name in said
    ]
    return [(Dialect.BARE, text)]


def _twilio(code: int, status: int, words: str) -> Refusal:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return refused(
        {"code": code, "message": words, "more_info": more, "status": status}, status
    )


def _vonage(status: str, words: str) -> Reply:
    return says(
        {"message-count": "1", "messages": [{"status": status, "error-text": words}]}
    )


SMS = (
    Peer(
        name="twilio",
        url=f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567/15557654321",
        host="api.twilio.com",
        path=f"/2010-04-01/Accounts/AC{'a' * 32}/Messages.json",
        content_type=_FORM,
        schema=record(
            {
                "Body": words(1600, least=1),
                "From": matching(r"\+[0-9]{6,15}"),
                "To": matching(r"\+[0-9]{6,15}"),
            }
        ),
        shown=_text_sent,
        check=_check,
        taken=says(
            {
                "sid": f"SM{'c' * 32}",
                "status": "queued",
                "error_code": None,
                "error_message": None,
            },
            201,
        ),
        invalid=_twilio(
            21617, 400, "The concatenated message body exceeds the 1600 character limit"
        ).reply,
        refusals={
            "token": _twilio(20003, 401, "Authenticate"),
            "number": _twilio(21211, 400, "Invalid 'To' Phone Number"),
            "throttled": throttled(
                {"code": 20429, "message": "Too Many Requests", "status": 429}
            ),
        },
    ),
    Peer(
        name="vonage",
        url=f"vonage://AC12345678:{'a' * 16}@15551234567/15557654321",
        host="rest.nexmo.com",
        path="/sms/json",
        content_type=_FORM,
        schema=record(
            {
                "api_key": words(100, least=1),
                "api_secret": words(100, least=1),
                "from": words(15, least=1),
                "to": matching("[0-9]{6,15}"),
                "text": words(1600, least=1),
            },
            ttl=matching("[0-9]+"),
            type=one_of("text", "unicode"),
        ),
        shown=_text_sent,
        check=_check,
        taken=_vonage("0", ""),
        invalid=_vonage("3", "Invalid message"),
        refusals={
            "token": Refusal(reply=_vonage("4", "Bad Credentials"), said=""),
            "throttled": Refusal(
                reply=_vonage("1", "Throughput Rate Exceeded"), said=""
            ),
        },
    ),
)
