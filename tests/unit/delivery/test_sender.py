"""Delivery through the real apprise: what counts as delivered, how long it may take, what shows, what leaks."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import smtplib
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any, Self, cast

import pytest
import requests
from apprise import Apprise
from apprise.plugins.kodi import NotifyXBMC
from apprise.plugins.matrix.e2ee import MatrixMegOlmSession
from markdown_it import MarkdownIt

from tests.support.fakes.smtp import Mailbox
from tests.support.fakes.webhook import Answer, Message, Webhook
from tests.unit.alerts.test_render import CORPUS, check_any, check_html, check_markdown
from watcher.alerts.channel_identity import digest
from watcher.delivery.limits import MOST
from watcher.delivery.sender import Delivered, Outcome, Reached, Undelivered, deliver, refusal
from watcher.delivery.services import Service, disable_mentions
from watcher.model.channel import Channel
from watcher.model.event import Change, Event, Kind

_ROOT = Path(__file__).resolve().parents[3]
REACHED = Reached(key="5" * 32, salt="ab" * 16)
SECRETS = ("s3cr3t-user", "s3cr3t-pass", "s3cr3t-token", "s3cr3t-query")


def _events(count: int = 1, **fields: Any) -> tuple[Event, ...]:
    known: dict[str, Any] = {
        "kind": Kind.BANNED,
        "node": "rgthree-comfy",
        "version": "1.0.3",
        "before": "flagged",
        "reason": "malware",
        "at": "2026-01-01T00:00:00Z",
        "url": "https://registry.comfy.org/nodes/rgthree-comfy",
    }
    return tuple(Event(**(known | {"id": f"id{number}"} | fields)) for number in range(count))


def _hostile() -> tuple[Event, ...]:
    return tuple(
        event
        for number, text in enumerate(CORPUS)
        for event in _events(
            id=f"h{number}",
            kind=Kind.CHANGED,
            node=text or "x",
            version=text,
            reason=text,
            changes=(Change(field="tags", before=text, after=CORPUS[number - 1]),),
        )
    )


def _send(url: str, events: tuple[Event, ...] | None = None, timeout: float = 5.0, **more: Any) -> Outcome:
    return deliver(Channel(name="c", url=url), events or _events(), timeout, **more)


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """Record what would go to the services' own hosts, below everything that apprise does."""
    sent: list[requests.PreparedRequest] = []

    def send(self: object, request: requests.PreparedRequest, **options: object) -> requests.Response:
        sent.append(request)
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, str(request.url)
        response._content = b'{"ok": true, "result": {}}'
        if "slack" in str(request.url):
            response._content = b"ok"
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return sent


def _json(request: requests.PreparedRequest) -> Any:
    assert isinstance(request.body, (str, bytes))
    return json.loads(request.body)


# What counts as delivered


def test_an_acknowledged_message_is_delivered(webhook: Webhook) -> None:
    """A 200 from the webhook is a delivery, and the message says what happened, with the events' ids."""
    assert _send(webhook.apprise_url("/a"), _events(2)) == Delivered()
    [message] = webhook.messages("/a")
    assert message.json["title"] == "Comfy Watch: rgthree-comfy: 2 banned"
    assert "⛔ banned `1.0.3` (was flagged): `malware`" in message.json["message"]
    assert message.json["type"] == "failure"
    assert (message.json["events"], message.json["event_count"]) == (["id0", "id1"], 2)
    assert message.headers["User-Agent"] == "Comfy Watch"


@pytest.mark.parametrize("status", [302, 307, 400, 404, 429, 500, 503])
def test_any_other_answer_is_not(webhook: Webhook, status: int) -> None:
    """Whatever is no success is undelivered and says the status; a redirect is not followed either."""
    webhook.answer["/a"] = Answer(status=status, headers={"Location": f"{webhook.url}/elsewhere"})
    assert _send(webhook.apprise_url("/a")) == Undelivered(reason=f"HTTP {status}")
    assert len(webhook.messages()) == 1


def test_what_the_url_asks_for_cannot_lose_a_message(webhook: Webhook) -> None:
    """`optional=yes` would have apprise call a failure a success, and `retry` would send again on its own."""
    webhook.answer["/a"] = 500
    outcome = _send(webhook.apprise_url("/a?optional=yes&retry=3&wait=0&overflow=truncate"))
    assert outcome == Undelivered(reason="HTTP 500")
    assert len(webhook.messages()) == 1


