"""Which pack was probably meant by an id that the registry does not know: `GET /nodes/search`.

The endpoint is optional, and nothing depends on it (docs/registry.md, Search).
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable
from http import HTTPStatus
from itertools import islice

from watcher.model.selection import NODE_ID
from watcher.registry.answer import NoAnswerError
from watcher.registry.client import Registry, SearchQuery
from watcher.registry.packs import parse_packs
from watcher.text.near import nearest_id, searches

_PATIENCE = 5.0
"""Seconds that all searches of a poll may take."""
_MOST = 8
"""Ids that are looked for in one poll: each is compared with all that are known, which may be the whole registry."""
_LIKENESS = 0.6
"""Of what a search finds. It found that for a reason, so that less will do than of any other id."""
_ACTIVE = "active"
_REFUSALS = range(400, 500)


async def read_near(
    registry: Registry, nodes: Iterable[str], known: Iterable[str]
) -> dict[str, str]:
    """Return which id was probably meant by each of the first few of these, by lower-case id; "" where none is similar.

    Of those without a near `known` id the registry is asked. Where it fails, that id and those after it are left out.
    No failure is raised.
    """
    asked = tuple(nodes)
    # A search also finds packs without versions, which are no help.
    unknown = {node.lower() for node in asked}
    others = tuple(known)
    found: dict[str, str] = {}
    try:
        async with asyncio.timeout(_PATIENCE):
            for node in islice(asked, _MOST):
                await asyncio.sleep(0)  # a comparison takes a while
                found[node.lower()] = ""  # and stays so if the time is over
                near = nearest_id(node, others)
                found[node.lower()] = near or await _search(registry, node, unknown)
    except TimeoutError:
        pass
    except Exception:  # noqa: BLE001 - the answer is optional: whatever is in it, the poll goes on
        found.popitem()
    return found


async def _search(registry: Registry, node: str, unknown: Container[str]) -> str:
    """Return the active pack that a search finds and whose id is similar; "" if there is none, or no search.

    It is none of the ids that are `unknown`, in lower case.

    Raises NoAnswerError.
    """
    for text in searches(node):
        answer = await registry.ask(SearchQuery(text=text), retries=0)
        if answer.code in _REFUSALS and answer.code != HTTPStatus.TOO_MANY_REQUESTS:
            return ""
        if answer.code != HTTPStatus.OK:
            raise NoAnswerError(f"the search failed ({answer.code})")
        records = parse_packs(answer.body).records
        ids = [one.id for one in records if one.status == _ACTIVE]
        usable = [
            one for one in ids if NODE_ID.fullmatch(one) and one.lower() not in unknown
        ]
        if near := nearest_id(node, usable, likeness=_LIKENESS):
            return near
    return ""
