"""The stand-ins themselves: each finds what is wrong with a message, and every host has one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.proxied.asked import Asked
from tests.proxied.post_office import PostOffice
from tests.proxied.scenes import ban
from tests.proxied.services.table import ON_CALL, PEERS

pytestmark = pytest.mark.bounded

_FORM = "application/x-www-form-urlencoded"
_RESOLVING = {
    "action": ("resolve", "acknowledge", "close"),
    "event_action": ("resolve", "acknowledge"),
    "status": ("resolved", "resolve", "CLOSED"),
    "eventType": ("RESOLVE", "ACCEPT"),
    "message_type": ("RECOVERY", "ACKNOWLEDGEMENT"),
    "X-S4-Status": ("resolved", "acknowledged"),
}


def _saying(asked: Asked, said: Any) -> Asked:
    body = urlencode(said) if asked.content_type == _FORM else json.dumps(said)
    return replace(asked, body=body.encode(), query=asked.query if asked.body else "")


def _spoiled(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a message with a field too many, and without a word in it."""
    yield said | {"unheard-of": "x"}
    yield {}


def test_the_stand_ins_find_what_is_wrong(office: PostOffice) -> None:
    """A message with a field that the service does not know, an empty one and one that is not readable are found."""
    office.proxy.forget()
    office.deliver(PEERS.values(), (ban(),))
    passed = []
    for one in office.proxy.received():
        spoiled = [replace(one.asked, body=b"\xff<", query="")]
        if one.asked.content_type != "application/xml":
            spoiled += [_saying(one.asked, said) for said in _spoiled(one.asked.said)]
        passed += [
            (one.peer.name, asked.body)
            for asked in spoiled
            if not list(one.peer.violations(asked))
        ]
    assert passed == []


@pytest.mark.parametrize("name", ON_CALL)
def test_a_resolved_incident_is_found(office: PostOffice, name: str) -> None:
    """A message that would resolve, close or acknowledge an incident is found, however the service says that."""
    office.proxy.forget()
    office.deliver([PEERS[name]], (ban(),))
    [one] = office.proxy.received(name)
    found = [
        field
        for field, words in _RESOLVING.items()
        for word in words
        if list(one.peer.violations(_saying(one.asked, one.asked.said | {field: word})))
    ]
    assert found == [field for field, words in _RESOLVING.items() for _ in words]
