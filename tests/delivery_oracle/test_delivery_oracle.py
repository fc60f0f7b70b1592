"""Every service of apprise that speaks HTTP, and each of its requests failing in turn: what the outcome may say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from apprise import NotifyBase
from apprise.manager_plugins import NotificationManager

from tests.delivery_oracle.faults import PAIRS, Fault
from tests.delivery_oracle.table import SERVICES, UNTRIED
from tests.delivery_oracle.trials import Broken, Trials, cases, trials
from watcher.delivery import urls
from watcher.delivery.sender import known_to

_GROUPS = 10
"""Parts of the whole, so that processes can share it."""
_SOME = (
    "jsons",
    "ntfys",
    "dapnet-batch",
    "o365",
    "slack-mail",
    "vapid",
    "rockets",
    "embys-nobody",
)
"""One request, several targets, several targets in one request, a login, a look-up, messages that cannot be read, a
logout after the message, and nobody to send to.
"""
_FAULTS = (
    Fault.REFUSED,
    Fault.RESET,
    Fault.CUT,
    Fault.S503,
    Fault.DENIED,
    Fault.PAGE,
)
"""Known not to have arrived, unknown, taken, refused, refused in a success, and a web page.

`python -m tests.delivery_oracle` tries all others too.
"""
Pairs = tuple[tuple[Fault, Fault], ...]


@pytest.fixture(scope="module")
def some() -> Iterator[Trials]:
    """A few lanes in which messages go out: each takes a second to start."""
    with trials(2) as opened:
        yield opened


@pytest.fixture(scope="module")
def many() -> Iterator[Trials]:
    """As many lanes as keep a core busy."""
    with trials(6) as opened:
        yield opened


def _broken(
    opened: Trials, names: list[str], faults: tuple[Fault, ...], pairs: Pairs
) -> list[Broken]:
    """Return what is wrong with these services, where nothing fails and where each request fails in turn."""
    services = [SERVICES[name] for name in names]
    whole = opened.healthy(services)
    wrong = [(name, one) for name, verdict in whole.items() for one in verdict.broken]
    wrong += opened.noted(services)
    wrong += opened.each(
        case
        for service in services
        for case in cases(service, whole[service.name].requests, faults, pairs)
    )
    return wrong


def test_some_services(some: Trials) -> None:
    """What counts as taken was taken, what was taken does not come again, and what is in doubt is called so."""
    assert _broken(some, list(_SOME), _FAULTS, PAIRS[:1]) == []


@pytest.mark.bounded
@pytest.mark.parametrize("part", range(_GROUPS))
def test_every_service(many: Trials, part: int) -> None:
    """The same holds for every service, and each of its requests."""
    assert _broken(many, list(SERVICES)[part::_GROUPS], _FAULTS, PAIRS[:2]) == []


@pytest.mark.bounded
def test_the_table_is_whole() -> None:
    """Every plugin of apprise that makes HTTP requests is in the table, or not tried for a reason."""
    urls.load()
    manager = cast("Any", NotificationManager)
    plugins: dict[str, type[NotifyBase]] = manager()._schema_map
    speaking = {
        plugin.__name__
        for plugin in plugins.values()
        if plugin.enabled and "requests" in known_to(plugin)
    }
    tried = {
        plugins[service.url.partition("://")[0]].__name__
        for service in SERVICES.values()
    }
    assert speaking - tried == set(UNTRIED)
