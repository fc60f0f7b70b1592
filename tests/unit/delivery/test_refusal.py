"""Why a message was not taken, and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watcher.delivery.exchange import Exchange
from watcher.delivery.refusal import Evidence, judge
from watcher.model.outcome import Cause

URL = "discord://1234567890/s3cr3t-token"


def _answer(status: int, body: object = None, **fields: Any) -> Exchange:
    """Return a request with the message and its answer; `body` is JSON, or text as it is."""
    said = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    known: dict[str, Any] = {
        "carries": True,
        "is_out": True,
        "status": status,
        "body": bytearray(said.encode()),
    }
    return Exchange(**known | fields)


def _judged(*statuses: int, body: object = None, **fields: Any) -> tuple[str, Cause]:
    """Judge an attempt with one answer for each target."""
    answers = [
        _answer(status, body, targets=frozenset({str(number)}))
        for number, status in enumerate(statuses)
    ]
    outcome = judge(Evidence(url=URL, exchanges=answers, **fields))
    return outcome.reason, outcome.cause


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_message_is_refused_for_what_it_is(status: int) -> None:
    """Three statuses say that the message itself is not wanted."""
    assert _judged(status) == (f"HTTP {status}", Cause.CONTENT)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 507])
def test_most_refusals_say_nothing_of_the_message(status: int) -> None:
    """A status that may be another one by the next attempt blames nobody."""
    assert _judged(status) == (f"HTTP {status}", Cause.OTHER)


_NOT_THERE = "nothing is there: check the channel's URL, or make a new webhook or token"
_NOT_ALLOWED = "not allowed: check the token or login, and what it may do"


def test_what_is_gone_is_said_with_what_to_do() -> None:
    """A webhook or token that is no more needs a new one."""
    for status in (404, 410):
        assert _judged(status) == (f"HTTP {status}, {_NOT_THERE}", Cause.GONE)
    assert _judged(403) == (f"HTTP 403, {_NOT_ALLOWED}", Cause.OTHER)
    assert _judged(401) == (
        "HTTP 401, the token or login is refused: make a new one",
        Cause.GONE,
    )


def test_a_proxy_that_answers_itself_is_named() -> None:
    """Without a tunnel a proxy answers in the service's place."""
    proxy = "the proxy 127.0.0.1:1 (http_proxy)"
    wish = f"HTTP 407, {proxy} wants a login: write USER:PASSWORD@ before its host"
    assert _judged(407, proxy=proxy) == (wish, Cause.OTHER)


def test_a_redirect_says_what_to_do() -> None:
    """A redirect is not followed, and the address can be corrected."""
    assert _judged(302) == (
        "HTTP 302, a redirect: put the address that it leads to into the channel's URL",
        Cause.OTHER,
    )


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
            429,
            {"code": 42901, "http": 429, "error": "limit reached: too many"},
            "HTTP 429 (42901)",
            Cause.OTHER,
        ),
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
            Cause.OTHER,
        ),
        (
            200,
            {"ok": False, "error": "fatal_error"},
            "refused the message (fatal_error)",
            Cause.OTHER,
        ),
        (
            403,
            "invalid_token",
            "HTTP 403 (invalid_token), the token is refused: make a new one",
            Cause.GONE,
        ),
        (
            410,
            "channel_is_archived",
            "HTTP 410 (channel_is_archived), the recipient is gone",
            Cause.GONE,
        ),
        (
            404,
            {"message": "Unknown Webhook", "code": 10015},
            "HTTP 404 (10015), nothing is there",
            Cause.GONE,
        ),
        (
            400,
            {
                "ok": False,
                "error_code": 400,
                "description": "Bad Request: chat not found",
            },
            "(chat_not_",
            Cause.GONE,
        ),
        (
            400,
            {"token": "invalid", "status": 0},
            "HTTP 400 (token_invalid), the token is refused",
            Cause.GONE,
        ),
        (
            400,
            {"description": "Bad Request: message is too long"},
            "HTTP 400 (message_is_too_long)",
            Cause.CONTENT,
        ),
        (
            403,
            {"errcode": "M_FORBIDDEN", "error": "You are not in the room"},
            "HTTP 403 (M_FORBIDDEN)",
            Cause.OTHER,
        ),
        (
            500,
            {"error": {"code": "internal", "message": "x"}},
            "HTTP 500 (internal)",
            Cause.OTHER,
        ),
    ],
)
def test_a_services_own_word_is_named(
    status: int, body: object, reason: str, cause: Cause
) -> None:
    """A code or a word without spaces names the reason as the service's manual does."""
    said, found = _judged(status, body=body)
    assert reason in said
    assert found is cause


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no webhook 1234567890/s3cr3t-token"},
        {"error": "token"},
        {"error": "discord_bot"},
        {"error": "discord_token_is_bad"},
        {"code": 12345},
        {"code": 1234567},
        {"error": "Dear user, call 0900"},
        {"error": "a" * 41},
        {"error": ["token_revoked"]},
        {"code": True},
        {"description": "You asked for chat not found"[:12]},
        ["x"],
        "<html>",
        "[" * 100_000,
        "{",
    ],
)
def test_nothing_that_may_be_secret_or_free_text_is_named(body: object) -> None:
    """What the URL holds, is a part of, or may be anybody's words, is not repeated."""
    assert _judged(503, body=body) == ("HTTP 503", Cause.OTHER)


