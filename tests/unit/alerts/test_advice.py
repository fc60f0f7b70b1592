"""What to do about an event, an installed copy, and a pack that a file names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import HARMLESS, event
from watcher.alerts.advice import advice_on, advice_on_copy
from watcher.model.event import BadVersion, Event, FieldChange, Grade, Kind
from watcher.model.finding import Finding
from watcher.model.pack import Copy, Pack, PackKind
from watcher.model.version import SafeVersion
from watcher.text.sanitize import Trusted

BAD = ("flagged", "deleted", "deprecated", "delisted")
STOP = (
    "Stop ComfyUI and remove it. If the reason speaks of malware, or there is none, change the passwords and keys that"
    " this machine held."
)
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


@pytest.mark.parametrize("reason", ["", "a stealer", "asked for by its author"])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Kind.BANNED, {}),
        (Kind.BANNED, {"version": None, "safe_version": SafeVersion(None)}),
        (Kind.EXPOSED, {"after": "banned", "safe_version": None}),
    ],
)
def test_a_ban_of_what_is_run(kind: Kind, fields: dict[str, Any], reason: str) -> None:
    """It is always the same sentence, whatever the reason; a version that is not banned is a fact."""
    ban = _event(kind, reason=reason, **fields)
    fact = "" if fields else " Not banned: 1.1.0."
    assert _advice(ban) == STOP + fact
    assert "".join(advice_on(ban).in_short) == IN_SHORT


def test_what_nobody_runs_needs_no_advice() -> None:
    """A disabled copy counts as none, and so does one of another version; nor does what is now watched."""
    for kind in (Kind.BANNED, Kind.FLAGGED, Kind.DELETED, Kind.DEPRECATED):
        assert _advice(_event(kind, installed=())) == ""
        for copy in (
            Copy(install="a", version="1.2.0", enabled=False),
            Copy(install="a", version="1.3.0", enabled=True),
        ):
            assert _advice(_event(kind, installed=(copy,))) == ""
    assert _advice(_event(Kind.BASELINE, None, after="banned")) == ""


@pytest.mark.parametrize(
    ("good", "words"),
    [
        (SafeVersion("1.1.0"), "The newest good version is 1.1.0."),
        (
            SafeVersion("1.3.0", "2026-01-31T09:00:00Z"),
            "The newest good version is 1.3.0 (out for 3 hours).",
        ),
        *(
            (SafeVersion("1.3.0", young), "The newest good version is 1.3.0.")
            for young in ("", "2026-01-31T12:00:01Z")
        ),
        (SafeVersion(None), "There is no good version."),
        (None, ""),
    ],
)
def test_a_milder_problem_of_what_is_run(good: SafeVersion | None, words: str) -> None:
    """The newest good version is said, with its age if it is young, and of a flag that nobody has reviewed it."""
    for kind in (Kind.FLAGGED, Kind.DELETED, Kind.DEPRECATED, Kind.REMOVED):
        one = _event(kind, safe_version=good, at="2026-01-31T12:00:00Z")
        if kind is Kind.FLAGGED:
            then = f"; {words[0].lower()}{words[1:]}" if words else "."
            assert _advice(one) == f"{UNREVIEWED}{then}"
        else:
            assert _advice(one) == words


def test_nothing_is_to_be_done_about_a_flag_that_is_info() -> None:
    """Whether the pack is run, disabled or named by a file, and whatever version is good."""
    assert _advice(_event(Kind.FLAGGED, scan=HARMLESS)) == ""
    for good in ("1.1.0", "0.9.0", None):
        ways: tuple[dict[str, Any], ...] = ({}, {"enabled": False}, {"named": True})
        for fields in ways:
            assert _to_do("flagged-info", good, **fields) == ""


def test_a_replaced_archive() -> None:
    """It is not known which of the two a copy is; no version is advised."""
    one = _event(Kind.CHANGED, changes=SWAPPED)
    assert _advice(one) == (
        "Your copy may be either one. Do not install it again before its author explains it."
    )
    assert _advice(_event(Kind.CHANGED)) == ""


def test_what_is_reinstated_and_bad_all_the_same() -> None:
    """It is said, with what to do about a ban; nothing where all is well."""
    assert _advice(_event(Kind.REINSTATED)) == ""
    old = BadVersion(node="p", version="1.2.0", status="deprecated")
    one = _event(Kind.REINSTATED, bad_versions=(old,))
    assert _advice(one) == "What you run is still bad: 1.2.0 is deprecated."
    clone = BadVersion(node="p", version="", status="banned")
    odd = BadVersion(node="p", version="all is well", status="deleted")
    other = "".join(advice_on(_event(Kind.REINSTATED, bad_versions=(odd,))).in_short)
    assert other == "what you run is still bad: a copy of unknown version is deleted"
    advice = advice_on(_event(Kind.REINSTATED, bad_versions=(clone, old)))
    said = "hat you run is still bad: a copy of unknown version is banned, 1.2.0 is deprecated"
    assert "".join(advice.words) == f"W{said}. {STOP}"
    assert "".join(advice.in_short) == f"w{said}; {IN_SHORT}"
    assert not any(
        isinstance(word, Trusted) for word in advice.words if "1.2.0" in word
    )


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


def _finding(
    verdict: str, good: str | None, reason: str = "", **fields: Any
) -> Finding:
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
        detail=reason,
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
        ("unknown", None, ""),
        ("unknown", "1.1.0", ""),
        ("ok", "1.1.0", ""),
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
    for words in (
        advice_on(_event(Kind.FLAGGED)).words,
        advice_on(_event(Kind.BANNED)).words,
        advice_on_copy(_finding("flagged", "1.1.0")),
    ):
        assert [word for word in words if not isinstance(word, Trusted)] == ["1.1.0"]


def test_the_advice_about_a_failing_channel_is_not_that_of_its_reason() -> None:
    """The reason says what to mend; the advice says how to try it, and that nothing is lost."""
    for after in ("failing", "gone"):
        advice = advice_on(_event(Kind.FAILING, channel="my ops", after=after))
        assert "".join(advice.words) == (
            "Mend the cause, then run comfy-watch test-alerts 'my ops'; a corrected URL gets what waits."
        )
