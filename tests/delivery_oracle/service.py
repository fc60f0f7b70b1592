"""One service for the oracle: a URL, what names its targets in a request, and how it answers when all is well."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a service says to a request that it takes, in JSON unless it is bytes."""

    said: object
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        """Return the body as it is sent."""
        return (
            self.said
            if isinstance(self.said, bytes)
            else json.dumps(self.said).encode()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service.

    `targets` are texts, one of which is in the message to that target and in no other; empty for a service with one
    target. `taken` is the answer to a request unless `others` knows it, by a pattern of "METHOD host/path?query", or of
    the body where the pattern begins with a line break.
    """

    name: str
    url: str
    targets: tuple[str, ...] = ()
    taken: Answer = field(default_factory=lambda: Answer(said={}))
    others: tuple[tuple[str, Answer], ...] = ()
    hidden: str = ""
    """Where the message cannot be read in a request: a pattern of what such a request is sent to."""
    own: bool = False
    """A receiver of one's own, which may answer with a web page."""
    nobody: bool = False
    """Nobody is there to send to, which its plugin calls a success."""

    def __str__(self) -> str:
        return self.name

    def answer(self, line: str, body: str) -> Answer:
        """Return the answer to a request."""
        for pattern, answer in self.others:
            if re.search(pattern, f"\n{body}" if pattern.startswith("\n") else line):
                return answer
        return self.taken
