"""Which events two readings of one node have: the table of docs/dev/behaviour.md, Events, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.factories import (
    BEFORE,
    CHECKED,
    HARMLESS,
    NOW,
    PACK,
    URL,
    beside,
    compare,
    known,
    reported,
    version,
)
from watcher.changes.diff import compare_ban
from watcher.changes.transitions import DiffOptions, node_url
from watcher.model.event import Grade, Kind, Severity
from watcher.model.snapshot import Ban, KnownVersion
from watcher.model.version import WATCHED_FIELDS

UNKNOWN = "NodeVersionStatusQuarantined"
BAD = ("flagged", "banned", "deleted")


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        *(("active", ["new"]), ("deleted", []), (UNKNOWN, ["changed"])),
        *((status, [status]) for status in ("pending", "flagged", "banned")),
    ],
)
def test_first_sight_of_a_version(status: str, kinds: list[str]) -> None:
    """A version first seen says what it is, and that it is deprecated; one first seen as deleted makes no event."""
    for deprecated in (False, True):
        first = version("2.0", status, deprecated=deprecated)
        difference = compare(known(version("1.0")), version("1.0"), first)
        expected = [(kind, "2.0", None, status) for kind in kinds]
        if deprecated and kinds:
            expected.append(("deprecated", "2.0", None, "deprecated"))
        assert reported(difference) == expected
        assert [one.status for one in difference.node.rows if one.version == "2.0"] == [
            status
        ]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("pending", "active", "new"),
        *[(before, "active", "reinstated") for before in BAD],
        (UNKNOWN, "active", "changed"),
        *[
            (before, after, after)
            for before in ("active", "pending", *BAD, UNKNOWN)
            for after in BAD
            if before != after
        ],
        (UNKNOWN, "pending", "changed"),
        *[(before, UNKNOWN, "changed") for before in ("active", "pending", *BAD)],
    ],
)
def test_a_change_of_status(before: str, after: str, kind: str) -> None:
    """Every way from one status to another is one event that names both ends; an unknown one is a changed field."""
    difference = compare(known(version("1.0", before)), version("1.0", after))
    assert reported(difference) == [(kind, "1.0", before, after)]
    fields = [one.field for one in difference.events[0].changes]
    assert fields == (["status"] if kind == "changed" else [])
    assert difference.node.rows == (version("1.0", after),)


@pytest.mark.parametrize("before", ["active", "flagged", "banned", "deleted"])
def test_what_waits_for_its_scan_again_is_no_news(before: str) -> None:
    """What was bad is not over yet, and nothing bad was said of what was active: it comes and goes silently."""
    waiting = compare(known(version("1.0", before)), version("1.0", "pending"))
    assert waiting.events == ()
    active = reported(compare(waiting.node, version("1.0")))
    assert active == (
        [] if before == "active" else [("reinstated", "1.0", "pending", "active")]
    )
    flagged = compare(waiting.node, version("1.0", "flagged"))
    assert reported(flagged) == [("flagged", "1.0", "pending", "flagged")]


@pytest.mark.parametrize(
    ("life", "kind"),
    [
        (("pending",), "new"),
        (("pending", UNKNOWN, "pending"), "new"),
        *((("pending", before, "pending"), "reinstated") for before in BAD),
        (("flagged", UNKNOWN, "pending"), "reinstated"),
    ],
)
def test_an_approval_is_new_only_once(life: tuple[str, ...], kind: str) -> None:
    """A pending version that becomes active is new if it never was anything but pending, reinstated if it was bad."""
    node = known(version("1.0", life[0]))
    for status in life[1:]:
        node = compare(node, version("1.0", status)).node
    approved = compare(node, version("1.0"))
    assert reported(approved) == [(kind, "1.0", "pending", "active")]
    assert beside(approved.node, "past") == {}


@pytest.mark.parametrize(
    ("life", "is_harmless", "ends"),
    [
        (("flagged",), False, Severity.WARNING),
        (("flagged", "pending"), True, Severity.INFO),
        (("flagged", "deleted"), True, Severity.WARNING),
        (("banned", "flagged"), False, Severity.CRITICAL),
    ],
)
def test_a_reinstatement_ends_the_worst(
    life: tuple[str, ...], is_harmless: bool, ends: Severity
) -> None:
    """It counts as bad as the worst since the version was active; a flag as what was known to have been found."""
    row = version("1.0", life[0])
    node = known(row, past={row.key: Grade.FLAGGED_INFO} if is_harmless else {})
    for status in life[1:]:
        node = compare(node, version("1.0", status)).node
    [event] = compare(node, version("1.0")).events
    assert (event.kind, event.ends) == (Kind.REINSTATED, ends)


MARKED = version("1.0", deprecated=True)
MOVED = version("1.0", "banned", dependencies=("x",), download_url="https://x.example")


def test_status_deprecation_and_fields_are_facts_of_their_own() -> None:
    """One poll can yield several events for one version, and none hides another."""
    assert reported(compare(known(), MARKED)) == [
        ("new", "1.0", None, "active"),
        ("deprecated", "1.0", None, "deprecated"),
    ]
    difference = compare(known(MARKED), MOVED)
    assert reported(difference) == [
        ("banned", "1.0", "active", "banned"),
        ("undeprecated", "1.0", "deprecated", None),
        ("changed", "1.0", "active", "banned"),
    ]


def test_a_watched_field_that_differs_is_a_change() -> None:
    """Each watched field is reported under the API's name, from empty to something and back."""
    empty = version("1.0")
    filled = version("1.0", download_url="https://x.example", dependencies=("a", "b"))
    for before, after in ((empty, filled), (filled, empty)):
        [event] = compare(known(before), after).events
        assert event.kind is Kind.CHANGED
        assert [(one.field, one.before, one.after) for one in event.changes] == [
            ("downloadUrl", before.download_url, after.download_url),
            ("dependencies", before.dependencies, after.dependencies),
        ]


