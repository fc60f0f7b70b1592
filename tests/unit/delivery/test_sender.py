"""Delivery through the real apprise: what counts as delivered, how long it may take, what shows, what leaks."""

from __future__ import annotations

from typing import Any

import apprise
import pytest

from tests.support.fakes.webhook import Answer, Webhook
from tests.support.worker import job
from tests.unit.delivery.services.conftest import event
from watcher.delivery.sender import send
from watcher.delivery.urls import load
from watcher.model.channel import Outcome
from watcher.model.event import Event

pytestmark = pytest.mark.usefixtures("apprise_frozen")


def _events(count: int = 1, **fields: Any) -> tuple[Event, ...]:
    return tuple(event(id=f"id{number}", **fields) for number in range(count))


def sent(
    url: str,
    events: tuple[Event, ...] | None = None,
    taken: list[str] | None = None,
    reached: frozenset[str] = frozenset(),
) -> Outcome:
    """Send in this process. `taken` gets the names of targets that took it."""

    def tell(what: str, value: object) -> None:
        if what == "taken" and taken is not None:
            taken.append(str(value))

    load()
    return send(job(url, 60.0, events=events or _events(), reached=reached), tell)


def _send(url: str, events: tuple[Event, ...] | None = None) -> str:
    """Send in this process; return why the message was not taken."""
    return sent(url, events).reason


# What counts as delivered


def test_an_acknowledged_message_is_delivered(webhook: Webhook) -> None:
    """A 200 from the webhook is a delivery, and the message says what happened, with the events."""
    assert _send(webhook.apprise_url("/a"), _events(2)) == ""
    [message] = webhook.messages("/a")
    assert message.json["title"] == "BANNED comfyui-night-lights 1.2.0 (+ 1 banned)"
    assert (
        "⛔ BANNED `comfyui-night-lights` `1.2.0`\nReason: `it reads your keys`."
        in message.json["message"]
    )
    assert message.json["type"] == "failure"
    assert (message.event_ids, message.json["event_count"]) == (["id0", "id1"], 2)
    assert message.headers["User-Agent"] == "Comfy Watch"


def test_no_url_can_have_redirects_followed(webhook: Webhook) -> None:
    """One makes a GET of the POST, whose success would be that of a message nobody got."""
    webhook.answer["/a"] = Answer(
        status=302, headers={"Location": f"{webhook.url}/elsewhere"}
    )
    url = webhook.apprise_url("/a?redirect=yes")
    assert _send(url).startswith("HTTP 302, a redirect")
    assert len(webhook.messages()) == 1


def test_what_the_url_asks_for_cannot_lose_a_message(webhook: Webhook) -> None:
    """`optional=yes` would have apprise call a failure a success, and `retry` would send again on its own."""
    webhook.answer["/a"] = 500
    outcome = _send(
        webhook.apprise_url("/a?optional=yes&retry=3&wait=0&overflow=truncate")
    )
    assert outcome == "HTTP 500"
    assert len(webhook.messages()) == 1


def test_a_status_in_untrusted_text_is_not_taken_for_the_answer(
    webhook: Webhook,
) -> None:
    """The reason of a failure is read from apprise's words, never from the message."""
    webhook.answer["/a"] = 500
    reason = "error=404 Socket Exception: timed out"
    assert _send(webhook.apprise_url("/a"), _events(reason=reason)) == "HTTP 500"
    webhook.answer["/a"] = Answer(reset=True)
    assert (
        _send(webhook.apprise_url("/a"), _events(reason=reason))
        == "the connection was lost"
    )


def test_a_services_own_words_are_heard(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that says in a 200 what came of it is heard to the last byte; `HTTP 200` is not why it refuses."""
    monkeypatch.setattr("apprise.plugins.slack.NotifySlack.webhook_url", webhook.url)
    path = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    webhook.answer[f"/{path}"] = Answer(body=b"ok")
    assert _send(f"slack://{path}/") == ""
    webhook.answer[f"/{path}"] = Answer(body=b"ok" + bytes(2**17))
    assert _send(f"slack://{path}/") == "refused the message"


# What shows


def test_what_apprise_raises_does_not_hide_that_the_message_is_out(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that fails after it sent, and before an answer came, may have been heard; its words are not told."""
    notify = apprise.Apprise.notify

    def explode(*args: Any, **kwargs: Any) -> None:
        notify(*args, **kwargs)
        raise LookupError("s3cr3t-token")

    monkeypatch.setattr("apprise.Apprise.notify", explode)
    webhook.answer["/a"] = Answer(reset=True)
    reason = "apprise failed (LookupError)"
    outcome = sent(webhook.apprise_url("/a"))
    assert outcome == Outcome(reason=reason, unanswered=True)


def test_the_plainest_form_is_ascii(webhook: Webhook) -> None:
    """What a service has refused for what it is goes out as a line of ASCII, whatever format the URL asks for."""
    load()
    events = _events(3, reason="ä" * 50)
    plain = job(webhook.apprise_url("/a?format=html"), events=events, plain=True)
    assert send(plain, print) == Outcome(taken=True, left=("id1", "id2"))
    [message] = webhook.messages("/a")
    said = (message.json["title"] + message.json["message"]).replace("\\", "")
    assert said.isascii()
    assert "comfyui-night-lights" in said
    assert len(said) < 160
