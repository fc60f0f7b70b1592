"""The verdict of an installed pack: the worst that holds, and why where little is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import ANY_AGE, HARMLESS, NOW, PACK, known, version
from watcher.changes.verdict import Knowledge, as_one, judge_each
from watcher.model.event import VERDICTS, Grade
from watcher.model.finding import Finding
from watcher.model.pack import Claim, Identity, NodeRecord, Pack, PackKind
from watcher.model.reading import Fault, ReadFailure
from watcher.model.snapshot import Mark, Node
from watcher.model.version import MinimumAge
from watcher.text.repository import repository_key

OURS = "https://github.com/ann/Some-Pack"
NO_NODE = Node(node=PACK)
EMPTY = Node(node=PACK, empty_since=NOW)


def pack(
    version: str | None = "1.0.0", kind: PackKind = PackKind.REGISTRY, **fields: Any
) -> Pack:
    """Make an installed pack."""
    return Pack(
        **{"folder": "some-pack", "kind": kind, "id": PACK, "version": version} | fields
    )


def clone(**fields: Any) -> Pack:
    """Make a clone of the pack."""
    return pack(
        None, PackKind.GIT, **{"repository": f"{OURS}.git", "commit": "ab12"} | fields
    )


def record(status: str = "active", **fields: Any) -> NodeRecord:
    """Make what the registry says of the whole pack."""
    return NodeRecord(**{"id": PACK, "status": status, "repository": OURS} | fields)


REFUSED = ReadFailure(node=PACK, error="page 2 was refused (500)")
TIMED_OUT = ReadFailure(error="it timed out")
ABSENT = ReadFailure(error="no such endpoint", fault=Fault.NOT_FOUND)


def _knowledge(**fields: Any) -> Knowledge:
    """Return what is known where a version may be of any age."""
    node = fields.pop("node", None) or NO_NODE
    return Knowledge(node=node, **{"minimum_age": ANY_AGE} | fields)


def judged(install: str, installed: Pack, about: Callable[[str], Knowledge]) -> Finding:
    """Judge a pack by what is known of each node."""
    return as_one(judge_each(install, installed, about))


def of(installed: Pack, node: Node | None, **fields: Any) -> Finding:
    """Judge a pack by what is known of its node; without a record the registry has no `GET /nodes`."""
    about = _knowledge(
        node=node, **{"no_records": None if "record" in fields else ABSENT} | fields
    )
    return judged("studio", installed, lambda _: about)


@pytest.mark.parametrize(
    ("said", "may_be"),
    [(None, "banned"), ("0.9.0", "flagged"), ("2.0.0", "ok"), ("7", "banned")],
)
def test_what_a_copy_may_be_yet(said: str | None, may_be: str) -> None:
    """It is what its own version is if the registry lists that, else the worst of all; anything if not all is known."""
    rows = {"1.0.0": "banned", "0.9.0": "flagged", "2.0.0": "active"}
    node = known(*(version(name, status) for name, status in rows.items()))
    made = clone(claimed_version=said)
    about: dict[str, Any] = {"node": node, "record": record()}
    assert of(made, **about).may_be == may_be
    lacking: list[dict[str, Any]] = [
        {"record": None, "no_records": TIMED_OUT},
        {"node": None, "unread": REFUSED},
        {"unreadable": frozenset(one.key for one in node.rows)},
        {"node": replace(node, baseline_at="")},
        {"node": known(version("2.0.0", "sealed"))},
    ]
    assert [of(made, **about | fields).may_be for fields in lacking] == [None] * 5
    waiting = known(version("2.0.0", "pending", deprecated=True))
    assert of(made, waiting, record=record()).may_be == "deprecated"


def test_an_unreadable_deprecation_is_not_fine() -> None:
    """Whether a version is deprecated was not read: it is unknown, unless something worse holds."""
    for status, verdict in (("active", "unknown"), ("banned", "banned")):
        listed = version("1.0.0", status)
        found = of(pack(), known(listed), unreadable=frozenset({listed.key}))
        assert found.grade == verdict
    other = of(pack(), known(version("1.0.0")), unreadable=frozenset({"another"}))
    assert other.grade == "ok"


def test_verdicts_are_sorted_worst_first() -> None:
    """The order is the contract's."""
    words = [
        "banned",
        "flagged",
        "deleted",
        "delisted",
        "flagged-info",
        "pending",
        "deprecated",
        "unknown",
        "outdated",
        "ok",
    ]
    assert [*VERDICTS] == words


