"""Which pack was probably meant by an id that the registry does not know: `GET /nodes/search`.

The endpoint is optional, and nothing depends on it (docs/registry.md, Search).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from watcher.model.selection import NODE_ID
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import Registry, SearchQuery
from watcher.registry.packs import parse_packs
from watcher.text.near import nearest_id, searches

_PATIENCE = 10.0
"""Seconds that all searches of a poll may take."""
_MOST = 5
"""Ids that are searched for in one poll."""
_LIKENESS = 0.6
"""Of what a search finds. It found that for a reason, so that less will do than of any other id."""
_ACTIVE = "active"


async def read_near(
    registry: Registry, nodes: Iterable[str], known: Iterable[str]
) -> dict[str, str]:
    """Return which id was probably meant by each of these, by lower-case id; "" where none is similar.

    Of those without a near `known` id the registry is asked about the first few. One that it gives no answer about is
    left out. No failure is raised.
    """
    others = tuple(known)
    near = {node: nearest_id(node, others) for node in nodes}
    unlike = [node for node, found in near.items() if not found]
    found = {node.lower(): one for node, one in near.items() if one}
    try:
        async with asyncio.timeout(_PATIENCE):
            for node in unlike[:_MOST]:
                found[node.lower()] = await _search(registry, node)
    except (NoAnswerError, TimeoutError):
        pass
    except Exception:  # noqa: BLE001, S110 - the answer is optional: whatever is in it, the poll goes on
        pass
    return found


async def _search(registry: Registry, node: str) -> str:
    """Return the active pack that a search finds and whose id is similar; "" if there is none. Raises NoAnswerError."""
    for text in searches(node):
        answer = await registry.ask(SearchQuery(text=text), retries=0)
        if answer.code != HTTPStatus.OK:
            raise NoAnswerError(f"the search was refused ({answer.code})")
        records, _ = parse_packs(answer.body)
        ids = [one.id for one in records if one.status == _ACTIVE]
        usable = filter(NODE_ID.fullmatch, ids)
        if near := nearest_id(node, usable, likeness=_LIKENESS):
            return near
    return ""
