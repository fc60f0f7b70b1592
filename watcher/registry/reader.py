"""From answers to readings: request every page of a node, and decide what each answer means (docs/registry.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

from watcher import timestamps
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import (
    Listing,
    NodeBanned,
    Reading,
    ServerTime,
)
from watcher.registry.answer import Answer, NoAnswerError
from watcher.registry.client import Query, Registry
from watcher.registry.error_body import describe_refusal, parse_ban
from watcher.registry.pagination import MOST_PAGES, ListingBuilder
from watcher.registry.schema import parse_page

_LONGEST_READING = 300.0
_TIMEOUTS = 10
"""No further page of a node is requested after this many seconds, or timeouts if that is longer."""

_FAR_OFF = 24 * 3600.0
"""Seconds. A server's time that is further behind our clock is wrong; our own may be off by a time zone."""


async def read_node(
    registry: Registry,
    node: str,
    now: Callable[[], str],
    *,
    retries: int | None = None,
) -> Reading:
    """Return one node's versions from the first page and all others. Every expected failure is a value.

    `retries` overrides the limits' for the first page.
    """
    first, asked_at = Query(node=node), now()
    try:
        answer = await registry.ask(first, retries=retries)
        if answer.code != HTTPStatus.OK:
            return _judge_status(node, answer)
        return await _read_pages(registry, first, answer, asked_at)
    except NoAnswerError as error:
        return error.failure(node)


async def _read_pages(
    registry: Registry, first: Query, answer: Answer, asked_at: str
) -> Listing:
    """Return the versions of the first page's answer, and those of all later pages."""
    clock = asyncio.get_running_loop().time
    latest = clock() + max(_LONGEST_READING, _TIMEOUTS * registry.limits.timeout)
    builder = ListingBuilder(first.node, registry.limits.max_bytes)
    builder.add_page(parse_page(answer.body), 1, len(answer.body), answer.server_time)
    number = 1
    while builder.has_more and number < MOST_PAGES:
        number += 1
        if clock() > latest:
            builder.fail(number, " was not requested: the earlier pages took too long")
            break
        try:
            later = await registry.ask(replace(first, page=number))
            if later.code != HTTPStatus.OK:
                builder.fail(number, f" was refused ({later.code})")
                break
            page = parse_page(later.body)
        except NoAnswerError as error:
            builder.fail(number, f": {error.why}")
            break
        builder.add_page(page, number, len(later.body), later.server_time)
    oldest = builder.rows.server_time.oldest if builder.rows.server_time else ""
    return builder.listing(at=moment(asked_at, oldest))


def moment(asked_at: str, server_time: str) -> str:
    """Return the moment of a listing (docs/behaviour.md, Listings). A later one would hide what was published since."""
    if not server_time:
        return asked_at
    ahead = timestamps.seconds_between(server_time, asked_at)
    return server_time if 0 < ahead <= _FAR_OFF else asked_at


def _judge_status(node: str, answer: Answer) -> Reading:
    """Return what a status code other than 200 means for the node (docs/registry.md, Errors and Node bans)."""
    reason = parse_ban(answer.body) if answer.code == HTTPStatus.FORBIDDEN else None
    if reason is not None:
        server_time = ServerTime.of(answer.server_time)
        return NodeBanned(node=node, message=reason, server_time=server_time)
    error = describe_refusal(answer.code, answer.body, of_node=True)
    fault = _FAULTS.get(answer.code, Fault.REGISTRY)
    return ReadFailure(node=node, error=error, fault=fault)


_FAULTS: dict[int, Fault] = {
    HTTPStatus.BAD_REQUEST: Fault.OWN,
    HTTPStatus.NOT_FOUND: Fault.NOT_FOUND,
}
"""Refusals that are about the node alone."""
