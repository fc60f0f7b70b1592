"""The text files of a clone, which git itself never reads for us."""

from __future__ import annotations

import time

import pytest

from tests.support.comfyui import COMMIT
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
        ('[remote "origin"]\nurl = token@h:ann/x', "h:ann/x"),
        ('[remote "origin"]\nurl = https://[x/y', None),
        ('[remote "origin"]\nurl = https://me:pw@[::1]:99999/y', None),
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
        ("ref: refs/heads/feature/x-1\n", (None, "refs/heads/feature/x-1")),
        ("ref: refs/heads/../../../etc/passwd", (None, None)),
        ("ref: /etc/passwd", (None, None)),
        ("ref: refs/heads//x", (None, None)),
        ("ref: refs/./x", (None, None)),
        (f"ref: refs/{'a/' * 99}b", (None, f"refs/{'a/' * 99}b")),
        (f"ref: refs/{'a/' * 100}b", (None, None)),
        (COMMIT[:39], (None, None)),
        ("", (None, None)),
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


def test_a_config_made_to_take_long() -> None:
    """A config as large as one that is read takes no time that grows with its square."""
    began = time.perf_counter()
    for part in (" ", "[", "a=", '"', '[remote "', "[remote \t"):
        folders.remote(
            (
                '[remote "origin"]\nurl = a' + part * (250_000 // len(part)) + "b"
            ).encode()
        )
    assert time.perf_counter() - began < 2
