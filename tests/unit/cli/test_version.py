"""The version, and the commit that goes with it: read from what an installer or git has written, without git."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from watcher import __version__
from watcher.cli.version import find_commit, line

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The program's folder in a checkout of which nothing but the project file is there."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "comfy-watch"\n')
    folder = tmp_path / "watcher"
    folder.mkdir()
    return folder


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": f"{COMMIT}\n"},
        {"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{COMMIT}\n"},
        {
            "HEAD": "ref: refs/heads/a/b\n",
            "packed-refs": f"# pack-refs with:\n{COMMIT} refs/heads/a/b\n^{OTHER}\n",
        },
        {
            "HEAD": "ref: refs/heads/main\n",
            "refs/heads/main": COMMIT,
            "packed-refs": f"{OTHER} refs/heads/main\n",
        },
        {
            "HEAD": "ref: refs/heads/a\n",
            "refs/heads/a": "ref: refs/heads/b\n",
            "refs/heads/b": COMMIT,
        },
    ],
    ids=["detached", "branch", "packed", "newer than packed", "symbolic"],
)
def test_a_checkout(package: Path, files: dict[str, str]) -> None:
    """HEAD names the commit, by itself or through references, which are files or packed."""
    _write(package.parent / ".git", files)
    assert find_commit(package) == COMMIT
    assert line(package) == f"comfy-watch, version {__version__} (commit {COMMIT[:12]})"


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": ""},
        {"HEAD": "no commit\n"},
        {"HEAD": "ref: refs/heads/main\n"},
        {"HEAD": "ref: refs/heads/main\n", "refs/heads/main": "\x1b[31m\n"},
        {"HEAD": "ref: refs/../../secret\n", "../secret": COMMIT},
        {"HEAD": "ref: /etc/passwd\n"},
        {"HEAD": "ref: refs/heads/a\n", "refs/heads/a": "ref: refs/heads/a\n"},
        {
            "HEAD": "ref: refs/heads/.invalid\n"
        },  # what git leaves for others where its references are in a table
        {"config": ""},
    ],
)
def test_a_checkout_that_says_nothing(package: Path, files: dict[str, str]) -> None:
    """Where HEAD leads to no commit the version stands alone; nothing outside of the references is looked at."""
    _write(package.parent / ".git", files)
    assert find_commit(package) is None
    assert line(package) == f"comfy-watch, version {__version__}"


def test_a_head_that_is_no_text(package: Path) -> None:
    """Bytes that are no text are no commit."""
    (package.parent / ".git").mkdir()
    (package.parent / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert find_commit(package) is None


def test_a_copy_in_a_repository_of_others(package: Path) -> None:
    """The commit of a repository that holds another project is not the program's."""
    _write(package.parent / ".git", {"HEAD": COMMIT})
    for text in ('[project]\nname = "other"\n', "[tool]\n", "project = 1\n", "no TOML"):
        (package.parent / "pyproject.toml").write_text(text)
        assert find_commit(package) is None


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")
def test_what_git_itself_writes(package: Path) -> None:
    """In a repository, after its references were packed, and in a worktree of it, the commit is git's own."""
    root, tree = package.parent, package.parent / "tree"

    def git(*args: str, cwd: Path = root) -> str:
        who = (
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.org",
            "-c",
            "commit.gpgsign=false",
        )
        return subprocess.run(
            ["git", *who, *args], cwd=cwd, capture_output=True, text=True, check=True
        ).stdout.strip()

    git("init", "--quiet")
    git("add", "pyproject.toml")
    git("commit", "--quiet", "--message", "one")
    assert find_commit(package) == git("rev-parse", "HEAD")
    git("pack-refs", "--all")
    assert find_commit(package) == git("rev-parse", "HEAD")
    git("worktree", "add", "--quiet", "-b", "other", str(tree))
    git("commit", "--quiet", "--allow-empty", "--message", "two", cwd=tree)
    assert (
        find_commit(tree / "watcher")
        == git("rev-parse", "other")
        != git("rev-parse", "HEAD")
    )


@pytest.mark.parametrize(
    ("origin", "commit"),
    [
        (
            {
                "url": "https://x.example",
                "vcs_info": {"vcs": "git", "commit_id": COMMIT},
            },
            COMMIT,
        ),
        (
            {
                "url": "https://x.example",
                "vcs_info": {"vcs": "git", "commit_id": "\x1b[31m"},
            },
            None,
        ),
        ({"url": "https://x.example", "vcs_info": {"vcs": "git"}}, None),
        ({"url": "file:///x", "dir_info": {}}, None),
        ([], None),
        (None, None),
    ],
)
def test_an_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: object, commit: str | None
) -> None:
    """The installer's record of a git repository has the commit; any other record, or none, has none."""
    site = tmp_path / "site"
    package = site / "watcher"
    package.mkdir(parents=True)
    files = {"METADATA": "Metadata-Version: 2.4\nName: comfy-watch\nVersion: 0.2.0\n"}
    if origin is not None:
        files["direct_url.json"] = json.dumps(origin)
    _write(site / "comfy_watch-0.2.0.dist-info", files)
    monkeypatch.syspath_prepend(site)
    assert find_commit(package) == commit
    assert find_commit(tmp_path / "elsewhere" / "watcher") is None


def test_a_damaged_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is no JSON says nothing."""
    (tmp_path / "watcher").mkdir()
    files = {"METADATA": "Name: comfy-watch\nVersion: 0.2.0\n", "direct_url.json": "{"}
    _write(tmp_path / "comfy_watch-0.2.0.dist-info", files)
    monkeypatch.syspath_prepend(tmp_path)
    assert find_commit(tmp_path / "watcher") is None