def test_an_event_says_where_and_when() -> None:
    """An event carries the node, the version with its id and its date, when the poll began, and the node's page."""
    (event,) = compare(known(version("1.0")), version("1.0", "flagged")).events
    assert (event.node, event.version, event.version_id) == (PACK, "1.0", "id-1.0")
    assert (event.published, event.at, event.url) == (BEFORE, NOW, URL)


def test_a_page_address_holds_no_untrusted_markup() -> None:
    """A node id is percent-encoded into its page's address; the registry as a whole has one too."""
    assert (
        node_url("a/../b?c#d é")
        == "https://registry.comfy.org/nodes/a%2F..%2Fb%3Fc%23d%20%C3%A9"
    )
    assert node_url(None) == "https://registry.comfy.org"


def test_an_id_that_appears_or_vanishes_is_the_same_version() -> None:
    """A row that gains or loses its id is matched by its text, keeps what is known, and is no event."""
    bare, full = version("1.0", id=""), version("1.0")
    for before, row in ((bare, full), (full, bare)):
        difference = compare(known(before, scans={before.key: HARMLESS}), row)
        assert (difference.events, difference.node.rows) == ((), (full,))
        assert beside(difference.node, "scan") == {full.key: HARMLESS}
    (event,) = compare(known(bare), replace(bare, status="flagged")).events
    assert (event.kind, event.version_id) == (Kind.FLAGGED, None)


def test_one_known_version_is_matched_by_one_row() -> None:
    """A row without an id is not taken for a version that another row names by its id: no two facts about one."""
    node = known(version("1.0", id="id"))
    rows = (version("2.0", "flagged", id="id"), version("1.0", id=""))
    first = compare(node, *rows)
    assert reported(first) == [
        ("new", "1.0", None, "active"),
        ("flagged", "2.0", "active", "flagged"),
    ]
    assert compare(first.node, *rows).events == ()


def test_the_first_403_is_a_ban_of_the_node() -> None:
    """The registry's 403 is one `banned` event without a version, with what it said, and rows stay as they are."""
    node = known(version("1.0"), version("2.0", "flagged"))
    first = compare_ban(node, "Node banned", DiffOptions(now=NOW))
    again = compare_ban(first.node, "Node banned", DiffOptions(now=NOW))
    assert reported(first) == [("banned", None, None, "banned")]
    assert (first.events[0].reason, first.events[0].version_id) == ("Node banned", None)
    assert first.node == replace(node, banned=True, ban=Ban(since=NOW, changed=NOW))
    assert (again.events, again.node) == ((), first.node)


def _part(key: str) -> dict[str, frozenset[str]]:
    """Return the `unreported` of a listing that has no readable details of one version."""
    return {key: frozenset(WATCHED_FIELDS) | {"deprecated"}}


def test_what_a_row_does_not_report_is_as_it_was() -> None:
    """Of a row of which not every field could be read the others are compared, and may be its status alone."""
    row = version("1.0", deprecated=True, dependencies=("x",), download_url="a")
    moved = version("1.0", deprecated=True, download_url="b")
    difference = compare(
        known(row),
        moved,
        incomplete="a row",
        unreported={"id-1.0": frozenset({"dependencies"})},
    )
    (event,) = difference.events
    assert [change.field for change in event.changes] == ["downloadUrl"]
    assert difference.node.rows == (replace(moved, dependencies=("x",)),)
    flagged = compare(
        known(row),
        version("1.0", "flagged", created_at=""),
        incomplete="a row",
        unreported=_part("id-1.0"),
    )
    assert reported(flagged) == [("flagged", "1.0", "active", "flagged")]
    assert flagged.node.versions == (KnownVersion(row=replace(row, status="flagged")),)


def test_what_was_not_reported_at_first_is_no_change_when_it_comes() -> None:
    """A version first seen in part is reported at once; its details are none of its changes, its deprecation is.

    What is known of it by its text goes to its id, and nothing stays behind under the text.
    """
    node = known()
    events = []
    for part in (version("2.0", "banned", id=""), version("2.0", "banned")):
        difference = compare(node, part, incomplete="a row", unreported=_part(part.key))
        node = difference.node
        events += reported(difference)
        assert beside(node, "partial") == {part.key: True}
    assert events == [("banned", "2.0", None, "banned")]
    whole = version("2.0", "banned", dependencies=("x",), deprecated=True)
    last = compare(node, whole)
    assert reported(last) == [("deprecated", "2.0", None, "deprecated")]
    assert (last.node.rows, beside(last.node, "partial")) == ((whole,), {})
    changed = compare(last.node, replace(whole, dependencies=()))
    assert [event.kind for event in changed.events] == [Kind.CHANGED]


def test_an_id_depends_on_the_transition_alone() -> None:
    """The same transition has the same id whenever it is seen and however the node's id is spelled."""
    flagged = version("1.0", "flagged")
    ids = {
        event.id
        for node, now in ((PACK, NOW), (PACK.lower(), CHECKED))
        for event in compare(
            known(version("1.0"), node=node), flagged, node=node, now=now, revision=1
        ).events
    }
    assert len(ids) == 1