@pytest.mark.parametrize(
    "secret", ["my%5Fsecret", "my%255Fsecret", "%6d%79_secret", "MY%5fSECRET"]
)
def test_a_secret_is_one_however_the_url_writes_it(secret: str) -> None:
    """A word that the URL holds with escapes is not repeated either."""
    evidence = Evidence(
        url=f"json://u:{secret}@h", exchanges=[_answer(500, {"error": "my_secret"})]
    )
    assert judge(evidence).reason == "HTTP 500"


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
            "refused the message (fatal_error)",
        ),
    ):
        assert judge(Evidence(url=URL, exchanges=exchanges)).reason == reason


def test_a_login_that_worked_is_no_reason() -> None:
    """Where a login was for all targets, and a message for one of them failed, the message says why."""
    login = _answer(200, carries=False, targets=frozenset({"all"}))
    message = _answer(422, targets=frozenset({"one"}))
    assert judge(Evidence(url=URL, exchanges=[login, message])).reason == "HTTP 422"
    assert judge(Evidence(url=URL, exchanges=[login])).reason == "refused the message"


def test_a_success_that_is_cut_off_says_why() -> None:
    """Where the service did not refuse, and the answer's rest was lost, the loss is the reason."""
    cut = _answer(200, "{", is_cut=True, error="IncompleteRead")
    reason = judge(Evidence(url=URL, exchanges=[cut])).reason
    assert reason == "the connection was lost"


@pytest.mark.parametrize(("code", "said"), [(404, ""), (99, " (99)"), (600, " (600)")])
def test_a_number_that_may_be_a_status_is_no_code(code: int, said: str) -> None:
    """A service that repeats a status in its answer says nothing of its own."""
    exchange = _answer(500, {"code": code})
    reason = judge(Evidence(url=URL, exchanges=[exchange])).reason
    assert reason == f"HTTP 500{said}"


def test_a_body_that_is_cut_off_names_nothing() -> None:
    """What is left of an answer may end anywhere."""
    for text in ('{"error": "no_serv', "b'\\x", '{"error": ' + "[" * 5000):
        assert (
            judge(Evidence(url=URL, exchanges=[_answer(500, text, is_cut=True)])).reason
            == "HTTP 500"
        )


@pytest.mark.parametrize(
    ("refusals", "reason", "cause"),
    [
        (
            [("rcpt", 550)],
            "SMTP 550, the mailbox is gone: correct the address",
            Cause.GONE,
        ),
        ([("rcpt", 550), ("rcpt", 451)], "SMTP 451", Cause.OTHER),
        ([("data", 554)], "SMTP 554", Cause.CONTENT),
        ([("data", 552)], "SMTP 552", Cause.CONTENT),
        ([("mail", 552)], "SMTP 552", Cause.CONTENT),
        ([("rcpt", 554)], "SMTP 554", Cause.OTHER),
        ([("connect", 554)], "SMTP 554", Cause.OTHER),
        (
            [("ehlo", 502), ("auth", 535)],
            "SMTP 535, the login is refused: check the user and",
            Cause.OTHER,
        ),
        ([("mail", 530)], "SMTP 530, the login is refused", Cause.OTHER),
    ],
)
def test_a_mail_servers_code_is_named(
    refusals: list[tuple[str, int]], reason: str, cause: Cause
) -> None:
    """What a code means depends on the command that it answers."""
    outcome = judge(Evidence(url="mailto://h", refusals=refusals))
    assert outcome.reason.startswith(reason)
    assert outcome.cause is cause


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed",
            "the certificate does not verify: ",
        ),
        (
            "[SSL: WRONG_VERSION_NUMBER] wrong version number",
            "the TLS connection failed",
        ),
        (
            "the answer is too long",
            "the answer is too long: check the host and the path",
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
    for evidence in (
        Evidence(url=URL, exchanges=[_answer(0, error=error)]),
        Evidence(url=URL, log=[f"Socket Exception: {error}"]),
    ):
        assert judge(evidence).reason.startswith(reason)


def test_a_plugin_that_asked_nobody_says_so() -> None:
    """Where apprise gives up before any request, the URL's parameters are to blame."""
    assert judge(Evidence(url=URL, has_asked=False)).reason.startswith(
        "nothing was sent"
    )


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
    assert judge(Evidence(url=URL, exchanges=[_answer(429, body)])).retry_after == wait
    assert (
        judge(
            Evidence(url=URL, exchanges=[_answer(429, body, retry_after=9.0)])
        ).retry_after
        == 9.0
    )
