"""Which ids were probably meant by those that the settings name and the registry does not know."""

from __future__ import annotations

from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import Listing, Reading
from watcher.polling.reading.plan import Plan
from watcher.polling.reading.read import Answers
from watcher.registry.client import Registry
from watcher.registry.search import read_near


async def near_ids(registry: Registry, plan: Plan, answers: Answers) -> dict[str, str]:
    """Return them by lower-case id, "" where none is similar. An id is searched for once, while it stays unknown."""
    unknown = {
        key: plan.nodes[key]
        for key, reading in answers.nodes.items()
        if _is_unknown(plan, key, reading)
    }
    kept = {key: one for key, one in plan.checks.near.items() if key in unknown}
    asked = [node for key, node in unknown.items() if key not in kept]
    if not asked:
        return kept
    known = [one.node for one in plan.snapshot.nodes.values() if one.is_there]
    known += [
        one.spelling or one.node
        for one in answers.nodes.values()
        if isinstance(one, Listing) and one.versions
    ]
    return kept | await read_near(registry, asked, known)


def _is_unknown(plan: Plan, key: str, reading: Reading) -> bool:
    """Return whether the settings name an id of which the registry has, and had, no version."""
    before = plan.snapshot.nodes.get(key)
    is_doubtful = key in plan.named and key not in plan.published
    if not is_doubtful or (before and before.baseline_at):
        return False
    match reading:
        case ReadFailure():
            return reading.fault is Fault.NOT_FOUND
        case Listing(versions=(), incomplete=""):
            return True
        case _:
            return False
