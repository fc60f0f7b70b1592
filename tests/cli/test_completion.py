"""What the program offers a shell for the tab key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import program
from watcher.model.event import Kind

pytestmark = pytest.mark.measured


@pytest.fixture
def offered(run: Callable[..., program.Completed]) -> Callable[..., list[str]]:
    """What bash is offered for the last word of a line, plain words only; nothing is said beside it."""

    def ask(*words: str) -> list[str]:
        asked = {
            "_COMFY_WATCH_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("comfy-watch", *words)),
            "COMP_CWORD": str(len(words)),
        }
        done = run(env=asked)
        assert (done.code, done.err) == (0, "")
        return [
            row.removeprefix("plain,")
            for row in done.out.splitlines()
            if row.startswith("plain,")
        ]

    return ask


def test_kinds(offered: Callable[..., list[str]]) -> None:
    """Options for event kinds offer them all, also after a comma."""
    assert offered("check", "--fail-on", "") == [*Kind, "flagged-info"]
    assert offered("history", "--kind", "ba") == ["banned", "baseline"]
    assert offered("check", "--fail-on", "banned,fl") == [
        "banned,flagged",
        "banned,flagged-info",
    ]


def test_words(offered: Callable[..., list[str]]) -> None:
    """Commands, options, statuses and verdicts are offered."""
    assert offered("st") == ["status"]
    assert offered("check", "--dry") == ["--dry-run"]
    assert offered("versions", "--status", "flagged,b") == ["flagged,banned"]
    assert offered("audit", "--fail-on", "o") == ["outdated", "ok"]
