"""What is delivered by apprise's word, and what an answer takes back."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import Iterator
from typing import Any

import apprise
import pytest
import requests
from apprise.manager_plugins import NotificationManager

from tests.support.fakes.ports import Listener, Refused
from tests.support.fakes.unanswering import unanswering_port
from tests.support.fakes.webhook import Answer, Topics, Webhook
from tests.support.worker import WORKER, deliver, job
from tests.unit.delivery.test_sender import sent
from watcher.alerts.queues.ownership import digest
from watcher.delivery.hook import Hook
from watcher.delivery.refusal import MARKUP, UNASKED, is_page
from watcher.delivery.sender import CutOffError, send
from watcher.delivery.urls import load
from watcher.model.channel import Outcome

# The net under every plugin


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a plugin that says that it has sent what it has not."""
    load()

    @apprise.decorators.notify(on="silent")  # type: ignore[no-untyped-call,untyped-decorator]  # apprise's
    def pretend(*args: object, **more: object) -> bool:
        return True

    yield "silent://"
    NotificationManager().remove("silent")  # type: ignore[no-untyped-call]  # apprise's


def test_a_plugin_that_asks_nobody_delivers_nothing(silent: str) -> None:
    """A success without any request is none, whatever the plugin says, and no target is taken for reached."""
    taken: list[str] = []
    outcome = sent(silent, taken=taken)
    assert (outcome, taken) == (Outcome(reason=UNASKED), [])


def _hook(*earlier: str) -> tuple[Hook, list[str]]:
    """Return a hook for messages with `banned` in them, and what is noted as taken."""
    taken: list[str] = []
    said: dict[str, list[Any]] = {"taken": taken, "out": []}
    hook = Hook(
        job("json://", reached=frozenset(earlier)),
        lambda what, value: said[what].append(value),
    )
    hook.mark = b"banned"
    hook.is_delivered("all")
    return hook, taken


def _name(target: str) -> str:
    return digest(f"{'5' * 32} {target}", "ab" * 16)


# Which target has the message


def test_a_target_is_as_slow_to_guess_as_a_url(webhook: Webhook) -> None:
    """A target that took the message is named at once, by the slow digest that URLs have, and not again."""
    hook, taken = _hook()
    with hook:
        assert not hook.is_delivered("good")
        requests.post(webhook.url, data="it is banned", timeout=5)
        hook.mark_delivered("good")
        hook.mark_delivered("good")
    assert taken == [_name("'good'")]
    assert hook.is_delivered("good")


@pytest.mark.parametrize(
    ("asked", "said", "has"),
    [
        (("one",), "", ["one"]),
        (("one", "two"), "to one", []),
        (("one", "two"), "to one and two", ["one", "two"]),
    ],
)
def test_a_success_that_is_cut_is_of_whom_was_sent_to(
    webhook: Webhook, asked: tuple[str, ...], said: str, has: list[str]
) -> None:
    """A target whose answer's rest was lost has the message; of several those have it that one request names."""
    webhook.answer["/"] = _CUT
    hook, taken = _hook()
    with hook:
        for name in asked:
            hook.is_delivered(name)
        requests.post(webhook.url, data=f"it is banned {said}", timeout=5)
        assert hook.settle() is bool(has)
    assert sorted(taken) == sorted(_name(f"'{name}'") for name in has)


@pytest.mark.parametrize(
    ("targets", "earlier", "has"), [(1, (), True), (2, (), False), (1, ("one",), False)]
)
def test_a_success_that_is_cut_is_not_of_all_that_have_one_name(
    webhook: Webhook, targets: int, earlier: tuple[str, ...], has: bool
) -> None:
    """Where a plugin asks about all targets at once, a cut answer is that of a URL with a single one alone."""
    webhook.answer["/"] = _CUT
    hook, taken = _hook()
    hook.count = targets
    with hook:
        for name in (*earlier, "all"):
            hook.is_delivered(name)
        requests.post(webhook.url, data="it is banned", timeout=5)
        assert hook.settle() is has
    assert len(taken) == has


def test_a_success_that_is_cut_is_none_beside_a_failure(webhook: Webhook) -> None:
    """Of a message in two requests, of which one is refused, the other one's lost answer makes no delivery."""
    hook, taken = _hook()
    with hook:
        hook.is_delivered("one")
        for answer in (_CUT, 500):
            webhook.answer["/"] = answer
            requests.post(webhook.url, data="it is banned", timeout=5)
        assert not hook.settle()
    assert taken == []


