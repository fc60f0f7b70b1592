"""The commands to paste: those that move a folder away in a real shell, and those for comfy-cli."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.parameters import examples
from watcher.alerts.commands import Typed, commands_for, in_one_line
from watcher.model.version import SafeVersion
from watcher.text.sanitize import sanitize_line

SHELLS = [name for name in ("sh", "bash", "zsh", "busybox") if shutil.which(name)]
PLAIN = (
    "ComfyUI-Foo",
    "-rf",
    "--help",
    "a b",
    "a (1)",
    "one.py",
    "a.disabled",
    "one.py.disabled",
    ".disabled/a@1_2_0",
    ".disabled/a@2_0_0-alpha_21",
    ".disabled/a@nightly",
)
ODD = (
    "",
    ".",
    "..",
    ".disabled/",
    "a/b",
    "../a",
    ".disabled/../a",
    "a'b",
    'a"b',
    "a`id`b",
    "$(id)",
    "a;id",
    "a\\",
    "a\nb",
    "a\x1b[31mb",
    "a\u202eb",
    "a\u200bb",
    "ü",
    "*",
    "~",
    "~root",
    "a\tb",
    " a",
    "a ",
    "a  b",
    "evil.example",
    "a@everyone",
    "::error::a",
    "##[error]a",
    "<b>a</b>",
    "[a](b)",
    "a" * 101,
)


def _move(folder: str, place: str = "") -> str:
    typed = commands_for(None, folder, SafeVersion(None), removes=True, place=place)
    return in_one_line(typed)


def _typed(shell: str, line: str, cwd: Path) -> int:
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run(
        [*words, "-c", line], cwd=cwd, check=False, capture_output=True, timeout=20
    )
    return done.returncode


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("is_from_anywhere", [False, True])
def test_a_folder_is_moved_away(
    tmp_path: Path, shell: str, *, is_from_anywhere: bool
) -> None:
    """It is beside its folder of packs then, whole, and nothing else is touched; a second time it changes nothing."""
    nodes = tmp_path / "it's a $HOME" / "custom_nodes"
    for name in PLAIN:
        path = nodes / name
        path.mkdir(parents=True)
        (path / "nodes.py").write_text(name, "utf-8")
    for name in PLAIN:
        line = _move(name, str(nodes) if is_from_anywhere else "")
        cwd = tmp_path if is_from_anywhere else nodes
        base = name.rpartition("/")[2]
        moved = nodes.parent / f"{base}.removed" / base / "nodes.py"
        before = sorted(nodes.rglob("nodes.py"))
        assert _typed(shell, line, cwd) == 0
        assert moved.read_text("utf-8") == name
        left = sorted(nodes.rglob("nodes.py"))
        assert left == [path for path in before if path != nodes / name / "nodes.py"]
        (nodes / name).mkdir(parents=True)
        (nodes / name / "nodes.py").write_text("it came back", "utf-8")
        assert _typed(shell, line, cwd) != 0
        assert moved.read_text("utf-8") == name
        assert (nodes / name / "nodes.py").read_text("utf-8") == "it came back"


def test_a_single_file_and_a_link_are_moved(tmp_path: Path) -> None:
    """What a link leads to stays where it is."""
    nodes = tmp_path / "custom_nodes"
    nodes.mkdir()
    (nodes / "one.py").write_text("one", "utf-8")
    (tmp_path / "source").mkdir()
    (nodes / "link").symlink_to(tmp_path / "source")
    for name in ("one.py", "link"):
        assert _typed("sh", _move(name), nodes) == 0
    assert list(nodes.iterdir()) == []
    assert (tmp_path / "one.py.removed" / "one.py").read_text("utf-8") == "one"
    assert (tmp_path / "link.removed" / "link").is_symlink()
    assert (tmp_path / "source").is_dir()


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_has_no_command(name: str) -> None:
    """What an output would change, or a reader could misread, is in none."""
    assert _move(name) == ""


@examples(200)
@given(st.text(max_size=20) | st.text("aA0._-+ ()@'~/\\$;.py", max_size=20))
def test_any_name_is_one_word_that_no_output_changes(name: str) -> None:
    """Whatever a folder is called, its command names that folder, or there is none."""
    line = _move(name)
    if not line:
        return
    base = name.rpartition("/")[2]
    away = f"../{base}.removed"
    assert shlex.split(line) == ["mkdir", away, "&&", "mv", f"./{name}", away]
    assert name.removeprefix(".disabled/") == base
    without_marks = base.partition("@")[0].removesuffix(".disabled")
    assert sanitize_line(without_marks) == without_marks
    assert line.isascii()
    assert line.isprintable()


def _of_comfy_cli(
    name: str, version: str | None, *, removes: bool = False, folder: str | None = None
) -> tuple[Typed, ...]:
    good = None if version == "" else SafeVersion(version)
    return commands_for(name, folder, good, removes=removes)


def test_what_comfy_cli_is_told() -> None:
    """It moves to the good version, or disables what has none; what is banned it uninstalls first."""
    told = {
        ("1.1.0", False): "comfy node install Some-Pack@1.1.0",
        (None, False): "comfy node disable Some-Pack",
        ("", False): "",
        (None, True): "comfy node uninstall Some-Pack",
        ("", True): "comfy node uninstall Some-Pack",
    }
    told["1.1.0", True] = f"{told[None, True]} && {told['1.1.0', False]}"
    for (version, removes), line in told.items():
        typed = _of_comfy_cli("Some-Pack", version, removes=removes)
        assert in_one_line(typed) == line


def test_an_odd_id_or_version_is_not_typed() -> None:
    """A banned pack with an odd id is moved away; one that has to move to an odd version is left to its reader."""
    for version in ("1.1; rm x", "evil", "1.0.0-x.example", "1`id`"):
        assert _of_comfy_cli("p", version) == ()
        removed = _of_comfy_cli("p", version, removes=True)
        assert in_one_line(removed) == "comfy node uninstall p"
    for name in ("evil.example", "-p", "p;id"):
        assert _of_comfy_cli(name, "1.0.0", folder="a") == ()
        (moved,) = _of_comfy_cli(name, "1.0.0", folder="a", removes=True)
        assert moved[0] == "mkdir"
