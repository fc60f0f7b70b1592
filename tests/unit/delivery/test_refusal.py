"""Why a message was not taken, and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watcher.delivery.refusal import Exchange, judge
from watcher.model.channel import Cause


def _answer(status: int, body: object = None, **fields: Any) -> Exchange:
    """Return a request with the message and its answer; `body` is JSON, or text as it is."""
    said = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    known: dict[str, Any] = {
        "carries": True,
        "is_out": True,
        "status": status,
        "body": said.encode(),
        "targets": {"all"},
    }
    return Exchange(**known | fields)


def _judged(*statuses: int, body: object = None, **fields: Any) -> tuple[str, Cause]:
    """Judge an attempt with one answer for each target."""
    answers = [
        _answer(status, body, targets={str(number)})
        for number, status in enumerate(statuses)
    ]
    outcome = judge(answers, **fields)
    return outcome.reason, outcome.cause


_NOT_THERE = "nothing is there: check the channel's URL, or make a new webhook or token"
_REDIRECT = "a redirect: put the address that it leads to into the channel's URL"
_NO_TOKEN = "the token or login is refused: make a new one"
_NOT_ALLOWED = "not allowed: check the token or login, and what it may do"


@pytest.mark.parametrize(
    ("statuses", "advice", "cause"),
    [
        ((400, 413, 422), "", Cause.CONTENT),
        ((401,), _NO_TOKEN, Cause.GONE),
        ((404, 410), _NOT_THERE, Cause.GONE),
        ((302,), _REDIRECT, Cause.OTHER),
        ((403,), _NOT_ALLOWED, Cause.OTHER),
        ((408, 429, 500, 503), "", Cause.OTHER),
    ],
)
def test_a_status_says_what_is_at_fault(
    statuses: tuple[int, ...], advice: str, cause: Cause
) -> None:
    """Three say that the message is not wanted, three that the address is gone; most may be over by the next try."""
    for status in statuses:
        reason = f"HTTP {status}, {advice}" if advice else f"HTTP {status}"
        assert _judged(status) == (reason, cause)


def test_a_proxy_that_answers_itself_is_named() -> None:
    """Without a tunnel a proxy answers in the service's place."""
    proxy = "the proxy 127.0.0.1:1 (http_proxy)"
    wish = f"HTTP 407, {proxy} wants a login: write USER:PASSWORD@ before its host"
    assert _judged(407, proxy=proxy) == (wish, Cause.OTHER)


@pytest.mark.parametrize(
    ("statuses", "cause"),
    [
        ((404, 410), Cause.GONE),
        ((404, 400), Cause.CONTENT),
        ((400, 503), Cause.OTHER),
        ((404, 500), Cause.OTHER),
    ],
)
def test_of_several_targets_the_one_that_may_recover_decides(
    statuses: tuple[int, ...], cause: Cause
) -> None:
    """Only what holds for each target that failed is said of the message."""
    assert _judged(*statuses)[1] is cause


def test_a_url_of_which_a_target_was_reached_is_not_gone() -> None:
    """Where one target has the message, the URL does not name what is no more."""
    assert _judged(404, has_reached=True)[1] is Cause.OTHER
    assert _judged(400, has_reached=True)[1] is Cause.CONTENT


@pytest.mark.parametrize(
    ("status", "body", "reason", "cause"),
    [
        (
            200,
            {"ok": False, "error": "token_revoked"},
            "(token_revoked), the token is refused: make",
            Cause.GONE,
        ),
        (
            200,
            {"ok": False, "error": "msg_too_long"},
            "refused the message (msg_too_long)",
            Cause.CONTENT,
        ),
        (
            500,
            {"ok": False, "error": "msg_too_long"},
            "HTTP 500 (msg_too_long)",
            Cause.CONTENT,
        ),
        (
            410,
            "channel_is_archived",
            "HTTP 410 (channel_is_archived), the recipient is gone",
            Cause.GONE,
        ),
        (
            400,
            {
                "ok": False,
                "error_code": 400,
                "description": "Bad Request: chat not found",
            },
            "(chat not found)",
            Cause.GONE,
        ),
    ],
)
def test_a_services_own_word_is_named(
    status: int, body: object, reason: str, cause: Cause
) -> None:
    """A word that is known names the reason as the service's manual does."""
    said, found = _judged(status, body=body)
    assert reason in said
    assert found is cause