def test_who_lacks_it_does_not_get_it_without_a_request() -> None:
    """That one of two targets had it before makes no delivery to the other one of a success that asked nobody."""
    hook, taken = _hook(_name("'one'"))
    with hook:
        for name in ("one", "two"):
            if not hook.is_delivered(name):
                hook.mark_delivered(name)
        hook.mark_delivered("all")
    assert taken == []
    assert hook.denied == {"'two'", "all"}


_CUT = Answer(
    headers={"Transfer-Encoding": "chunked"}, pieces=(b'9\r\n{"ok": tr\r\n', b"5\r\n")
)


def test_half_an_answer_to_a_login_is_none(webhook: Webhook) -> None:
    """A plugin gets an exception in its place: only a message is taken by the head of a success."""
    webhook.answer["/login"] = _CUT
    hook, _ = _hook()
    with hook, pytest.raises(requests.ConnectionError):
        requests.post(f"{webhook.url}/login", data="user", timeout=5)


def test_a_success_is_out_until_the_program_hears_of_it(webhook: Webhook) -> None:
    """A program that is killed before the body of the answer has come does not take the message for a fresh one."""
    load()
    said: list[object] = []

    def tell(_: str, value: object) -> None:
        said.append(value)

    assert send(job(webhook.apprise_url("/a")), tell) == Outcome(taken=True)
    [target] = [one for one in said if isinstance(one, str)]
    assert said == [True, target, False]
    webhook.answer["/a"] = 500
    said.clear()
    send(job(webhook.apprise_url("/a")), tell)
    assert said == [True, False]
    # Of several targets one may have taken what the body calls refused.
    webhook.answer["/a"] = Answer(body=b'{"success": false}')
    said.clear()
    send(job(webhook.apprise_url("/a")), tell)
    assert said == [True]


def test_a_stop_says_whether_the_message_is_out(webhook: Webhook) -> None:
    """A message that a stop cuts short may have been taken once it went out."""
    webhook.answer["/a"] = Answer(hang=True)

    async def stopped() -> Outcome:
        delivery = asyncio.create_task(
            WORKER.deliver(job(webhook.apprise_url("/a"), 30))
        )
        await asyncio.to_thread(webhook.wait_for, 1)
        WORKER.stop_within(0.0)
        return await delivery

    assert asyncio.run(stopped()) == Outcome(reason="", unanswered=True)


# How long to wait


def test_a_wait_that_a_service_asks_for_is_told(webhook: Webhook) -> None:
    """`Retry-After` is passed on in seconds."""
    webhook.answer["/a"] = Answer(status=503, headers={"Retry-After": "17"})
    outcome = deliver(webhook.apprise_url("/a"))
    assert outcome == Outcome(reason="HTTP 503", retry_after=17.0)


def test_a_plugin_that_would_wait_is_not_waited_for(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a 429 Discord's plugin waits and asks again, which the queue does; the reason is not a timeout."""
    path = "/api/webhooks/1234567890/token"
    monkeypatch.setattr(
        "apprise.plugins.discord.NotifyDiscord.notify_url",
        f"{webhook.url}/api/webhooks",
    )
    limit = {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(time.time()) + 40),
        "Retry-After": "40",
    }
    webhook.answer[path] = Answer(
        status=429, headers=limit, body=b'{"retry_after": 39.5}'
    )
    outcome = sent("discord://1234567890/token")
    assert (outcome.reason, outcome.unanswered) == ("HTTP 429", False)
    assert outcome.retry_after == pytest.approx(40, abs=2)
    assert len(webhook.messages()) == 1


# What is no answer


_PAGE = b"\xef\xbb\xbf\n <!DOCTYPE html><html><body>Log in</body></html>"


def test_a_web_page_is_no_answer() -> None:
    """A portal answers 200 with a page, here packed and in pieces: the service has nothing, whatever it is called."""
    packed = gzip.compress(_PAGE, mtime=0)
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    with Topics() as ntfy:
        ntfy.topic["a"] = Answer(headers=headers, pieces=(packed[:11], packed[11:]))
        outcome = sent(ntfy.url_of("a"))
    assert not outcome.taken
    assert outcome.reason.startswith("a web page answered")


