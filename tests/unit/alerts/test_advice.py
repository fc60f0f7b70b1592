"""What to do about a node in a message, an installed copy, and a pack that a workflow names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.factories import event
from watcher.alerts.advice import (
    advice_on_copy,
    advice_on_node,
    advice_on_reference,
)
from watcher.model.event import Event, FieldChange, Kind
from watcher.model.pack import Copy, Verdict
from watcher.model.version import SafeVersion
from watcher.text.sanitize import Trusted

BAD = ("flagged", "deleted", "deprecated", "delisted")
SECRETS = "; change the passwords and keys that this machine held"
_RUN = (Copy(install="workstation", version="1.2.0", enabled=True),)
_SWAPPED = (FieldChange(field="downloadUrl", before="https://a", after="https://b"),)


def _event(kind: Kind, version: str = "1.2.0", **fields: Any) -> Event:
    return event(kind=kind, version=version, **fields)


def _advice(*events: Event) -> str:
    return " ".join(advice_on_node(events).words)


def test_the_newest_advice_counts() -> None:
    """Of a message that several polls make up, the last word counts."""
    earlier = _event(
        Kind.FLAGGED, at="2026-01-01T00:00:00.000Z", safe_version=SafeVersion("2")
    )
    later = _event(
        Kind.FLAGGED, at="2026-01-02T00:00:00.000Z", safe_version=SafeVersion("1.9")
    )
    assert _advice(later, earlier) == "newest safe version: 1.9"


def test_a_version_with_a_warning_is_not_advised() -> None:
    """The warning may be newer than the advice, or of that version's own archive."""
    flagged = _event(Kind.FLAGGED, safe_version=SafeVersion("2"))
    assert _advice(flagged, _event(Kind.BANNED, "2", safe_version=None)) == ""
    swapped = _event(Kind.CHANGED, "2", changes=_SWAPPED, safe_version=SafeVersion("2"))
    assert _advice(swapped) == ""
    assert _advice(flagged, _event(Kind.CHANGED, "2")) == "newest safe version: 2"


def test_another_version_that_is_banned_is_not_removed() -> None:
    """The advice is about what is run: here a flagged version, beside a ban of one that is not."""
    given: dict[str, Any] = {"installed": _RUN, "safe_version": SafeVersion("1.1.0")}
    ban = _event(Kind.BANNED, "1.3.0", reason="a stealer", **given)
    assert _advice(ban, _event(Kind.FLAGGED, **given)) == "move to: 1.1.0"


@pytest.mark.parametrize(
    ("kind", "reason", "in_short"),
    [
        (Kind.BANNED, "dull", "remove it then move to: 1.1.0"),
        (Kind.BANNED, "a stealer", "remove it; change your passwords"),
        (Kind.CHANGED, "dull", "do not reinstall it"),
        (Kind.FLAGGED, "a stealer", "move to: 1.1.0"),
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
    assert " ".join(advice_on_node([one]).in_short) == in_short


def _safe(text: str | None) -> SafeVersion | None:
    """Return the version to move to; "" stands for one that is not known."""
    return None if text == "" else SafeVersion(text)


@pytest.mark.parametrize(
    ("verdict", "safe", "words"),
    [
        ("banned", "1.1.0", "remove it first, then move to 1.1.0"),
        ("banned", None, "no safe version: remove it"),
        ("banned", "", "remove it"),
        *((verdict, "1.1.0", "move to 1.1.0") for verdict in BAD),
        *((verdict, None, "no safe version: disable or remove it") for verdict in BAD),
        *((verdict, "", "") for verdict in BAD),
        ("outdated", "1.1.0", "move to 1.1.0"),
        ("unknown", None, ""),
        ("unknown", "1.1.0", ""),
        ("ok", "1.1.0", ""),
    ],
)
def test_what_to_do_about_a_copy(verdict: str, safe: str | None, words: str) -> None:
    """A ban is to be removed; for the rest there is a version to move to, or none; what is not known gets no advice."""
    assert "".join(advice_on_copy(verdict, _safe(safe))) == words


@pytest.mark.parametrize("safe", ["1.1.0", None, ""])
def test_a_ban_for_malware(safe: str | None) -> None:
    """What the machine held may be known to others, also where the copy is disabled; a mere finding proves nothing."""
    assert "".join(advice_on_copy("banned", _safe(safe), "A token stealer")).endswith(
        SECRETS
    )
    assert (
        "".join(advice_on_copy("banned", _safe(safe), "A token stealer", enabled=False))
        == "remove it" + SECRETS
    )
    assert SECRETS not in "".join(
        advice_on_copy("banned", _safe(safe), "By its author")
    )
    assert SECRETS not in "".join(
        advice_on_copy("flagged", _safe(safe), "A token stealer")
    )


@pytest.mark.parametrize("verdict", Verdict)
def test_a_disabled_copy_need_not_be_replaced(verdict: Verdict) -> None:
    """It may be removed, and no version is named for it."""
    words = advice_on_copy(verdict, SafeVersion("1.1.0"), enabled=False)
    assert "1.1.0" not in words
    assert bool(words) == (verdict in {"banned", *BAD})


@pytest.mark.parametrize(
    ("verdict", "safe", "words"),
    [
        *((name, "1.1.0", "install 1.1.0 instead") for name in ("banned", *BAD)),
        *((name, None, "do not install it: no safe version") for name in BAD),
        ("banned", "", "do not install it"),
        ("flagged", "", ""),
        ("unknown", None, ""),
        ("ok", "1.1.0", ""),
    ],
)
def test_what_a_workflow_names(verdict: str, safe: str | None, words: str) -> None:
    """Nobody need run it, so that nothing is to be removed."""
    assert "".join(advice_on_reference(verdict, _safe(safe))) == words


def test_a_version_is_untrusted() -> None:
    """The version is the registry's text; every other word is ours."""
    for words in (
        advice_on_node([_event(Kind.FLAGGED, safe_version=SafeVersion("1.1.0"))]).words,
        advice_on_copy("banned", SafeVersion("1.1.0"), "stealer"),
        advice_on_reference("banned", SafeVersion("1.1.0")),
    ):
        assert [word for word in words if not isinstance(word, Trusted)] == ["1.1.0"]
