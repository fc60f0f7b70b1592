"""What to do about a node in a message, an installed copy, and a pack that a workflow names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.factories import HARMLESS, event
from watcher.alerts.advice import advice_on_copy, advice_on_node, commands
from watcher.model.event import Event, FieldChange, Kind
from watcher.model.finding import Finding
from watcher.model.pack import Copy, Pack, PackKind, Verdict
from watcher.model.version import SafeVersion
from watcher.text.sanitize import Trusted

BAD = ("flagged", "deleted", "deprecated", "delisted")
MALWARE = (
    "remove it; change the passwords and keys that this machine held. "
    "Do not install another version before you know why"
)
_RUN = (Copy(install="workstation", version="1.2.0", enabled=True),)
_SWAPPED = (FieldChange(field="downloadUrl", before="https://a", after="https://b"),)


def _event(kind: Kind, version: str | None = "1.2.0", **fields: Any) -> Event:
    return event(kind=kind, version=version, **fields)


def _advice(*events: Event) -> str:
    return "".join(advice_on_node(events).words)


def test_the_newest_advice_counts() -> None:
    """Of a message that several polls make up, the last word counts."""
    earlier = _event(
        Kind.FLAGGED, at="2026-01-01T00:00:00.000Z", safe_version=SafeVersion("2")
    )
    later = _event(
        Kind.FLAGGED, at="2026-01-02T00:00:00.000Z", safe_version=SafeVersion("1.9")
    )
    assert _advice(later, earlier) == "the newest good version is 1.9"


def test_a_version_with_a_warning_is_not_advised() -> None:
    """The warning may be newer than the advice, of that version's own archive, or of another way to write it."""
    flagged = _event(Kind.FLAGGED, safe_version=SafeVersion("2"))
    for version in ("2", "v2.0"):
        assert _advice(flagged, _event(Kind.BANNED, version, safe_version=None)) == ""
    swapped = _event(Kind.CHANGED, "2", changes=_SWAPPED, safe_version=SafeVersion("2"))
    assert _advice(swapped) == ""
    assert _advice(flagged, _event(Kind.CHANGED, "2")) == "the newest good version is 2"


def test_another_version_that_is_banned_is_not_removed() -> None:
    """The advice is about what is run: here a flagged version, beside a ban of one that is not."""
    given: dict[str, Any] = {"installed": _RUN, "safe_version": SafeVersion("1.1.0")}
    ban = _event(Kind.BANNED, "1.3.0", reason="a stealer", **given)
    assert _advice(ban, _event(Kind.FLAGGED, **given)) == "go back to 1.1.0"


@pytest.mark.parametrize(
    ("version", "good", "words"),
    [
        ("1.10.0", "1.9.0", "go back to 1.9.0"),
        ("1.2.0", "1.10.0", "move to 1.10.0"),
        ("2.0.0-rc.1", "2.0.0", "move to 2.0.0"),
        (None, "1.2.0", "move to 1.2.0"),
    ],
)
def test_the_way_to_go(version: str | None, good: str, words: str) -> None:
    """One goes back to an older version, by semantic versioning; to any other one moves."""
    one = _event(
        Kind.FLAGGED,
        version,
        installed=(Copy(install="a", version=version, enabled=True),),
        safe_version=SafeVersion(good),
    )
    assert _advice(one) == words


def test_malware_that_is_run() -> None:
    """No version is advised, whatever other events of the message know; the words are those of the contract."""
    given: dict[str, Any] = {"installed": _RUN, "safe_version": SafeVersion("1.1.0")}
    ban = _event(Kind.BANNED, reason="a stealer", **given)
    assert _advice(_event(Kind.FLAGGED, "1.0.0", **given), ban) == MALWARE
    exposed = _event(Kind.EXPOSED, after="banned", reason="a stealer", **given)
    assert _advice(exposed) == MALWARE


def _typed(*events: Event) -> list[str]:
    return ["".join(words) for words in advice_on_node(events).commands]


def _copy(install: str = "a", version: str | None = "1.2.0", **fields: Any) -> Copy:
    given: dict[str, Any] = {"enabled": True, "folder": "Folder"}
    return Copy(install=install, version=version, **given | fields)


_INSTALL = "run comfy node install p@1.1.0"
_UNINSTALL = "run comfy node uninstall p"
_MOVE = "in the folder that holds it, run mkdir ../Folder.removed && mv ./Folder ../Folder.removed"


