"""Services on call: which messages are one incident to them."""

from __future__ import annotations

import itertools

from tests.proxied.post_office import PostOffice
from tests.proxied.scenes import ban
from tests.proxied.services.table import ON_CALL, PEERS
from watcher.model.event import Event

SERVICES = tuple(PEERS[name] for name in ON_CALL)
_KEYED = tuple(peer for peer in SERVICES if peer.key is not None)
_ALERTS = (
    (ban(),),
    (ban(version="1.2.1"),),
    (ban("another-pack"),),
    (ban(version=None),),
    (ban(repeat=1),),
    (ban(), ban("another-pack")),
)
"""Messages about different bans; some have the same title."""


def confused(office: PostOffice) -> list[str]:
    """Return the services that take two different alerts for one incident, or a repeat for another one."""
    keys = [_keys(office, events) for events in _ALERTS]
    again = _keys(office, _ALERTS[0])
    wrong = [
        f"{name}: a repeat has the key {key}, not {keys[0][name]}"
        for name, key in again.items()
        if key != keys[0][name]
    ]
    for name in again:
        own = [found[name] for found in keys]
        pairs = [
            one
            for one, other in itertools.combinations(own, 2)
            if one == other and one is not None
        ]
        wrong += (
            [f"{name}: {len(pairs)} pairs of alerts share a key like {pairs[0]}"]
            if pairs
            else []
        )
    return wrong


def _keys(office: PostOffice, events: tuple[Event, ...]) -> dict[str, str | None]:
    office.proxy.forget()
    office.deliver(_KEYED, events)
    return {
        one.peer.name: one.peer.key(one.asked.said)
        for one in office.proxy.received()
        if one.peer.key is not None
    }