@pytest.mark.parametrize(
    "page",
    [
        _PAGE,
        b"<!-- a portal -->\n<!-- of a hotel -->\n<p>Log in",
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
        b'\r\n<META http-equiv="refresh" content="0;url=/login">',
        b"</head><body>Log in",
        "\N{ZERO WIDTH NO-BREAK SPACE} <script>".encode("utf-16-be"),
    ],
)
def test_a_page_is_known_by_its_beginning(page: bytes) -> None:
    """Its label says nothing: Slack, for one, labels a plain `ok` as HTML."""
    assert is_page(page, MARKUP)
    for word in (b"ok", b"", b"\x1f\x8bxx", b"thanks for <html>"):
        assert not is_page(word, MARKUP)


def test_a_receiver_of_your_own_may_answer_with_a_page(webhook: Webhook) -> None:
    """Whoever writes the receiver of a json:// channel may have it say what they like."""
    webhook.answer["/a"] = Answer(headers={"Content-Type": "text/html"}, body=_PAGE)
    assert deliver(webhook.apprise_url("/a")) == Outcome(taken=True)


def test_nothing_is_watched_afterwards(webhook: Webhook) -> None:
    """Once a message is over, requests of this process are nobody's business."""
    hook, _ = _hook()
    with hook:
        pass
    requests.post(webhook.url, timeout=5)
    assert hook.exchanges == []


def test_a_message_of_whose_text_nothing_is_left_counts(webhook: Webhook) -> None:
    """A URL may rename and drop the fields of a webhook of one's own: what it takes is the message all the same."""
    assert sent(webhook.apprise_url("/a?:message=&:title=")) == Outcome(taken=True)
    [message] = webhook.messages("/a")
    assert "message" not in message.json


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"  # of how apprise opens a socket
)
@pytest.mark.parametrize(
    "url",
    [
        "irc://user@127.0.0.1:9/%23open",
        "json://127.0.0.1:9",
        "mailto://127.0.0.1:9?mode=insecure&from=a@b.example",
    ],
)
def test_a_server_that_cannot_be_reached_leaves_no_doubt(url: str) -> None:
    """No message goes out before a connection: one that is refused sends nothing."""
    outcome = sent(url)
    assert outcome.reason.startswith("connection refused: check ")
    assert not outcome.unanswered


def test_what_goes_another_way_has_leave_before_it_may_be_out(webhook: Webhook) -> None:
    """A connection that speaks no protocol that is watched may carry the message, if the program lets it."""

    def never(what: str, is_out: object) -> None:
        raise CutOffError

    hook = Hook(job("json://"), never)
    hook.by_other_ways = True
    hook.is_delivered("all")
    with hook, socket.socket() as end, pytest.raises(CutOffError):
        end.connect(("127.0.0.1", webhook.port))
    assert not hook.in_doubt


def test_a_server_that_does_not_take_a_connection_leaves_no_doubt() -> None:
    """One that is not answered in time sends nothing either."""
    with unanswering_port() as port:
        outcome = send(job(f"json://127.0.0.1:{port}", 0.5), print)
    assert outcome == Outcome(reason="timed out")


class _Proxy(Listener):
    """An HTTP proxy that gives one answer to each connection and closes it."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(self._answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 407 Authentication\r\n\r\n",
            "PROXY wants a login: write USER:PASSWORD@ before its host",
        ),
        (
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
            "PROXY refused the connection: ask for the channel's host to be allowed",
        ),
        (b"", "the connection was lost"),
        (b"HTTP/1.1 200 OK\r\n\r\nnot TLS", "the TLS connection failed"),
    ],
)
def test_what_a_proxy_refuses_has_not_left(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, reason: str
) -> None:
    """A message that a proxy did not let through counts as not sent, and the reason names the proxy if it answered."""
    with _Proxy(answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        named = f"the proxy {proxy.url.removeprefix('http://')} (HTTPS_PROXY)"
        expected = Outcome(reason=reason.replace("PROXY", named))
        assert sent("discord://1234567890/token") == expected


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that it is the proxy that cannot be reached, and never its password."""
    with Refused() as nobody:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@127.0.0.1:{nobody.port}")
        proxy = f"the proxy 127.0.0.1:{nobody.port} (HTTPS_PROXY)"
        reason = f"{proxy} cannot be reached: check that it runs, and its address"
        assert sent("discord://1234567890/token") == Outcome(reason=reason)