@pytest.mark.parametrize(
    ("kind", "fields", "by_id", "by_hand"),
    [
        (Kind.BANNED, {}, f"{_UNINSTALL} && {_INSTALL.removeprefix('run ')}", _MOVE),
        (Kind.BANNED, {"safe_version": SafeVersion(None)}, _UNINSTALL, _MOVE),
        (Kind.BANNED, {"safe_version": None}, _UNINSTALL, _MOVE),
        (Kind.BANNED, {"reason": "a stealer"}, _UNINSTALL, _MOVE),
        (Kind.EXPOSED, {"after": "deleted"}, _INSTALL, _MOVE),
        (Kind.FLAGGED, {}, _INSTALL, _MOVE),
        (
            Kind.FLAGGED,
            {"safe_version": SafeVersion(None)},
            "run comfy node disable p",
            _MOVE,
        ),
        (Kind.FLAGGED, {"safe_version": None}, "", ""),
        (Kind.CHANGED, {"changes": _SWAPPED}, _INSTALL, _MOVE),
        (
            Kind.CHANGED,
            {"changes": _SWAPPED, "safe_version": SafeVersion(None)},
            "",
            "",
        ),
        (Kind.NEW, {}, "", ""),
        (Kind.BASELINE, {"after": "banned"}, "", ""),
    ],
)
def test_what_to_paste(
    kind: Kind, fields: dict[str, Any], by_id: str, by_hand: str
) -> None:
    """What is run and bad has a command, by how it was installed; malware is only removed, and nothing is installed."""
    given: dict[str, Any] = {"node": "p", "safe_version": SafeVersion("1.1.0")}
    given |= fields
    for copy, line in ((_copy(by_id="p"), by_id), (_copy(), by_hand)):
        assert _typed(_event(kind, installed=(copy,), **given)) == (
            [line] if line else []
        )
    other = _copy(version="1.0.0", by_id="p")
    unused = _copy(enabled=False)
    assert _typed(_event(kind, installed=(other, unused), **given)) == []


def test_what_to_paste_on_which_install() -> None:
    """Where there are several, each command says for which it is; of many commands there are two."""
    copies = (
        *(_copy(name, by_id="p") for name in "abcd"),
        _copy("e"),
        _copy("f", folder="another"),
        _copy("g", "1.0.0", by_id="p"),
    )
    ban = _event(Kind.BANNED, node="p", installed=copies)
    assert _typed(ban) == [f"on a, b, c and 1 more, {_UNINSTALL}", f"on e, {_MOVE}"]


def test_what_to_paste_where_ids_are_spelled_in_two_ways() -> None:
    """comfy-cli knows a pack by one spelling only: its folder is moved."""
    ban = _event(Kind.BANNED, node="P", installed=(_copy(by_id="p"),))
    assert _typed(ban) == [_MOVE]


def test_what_to_paste_about_a_clone() -> None:
    """Of several clones nobody knows which is exposed; a ban of the whole pack is about all of its copies."""
    copies = (_copy("a", None), _copy("b", "1.3.0", by_id="p"))
    exposed = _event(Kind.EXPOSED, None, node="p", after="banned", installed=copies)
    assert _typed(exposed) == [f"on a, {_MOVE}"]
    two = (*copies, _copy("c", None))
    assert _typed(_event(Kind.EXPOSED, None, after="banned", installed=two)) == []
    of_pack = _event(Kind.BANNED, None, node="p", installed=copies)
    assert _typed(of_pack) == [f"on a, {_MOVE}", f"on b, {_UNINSTALL}"]


@pytest.mark.parametrize(
    ("kind", "reason", "in_short"),
    [
        (Kind.BANNED, "dull", "remove it, then go back to 1.1.0"),
        (
            Kind.BANNED,
            "a stealer",
            "remove it; change passwords, keys; do not reinstall",
        ),
        (Kind.CHANGED, "dull", "do not reinstall it"),
        (Kind.FLAGGED, "a stealer", "go back to 1.1.0"),
    ],
)
def test_advice_in_short(kind: Kind, reason: str, in_short: str) -> None:
    """A text message says what is most urgent."""
    one = _event(
        kind,
        installed=_RUN,
        reason=reason,
        safe_version=SafeVersion("1.1.0"),
        changes=_SWAPPED if kind is Kind.CHANGED else (),
    )
    advice = advice_on_node([one])
    assert "".join(advice.in_short or advice.words) == in_short


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
        verdict=Verdict(verdict),
        id="p",
        node="p",
        detail=reason,
        safe_version=None if good == "" else SafeVersion(good),
        **fields,
    )


