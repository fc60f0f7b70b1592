"""What to do about an installed pack, or one that a workflow names."""

from __future__ import annotations

import pytest

from watcher.alerts.words.remedy import instead, remedy
from watcher.model.pack import Verdict
from watcher.model.version import SafeVersion
from watcher.text.sanitize import Trusted

BAD = ("flagged", "deleted", "deprecated", "delisted")


def known(safe: str | None) -> SafeVersion | None:
    """Return a version to move to; "" for what is not known."""
    return None if safe == "" else SafeVersion(safe)


SECRETS = "; change the passwords and keys that this machine held"


@pytest.mark.parametrize(
    ("verdict", "safe", "said"),
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
def test_what_to_do(verdict: str, safe: str | None, said: str) -> None:
    """A ban is to be removed; for the rest there is a version to move to, or none; what is not known gets no advice."""
    assert "".join(remedy(verdict, known(safe))) == said


@pytest.mark.parametrize("safe", ["1.1.0", None, ""])
def test_a_ban_for_malware(safe: str | None) -> None:
    """What the machine held may be known to others, also where the copy is disabled; a mere finding proves nothing."""
    of = known(safe)
    assert "".join(remedy("banned", of, "A token stealer")).endswith(SECRETS)
    assert (
        "".join(remedy("banned", of, "A token stealer", enabled=False))
        == "remove it" + SECRETS
    )
    assert SECRETS not in "".join(remedy("banned", of, "Asked for by its author"))
    assert SECRETS not in "".join(remedy("flagged", of, "A token stealer"))


@pytest.mark.parametrize("verdict", Verdict)
def test_a_disabled_copy_need_not_be_replaced(verdict: Verdict) -> None:
    """It may be removed, and no version is named for it."""
    words = remedy(verdict, known("1.1.0"), enabled=False)
    assert "1.1.0" not in words
    assert bool(words) == (verdict in {"banned", *BAD})


@pytest.mark.parametrize(
    ("verdict", "safe", "said"),
    [
        *(
            (verdict, "1.1.0", "install 1.1.0 instead")
            for verdict in ("banned", "outdated", *BAD)
        ),
        *(
            (verdict, None, "do not install it: no safe version")
            for verdict in ("banned", *BAD)
        ),
        ("banned", "", "do not install it"),
        ("flagged", "", ""),
        ("unknown", None, ""),
        ("ok", "1.1.0", ""),
    ],
)
def test_what_a_workflow_names(verdict: str, safe: str | None, said: str) -> None:
    """Nobody need run it, so that nothing is to be removed."""
    assert "".join(instead(verdict, known(safe))) == said


def test_a_version_is_untrusted() -> None:
    """The version is the registry's text; every other word is ours."""
    for words in (
        remedy("banned", known("1.1.0"), "stealer"),
        remedy("flagged", known("1.1.0")),
        instead("banned", known("1.1.0")),
    ):
        assert [word for word in words if not isinstance(word, Trusted)] == ["1.1.0"]
