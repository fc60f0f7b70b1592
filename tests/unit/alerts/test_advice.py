"""What to do about several events of a pack, an installed copy, and a pack that a file names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import event
from watcher.alerts.advice import STOP, advice_on, advice_on_copy
from watcher.model.event import Event, FieldChange, Grade, Kind
from watcher.model.finding import Finding
from watcher.model.pack import Copy, Pack, PackKind
from watcher.model.version import SafeVersion
from watcher.text.sanitize import Trusted

BAD = ("flagged", "deleted", "deprecated", "delisted")
UNREVIEWED = "Nobody has reviewed it"
IN_SHORT = "stop ComfyUI, remove it, read why"
SWAPPED = (FieldChange(field="downloadUrl", before="https://a", after="https://b"),)


def _event(kind: Kind, version: str | None = "1.2.0", **fields: Any) -> Event:
    copy = Copy(install="workstation", version=version, enabled=True)
    given: dict[str, Any] = {
        "installed": (copy,),
        "safe_version": SafeVersion("1.1.0"),
    }
    return event(kind=kind, version=version, **given | fields)


def _advice(*events: Event) -> str:
    """Return what is said about the first of some events of a message."""
    return "".join(advice_on(events[0], events).words)


def test_only_what_is_run_has_advice() -> None:
    """A disabled copy is not run, nor is one of another version; what is milder than a ban has a good version."""
    for version, enabled in (("1.2.0", False), ("1.3.0", True)):
        copy = Copy(install="a", version=version, enabled=enabled)
        assert _advice(_event(Kind.BANNED, installed=(copy,))) == ""
    assert _advice(_event(Kind.DELETED)) == "The newest good version is 1.1.0."
    whole = _event(Kind.BANNED, None, safe_version=SafeVersion(None))
    assert _advice(whole) == STOP


def test_the_last_word_on_a_pack_counts() -> None:
    """Of a message of several polls, that of the newest; and no version of which another event of it warns."""
    earlier = _event(
        Kind.FLAGGED, at="2026-01-01T00:00:00.000Z", safe_version=SafeVersion("2")
    )
    later = replace(
        earlier,
        at="2026-01-02T00:00:00.000Z",
        safe_version=SafeVersion("1.9", earlier.at),
    )
    said = "the newest good version is 1.9 (out for 1 day)."
    assert _advice(earlier, later) == f"{UNREVIEWED}; {said}"
    for version, kind in (("2", Kind.BANNED), ("v2.0", Kind.BANNED), ("2", Kind.NEW)):
        other = _event(kind, version, at=earlier.at, installed=(), safe_version=None)
        good = "; the newest good version is 2." if kind is Kind.NEW else "."
        assert _advice(earlier, other) == UNREVIEWED + good
    swapped = _event(Kind.CHANGED, "2", at=earlier.at, changes=SWAPPED)
    assert (
        _advice(earlier, replace(swapped, safe_version=SafeVersion("2")))
        == f"{UNREVIEWED}."
    )


def test_no_version_is_advised_beside_a_ban_of_what_is_run() -> None:
    """Of two run versions of a pack no message says to remove one and to take another."""
    flag, ban = _event(Kind.FLAGGED), _event(Kind.BANNED, version=None)
    assert _advice(flag, ban) == f"{UNREVIEWED}."
    assert _advice(flag, replace(ban, installed=())).endswith("is 1.1.0.")


def _finding(verdict: str, good: str | None, **fields: Any) -> Finding:
    """Make a finding about version 1.0.0; "" stands for a good version that is not known."""
    enabled = fields.pop("enabled", True)
    pack = Pack(
        folder="p", kind=PackKind.REGISTRY, id="p", version="1.0.0", enabled=enabled
    )
    return Finding(
        install="here",
        pack=pack,
        grade=Grade(verdict),
        id="p",
        node="p",
        safe_version=None if good == "" else SafeVersion(good),
        **fields,
    )


def _to_do(*finding: Any, **fields: Any) -> str:
    return "".join(advice_on_copy(_finding(*finding, **fields)))


@pytest.mark.parametrize(
    ("verdict", "good", "words"),
    [
        *(("banned", good, IN_SHORT) for good in ("1.1.0", None, "")),
        *((verdict, "1.1.0", "the newest good version is 1.1.0") for verdict in BAD),
        *((verdict, None, "there is no good version") for verdict in BAD),
        *((verdict, "", "") for verdict in BAD),
        ("outdated", "1.1.0", "the newest good version is 1.1.0"),
        *((verdict, "1.1.0", "") for verdict in ("flagged-info", "unknown", "ok")),
    ],
)
def test_what_to_do_about_a_copy(verdict: str, good: str | None, words: str) -> None:
    """A ban is to be removed; for the rest there is a good version, or none; what is not known has no advice."""
    assert _to_do(verdict, good) == words
    assert _to_do(verdict, good, enabled=False) == ""


def test_what_a_file_names() -> None:
    """Nobody need run it; without a version it installs the newest, which need not be the newest good one."""
    assert _to_do("banned", "1.1.0", named=True) == "do not install it"
    one = _finding("ok", "1.0.0", named=True)
    unpinned = replace(one, pack=replace(one.pack, version=None, is_unpinned=True))
    assert "".join(advice_on_copy(unpinned)) == "the newest good version is 1.0.0"


def test_a_version_is_untrusted() -> None:
    """The version is the registry's text; every other word is ours."""
    for verdict in ("flagged", "deleted"):
        words = advice_on_copy(_finding(verdict, "1.1.0"))
        assert [word for word in words if not isinstance(word, Trusted)] == ["1.1.0"]
