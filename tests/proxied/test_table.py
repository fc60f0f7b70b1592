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
from tests.proxied.services.table import PEERS

pytestmark = pytest.mark.bounded

_FORM = "application/x-www-form-urlencoded"


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