def test_a_status_in_strangers_text_is_not_taken_for_the_answer(webhook: Webhook) -> None:
    """The reason of a failure is read from apprise's words, never from the message."""
    webhook.answer["/a"] = 500
    reason = "error=404 Socket Exception: timed out"
    assert _send(webhook.apprise_url("/a"), _events(reason=reason)) == Undelivered(reason="HTTP 500")
    webhook.answer["/a"] = Answer(reset=True)
    assert _send(webhook.apprise_url("/a"), _events(reason=reason)) == Undelivered(reason="the connection was lost")


def test_a_refused_connection_says_so() -> None:
    """Nobody listening is told apart from a server that refuses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _send(f"json://127.0.0.1:{port}/") == Undelivered(reason="connection refused")


def test_a_slow_answer_within_the_timeout_counts(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's own shorter patience does not turn a delivery into a repeat; one asked for in the URL does."""
    monkeypatch.setattr("apprise.URLBase.socket_read_timeout", 0.2)
    webhook.answer["/a"] = Answer(delay=0.4)
    assert _send(webhook.apprise_url("/a")) == Delivered()
    assert _send(webhook.apprise_url("/a?rto=0.1")) == Undelivered(reason="timed out")


def test_a_hanging_service_is_left_after_the_timeout(webhook: Webhook) -> None:
    """A service that never answers is given up, and what it does later is not waited for."""
    webhook.answer["/a"] = Answer(hang=True)
    assert _send(webhook.apprise_url("/a"), timeout=0.3) == Undelivered(reason="timed out")


_OK = b"HTTP/1.1 200 OK\r\n\r\n"
_ENDLESS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "body without a length": (_OK, b"x"),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1"),
    "head": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "hundred": (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", b"x"),
    "silence": (b"", b""),
}


class _Endless:
    """A server that answers with a start, and then with the same bytes for ever, `pause` seconds apart."""

    def __init__(self, start: bytes, again: bytes, pause: float = 0.02) -> None:
        self._start, self._again, self._pause = start, again, pause
        self.sent = 0
        self._left = threading.Event()
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"json://{self.address}/"
        self._threads = [threading.Thread(target=self._listen, name="endless")]
        self._threads[0].start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def is_left(self) -> bool:
        """Wait until the other side has closed a connection; False when it does not in ten seconds."""
        return self._left.wait(10)

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._answer, args=(connection,), name="endless")
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(1)
            connection.recv(65536)
            connection.sendall(self._start)
            connection.settimeout(self._pause or 0.001)
            while not self._closing.is_set():
                self.sent += connection.send(self._again)
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(65536):
                        break
        self._left.set()


def _attempts() -> int:
    return sum(thread.name == "alert" for thread in threading.enumerate())


@pytest.mark.parametrize("answer", _ENDLESS)
def test_an_answer_without_end_is_cut_off(answer: str) -> None:
    """When the time is up the connection is closed and nothing is left of the attempt, wherever the answer drips."""
    with _Endless(*_ENDLESS[answer]) as service:
        assert _send(service.url, timeout=0.3) == Undelivered(reason="timed out")
        assert not _attempts()
        assert service.is_left()


@pytest.mark.parametrize("url", ["jsons://{}/?verify=no", "mailto://{}?from=a@example.org&to=b@example.org"])
def test_other_protocols_are_cut_off_too(url: str) -> None:
    """A TLS handshake and a mail server's greeting that do not come hold nothing either."""
    with _Endless(b"", b"") as service:
        assert _send(url.format(service.address), timeout=0.3) == Undelivered(reason="timed out")
        assert not _attempts()
        assert service.is_left()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(b"200 OK", Delivered()), (b"500 No", Undelivered(reason="HTTP 500")), (b"302 F", Undelivered(reason="HTTP 302"))],
)
def test_a_flood_is_read_in_part(status: bytes, outcome: Outcome) -> None:
    """Of a body that never ends a megabyte is read, and the status counts: a 2xx has acknowledged the message."""
    with _Endless(b"HTTP/1.1 " + status + b"\r\nLocation: /x\r\n\r\n", b"x" * 2**16, pause=0) as service:
        assert _send(service.url) == outcome
        assert service.is_left()
        assert MOST <= service.sent < 16 * MOST  # what the system holds ready comes on top


def test_a_bomb_is_unpacked_in_part(webhook: Webhook) -> None:
    """A small body that unpacks to a large one fills no memory."""
    bomb = gzip.compress(bytes(2**26))
    webhook.answer["/a"] = Answer(headers={"Content-Encoding": "gzip"}, body=bomb)
    tracemalloc.start()
    try:
        assert _send(webhook.apprise_url("/a")) == Delivered()
        assert tracemalloc.get_traced_memory()[1] < 16 * MOST
    finally:
        tracemalloc.stop()