def test_how_bad_a_flag_is() -> None:
    """A flag that is info is milder than a deletion of the whole pack, and worse than a deprecation."""
    flagged = version("1.0.0", "flagged", deprecated=True)
    for scan, word in (
        (None, "flagged"),
        (replace(HARMLESS, is_known=False), "flagged"),
        (HARMLESS, "flagged-info"),
    ):
        node = known(flagged, scans={flagged.key: scan} if scan else {})
        found = of(pack(), node, record=record())
        assert (found.grade, found.grade.verdict, found.scan) == (word, "flagged", scan)
        deleted = of(pack(), node, record=record("deleted"))
        assert deleted.grade == ("flagged" if word == "flagged" else "deleted")


@pytest.mark.parametrize("other", ["1.0.0", "1.0", "v1.0.0"])
def test_of_two_versions_that_are_meant_the_worse_counts(other: str) -> None:
    """A version that was published twice, or written in two ways, may be either; a flag is info only if both are."""
    one, two = version("1.0.0", "flagged", id="a"), version(other, "flagged", id="b")
    scans = {one.key: HARMLESS}
    found = of(pack(), known(one, two, scans=scans))
    assert (found.grade, found.row) == ("flagged", two)
    both = known(one, two, scans={**scans, two.key: HARMLESS})
    assert of(pack(), both).grade == "flagged-info"
    gone = known(one, replace(two, status="deleted"), scans=scans)
    assert of(pack(), gone).grade == "deleted"


def test_a_flag_of_any_version_is_a_warning() -> None:
    """A clone that may be any version has the mildest verdict of all, and no flag is known to be info then."""
    flagged = version("1.0.0", "flagged")
    node = known(flagged, scans={flagged.key: HARMLESS})
    assert of(clone(), node, record=record()).grade == "flagged"
    claimed = of(clone(claimed_version="1.0.0"), node, record=record())
    assert claimed.grade == "flagged-info"


def test_a_young_version_makes_nothing_outdated() -> None:
    """What is installed is outdated by a good version that is old enough."""
    node = known(*(version(text, created_at=NOW) for text in ("1.0.0", "1.1.0")))
    young = MinimumAge(seconds=60, now=NOW)
    assert of(pack(), node, minimum_age=young).grade == "ok"
    assert of(pack(), node).grade == "outdated"


@pytest.mark.parametrize(
    "installed",
    [
        pack(id=None, kind=PackKind.FILE),
        clone(id=None),
        pack(id="../x"),
        pack(None),
        pack(unreadable=True, evidence="it is torn"),
    ],
)
def test_unknown_says_why(installed: Pack) -> None:
    """A pack that cannot be looked up says what it lacks."""
    found = of(installed, known(version("1.0.0")), record=record())
    assert (found.grade, bool(found.why)) == ("unknown", True)


@pytest.mark.parametrize("claimed", [None, "1.0.0"])
@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"node": EMPTY}, f"the registry does not have a pack {PACK}"),
        ({"node": None, "unread": TIMED_OUT}, "it could not be checked: it timed out"),
        (
            {"node": known(version("1.0.0")), "no_records": TIMED_OUT},
            f"no repository shows that it is {PACK}",
        ),
    ],
)
def test_a_clone_that_is_not_known_says_why(
    claimed: str | None, fields: dict[str, Any], why: str
) -> None:
    """A registry that was not read is not said to lack the pack or its repository."""
    found = of(clone(claimed_version=claimed), **fields)
    assert (found.grade, found.why) == ("unknown", why)


