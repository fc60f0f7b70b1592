"""The version, and the commit that goes with it, from what an installer has written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from watcher import __version__
from watcher.cli.main import version_line

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("origin", "commit"),
    [
        ({"url": "u", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, COMMIT[:12]),
        ({"url": "file:///x", "dir_info": {}}, None),
        (None, None),
    ],
)
def test_an_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: object, commit: str | None
) -> None:
    """The installer's record of a git repository has the commit; any other record, or none, has none."""
    folder = tmp_path / "made_up-0.2.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: made-up\nVersion: 0.2.0\n")
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.syspath_prepend(tmp_path)
    version = f"comfy-watch, version {__version__}"
    assert version_line("made-up") == (
        f"{version} (commit {commit})" if commit else version
    )
    assert version_line("not-installed") == version