def test_nothing_is_to_be_done_about_a_flag_that_is_info() -> None:
    """Whether the pack is run, disabled or named by a workflow, and whatever version is good."""
    for good in ("1.1.0", "0.9.0", None):
        ways: tuple[dict[str, Any], ...] = ({}, {"enabled": False}, {"named": True})
        for fields in ways:
            info = _finding("flagged", good, scan=HARMLESS, **fields)
            assert advice_on_copy(info) == ("nothing",)
            assert commands(info, {"p": 1}) == ()


def _to_do(*finding: Any, **fields: Any) -> str:
    return "".join(advice_on_copy(_finding(*finding, **fields)))


@pytest.mark.parametrize(
    ("verdict", "good", "words"),
    [
        ("banned", "1.1.0", "remove it first, then move to 1.1.0"),
        ("banned", "0.9.0", "remove it first, then go back to 0.9.0"),
        ("banned", None, "remove it; there is no good version"),
        ("banned", "", "remove it"),
        *((verdict, "1.1.0", "move to 1.1.0") for verdict in BAD),
        *((verdict, "0.9", "go back to 0.9") for verdict in BAD),
        *(
            (verdict, None, "disable or remove it; there is no good version")
            for verdict in BAD
        ),
        *((verdict, "", "") for verdict in BAD),
        ("outdated", "1.1.0", "move to 1.1.0"),
        ("unknown", None, ""),
        ("unknown", "1.1.0", ""),
        ("ok", "1.1.0", ""),
    ],
)
def test_what_to_do_about_a_copy(verdict: str, good: str | None, words: str) -> None:
    """A ban is to be removed; for the rest there is a version to move to, or none; what is not known gets no advice."""
    assert _to_do(verdict, good) == words


@pytest.mark.parametrize("good", ["1.1.0", None, ""])
def test_a_copy_that_is_banned_for_malware(good: str | None) -> None:
    """No version is advised in words or commands, disabled or not; a mere finding proves nothing."""
    for enabled in (True, False):
        banned = _finding("banned", good, "A token stealer", enabled=enabled)
        assert "".join(advice_on_copy(banned)) == MALWARE
        assert banned.advised is None
        assert commands(banned, {"p": 1}) == (("comfy", "node", "uninstall", "p"),)
    for verdict, reason in (("banned", "By its author"), ("flagged", "A stealer")):
        assert "passwords" not in _to_do(verdict, good, reason)
    # Nobody need run what a workflow names.
    assert "passwords" not in _to_do("banned", good, "A token stealer", named=True)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_disabled_copy_need_not_be_replaced(verdict: Verdict) -> None:
    """It may be removed, and no version is named for it."""
    words = _to_do(verdict, "1.1.0", enabled=False)
    assert "1.1.0" not in words
    assert bool(words) == (verdict in {"banned", *BAD})


@pytest.mark.parametrize(
    ("verdict", "good", "words"),
    [
        *((name, "1.1.0", "install 1.1.0 instead") for name in ("banned", *BAD)),
        *((name, None, "do not install it; there is no good version") for name in BAD),
        ("banned", "", "do not install it"),
        ("flagged", "", ""),
        ("unknown", None, ""),
        ("ok", "1.1.0", ""),
    ],
)
def test_what_a_workflow_names(verdict: str, good: str | None, words: str) -> None:
    """Nobody need run it, so that nothing is to be removed."""
    assert _to_do(verdict, good, named=True) == words


@pytest.mark.parametrize(
    ("good", "words"),
    [
        (SafeVersion("1.0.0"), "pin p@1.0.0"),
        (
            SafeVersion("1.2.0", "2026-01-31T09:00:00Z"),
            "pin p@1.2.0 (out for 3 hours)",
        ),
        (SafeVersion("1.2.0", ""), "pin p@1.2.0"),
        (SafeVersion("1.2.0", "2026-02-01T00:00:00Z"), "pin p@1.2.0"),
    ],
)
def test_what_is_not_pinned(good: SafeVersion, words: str) -> None:
    """A version to pin is named, a young one with its age, if that is known and not in the future."""
    one = replace(
        _finding("ok", "1.0.0", named=True, at="2026-01-31T12:00:00Z"),
        safe_version=good,
    )
    unpinned = replace(one, pack=replace(one.pack, version=None, is_unpinned=True))
    assert "".join(advice_on_copy(unpinned)) == words


def test_a_version_is_untrusted() -> None:
    """The version is the registry's text; every other word is ours."""
    for words in (
        advice_on_node([_event(Kind.FLAGGED, safe_version=SafeVersion("1.1.0"))]).words,
        advice_on_copy(_finding("banned", "1.1.0")),
        advice_on_copy(_finding("banned", "1.1.0", named=True)),
    ):
        assert [word for word in words if not isinstance(word, Trusted)] == ["1.1.0"]
