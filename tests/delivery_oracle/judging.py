"""What outcomes may say of what the server recorded. Nothing here knows how the program comes to an outcome."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.delivery_oracle.recorder import Record
from tests.delivery_oracle.service import Service
from watcher.model.channel import Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise, by the name that the figures have for it, and what happened."""

    promise: str
    text: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.text}"


LOST = "lost"
"""Something counts as taken that was not."""
REPEATED = "repeated"
"""What was taken came again."""
DOUBTED = "doubted"
"""Whether something went out that nobody answered is not what the outcome says."""
FAILED = "failed"
"""A message failed where nothing else did."""
PROMISES = (LOST, REPEATED, DOUBTED, FAILED)


def carriers(service: Service, word: str, records: Iterable[Record]) -> list[Record]:
    """Return the requests that carried the message."""
    if service.hidden:
        return [record for record in records if re.search(service.hidden, record.line)]
    return [record for record in records if word in record.text]


def addressed(service: Service, record: Record) -> set[str]:
    """Return the targets of one request; "" stands for the only one."""
    return {
        target
        for target in service.targets or ("",)
        if target.lower() in f"{record.text}\n{record.head}"
    }


def taken(service: Service, word: str, records: Sequence[Record]) -> Counter[str]:
    """Return how often each target took the message."""
    return Counter(
        target
        for record in carriers(service, word, records)
        if record.is_taken
        for target in addressed(service, record)
    )


def whole(
    service: Service,
    word: str,
    outcome: Outcome,
    records: Sequence[Record],
    times: int = 1,
) -> Iterator[Finding]:
    """Yield what is wrong after an attempt in which nothing failed: each target has to take the message so many times.

    The `records` are those of the attempts before it too.
    """
    if service.nobody:
        if outcome.taken:
            yield Finding(LOST, "delivered, but nobody is there")
        return
    if not outcome.taken:
        yield Finding(FAILED, f"{outcome.reason} where nothing failed")
    found = taken(service, word, records)
    for target in service.targets or ("",):
        if found[target] != times:
            promise = REPEATED if found[target] > times else LOST
            said = f"took it {found[target]} times, not {times}"
            yield Finding(promise, f"{_named(target)} {said}")


def first(
    service: Service, word: str, outcome: Outcome, records: Sequence[Record]
) -> Iterator[Finding]:
    """Yield what is wrong with the outcome of an attempt in which a request failed."""
    times = taken(service, word, records)
    targets = set(service.targets or ("",))
    if outcome.taken:
        if missing := sorted(targets - set(times)):
            yield Finding(
                LOST,
                f"delivered, but {', '.join(map(_named, missing))} did not take it",
            )
        return
    sent = carriers(service, word, records)
    is_silent = any(
        record.status is None for record in (records if service.hidden else sent)
    )
    if outcome.unanswered != is_silent:
        yield Finding(DOUBTED, f"unanswered is {outcome.unanswered}: {outcome.reason}")


def _named(target: str) -> str:
    return target or "the target"