def test_what_comes_in_time_is_read_whole(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that says in a 200 what came of it is heard to the last byte; `HTTP 200` is not why it refuses."""
    monkeypatch.setattr("apprise.plugins.slack.NotifySlack.webhook_url", webhook.url)
    url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
    path = "/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    webhook.answer[path] = Answer(body=b"ok")
    assert _send(url) == Delivered()
    webhook.answer[path] = Answer(body=b"ok" + bytes(MOST))
    assert _send(url) == Undelivered(reason="refused the message")


class _Topics(Webhook):
    """An ntfy server, whose topics answer as they are told to."""

    def __init__(self) -> None:
        super().__init__()
        self.topic: dict[str, Answer] = {}

    def remember(self, message: Message) -> Answer | None:
        return self.play(message, self.topic.get(message.json["topic"], Answer()))

    def url_of(self, *topics: str) -> str:
        """Give the apprise URL of topics, which apprise posts to from Z to A."""
        return f"ntfy://127.0.0.1:{self.port}/{'/'.join(topics)}"

    def got(self) -> list[str]:
        """Give the topics of all messages, in order."""
        return [message.json["topic"] for message in self.messages()]


@pytest.fixture
def ntfy(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Topics]:
    """An ntfy server on loopback, and an apprise that rests a fraction of a second between two topics."""
    monkeypatch.setattr("apprise.plugins.ntfy.NotifyNtfy.request_rate_per_sec", 0.3)
    with _Topics() as server:
        yield server


def test_every_target_has_its_time(ntfy: _Topics) -> None:
    """Eight targets are all served, although the pauses that apprise makes between them are longer than the timeout."""
    topics = [f"topic{number}" for number in range(8)]
    assert _send(ntfy.url_of(*topics), timeout=1.5) == Delivered()
    assert sorted(ntfy.got()) == topics


_BAD = {
    "refuses": (Answer(status=500), "HTTP 500"),
    "hangs": (Answer(hang=True), "timed out"),
    "drips": (Answer(endless=0.02), "timed out"),
    "resets": (Answer(reset=True), "the connection was lost"),
}


@pytest.mark.parametrize("how", _BAD)
def test_a_bad_target_takes_nothing_from_those_behind_it(ntfy: _Topics, how: str) -> None:
    """With first targets that do not take the message the others get it, once, and only those again."""
    bad, good = ["worse", "bad"], ["awake", "alive", "able"]
    answer, reason = _BAD[how]
    ntfy.topic = dict.fromkeys(bad, answer)
    first = _send(ntfy.url_of(*bad, *good), timeout=1.0, reached=REACHED)
    assert isinstance(first, Undelivered)
    assert (first.reason, len(first.reached)) == (reason, len(good))
    assert ntfy.got() == bad + good
    ntfy.topic.clear()
    assert _send(ntfy.url_of(*bad, *good), reached=replace(REACHED, targets=first.reached)) == Delivered()
    assert ntfy.got() == bad + good + bad
    assert not _attempts()


def test_nothing_is_sent_when_the_time_is_up(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held up until the time is up makes no connection any more: it would send behind our back."""
    lookup, held, done = socket.getaddrinfo, threading.Event(), threading.Event()

    def slowly(*args: Any, **more: Any) -> Any:
        held.wait()
        try:
            return lookup(*args, **more)
        finally:
            done.set()

    monkeypatch.setattr("watcher.delivery.limits._GRACE", 0)  # what hangs cannot be cut: no use in waiting for it
    monkeypatch.setattr("socket.getaddrinfo", slowly)
    assert _send(webhook.apprise_url("/a"), timeout=0.1) == Undelivered(reason="timed out")
    held.set()
    done.wait()
    for thread in threading.enumerate():
        if thread.name == "alert":
            thread.join()
    assert webhook.messages() == []


def test_abandoned_attempts_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system holds an attempt up, a few are left behind at most; then none is begun until they have ended."""
    held = threading.Event()
    asked = []

    def lookup(host: str, *args: Any, **more: Any) -> list[Any]:
        asked.append(host)
        held.wait()
        raise socket.gaierror("name resolution failed")

    monkeypatch.setattr("watcher.delivery.limits._GRACE", 0)  # a lookup cannot be cut: no use in waiting for it
    monkeypatch.setattr("socket.getaddrinfo", lookup)
    url = "json://never.invalid/"
    reasons = [_send(url, timeout=0.1) for _ in range(5)]
    assert reasons[:3] == [Undelivered(reason="timed out")] * 3
    assert reasons[3:] == [Undelivered(reason="earlier attempts still hang")] * 2
    assert len(asked) == 3
    held.set()
    for thread in threading.enumerate():
        if thread.name == "alert":
            thread.join()
    assert _send(url) == Undelivered(reason="the host's name was not found")


def test_a_hanging_service_does_not_keep_the_process() -> None:
    """A program can exit that has given up what can't be cut off."""
    program = (
        "import socket, sys, time\n"
        "from watcher.model.channel import Channel\nfrom watcher.delivery.sender import deliver\n"
        "from watcher.alerts.digest import sample\n"
        "socket.getaddrinfo = lambda *_, **__: time.sleep(60)\n"
        "print(deliver(Channel(name='c', url=sys.argv[1]), sample('2026-01-01T00:00:00Z'), 0.3).reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "json://never.invalid/"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=15,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("timed out\n", "")


def test_half_of_the_targets_of_one_url(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one of two recipients refused it is undelivered, and the other one is not bothered again."""
    original = smtplib.SMTP.rcpt

    def rcpt(self: smtplib.SMTP, recipient: str, options: Any = ()) -> tuple[int, bytes]:
        return (550, b"no such user") if recipient.startswith("gone") else original(self, recipient, options)

    url = mailbox.apprise_url("here@example.org,gone@example.org")
    with monkeypatch.context() as patch:
        patch.setattr(smtplib.SMTP, "rcpt", rcpt)
        first = _send(url, reached=REACHED)
        assert isinstance(first, Undelivered)
        second = _send(url, reached=replace(REACHED, targets=first.reached))
        assert isinstance(second, Undelivered)
    assert [mail.recipients for mail in mailbox.mails] == [("here@example.org",)]
    assert "example.org" not in str(first)
    assert _send(url, reached=replace(REACHED, targets=second.reached)) == Delivered()
    assert [mail.recipients for mail in mailbox.mails] == [("here@example.org",), ("gone@example.org",)]


def test_a_target_is_as_slow_to_guess_as_a_url(ntfy: _Topics) -> None:
    """A target that took the message is named by the slow digest that URLs have, under the URL's own and its salt."""
    ntfy.topic["bad"] = Answer(status=500)
    outcome = _send(ntfy.url_of("bad", "good"), reached=REACHED)
    name = digest(f"{REACHED.key} 'good'", REACHED.salt)
    assert outcome == Undelivered(reason="HTTP 500", reached=frozenset({name}))


def test_names_of_an_older_version_are_known_and_renewed(ntfy: _Topics) -> None:
    """A target that took a message under a quickly guessed name gets no second one, and then has a slow name; one
    that was not asked about keeps its name, or it would get the message again.
    """
    older = {
        topic: hashlib.blake2b(repr(topic).encode(), key=REACHED.key.encode(), digest_size=8).hexdigest()
        for topic in ("good", "gone")
    }
    ntfy.topic["bad"] = Answer(status=500)
    before = replace(REACHED, targets=frozenset(older.values()))
    outcome = _send(ntfy.url_of("bad", "good"), reached=before)
    renewed = {digest(f"{REACHED.key} 'good'", REACHED.salt), older["gone"]}
    assert outcome == Undelivered(reason="HTTP 500", reached=frozenset(renewed))
    assert ntfy.got() == ["bad"]


# What shows


def test_mail_is_html_with_a_text_part(mailbox: Mailbox) -> None:
    """A mail has both parts, our link in both, and nothing a stranger wrote has become structure."""
    assert _send(mailbox.apprise_url(), _hostile() + _events()) == Delivered()
    [mail] = mailbox.mails
    html = mail.message.get_body(("html",))
    text = mail.message.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert str(mail.message["Subject"]).startswith("Comfy Watch: 1 banned, ")
    page = html.get_content()
    assert '<a href="https://registry.comfy.org/nodes/rgthree-comfy">' in page
    check_html(page)
    check_any(page)
    said = text.get_content().replace("\r\n", "\n")
    check_any(said)
    assert "rgthree-comfy · https://registry.comfy.org/nodes/rgthree-comfy\n" in said
    assert "- ⛔ banned 1.0.3 (was flagged): malware\n" in said


def _discord(posted: list[requests.PreparedRequest], query: str) -> Any:
    assert _send(f"discord://1234567890/s3cr3t-token{query}", _hostile() + _events()) == Delivered()
    [request] = posted
    return _json(request)


def test_discord_gets_markdown_that_pings_nobody(posted: list[requests.PreparedRequest]) -> None:
    """A Discord message is Markdown of at most 2,000 characters without mentions, embeds, previews or an avatar."""
    payload = _discord(posted, "")
    title, _, body = payload["content"].partition("\r\n")
    assert title.startswith("Comfy Watch: 1 banned, ")
    assert len(payload["content"]) <= 2000
    check_any(payload["content"])
    check_markdown(body)
    assert not {"allow_mentions", "embeds", "avatar_url"} & set(payload)
    assert payload["flags"] == 4


def test_discord_embeds_ping_nobody_either(posted: list[requests.PreparedRequest]) -> None:
    """Where apprise looks for mentions in the body, it finds none."""
    payload = _discord(posted, "?format=markdown")
    assert not {"allow_mentions", "content", "flags"} & set(payload)
    [embed] = payload["embeds"]
    assert "fields" not in embed
    check_markdown(embed["description"])
    check_any(json.dumps(payload, ensure_ascii=False))


@pytest.mark.parametrize("query", ["", "?blocks=yes", "?format=text", "?format=text&blocks=yes"])
def test_slack_gets_no_mention_and_only_our_links(posted: list[requests.PreparedRequest], query: str) -> None:
    """In Slack's own dialect every `<` that is not one of our links is an entity."""
    url = f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/{query}"
    assert _send(url, _hostile() + _events()) == Delivered()
    [request] = posted
    [attachment] = _json(request)["attachments"]
    if "blocks" in query:
        header, section = (block["text"] for block in attachment["blocks"][:2])
        assert header["type"] == "plain_text"
        assert section["type"] == ("plain_text" if "text" in query else "mrkdwn")
        text = section["text"]
        assert len(text) <= 3000
    else:
        text = attachment["text"]
    links = re.findall(r"<([^>]*)>", text)
    assert links == [] if "text" in query else links
    assert {re.sub(r"nodes/.*", "", link) for link in links} <= {"https://registry.comfy.org/"}
    rest = re.sub(r"<https://registry[^>]*>", "", text)
    assert not re.search(r"[<>]", rest)
    check_any(unescape(rest).replace("<", "").replace(">", ""))


def test_telegram_gets_html_that_it_accepts(posted: list[requests.PreparedRequest]) -> None:
    """A Telegram message is balanced HTML of the few tags Telegram knows, within its limit."""
    assert _send("tgram://123456789:abcdefg_hijklmnop/12315544/", _hostile() + _events()) == Delivered()
    [request] = posted
    payload = _json(request)
    assert payload["parse_mode"] == "HTML"
    assert len(payload["text"]) <= 4096
    assert set(re.findall(r"</?([a-z-]+)", payload["text"])) == {"b", "code", "a"}
    check_html(payload["text"])
    check_any(payload["text"])
    assert payload["text"].startswith("<b>Comfy Watch: 1 banned, ")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_telegram_markdown_has_balanced_entities(posted: list[requests.PreparedRequest], version: str) -> None:
    """Asked for Markdown, Telegram gets code spans and bold that end on their line: anything else is a lasting 400."""
    url = f"tgram://123456789:abcdefg_hijklmnop/12315544/?format=markdown&mdv={version}"
    assert _send(url, _hostile() + _events()) == Delivered()
    [request] = posted
    text = _json(request)["text"]
    check_any(text.replace("\\", ""))
    for line in text.splitlines():
        outside = re.sub(r"`(?:[^`\\]|\\.)*`" if version == "v2" else r"`[^`]*`", "", line)
        outside = re.sub(r"\[registry\]\(https://registry\.comfy\.org[^)]*\)", "", outside)
        outside = re.sub(r"\\[_*\[\]()~`>#+=|{}.!-]", "", outside) if version == "v2" else outside
        assert outside.count("*") in (0, 2)
        assert not re.search(r"[`_\[\]\\]", outside)
        if version == "v2":
            assert not re.search(r"[()~>#+=|{}.!-]", outside)


@pytest.mark.parametrize("mode", ["", "?mode=hookshot", "?mode=matrix", "?mode=slack"])
def test_matrix_gets_html_and_a_plain_fallback(posted: list[requests.PreparedRequest], mode: str) -> None:
    """In Matrix neither the HTML nor its plain fallback names a room or a user."""
    url = f"matrix://s3cr3t-user:s3cr3t-token@127.0.0.1:9/{mode}" if mode else "matrix://s3cr3t-token@127.0.0.1:9/!r:x"
    outcome = _send(url, _hostile() + _events())
    bodies = [_json(request) for request in posted if request.body]
    messages = [body for body in bodies if body and {"text", "formatted_body", "attachments"} & set(body)]
    assert messages, (outcome, bodies)
    for message in messages:
        said = json.dumps(message, ensure_ascii=False)
        assert "malware" in said
        assert "@" not in said
        if "formatted_body" in message:
            check_html(re.sub(r"</?h1>|<br/>", "", message["formatted_body"]))


def test_mattermost_gets_markdown(webhook: Webhook) -> None:
    """Mattermost renders Markdown whatever apprise calls it, so that is what it gets."""
    webhook.answer["/hooks/3ccdd113474722377935511fc85d3dd4"] = Answer(body=b"ok")
    url = f"mmost://127.0.0.1:{webhook.port}/3ccdd113474722377935511fc85d3dd4"
    assert _send(url, _hostile() + _events()) == Delivered()
    [message] = webhook.messages()
    heading, _, body = message.json["text"].partition("\n")
    assert heading.startswith("# Comfy Watch: 1 banned, ")
    check_markdown(body)
    check_any(body)
    assert len(message.json["text"]) <= 4000


@pytest.mark.parametrize("form", ["", "?format=markdown"])
def test_ntfy_gets_a_push_and_no_attachment(webhook: Webhook, form: str) -> None:
    """A push fits ntfy's 4,096 bytes, so that it is not turned into a file."""
    assert _send(f"ntfy://127.0.0.1:{webhook.port}/topic{form}", _hostile() + _events()) == Delivered()
    [message] = webhook.messages()
    assert message.json["topic"] == "topic"
    assert message.json["title"].startswith("Comfy Watch: 1 banned, ")
    assert len(message.json["message"].encode()) <= 4096
    check_any(message.json["message"])


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_webhook_gets_the_format_it_asks_for(webhook: Webhook, form: str) -> None:
    """`?format=` is heeded, and apprise passes the body on as it was rendered."""
    assert _send(webhook.apprise_url(f"/a?format={form}")) == Delivered()
    [message] = webhook.messages("/a")
    marks = {"text": "- ⛔ banned `1.0.3`", "markdown": "- ⛔ **banned** `1.0.3`", "html": "⛔ <b>banned</b> <code>"}
    assert marks[form] in message.json["message"]


def test_a_burst_fits_and_is_counted(webhook: Webhook) -> None:
    """Thousands of events make one message that counts what it does not show."""
    events = tuple(event for i in range(3000) for event in _events(id=f"e{i}", node=f"n{i}", kind=Kind.NEW))
    assert _send(webhook.apprise_url("/a"), events) == Delivered()
    [message] = webhook.messages("/a")
    assert re.search(r"… and 29\d\d more new", message.json["message"])
    assert len(message.json["message"].encode()) <= 3000
    assert message.json["event_count"] == 3000


def _four() -> tuple[Event, ...]:
    return tuple(event for i in range(4) for event in _events(id=f"e{i}", node=f"n{i}", url=""))


@pytest.mark.parametrize(
    ("lines", "shown", "last"), [(1, 0, "4 banned · ref "), (2, 1, "… and 3 more banned · ref "), (10, 4, "ref ")]
)
def test_a_pop_up_counts_what_its_lines_do_not_show(
    posted: list[requests.PreparedRequest], monkeypatch: pytest.MonkeyPatch, lines: int, shown: int, last: str
) -> None:
    """Where apprise drops all lines but a few, each event takes one, and the last one counts the others."""
    assert NotifyXBMC.body_max_line_count == 2
    monkeypatch.setattr(NotifyXBMC, "body_max_line_count", lines)
    assert _send("kodi://127.0.0.1:9/?format=html", _four()) == Delivered()
    [request] = posted
    *events, end = _json(request)["params"]["message"].splitlines()
    assert events == [f"`n{i}`: ⛔ banned `1.0.3` (was flagged): `malware`" for i in range(shown)]
    assert re.fullmatch(rf"{last}[0-9a-f]{{8}}", end)


@pytest.mark.parametrize("lines", [2, 10])
def test_no_line_is_dropped(
    posted: list[requests.PreparedRequest], monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    """With a title of its own or without one, apprise finds no line too many in what it gets for a pop-up."""
    monkeypatch.setattr(NotifyXBMC, "body_max_line_count", lines)
    for title_maxlen in (250, 0):
        monkeypatch.setattr(NotifyXBMC, "title_maxlen", title_maxlen)
        assert _send("kodi://127.0.0.1:9/", _hostile() + _four()) == Delivered()
        said = _json(posted[-1])["params"]["message"].splitlines()
        assert len(said) <= lines
        assert re.fullmatch(r"(?:… and )?\d+ .*changed · ref [0-9a-f]{8}", said[-1])
        check_any("\n".join(said))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"brevo://{'a' * 40}:user@example.com/to@example.com", "textContent"),
        ("mailersend://user:mlsn.abcdefgh1234@example.com/to@example.com", "text"),
        (f"groundmail://{'a' * 32}:user@example.com/to@example.com", "text"),
    ],
)
def test_a_text_cannot_be_a_line_of_a_mail(posted: list[requests.PreparedRequest], url: str, name: str) -> None:
    """The text that a mail service's plugin makes of the HTML keeps a stranger's words in the line of their event."""
    assert _send(url, _events(version="- ⛔ banned other 1.0.3")) == Delivered()
    [request] = posted
    said = _json(request)[name].splitlines()
    assert "- ⛔ banned - ⛔ banned other 1.0.3 (was flagged): malware" in said
    assert len([line for line in said if line.startswith("- ")]) == 1


def test_a_matrix_message_says_that_it_mentions_nobody(posted: list[requests.PreparedRequest]) -> None:
    """Without that a client looks for its user's name in the words; and code stays code in the HTML."""
    assert _send("matrix://s3cr3t-token@127.0.0.1:9/!r:x", _events(reason="ask alice")) == Delivered()
    message = _json(posted[-1])
    assert message["m.mentions"] == {}
    assert "<code>ask alice</code>" in message["formatted_body"]
    assert "- ⛔ banned 1.0.3 (was flagged): ask alice" in message["body"].splitlines()


def test_an_encrypted_matrix_message_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is encrypted mentions nobody either, and what is no message is left as it is."""
    encrypted: list[dict[str, Any]] = []
    monkeypatch.setattr(MatrixMegOlmSession, "encrypt", lambda _, event: encrypted.append(event))
    matrix = Apprise.instantiate("matrixs://token@127.0.0.1:9/!r:x")
    disable_mentions(cast("Service", matrix))
    for content in ({"msgtype": "m.text"}, {"other": 1}):
        matrix._e2ee_get_megolm("!r:x").encrypt({"type": "t", "content": content})  # type: ignore[union-attr]  # untyped
    assert [event["content"] for event in encrypted] == [{"msgtype": "m.text", "m.mentions": {}}, {"other": 1}]


def test_a_matrix_service_ends_when_it_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It logs out when nothing refers to it any more, not at some later time beyond the message's own."""
    ended: list[str] = []
    monkeypatch.setattr("apprise.plugins.matrix.base.NotifyMatrix.__del__", lambda _: ended.append("ended"))
    matrix = Apprise.instantiate("matrix://user:pass@127.0.0.1:9/!r:x")
    disable_mentions(cast("Service", matrix))
    del matrix
    assert ended == ["ended"]


def test_a_teams_card_shows_no_markup_of_strangers(posted: list[requests.PreparedRequest]) -> None:
    """A card reads Markdown without code: emphasis and links of strangers are escaped, ours are not."""
    words = "**evil** _evil_ [evil](http:16909060) [evil](//1.2.3.4) [evil](tel:1)"
    url = f"workflows://127.0.0.1:9/{'a' * 32}/s3cr3t-token"
    assert _send(url, _events(node=words, version=words, reason=words)) == Delivered()
    [request] = posted
    [text] = [b["text"] for b in _json(request)["attachments"][0]["content"]["body"] if b["id"] == "body"]
    page = MarkdownIt("commonmark").render(text)
    assert re.findall(r"<(?:em|a href|strong|code)[^>]*>[^<]*", page) == [
        '<a href="https://registry.comfy.org/nodes/rgthree-comfy">registry',
        "<strong>banned",
    ]
    assert page.count("**evil** _evil_") == 3


# What is refused at start


@pytest.mark.parametrize(
    "url",
    [
        "discord://1234567890/token",
        "https://discord.com/api/webhooks/1234567890/token",
        "json://127.0.0.1:9/x?format=html",
        "mailto://user:pass@gmail.com?to=a@example.org,b@example.org",
        "tgram://123456789:abcdefg_hijklmnop/12315544/",
    ],
)
def test_a_good_url_is_not_refused(url: str) -> None:
    """What apprise can parse as one service is fine."""
    assert refusal(url) is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3cr3t-token", "has to begin with a scheme"),
        ("", "has to begin with a scheme"),
        ("foo://s3cr3t-user:s3cr3t-pass@h/s3cr3t-token?q=s3cr3t-query", "does not know this foo:// address"),
        ("https://s3cr3t-user.example/s3cr3t-token", "a webhook of your own is json:// or jsons://"),
        ("discord://s3cr3t-token", "discord://{webhook_id}/{webhook_token}"),
        ("tgram://s3cr3t-token", "tgram:// URL is incomplete or malformed"),
        ("json://s3cr3t-user, json://s3cr3t-token", "more than one URL"),
        ("json://[s3cr3t-token", "json:// URL"),
        ("json://h?overflow=s3cr3t-query&format=s3cr3t-query&tz=s3cr3t-query", "json:// URL"),
    ],
)
def test_a_bad_url_is_refused_without_telling_it(url: str, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    """One sentence says what is wrong and names nothing of the URL but its scheme."""
    refused = refusal(url)
    assert refused is not None
    assert said in refused
    assert "\n" not in refused
    assert not any(secret in refused for secret in SECRETS)
    assert capfd.readouterr() == ("", "")


# What leaks


_LEAKER = """
import json, logging, sys, warnings
logging.basicConfig(level=1, stream=sys.stdout, force=True)
warnings.simplefilter("always")
from watcher.model.channel import Channel
from watcher.delivery.services import Service, disable_mentions
from watcher.delivery.sender import deliver, refusal
from watcher.alerts.digest import sample
for url, timeout in json.load(sys.stdin):
    print(refusal(url))
    print(repr(deliver(Channel(name="c", url=url), sample("2026-01-01T00:00:00Z"), timeout)))
print("at the end", logging.getLogger("apprise.x").isEnabledFor(10))
"""


def test_nothing_of_the_url_is_told_anywhere(webhook: Webhook) -> None:
    """However it fails, with all logs of a process shown at every level, no part of the URL is seen."""
    webhook.answer["/s3cr3t-token/hang"] = Answer(hang=True)
    webhook.answer["/s3cr3t-token/reset"] = Answer(reset=True)
    webhook.answer["/s3cr3t-token/302"] = Answer(status=302, headers={"Location": "/s3cr3t-query"})
    webhook.answer |= {f"/s3cr3t-token/{status}": status for status in (401, 429, 500)}
    here = f"s3cr3t-user:s3cr3t-pass@127.0.0.1:{webhook.port}/s3cr3t-token"
    tail = "?+X-Key=s3cr3t-query&:extra=s3cr3t-query&s3cr3t-query=s3cr3t-query"
    urls = [(f"json://{here}/{way}{tail}", 0.5) for way in ("ok", "401", "429", "500", "302", "reset", "hang")]
    urls += [
        (f"jsons://{here}{tail}&verify=no", 5),
        (f"mailto://s3cr3t-user:s3cr3t-pass@127.0.0.1:{webhook.port}?to=s3cr3t-query@example.org", 0.5),
        (f"mailto://127.0.0.1:{webhook.port}?from=s3cr3t-user@example.org&to=s3cr3t-query@example.org", 0.5),
        ("discord://s3cr3t-token", 5),
        (f"json://s3cr3t-user:s3cr3t-pass@s3cr3t-token.invalid{tail}", 5),
        (f"mmost://127.0.0.1:{webhook.port}/s3cr3t-token?format=s3cr3t-query", 5),
    ]
    done = subprocess.run(
        [sys.executable, "-c", _LEAKER],
        input=json.dumps(urls),
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT / "tests/support/offline"), str(_ROOT)])},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    said = done.stdout + done.stderr
    assert "at the end True" in said
    assert not any(secret in said for secret in SECRETS), said
    assert "apprise" not in re.sub(r"apprise(\.x| cannot use)", "", said)
    assert said.count("Delivered()") == 2
    assert re.findall(r"reason='([^']*)'", said)[:7] == [
        "HTTP 401",
        "HTTP 429",
        "HTTP 500",
        "HTTP 302",
        "the connection was lost",
        "timed out",
        "the TLS connection failed",
    ]