def test_a_code_that_is_a_known_word_is_named_once() -> None:
    """A service's own code may be a word that is known, in capitals too; another word of its answer is named beside."""
    code = _answer(200, {"code": "INVALID_TOKEN"}, refusal="INVALID_TOKEN")
    advice = "the token is refused: make a new one"
    assert judge([code]).reason == f"refused the message (INVALID_TOKEN), {advice}"
    other = _answer(200, {"code": 7, "error": "invalid_token"}, refusal="7")
    assert judge([other]).reason == f"refused the message (7) (invalid_token), {advice}"


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no webhook 1234567890/s3cr3t-token"},
        {"error": "token"},
        {"error": "discord_token_is_bad"},
        {"code": 12345},
        {"error": "Dear user, call 0900"},
        {"error": "a" * 41},
        {"said": 'they wrote "invalid_auth" there'},
        {"description": "chat not found it is"},
        "[" * 100_000,
    ],
)
def test_nothing_that_may_be_secret_or_free_text_is_named(body: object) -> None:
    """What the URL holds, is a part of, or may be anybody's words, is not repeated."""
    assert _judged(503, body=body) == ("HTTP 503", Cause.OTHER)


def test_the_request_with_the_message_says_why() -> None:
    """Of a target's requests the last one with the message decides if it failed, else the last one that failed."""
    login, logout = (
        _answer(403, "no_service", carries=False),
        _answer(200, carries=False),
    )
    message = _answer(500)
    for exchanges, reason in (
        ([login, message, logout], "HTTP 500"),
        (
            [login, logout],
            "HTTP 403 (no_service), the recipient is gone: correct the channel's URL",
        ),
        (
            [logout, _answer(200, {"error": "fatal_error"})],
            "refused the message",
        ),
    ):
        assert judge(exchanges).reason == reason


def test_a_login_that_worked_is_no_reason() -> None:
    """Where a login was for all targets, and a message for one of them failed, the message says why."""
    login = _answer(200, carries=False, targets={"all"})
    message = _answer(422, targets={"one"})
    assert judge([login, message]).reason == "HTTP 422"
    assert judge([login]).reason == "refused the message"


def test_a_success_that_is_cut_off_says_why() -> None:
    """Where the service did not refuse, and the answer's rest was lost, the loss is the reason."""
    cut = _answer(200, "{", is_cut=True, error="IncompleteRead")
    reason = judge([cut]).reason
    assert reason == "the connection was lost"


@pytest.mark.parametrize(
    ("code", "to_a_mail", "reason", "cause"),
    [
        (
            550,
            False,
            "SMTP 550, the mailbox is gone: correct the address",
            Cause.GONE,
        ),
        (550, True, "SMTP 550", Cause.CONTENT),
        (552, True, "SMTP 552", Cause.CONTENT),
        (552, False, "SMTP 552", Cause.CONTENT),
        (554, True, "SMTP 554", Cause.CONTENT),
        (554, False, "SMTP 554", Cause.OTHER),
        (451, True, "SMTP 451", Cause.OTHER),
        (535, False, "SMTP 535, the login is refused: check", Cause.OTHER),
        (530, False, "SMTP 530, the login is refused", Cause.OTHER),
    ],
)
def test_a_mail_servers_code_is_named(
    code: int, to_a_mail: bool, reason: str, cause: Cause
) -> None:
    """What a code means depends on whether it answers a mail or a command before it."""
    one = _answer(code, protocol="SMTP", carries=to_a_mail)
    outcome = judge([one])
    assert outcome.reason.startswith(reason)
    assert outcome.cause is cause


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed",
            "the certificate does not verify: renew it, or name its authority in REQUESTS_CA_BUNDLE",
        ),
        (
            "[SSL: WRONG_VERSION_NUMBER] wrong version number",
            "the TLS connection failed",
        ),
        (
            "Failed to resolve 'x' (Name or service not known)",
            "the host's name was not found",
        ),
        ("something else", "refused the message"),
    ],
)
def test_an_exception_is_said_in_our_words(error: str, reason: str) -> None:
    """What a library says may hold the URL, so only its kind is told."""
    for outcome in (judge([_answer(0, error=error)]), judge([], [error])):
        assert outcome.reason.startswith(reason)


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"retry_after": 0.5}, 0.5),
        ({"parameters": {"retry_after": 7}}, 7.0),
        ({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1500}, 1.5),
        ({"retry_after": "soon"}, None),
        ({"retry_after": -1}, None),
        ({"retry_after": True}, None),
        ([], None),
    ],
)
def test_a_wait_in_the_body_counts(body: object, wait: float | None) -> None:
    """Some services say in the body how long to wait; the longer one counts."""
    assert judge([_answer(429, body)]).retry_after == wait
    assert judge([_answer(429, body, retry_after=9.0)]).retry_after == 9.0
