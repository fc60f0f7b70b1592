"""What apprise sends for a message, as its real plugins build it, and what a service answers."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.support.factories import HARMLESS
from tests.support.fakes import webhook as webhooks
from tests.support.fakes.webhook import Webhook
from tests.support.worker import job
from watcher.delivery.sender import send
from watcher.delivery.urls import load
from watcher.model.channel import Outcome
from watcher.model.event import Event, Kind

Answer = tuple[int, str]


def event(**fields: Any) -> Event:
    """Return a ban, with what is given instead."""
    known: dict[str, Any] = {
        "id": "id0",
        "kind": Kind.BANNED,
        "node": "comfyui-night-lights",
        "version": "1.2.0",
        "before": "active",
        "after": "banned",
        "reason": "it reads your keys",
        "at": "2026-11-25T17:32:00Z",
        "url": "https://registry.comfy.org/nodes/comfyui-night-lights",
    }
    return Event(**(known | fields))


RELEASE = {
    "kind": Kind.NEW,
    "version": "1.3.0",
    "before": None,
    "after": "active",
    "reason": "",
    "id": "id1",
}
FLAG = {"kind": Kind.FLAGGED, "version": "1.1.0", "after": "flagged", "id": "id2"}
HARMLESS_FLAG = {**FLAG, "scan": HARMLESS}
"""A flag of which everything is informational and known: it is as good as a release."""
BY_SEVERITY = (event(), event(**FLAG), event(**RELEASE), event(**HARMLESS_FLAG))
"""A ban, a flag, a release, and a flag that is as good as one."""


def content(request: requests.PreparedRequest) -> Any:
    """Return the JSON that a request carries."""
    assert isinstance(request.body, (str, bytes))
    return json.loads(request.body)


@dataclass
class Service:
    """Records the requests that would go to a service's own host, below everything that apprise does."""

    answer: Callable[[requests.PreparedRequest], Answer] = lambda _: (
        200,
        '{"requestId": "r", "ok": true}',
    )
    requests: list[requests.PreparedRequest] = field(default_factory=list)

    def tell(
        self,
        url: str,
        *events: Event,
        answer: Answer | None = None,
        plain: bool = False,
    ) -> str:
        """Send one message in this process and return why it was not taken; "" if it was."""
        if answer is not None:
            self.answer = lambda _: answer
        outcome = self.outcome(url, *events, plain=plain)
        return outcome.reason

    def outcome(self, url: str, *events: Event, plain: bool = False) -> Outcome:
        """Send one message in this process and return what came of it."""
        load()
        return send(
            job(url, 60.0, events=events or (event(),), plain=plain),
            print,
        )

    @property
    def paths(self) -> list[str]:
        """The method and path of each request."""
        return [f"{one.method} {one.path_url}" for one in self.requests]

    @property
    def last(self) -> Any:
        """The JSON of the last request that has a body."""
        return next(content(one) for one in reversed(self.requests) if one.body)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, webhook: Webhook) -> Iterator[Service]:
    """Return a service on loopback that stands in for all hosts."""
    service = Service()
    send = requests.adapters.HTTPAdapter.send

    def answered(
        self: Any, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        service.requests.append(request)
        status, text = service.answer(request)
        webhook.answer["/all"] = webhooks.Answer(status=status, body=text.encode())
        diverted = request.copy()
        diverted.url = f"{webhook.url}/all"
        return send(self, diverted, **options)

    monkeypatch.setattr(
        "apprise.plugins.matrix.base.NotifyMatrix.request_rate_per_sec", 0
    )
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", answered)
    load()
    gc.freeze()  # as the worker does: each message ends with a collection
    yield service
    gc.unfreeze()
