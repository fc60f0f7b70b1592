"""What one service is: which addresses are its own, what it takes, and in which words it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.hostile.dialects import Shown
from tests.proxied.asked import Asked
from tests.proxied.schema import Schema, violations


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def text(body: str) -> Reply:
    """Return an answer in plain words."""
    return Reply(status=200, body=body.encode(), content_type="text/plain")


def says(document: object, status: int = 200) -> Reply:
    """Return an answer in JSON."""
    return Reply(status=status, body=json.dumps(document).encode())


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Peer:
    """One service.

    `url` is apprise's, `host` and `path` (a pattern) are where its messages go. `schema` is what a message has to be,
    `check` yields what else is wrong with it. `shown` takes what a reader sees out of a message. `others` are the
    requests beside messages that it answers, by method and a pattern of the path.
    """

    name: str
    url: str
    host: str
    path: str
    schema: Schema
    shown: Callable[[Any], Shown]
    taken: Reply
    check: Callable[[Asked], Iterable[str]] = lambda _: ()
    method: str = "POST"
    content_type: str = "application/json"
    mark: bytes = b""
    """What its messages have in them, where another service has the same address."""
    others: tuple[tuple[str, str, Reply], ...] = ()
    is_slow: bool = False
    """apprise pauses between the requests for one message."""

    def __repr__(self) -> str:
        return self.name

    def takes(self, asked: Asked) -> bool:
        """Return whether the request is a message to it."""
        its_own = (asked.method, asked.host) == (
            self.method,
            self.host,
        ) and self.mark in asked.body
        return its_own and bool(re.fullmatch(self.path, asked.path))

    def other(self, asked: Asked) -> Reply | None:
        """Return the answer to a request beside messages; None if it knows no such."""
        if asked.host != self.host:
            return None
        return next(
            (
                reply
                for method, path, reply in self.others
                if method == asked.method and re.fullmatch(path, asked.path)
            ),
            None,
        )

    def violations(self, asked: Asked) -> Iterator[str]:
        """Yield what the service would not take in a message."""
        if asked.content_type != self.content_type:
            yield f"content type {asked.content_type}"
            return
        try:
            said = asked.said
        except ValueError as error:
            yield f"unreadable: {error}"
            return
        wrong = [*violations(self.schema, said)]
        yield from wrong or self.check(asked)
