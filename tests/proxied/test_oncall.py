"""Services on call: a message opens an incident, none is resolved, and no two alerts are taken for one."""

from __future__ import annotations

import pytest

from tests.proxied.incidents import SERVICES, confused
from tests.proxied.post_office import PostOffice
from tests.support import factories
from watcher.model.event import Kind

pytestmark = pytest.mark.bounded

_DAILY = (Kind.BANNED, Kind.REINSTATED)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=() if kind in _DAILY else pytest.mark.bounded)
        for kind in Kind
    ],
)
def test_every_kind_opens(office: PostOffice, kind: Kind) -> None:
    """Whatever the event, a service on call gets one message, and it opens an incident: it resolves and closes none."""
    version = None if kind in (Kind.BASELINE, Kind.FAILING, Kind.RECOVERED) else "1.2.0"
    event = factories.event("e", kind, node="comfyui-night-lights", version=version)
    assert office.wrong(SERVICES, (event,)) == []


def test_no_two_alerts_share_an_incident(office: PostOffice) -> None:
    """Different alerts have different keys, or none, though their titles be equal; a repeat has the key of before."""
    assert confused(office) == []
