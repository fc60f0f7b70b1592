"""What `init` and `demo` say to type next can be pasted, however the program was started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import program

pytestmark = [
    pytest.mark.measured,
    pytest.mark.skipif(
        sys.platform == "win32", reason="Windows runs no file by its first line"
    ),
]


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """The program, as pip installs it, in a folder whose name has a blank; one beside it leads to Python."""
    folder = tmp_path / "my tools"
    folder.mkdir()
    file = folder / "comfy-watch"
    file.write_text(
        f"#!{sys.executable}\nfrom watcher.__main__ import main\nmain()\n", "utf-8"
    )
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(
    ("typed", "env", "shown"),
    [
        ("comfy-watch", {}, "comfy-watch"),
        ("comfy-watch", {"UV": "/usr/bin/uv"}, "'{folder}/my tools/comfy-watch'"),
        (
            "mkdir -p other; cd other; ../my*/comfy-watch",
            {"PATH": "/usr/bin:/bin"},
            "'{folder}/my tools/comfy-watch'",
        ),
        (f"{sys.executable} -m watcher", {}, f"{sys.executable} -m watcher"),
    ],
    ids=["PATH", "uv", "elsewhere", "module"],
)
def test_what_is_typed_next(
    tmp_path: Path, started: Path, typed: str, env: dict[str, str], shown: str
) -> None:
    """It is the name where the shell finds that, else the path; and it can be pasted."""
    path = os.pathsep.join([str(started.parent), "/usr/bin", "/bin"])
    surroundings = program.surroundings(tmp_path / "home", {"PATH": path, **env})
    shell = [
        "sh",
        "-c",
        f"{typed} init 'my own.toml' > said && sed -n 2p said > next && . ./next",
    ]
    done = subprocess.run(
        shell,
        cwd=tmp_path,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    [said] = tmp_path.rglob("said")
    own = " --config 'my own.toml'"
    each = [
        f"  {shown.format(folder=tmp_path)} {name}{own}"
        for name in ("config", "test-alerts", "check")
    ]
    assert said.read_text("utf-8").splitlines() == [
        "Wrote my own.toml. Set installs (your ComfyUI), nodes or publishers, and alert_urls; then:",
        *each,
    ]
    # `config` finds the file, in which nothing is watched yet.
    assert done.returncode in {0, 2}, done.stderr
    assert "my own.toml" in done.stdout + done.stderr