def test_whatever_apprise_raises_is_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception inside a service names its type and nothing it says."""

    def explode(*args: object, **kwargs: object) -> None:
        raise LookupError("s3cr3t-token")

    monkeypatch.setattr("apprise.Apprise.notify", explode)
    assert _send("json://127.0.0.1:9/") == Undelivered(reason="apprise failed (LookupError)")


def test_importing_the_module_does_not_import_apprise() -> None:
    """A quiet poll does not pay for apprise."""
    program = "import sys, watcher.delivery.sender\nassert not {'apprise', 'requests', 'urllib3'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", program], cwd=_ROOT, check=True, timeout=15)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(headers={"Content-Encoding": "gzip"}, body=b"no gzip"),
        Answer(headers={"Content-Encoding": "gzip"}, status=204, body=b"no gzip"),
    ],
    ids=["200", "204"],
)
def test_a_broken_body_takes_back_no_acknowledgement(webhook: Webhook, answer: Answer) -> None:
    """A 2xx is one however its body reads: else the message would be repeated at every poll."""
    webhook.answer["/a"] = answer
    assert deliver(Channel(name="ops", url=webhook.apprise_url("/a")), _events(), 10) == Delivered()


def test_a_broken_body_makes_no_acknowledgement(webhook: Webhook) -> None:
    """A refusal is one however its body reads."""
    webhook.answer["/a"] = Answer(headers={"Content-Encoding": "gzip"}, status=500, body=b"no gzip")
    outcome = deliver(Channel(name="ops", url=webhook.apprise_url("/a")), _events(), 10)
    assert isinstance(outcome, Undelivered)