@pytest.mark.parametrize(
    ("text", "verdict", "is_listed"),
    [
        ("1.0", "unknown", True),
        ("0.9.0", "banned", True),
        ("0.5.0", "delisted", False),
    ],
)
def test_a_copy_of_another_repository(text: str, verdict: str, is_listed: bool) -> None:
    """It is unknown at best and has no row then, but whether its version is listed is said all the same."""
    rows = version("1.0.0"), version("0.9.0", "banned")
    gone = version("0.5.0")
    node = known(*rows, gone, marks={gone.key: Mark.REMOVED})
    fork = pack(text, repository="https://github.com/eve/Some-Pack")
    found = of(fork, node, record=record())
    assert (found.grade, found.is_listed) == (verdict, is_listed)
    assert found.row == (rows[1] if verdict == "banned" else None)


def named(by: Claim, name: str = "evil") -> tuple[Identity, ...]:
    """Make what else a copy may be."""
    return (Identity(id=name, by=by),)


GOOD = _knowledge(node=known(version("1.0.0")), record=record())
BAD_VERSION = _knowledge(
    node=known(version("1.0.0", "banned")), record=record(id="evil")
)
BAD_PACK = _knowledge(
    node=known(version("7.0.0"), banned=True), record=record("banned", id="evil")
)
ALL_BAD = _knowledge(node=known(version("7.0.0", "flagged")), record=record(id="evil"))
NO_PACK = _knowledge(node=EMPTY)


@pytest.mark.parametrize("other", [BAD_VERSION, BAD_PACK, ALL_BAD])
@pytest.mark.parametrize(
    ("installed", "by"),
    [
        (pack(others=named(Claim.FOLDER)), "its folder says that it is evil"),
        (clone(others=named(Claim.CNR_ID)), "its cnr-id says that it is evil"),
        (
            pack(None, PackKind.UNKNOWN, id=None, others=named(Claim.FOLDER)),
            "its folder says that it is evil",
        ),
    ],
)
def test_the_worst_of_all_that_a_copy_may_be(
    installed: Pack, by: str, other: Knowledge
) -> None:
    """A bad verdict of any pack that it may be counts, and the judgement says by which."""
    found = judged("studio", installed, lambda name: other if name == "evil" else GOOD)
    assert found.grade.is_bad
    assert (found.id, found.by) == ("evil", by)


def test_a_folder_may_have_any_name() -> None:
    """Its name counts only if the registry has such a pack; that it could not be asked is not fine."""
    installed = pack(others=named(Claim.FOLDER, "mine"))
    unread = _knowledge(unread=TIMED_OUT)
    found = [
        judged("studio", installed, {PACK: own, "mine": mine}.__getitem__)
        for own, mine in ((GOOD, NO_PACK), (GOOD, unread), (BAD_VERSION, unread))
    ]
    assert [(one.grade, one.gaps) for one in found] == [
        ("ok", ()),
        ("unknown", (TIMED_OUT,)),
        ("banned", (TIMED_OUT,)),
    ]


NEW_STATUS = "an unknown status"
NO_ROW = "does not say whether the whole pack is banned"


@pytest.mark.parametrize(
    ("fields", "lack"),
    [
        ({"record": record("Asleep")}, f"{NO_ROW}: Asleep"),
        ({"record": record("")}, NO_ROW),
        ({"record": None}, NO_ROW),
        ({"record": None, "no_records": TIMED_OUT}, TIMED_OUT.error),
        ({"node": known(version("1.0.0", "asleep")), "record": record()}, NEW_STATUS),
        ({"node": NO_NODE, "record": record(), "unread": REFUSED}, REFUSED.error),
    ],
)
def test_what_was_not_answered_is_not_fine(fields: dict[str, Any], lack: str) -> None:
    """A pack is unknown, and says what is missing, if the registry leaves it out or gives it an unknown status."""
    found = of(pack(), **({"node": known(version("1.0.0"))} | fields))
    (gap,) = found.gaps
    assert (found.grade, lack in gap.error, bool(found.why)) == (
        "unknown",
        True,
        True,
    )


def test_a_gap_hides_no_finding() -> None:
    """What is bad is said, whatever was not answered."""
    node = known(version("1.0.0", "flagged"))
    found = of(pack(), node, record=None, no_records=TIMED_OUT, unread=REFUSED)
    assert (found.grade, found.gaps) == ("flagged", (REFUSED, TIMED_OUT))


