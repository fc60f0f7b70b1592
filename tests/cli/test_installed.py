"""`installed`: what the real program shows of a ComfyUI, for people and as JSON, and what it exits with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import program
from tests.support.comfyui import COMMIT, ComfyUI
from tests.support.fakes.manager import FakeManager, installed
from tests.support.fork_server import ForkServer

pytestmark = pytest.mark.measured

PASSWORD = "hunter2"


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """A ComfyUI with a pack of each kind."""
    made = ComfyUI(tmp_path / "ComfyUI")
    made.registry("my-pack", "1.2.0", repository="https://github.com/ann/my-pack")
    made.clone("Foo", "https://github.com/ann/foo", pack="foo")
    made.single("x.py")
    made.disable(made.registry("old", "1.0.0"), "1.0.0")
    (made.registry("bad", "1.0.0") / "pyproject.toml").write_text("[")
    return made


@pytest.fixture
def run(tmp_path: Path, fork_server: ForkServer) -> Any:
    """What runs `installed` in the test's folder, without any settings."""

    def run(*args: str, env: dict[str, str] | None = None) -> program.Completed:
        done = fork_server.run(
            "installed",
            *args,
            cwd=tmp_path,
            env={"HOME": str(tmp_path / "home"), **(env or {})},
        )
        assert "Traceback" not in done.out + done.err
        assert PASSWORD not in done.out + done.err
        return done

    return run


def test_for_people(comfyui: ComfyUI, run: Any) -> None:
    """The table has each pack, its version, kind and evidence; a pack that cannot be read is unknown, and exit 0."""
    done = run("ComfyUI")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    name = comfyui.root.parent.name
    assert lines[0] == f"{name}: 5 packs ({comfyui.root})"
    assert [line.split("  ", 1)[0] for line in lines[1:]] == [
        "PACK",
        "bad",
        "foo",
        "my-pack",
        "x.py",
        "old",
    ]
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[2:]}
    assert rows == {
        "bad": "- unknown pyproject.toml is not valid TOML",
        "foo": f"commit {COMMIT[:7]} git .git; its id from pyproject.toml; folder Foo",
        "my-pack": "1.2.0 registry pyproject.toml and .tracking",
        "x.py": "- file a single file",
        "old": "1.0.0 registry disabled; pyproject.toml and .tracking",
    }


def test_json(comfyui: ComfyUI, run: Any) -> None:
    """`--json` is one document with the keys that are promised, of every install, also of one that failed."""
    done = run("ComfyUI", "absent", "--json")
    assert done.code == 2
    absent = comfyui.root.parent / "absent"
    assert done.err.startswith(f"error: absent: {absent} does not exist")
    first, second = json.loads(done.out)["installs"]
    packs = {pack["folder"]: pack for pack in first.pop("packs")}
    root = comfyui.root
    name = root.parent.name
    assert first == {"install": name, "source": str(root), "error": None}
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


def test_a_folder_that_cannot_be_read(comfyui: ComfyUI, run: Any) -> None:
    """The packs of the others are shown, in JSON too; the folder is an error, and the exit code is 2."""
    (comfyui.root / "extra_model_paths.yaml").write_text("a: {custom_nodes: more}")
    done = run("ComfyUI")
    assert done.code == 2
    name = comfyui.root.parent.name
    assert done.out.startswith(f"{name}: 5 packs")
    said = (
        f"the folder 'more' of {comfyui.root / 'extra_model_paths.yaml'} does not exist"
    )
    assert done.err == f"error: {name}: {said}\n"
    (document,) = json.loads(run("ComfyUI", "--json").out)["installs"]
    assert (len(document["packs"]), document["error"]) == (5, said)


def test_a_running_comfyui(run: Any) -> None:
    """An address with a login is asked, and neither it nor its password is shown, whatever happens."""
    with FakeManager(4, {"my-pack": installed("my-pack", "1.2.0")}) as served:
        address = served.url.replace("://", f"://me:{PASSWORD}@")
        done = run(address)
        assert done.code == 0
        assert done.out.startswith(f"127.0.0.1:{served.port}: 1 pack (http://***)\n")
        assert (
            json.loads(run(address, "--json").out)["installs"][0]["source"]
            == "http://***"
        )
        served.generation = 0
        done = run(address)
    assert done.code == 2
    assert "no list of packs from a Manager" in done.err
    assert run(f"ftp://me:{PASSWORD}@h").err.startswith(
        "error: TARGET: 'ftp://***' is a URL, not a path"
    )


def test_no_target(comfyui: ComfyUI, run: Any, tmp_path: Path) -> None:
    """Without a TARGET the settings' installs count, else what is found here, and it says which."""
    done = run()
    assert done.code == 2
    said = "error: no ComfyUI found; looked in the working folder and "
    assert done.err.startswith(said)
    home = tmp_path / "home"
    home.mkdir()
    (home / "ComfyUI").symlink_to(comfyui.root)
    done = run()
    assert (done.code, done.err) == (0, f"found {home / 'ComfyUI'} (the home folder)\n")
    settings = tmp_path / "comfy-watch.toml"
    settings.write_text("[[installs]]\nname = 'Office PC'\npath = 'ComfyUI'\n")
    done = run()
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Office PC: 5 packs")
    settings.write_text("[[installs]]\nname = 'Office PC'\npath = 'gone'\n")
    done = run()
    assert (done.code, done.out) == (1, "Office PC: could not be read\n")
    assert done.err == f"error: Office PC: {tmp_path / 'gone'} does not exist\n"


def test_settings_are_not_read_for_a_target(
    comfyui: ComfyUI, run: Any, tmp_path: Path
) -> None:
    """A TARGET is looked at although the settings are wrong; nothing is written anywhere."""
    (tmp_path / "comfy-watch.toml").write_text("retries = 99\n")
    before = sorted(tmp_path.rglob("*"))
    assert run(str(comfyui.root)).code == 0
    assert run().code == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_config_shows_no_address(fork_server: ForkServer, tmp_path: Path) -> None:
    """`config` shows each install by its name, a folder whole and of an address the scheme."""
    file = tmp_path / "comfy-watch.toml"
    file.write_text(
        f"nodes = ['x']\nalert_urls = 'none'\ninstalls = ['ComfyUI', 'https://me:{PASSWORD}@h/x']\n"
    )
    file.chmod(0o600)
    done = fork_server.run("config", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    (line,) = (line for line in done.out.splitlines() if line.startswith("installs"))
    folder = json.dumps(str(tmp_path / "ComfyUI"))
    named = f'{{name = "{tmp_path.name}", path = {folder}}}, {{name = "h", url = "https://***"}}'
    assert named in line
    assert PASSWORD not in done.out


def test_hostile_names(comfyui: ComfyUI, run: Any) -> None:
    """Names and versions of a pack reach neither a terminal nor a log as they are."""
    comfyui.plain("a\x1b[2J\u202e@everyone ##[error]x")
    comfyui.registry("evil", "1.0\u202e\x1b]0;x\x07 <@1>")
    done = run("ComfyUI")
    assert not {"\x1b", "\u202e", "\x07", "@"} & set(done.out)
    assert "##[" not in done.out
    document = run("ComfyUI", "--json").out
    assert not {"\x1b", "\u202e", "\x07"} & set(document)
    (evil,) = (
        pack
        for pack in json.loads(document)["installs"][0]["packs"]
        if pack["id"] == "evil"
    )
    assert evil["version"].startswith("1.0\\u202e")
