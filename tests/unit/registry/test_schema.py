"""One answer, from bytes to values: what fits is read, what does not is said, and one bad row costs no good one."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import BEFORE
from tests.support.parameters import examples
from watcher.model.version import WATCHED_FIELDS, Version
from watcher.registry.answer import NoAnswerError
from watcher.registry.pages import Page
from watcher.registry.schema import (
    VersionRow,
    parse_page,
    parse_version,
)

ROW: dict[str, Any] = {
    "node_id": "pack",
    "id": "i-1",
    "version": "1.0.0",
    "status": "NodeVersionStatusActive",
}
EMPTY: dict[str, Any] = {
    "page": 1,
    "pageSize": 100,
    "total": 0,
    "totalPages": 0,
    "versions": [],
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def page_of(*rows: Any, **fields: Any) -> bytes:
    """Write a page with these rows."""
    return json.dumps(
        EMPTY | {"total": len(rows), "versions": list(rows)} | fields
    ).encode()


def versions(page: Page[VersionRow]) -> list[str | None]:
    """Return the version texts of the readable rows."""
    return [row.version for row in page.rows]


def only(body: bytes) -> Version:
    """Read a page with one row as a version."""
    (row,) = parse_page(body).rows
    return parse_version(row)


def test_a_row_of_the_spec_is_read_whole() -> None:
    """Every field of the schema that is compared arrives, and the status by its short name.

    A page that is read row by row, because one row is bad, gives the same.
    """
    row = ROW | {
        "status": "NodeVersionStatusFlagged",
        "deprecated": True,
        "createdAt": "2025-03-28T10:57:31.162471Z",
        "downloadUrl": "https://cdn.example/a.zip",
        "dependencies": ["numpy"],
        "tags": ["image"],
        "changelog": "not compared",
        "comfy_node_extract_status": "success",
        "status_reason": "because",
    }
    page = parse_page(page_of(row))
    assert (page.total, page.page_size, page.unreported) == (1, 100, {})
    assert page.rows[0].status_reason == "because"
    assert parse_page(page_of(row, None)).rows == page.rows
    assert parse_version(page.rows[0]) == Version(
        version="1.0.0",
        id="i-1",
        status="flagged",
        deprecated=True,
        created_at="2025-03-28T10:57:31.162471Z",
        download_url="https://cdn.example/a.zip",
        dependencies=("numpy",),
    )


@pytest.mark.parametrize("empty", [None, "absent", "empty"])
def test_null_absent_and_empty_are_one_fact(empty: str | None) -> None:
    """However a registry says that there is nothing, the version is the same."""
    shown: dict[str, Any] = {
        "dependencies": [],
        "createdAt": "",
        "downloadUrl": "",
        "deprecated": False,
    }
    if empty is None:
        shown = dict.fromkeys(shown)
    row = ROW if empty == "absent" else ROW | shown
    assert only(page_of(row)) == Version(version="1.0.0", id="i-1", status="active")


def test_a_version_is_known_by_id_or_by_text() -> None:
    """A row without id or without version text is readable; one without both, or without its node, is not."""
    blanks: list[dict[str, Any]] = [
        {"id": None},
        {"version": ""},
        {"id": "", "version": None},
    ]
    rows = [ROW | blank for blank in (*blanks, {"node_id": ""}, {"status": ""})]
    page = parse_page(page_of(*rows))
    assert [parse_version(row).key for row in page.rows] == ["=1.0.0", "i-1"]
    assert (page.lost, page.unplaced, page.items) == (
        {("pack", "i-1"): "row 5 is unreadable"},
        "row 3 is unreadable",
        5,
    )


@pytest.mark.parametrize(
    "bad",
    [
        *(None, 7, {"id": "i"}, {"tags": [], **ROW, "id": 7}),
        *(ROW | {"status": ["x"]}, ROW | {"status": None}, ROW | {"node_id": None}),
        *(ROW | {"version": 1.2, "id": ""}, ROW | {"id": "\ud800"}),
    ],
    ids=repr,
)
def test_a_row_that_does_not_say_what_it_is_costs_no_other(bad: Any) -> None:
    """A row without its node, its status or which version it is counts as a row, and the others are read."""
    good = {**ROW, "id": "i-2", "version": "2.0.0"}
    page = parse_page(page_of(good, bad, ROW))
    assert versions(page) == ["2.0.0", "1.0.0"]
    assert page.unplaced or page.lost
    assert (page.items, page.total) == (3, 3)


@pytest.mark.parametrize(
    ("bad", "unreported"),
    [
        ({"version": 1.2}, set()),
        ({"deprecated": 1, "downloadUrl": 7}, {"deprecated", "download_url"}),
        ({"dependencies": {"a": 1}, "tags": "t"}, {"dependencies"}),
        ({"dependencies": ["\ud800"]}, {"dependencies"}),
        ({"dependencies": [{"name": "x"}], "id": None}, {"dependencies"}),
    ],
    ids=lambda value: (
        repr(value) if isinstance(value, dict) else ""
    ),  # a set's order differs between processes
)
def test_a_bad_field_hides_no_other(bad: dict[str, Any], unreported: set[str]) -> None:
    """Of a row with fields of a wrong type the others are read, and the page names the fields that were not."""
    row = (
        ROW
        | {
            "status": "NodeVersionStatusBanned",
            "dependencies": ["x"],
            "createdAt": BEFORE,
        }
        | bad
    )
    page = parse_page(page_of(ROW, row))
    assert (page.unreported, page.items) == ({1: frozenset(unreported)}, 2)
    whole = parse_version(
        parse_page(page_of({name: row[name] for name in row.keys() - bad.keys()})).rows[
            0
        ]
    )
    read = parse_version(page.rows[1])
    assert read.status == "banned"
    assert {
        name for name in WATCHED_FIELDS if getattr(read, name) != getattr(whole, name)
    } <= unreported


@pytest.mark.parametrize("value", ["1", '{"a":1,"a":1}'])
def test_an_answer_of_too_many_values_is_refused_undecoded(value: str) -> None:
    """Bytes that would be a hundred times as much memory are refused for it, also where nothing is read."""
    many = ",".join([value] * (2_000_000 // len(value)))
    page = f'{{"total":0,"versions":[],"x":[{many}]}}'
    with pytest.raises(NoAnswerError, match="holds too many values to be a page of"):
        parse_page(page.encode())


def test_code_in_texts_is_no_value() -> None:
    """Megabytes of a changelog or a reason full of brackets, commas, quotes and backslashes are one text."""
    text = '{[,{"a":[],\\\\,[\\",{"' * 100_000
    page = parse_page(page_of(ROW | {"changelog": text, "status_reason": text}))
    assert page.rows[0].status_reason == text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b" \n", "the answer is empty"),
        *(
            (body, "the answer is no readable JSON")
            for body in (
                b"{",
                b'{"versions":[],"total":-Infinity}',
                page_of(ROW).decode().encode("utf-16"),
            )
        ),
        *(
            (body, "the answer has no list of versions")
            for body in (b"null", b"7", b'{"versions":"none","total":0}')
        ),
        (b'{"versions":' + b"[" * 100_000 + b"}", "the answer is nested too deeply"),
    ],
)
def test_what_is_no_listing_says_what_it_is(body: bytes, said: str) -> None:
    """An answer that holds no list of versions is refused in words of ours."""
    with pytest.raises(NoAnswerError) as caught:
        parse_page(body)
    assert str(caught.value) == said


@pytest.mark.parametrize("total", [None, "many", 1.5, True], ids=repr)
def test_a_total_that_is_no_count_is_none(total: Any) -> None:
    """Rows are read whatever the total is; what is no count is not believed."""
    page = parse_page(page_of(ROW, total=total))
    assert (versions(page), page.total) == (["1.0.0"], None)


@examples(60)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_page_or_refused(body: bytes) -> None:
    """Whatever comes, it is read or refused with the one error; nothing else escapes."""
    with contextlib.suppress(NoAnswerError):
        assert all(parse_version(row).key for row in parse_page(body).rows)