@pytest.mark.parametrize(
    ("text", "listed", "found"),
    [
        ("1.2", ["1.2.0"], "1.2.0"),
        ("v1.2.0", ["1.2.0"], "1.2.0"),
        ("1.2.0", ["V1.2"], "V1.2"),
        ("2.0.0-alpha.21", ["2.0.0-alpha.2", "2.0.0"], None),
        ("1.0.0+a", ["1.0.0+b", "1.0.0"], None),
        ("nightly", ["Nightly", "0.0.0"], None),
        ("2026.09.21", ["2026.9.21"], "2026.9.21"),
        (" 1.2 ", ["1.2.0"], "1.2.0"),
        ("9" * 400, ["9" * 399], None),
    ],
)
def test_versions_are_compared_by_what_they_mean(
    text: str, listed: list[str], found: str | None
) -> None:
    """The same text, and what means the same, is the same version; a pre-release or another build is not."""
    node = known(*map(version, listed))
    matches = _knowledge(node=node).versions_meant(text)
    assert [one.version for one in matches] == ([found] if found else [])


@pytest.mark.parametrize(
    ("versions", "verdict", "why"),
    [
        (
            {"1.0.0": "active", "2.0.0-rc.1": "active", "3.0.0": "banned"},
            Grade.OK,
            "judged by 1.0.0, the newest active version",
        ),
        (
            {"1.0.0": "banned", "1.1.0": "pending"},
            Grade.PENDING,
            "judged by 1.1.0, the newest version",
        ),
        (
            {"1.1.0": "active", "v1.1": "banned"},
            Grade.BANNED,
            "judged by 1.1.0, the newest version",
        ),
    ],
)
def test_a_reference_without_a_version(
    versions: dict[str, str], verdict: Grade, why: str
) -> None:
    """It is judged by the newest active version, else by the newest of all, and is said not to be pinned."""
    node = known(*(version(name, status) for name, status in versions.items()))
    found = of(pack(None, PackKind.CLAIMED, is_unpinned=True), node, record=record())
    assert (found.grade, found.reason) == (verdict, f"not pinned: {why}")


@pytest.mark.parametrize(
    ("node", "fields", "verdict"),
    [
        (EMPTY, {"record": record()}, "unknown"),
        (None, {}, "unknown"),
        (known(version("1.0.0"), banned=True), {"record": record("banned")}, "banned"),
    ],
)
def test_a_reference_without_a_version_of_what_is_not_known(
    node: Node | None, fields: dict[str, Any], verdict: str
) -> None:
    """A pack that is banned as a whole, or not known, is no less so without a version."""
    reference = pack(None, PackKind.CLAIMED, is_unpinned=True)
    found = of(reference, node, **fields)
    assert (found.grade, found.by) == (verdict, "not pinned")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("https://github.com/ann/pack.git/", "github.com/ann/pack"),
        ("http://www.github.com//ann/pack/tree/main?x#y", "github.com/ann/pack"),
        ("git@github.com:ann/pack.git", "github.com/ann/pack"),
        ("ssh://git@github.com:22/ann/pack", "github.com/ann/pack"),
        ("https://token:x@github.com/ann/pack", "github.com/ann/pack"),
        (
            "https://github.com/Comfy-Org/ComfyUI-Manager.git",
            "github.com/ltdrdata/comfyui-manager",
        ),
        (
            "https://github.com/ltdrdata/ComfyUI-Manager",
            "github.com/ltdrdata/comfyui-manager",
        ),
        ("https://gitlab.com/group/sub/pack.git", "gitlab.com/group/sub/pack"),
        (
            "https://github.com.evil.example/ann/pack",
            "github.com.evil.example/ann/pack",
        ),
        ("https://github.com@evil.example/ann/pack", "evil.example/ann/pack"),
        ("https://github.com/ann", ""),
        ("/srv/git/pack.git", ""),
        ("x" * 600, ""),
    ],
)
def test_addresses_of_one_repository_are_equal(address: str, key: str) -> None:
    """Login, case, scheme and endings do not matter; another host is never taken for GitHub."""
    assert repository_key(address) == key
