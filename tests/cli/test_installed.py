"""`installed`: what the real program shows of a ComfyUI, for people and as JSON, and what it exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program
from tests.support.comfyui import COMMIT, ComfyUI
from tests.support.fakes.manager import FakeManager, installed
from tests.support.fork_server import ForkServer

pytestmark = pytest.mark.measured

PASSWORD = "hunter2"
Run = Callable[..., program.Completed]


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI with a pack of each kind, and one whose name and version are hostile."""
    made = ComfyUI(tmp_path / "ComfyUI")
    made.registry("my-pack", "1.2.0", repository="https://github.com/ann/my-pack")
    made.clone("Foo", "https://github.com/ann/foo", pack="foo")
    made.single("x.py")
    made.disable(made.registry("old", "1.0.0"), "1.0.0")
    (made.registry("bad", "1.0.0") / "pyproject.toml").write_text("[")
    hostile = made.plain("##[error]a\x1b[2J\u202e@everyone")
    (hostile / "pyproject.toml").write_text(
        '[project]\nname = "evil"\nversion = "1.0\\u202e\\u001b]0;x <@1>"\n'
    )
    return made


@pytest.fixture
def run(tmp_path: Path, fork_server: ForkServer) -> Run:
    """What runs `installed` in the test's folder, without any settings."""

    def run(*args: str) -> program.Completed:
        home = {"HOME": str(tmp_path / "home")}
        done = fork_server.run("installed", *args, cwd=tmp_path, env=home)
        assert "Traceback" not in done.out + done.err
        assert PASSWORD not in done.out + done.err
        return done

    return run


def test_for_people(comfyui: ComfyUI, run: Run) -> None:
    """The table has each pack, its version, kind and evidence; a pack that cannot be read is unknown, and exit 0."""
    done = run("ComfyUI")
    assert (done.code, done.err) == (0, "")
    title, head, *rows = (" ".join(line.split()) for line in done.out.splitlines())
    assert title == f"{comfyui.root.parent.name}: 6 packs ({comfyui.root})"
    assert head.startswith("PACK ")
    assert [row for row in rows if not row.startswith("evil ")] == [
        "bad - unknown pyproject.toml is not valid TOML",
        f"foo commit {COMMIT[:7]} git .git; its id from pyproject.toml; folder Foo",
        "my-pack 1.2.0 registry pyproject.toml and .tracking",
        "x.py - file a single file",
        "old 1.0.0 registry disabled; pyproject.toml and .tracking",
    ]
    assert not {"\x1b", "\u202e", "@"} & set(done.out)
    assert "##[" not in done.out


def test_json(comfyui: ComfyUI, run: Run) -> None:
    """`--json` is one document with the keys that are promised, of every install, also of one that failed."""
    done = run("ComfyUI", "absent", "--json")
    assert done.code == 2
    absent = comfyui.root.parent / "absent"
    assert done.err.startswith(f"error: absent: {absent} does not exist")
    first, second = json.loads(done.out)["installs"]
    packs = {pack["folder"]: pack for pack in first.pop("packs")}
    root = comfyui.root
    assert first == {"install": root.parent.name, "source": str(root), "error": None}
    assert packs["my-pack"] == {
        "id": "my-pack",
        "kind": "registry",
        "version": "1.2.0",
        "commit": None,
        "enabled": True,
        "folder": "my-pack",
        "repository": "https://github.com/ann/my-pack",
        "evidence": "pyproject.toml and .tracking",
    }
    assert second["packs"] == []
    assert "does not exist" in second["error"]
    assert not {"\x1b", "\u202e"} & set(done.out)
    (comfyui.root / "extra_model_paths.yaml").write_text("a: {custom_nodes: more}")
    done = run("ComfyUI", "--json")
    (document,) = json.loads(done.out)["installs"]
    assert (done.code, len(document["packs"])) == (2, 6)
    assert document["error"].startswith("the folder 'more' of ")


def test_a_running_comfyui(run: Run) -> None:
    """An address with a login is asked, and neither it nor its password is shown, whatever happens."""
    with FakeManager(4, {"my-pack": installed("my-pack", "1.2.0")}) as served:
        address = served.url.replace("://", f"://me:{PASSWORD}@")
        done = run(address)
        assert done.code == 0
        assert done.out.startswith(f"127.0.0.1:{served.port}: 1 pack (http://***)\n")
        served.generation = 0
        done = run(address)
    assert (done.code, "no list of packs from a Manager" in done.err) == (2, True)
    said = run(f"ftp://me:{PASSWORD}@h").err
    assert said.startswith("error: TARGET: 'ftp://***' is a URL, not a path")


def test_no_target(comfyui: ComfyUI, run: Run, tmp_path: Path) -> None:
    """Without a TARGET the settings' installs count, else what is found here, and it says which.

    Wrong settings do not matter to a TARGET; nothing is written anywhere.
    """
    done = run()
    said = "error: no ComfyUI found; looked in the working folder and "
    assert (done.code, done.err.startswith(said)) == (2, True)
    home = tmp_path / "home"
    home.mkdir()
    (home / "ComfyUI").symlink_to(comfyui.root)
    done = run()
    assert (done.code, done.err) == (0, f"found {home / 'ComfyUI'} (the home folder)\n")
    settings = tmp_path / "comfy-watch.toml"
    settings.write_text("[[installs]]\nname = 'Office PC'\npath = 'gone'\n")
    done = run()
    assert (done.code, done.out) == (1, "Office PC: could not be read\n")
    assert done.err == f"error: Office PC: {tmp_path / 'gone'} does not exist\n"
    settings.write_text("retries = 99\n")
    before = sorted(tmp_path.rglob("*"))
    assert (run().code, run("ComfyUI").code) == (2, 0)
    assert sorted(tmp_path.rglob("*")) == before
