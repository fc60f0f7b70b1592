"""Services with a rule of their own: each is one that apprise has, and one that the hostile texts are sent to."""

from __future__ import annotations

import pytest
from apprise import Apprise

from tests.hostile.services import SERVICES
from watcher.delivery import services

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # apprise's own, at its import

_NAMED = {*services._SHOWN_AS, *services._KNOW_CODE, *services._CODELESS}


def test_every_named_service_is_known() -> None:
    """Every service that has a rule here has that name in apprise, which may rename it."""
    known = {str(service["service_name"]) for service in Apprise().details()["schemas"]}
    assert known >= _NAMED


@pytest.mark.parametrize("name", sorted({*services._SHOWN_AS, *services._CODELESS}))
def test_a_service_with_a_format_of_its_own_gets_hostile_texts(name: str) -> None:
    """A service whose format is chosen here is among those that hostile texts are sent to."""
    urls = [service.url.format(port=1) for service in SERVICES]
    assert name in {str(found.service_name) for url in urls if (found := Apprise.instantiate(url)) is not None}
