"""Versions: names of statuses, and which one is the newest."""

from __future__ import annotations

import pytest

from tests.support.factories import version
from watcher.model.version import (
    STATUSES,
    created_by,
    in_order,
    newest,
    recency,
    status_from_api,
    status_to_api,
)


@pytest.mark.parametrize("short", STATUSES)
def test_a_status_has_a_short_and_a_long_name(short: str) -> None:
    """Each of the spec's five statuses goes to the API's name and back."""
    assert status_to_api(short) == f"NodeVersionStatus{short.capitalize()}"
    assert status_from_api(status_to_api(short)) == short
    assert status_from_api(short) == short


@pytest.mark.parametrize(
    "unknown", ["NodeVersionStatusQuarantined", "quarantined", "", "NodeVersionStatus"]
)
def test_an_unknown_status_is_carried_as_it_came(unknown: str) -> None:
    """A status that this program does not know keeps the API's own text."""
    assert status_from_api(unknown) == unknown


def test_the_newest_is_the_latest_created() -> None:
    """Recency is createdAt, not the version text, which would put 1.9 over 1.10."""
    old = version("1.9.0", created_at="2026-01-01T00:00:00Z")
    new = version("1.10.0", created_at="2026-02-01T00:00:00Z")
    assert newest([new, old]) == new
    assert newest([]) is None


def test_times_with_cut_zeros_sort_by_time() -> None:
    """A fraction whose trailing zeros were cut sorts where it belongs, as does a time without one."""
    seconds = ["06", "05.75177", "05", "05.075"]
    moments = [f"2026-01-01T00:00:{second}Z" for second in seconds]
    assert sorted(moments, key=recency) == [
        moments[2],
        moments[3],
        moments[1],
        moments[0],
    ]
    assert recency("2026-01-01T00:00:05.5Z") == recency("2026-01-01T00:00:05.500000Z")


def test_created_by_includes_the_very_moment() -> None:
    """A version created at the moment counts as created by it, and one that does not say when does not."""
    one = version(created_at="2026-01-01T00:00:00.5Z")
    assert created_by(one, "2026-01-01T00:00:00.500Z")
    assert not created_by(one, "2026-01-01T00:00:00.499Z")
    assert not created_by(version(created_at=""), "2026-01-01T00:00:00Z")


def test_two_readings_of_the_same_facts_have_one_order() -> None:
    """Versions come oldest first, and ties are broken by text and id."""
    twins = [
        version("1.0", id="a"),
        version("1.0", id="b"),
        version("0.9", created_at="2026-06-01T00:00:00Z"),
    ]
    assert in_order(twins) == in_order(reversed(twins)) == tuple(twins)
