"""Rows of any pages, in any order and any number of times, give one result."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from watcher.model.version import STATUSES
from watcher.polling.lookup import collection
from watcher.polling.lookup.collection import Collection
from watcher.polling.lookup.model import Filters, Found
from watcher.registry.row import VersionRow

NODES = ("one", "ONE", "two")

_rows = st.lists(
    st.builds(
        VersionRow,
        node_id=st.sampled_from(NODES),
        status=st.sampled_from([*STATUSES, "NodeVersionStatusBanned", "Odd"]),
        id=st.sampled_from("abcdefgh"),
        deprecated=st.sampled_from([True, False, None]),
        createdAt=st.sampled_from(
            [
                "2026-03-02T12:00:00.5Z",
                "2026-03-02T12:00:00.25Z",
                "2026-03-01T00:00:00Z",
                "",
                "x",
            ]
        ),
    ),
    max_size=40,
)
_filters = st.builds(
    Filters,
    statuses=st.sampled_from([(), ("banned",), ("active", "flagged")]),
    deprecated=st.booleans(),
    since=st.sampled_from(["", "2026-03-02T12:00:00.300Z"]),
)


def collected(rows: list[VersionRow], filters: Filters, limit: int) -> Found:
    """Return what these rows give in this order."""
    made = Collection(filters, limit)
    for row in rows:
        made.take(row)
    return made.found()


@given(
    rows=_rows.map(
        lambda rows: list({(row.node_id.lower(), row.id): row for row in rows}.values())
    ),
    filters=_filters,
    limit=st.integers(1, 5),
)
def test_the_newest_of_all_that_match(
    rows: list[VersionRow], filters: Filters, limit: int
) -> None:
    """However few are held meanwhile, the versions are the first of all that match, and the counts are of all."""
    spare = collection._SPARE
    whole = collected(rows, filters, 1000)
    collection._SPARE = 0
    try:
        found = collected(rows, filters, limit)
    finally:
        collection._SPARE = spare
    assert found.versions == whole.versions[:limit]
    assert (found.total, found.packs, found.by_status) == (
        whole.total,
        whole.packs,
        whole.by_status,
    )
    assert found.total == len(whole.versions) == sum(found.by_status.values())
    assert found.deprecated == sum(one.version.deprecated for one in whole.versions)


@given(
    rows=_rows,
    filters=_filters.map(lambda chosen: replace(chosen, since="")),
    data=st.data(),
)
def test_the_order_and_repetition_of_rows_do_not_count(
    rows: list[VersionRow], filters: Filters, data: st.DataObject
) -> None:
    """Pages in another order, and rows that come again, change no count."""
    other = data.draw(st.permutations([*rows, *rows[:5]]))
    one, two = collected(rows, filters, 1000), collected(list(other), filters, 1000)
    assert (one.total, one.packs, one.by_status, one.deprecated) == (
        two.total,
        two.packs,
        two.by_status,
        two.deprecated,
    )
