"""The text files of a clone, which git itself never reads for us."""

from __future__ import annotations

import pytest

from tests.support.comfyui import COMMIT
from tests.support.work import TOO_FAST, growth
from watcher.installs.recognise import folders


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ("", None),
        ('[remote "origin"]\n\turl = https://h/a/b.git\n', "https://h/a/b.git"),
        (
            '[remote "up"]\nurl=https://h/u\n[REMOTE "origin"]\n  URL = "https://me:pw@h:8443/o?x=y#z"',
            "https://h:8443/o",
        ),
        (
            '[remote "up"]\nurl = https://h/u\n[branch "main"]\nurl = https://h/no',
            "https://h/u",
        ),
        (
            '[remote "origin"]\npushurl = https://h/no\nurl = git@github.com:ann/x.git',
            "git@github.com:ann/x.git",
        ),
        ('[remote "origin"]\nurl = https://[x/y', None),
        (f'[remote "origin"]\nurl = https://h/{"x" * 600}', None),
        ('[core]\nurl = https://h/no\n[remote "origin"]\nfetch = x', None),
    ],
)
def test_remote(config: str, address: str | None) -> None:
    """The remote is that of `origin`, else the first; without a login, and never another section's."""
    assert folders.remote(config.encode()) == address


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (f"{COMMIT}\n", (COMMIT, None)),
        (COMMIT[:39], (None, None)),
        ("ref: refs/heads/feature/x-1\n", (None, "refs/heads/feature/x-1")),
        ("ref: refs/heads/../../../etc/passwd", (None, None)),
        ("ref: /etc/passwd", (None, None)),
        ("ref: refs/./x", (None, None)),
        (f"ref: refs/{'a/' * 100}b", (None, None)),
    ],
)
def test_head(text: str, head: tuple[str | None, str | None]) -> None:
    """HEAD has a whole commit, or a ref below `.git`; everything else is neither."""
    assert folders.head(text.encode()) == head


def test_packed() -> None:
    """A packed ref is found by its whole name."""
    text = f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n{'f' * 40} refs/heads/x/refs/heads/other\n^{COMMIT}\n"
    assert folders.packed(text.encode(), "refs/heads/main") == COMMIT
    assert folders.packed(text.encode(), "refs/heads/other") is None


@pytest.mark.parametrize("part", [" ", "[", "a=", '"', '[remote "', "[remote \t"])
def test_a_config_that_is_made_to_take_long(part: str) -> None:
    """The time to read a config grows no faster than the config."""
    begin = '[remote "origin"]\nurl = a'
    read = growth(lambda size: folders.remote(f"{begin}{part * size}".encode()), 500)
    assert read < TOO_FAST
