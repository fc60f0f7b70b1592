"""Services with rules: each is one that apprise has, and one that the hostile texts are sent to."""

from __future__ import annotations

import pytest
from apprise import Apprise

from tests.hostile.world import SERVICES
from watcher.delivery.services.table import RULES

# Apprise's own, at its import.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_every_named_service_is_known() -> None:
    """Every service that has a rule has that name in apprise, which may rename it."""
    known = {
        str(service["service_name"])
        for service in Apprise().details(show_disabled=True)["schemas"]
    }
    assert known >= set(RULES)


@pytest.mark.parametrize(
    "name",
    sorted(
        name
        for name, rules in RULES.items()
        if any(form is not known for known, form in rules.formats.items())
    ),
)
def test_a_service_with_a_format_of_its_own_gets_hostile_texts(name: str) -> None:
    """A service whose format is chosen here is among those that hostile texts are sent to."""
    urls = [peer.url for peer in SERVICES]
    assert name in {
        str(found.service_name)
        for url in urls
        if (found := Apprise.instantiate(url)) is not None
    }
