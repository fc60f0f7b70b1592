"""The packs of a ComfyUI's folders: each kind is recognised by its files, and what cannot be read says why."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.comfyui import COMMIT, ComfyUI, refused, scanned
from watcher.installs.recognise import folders, texts
from watcher.model.pack import Claim, Identity, Pack, PackKind

REPOSITORY = "https://github.com/ann/ComfyUI-My-Pack"


def packs_of(where: Path) -> dict[str, Pack]:
    """Return the packs of a folder by their folder, without their own files; no two have the same folder."""
    packs = [replace(pack, own_file="") for pack in scanned(where).packs]
    found = {pack.folder: pack for pack in packs}
    assert len(found) == len(packs)
    return found


@pytest.fixture
def comfyui(tmp_path: Path) -> ComfyUI:
    """An empty ComfyUI."""
    return ComfyUI(tmp_path / "ComfyUI")


def test_the_file_by_which_a_pack_is_shown(comfyui: ComfyUI) -> None:
    """It is its pyproject, its `__init__.py`, or the single file."""
    comfyui.plain("plain")
    comfyui.single("one.py")
    comfyui.registry("off", "1.0.0", folder=".disabled/off@1_0_0")
    (comfyui.nodes / "broken").symlink_to("nowhere")
    shown = {pack.folder: pack.own_file for pack in scanned(comfyui.root).packs}
    files = {"plain": "plain/__init__.py", "one.py": "one.py", "broken": "broken"}
    files[".disabled/off@1_0_0"] = ".disabled/off@1_0_0/pyproject.toml"
    assert shown == {name: str(comfyui.nodes / file) for name, file in files.items()}


def test_each_kind(comfyui: ComfyUI) -> None:
    """Registry, claimed, git, file and unknown are distinguished; ids and versions are as written."""
    comfyui.registry("My-Pack", "1.2", folder="renamed", repository=REPOSITORY)
    comfyui.claimed("zip-pack", "2.0.0-alpha.21", folder="zip-pack-main")
    comfyui.clone(
        "Foo",
        "https://u:hunter2@github.com/ann/ComfyUI-Foo.git?x=1",
        pack="foo",
        version="3.0.0",
    )
    packed = comfyui.clone(
        "Bar", "git@github.com:bob/Bar.git", cnr_id="bar-id\n", pack="bar"
    )
    (packed / ".git/refs/heads/main").unlink()
    (packed / ".git/packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    comfyui.clone("Baz", "https://gitlab.example/c/baz")
    comfyui.single("one.py")
    comfyui.plain("folder")
    made = {
        "renamed": Pack(
            folder="renamed",
            kind=PackKind.REGISTRY,
            id="My-Pack",
            version="1.2",
            repository=REPOSITORY,
            others=(Identity(id="renamed", by=Claim.FOLDER),),
            evidence="pyproject.toml and .tracking",
        ),
        "zip-pack-main": Pack(
            folder="zip-pack-main",
            kind=PackKind.CLAIMED,
            id="zip-pack",
            version="2.0.0-alpha.21",
            evidence="pyproject.toml",
        ),
        "Foo": Pack(
            folder="Foo",
            kind=PackKind.GIT,
            id="foo",
            claimed_version="3.0.0",
            commit=COMMIT,
            repository="https://github.com/ann/ComfyUI-Foo.git",
            evidence=".git; its id from pyproject.toml",
        ),
        "Bar": Pack(
            folder="Bar",
            kind=PackKind.GIT,
            id="bar-id",
            claimed_version="1.0.0",
            others=(Identity(id="bar", by=Claim.FILE),),
            commit=COMMIT,
            repository="git@github.com:bob/Bar.git",
            evidence=".git; its id from .git/.cnr-id",
        ),
        "Baz": Pack(
            folder="Baz",
            kind=PackKind.GIT,
            commit=COMMIT,
            repository="https://gitlab.example/c/baz",
            evidence=".git; without an id",
        ),
        "one.py": Pack(folder="one.py", kind=PackKind.FILE, evidence="a single file"),
        "folder": Pack(
            folder="folder",
            kind=PackKind.UNKNOWN,
            evidence="no .git and no pyproject.toml",
        ),
    }
    assert packs_of(comfyui.root) == made


def test_disabled(comfyui: ComfyUI) -> None:
    """Disabled packs are found in both forms, several copies of one too; the version is that of the pyproject."""
    for version in ("1.1.0", "1.2.0"):
        comfyui.disable(comfyui.registry("my-pack", version, folder="m"), version)
    comfyui.registry("my-pack", "2.0.0", folder="m")
    comfyui.registry("old", "0.1.0", folder="old.disabled")
    comfyui.single("x.py.disabled")
    found = {
        name: (pack.id, pack.version, pack.enabled)
        for name, pack in packs_of(comfyui.root).items()
    }
    assert found == {
        "m": ("my-pack", "2.0.0", True),
        ".disabled/m@1_1_0": ("my-pack", "1.1.0", False),
        ".disabled/m@1_2_0": ("my-pack", "1.2.0", False),
        "old.disabled": ("old", "0.1.0", False),
        "x.py.disabled": (None, None, False),
    }


@pytest.mark.parametrize("target", ["nowhere", ".disabled"])
def test_a_link_in_the_place_of_disabled_packs(comfyui: ComfyUI, target: str) -> None:
    """One that leads nowhere, or to itself, is a pack that cannot be read; the others are what they are."""
    comfyui.registry("a", "1.0.0")
    (comfyui.nodes / ".disabled").symlink_to(target)
    unreadable = {
        name: pack.unreadable for name, pack in packs_of(comfyui.root).items()
    }
    assert unreadable == {"a": False, ".disabled": True}


def test_git_and_the_managers_mark(comfyui: ComfyUI) -> None:
    """A clone is one whatever its pyproject says; without any remote the Manager's mark counts."""
    for name, remote in (("cloned", "https://github.com/ann/x"), ("local", None)):
        path = comfyui.clone(name, remote, pack="x", version="1.0.0")
        (path / ".tracking").write_text("")
    kinds = {
        name: (pack.kind, pack.version) for name, pack in packs_of(comfyui.root).items()
    }
    assert kinds == {
        "cloned": (PackKind.GIT, None),
        "local": (PackKind.REGISTRY, "1.0.0"),
    }


@pytest.mark.parametrize(
    "listed",
    [
        ".git/config",
        "__init__.py\r\n./.git/\r\n",
        "C:\\.GIT.\\config",
    ],
)
def test_a_git_folder_that_came_in_the_archive(comfyui: ComfyUI, listed: str) -> None:
    """A `.git` that the Manager's mark lists is no clone's: the pack is as any other that the registry has."""
    path = comfyui.clone(
        "x", "https://github.com/ann/x", pack="x", version="1.0.0", cnr_id="y"
    )
    (path / ".tracking").write_text(listed)
    found = packs_of(comfyui.root)["x"]
    assert (found.kind, found.id, found.version, found.repository) == (
        PackKind.REGISTRY,
        "x",
        "1.0.0",
        None,
    )
    assert found.others == (Identity(id="y", by=Claim.CNR_ID),)


def test_a_mark_that_cannot_be_read(comfyui: ComfyUI) -> None:
    """It is said, and the pack has the id of its pyproject all the same."""
    path = comfyui.clone("x", "https://github.com/ann/x", pack="evil", version="1.0.0")
    (path / ".tracking").write_bytes(b"x" * (8 * 1024 * 1024 + 1))
    found = packs_of(comfyui.root)["x"]
    assert (found.id, found.unreadable) == ("evil", True)


@pytest.mark.parametrize(
    ("folder", "others"),
    [
        ("evil", ["evil"]),
        ("Popular", []),
        ("evil@1_0_0", ["evil"]),
        ("evil.disabled", ["evil"]),
        (".disabled/evil@nightly", ["evil"]),
        ("my pack", []),
    ],
)
def test_a_folder_that_is_named_otherwise(
    comfyui: ComfyUI, folder: str, others: list[str]
) -> None:
    """Beside the Manager's mark the folder's name is another pack that it may be; without it it says nothing."""
    path = comfyui.registry("popular", "1.0.0", folder=folder)
    found = packs_of(comfyui.root)[folder]
    assert found.others == tuple(Identity(id=one, by=Claim.FOLDER) for one in others)
    (path / ".tracking").unlink()
    assert packs_of(comfyui.root)[folder].others == ()


@pytest.mark.parametrize(
    ("text", "pack", "version", "why", "is_whole"),
    [
        ("", None, None, "pyproject.toml: it has no [project] name", False),
        ("name = '!'\nversion = '1'", None, "1", "pyproject.toml: its [project] name cannot be an id", False),
        ("name = 'x'", "x", None, "pyproject.toml; it has no version", False),
        ("name = 'x'\nversion = 5", "x", None, "pyproject.toml; its version is not valid", False),
        ("name = 'x'\ndynamic = ['version']", "x", None, "pyproject.toml; its version is dynamic", True),
    ],
)  # fmt: skip
def test_a_pyproject_without_an_id_or_a_version(
    comfyui: ComfyUI, text: str, pack: str | None, version: str | None, why: str, is_whole: bool
) -> None:  # fmt: skip
    """What it says counts. Beside the Manager's mark the pack cannot be read: nothing comes from the registry so."""
    path = comfyui.registry("x", "1.0.0")
    (path / "pyproject.toml").unlink()
    assert "there is none" in packs_of(comfyui.root)["x"].evidence
    urls = f"[project.urls]\nRepository = '{REPOSITORY}'\n"
    (path / "pyproject.toml").write_text(f"[project]\n{text}\n{urls}")
    marked = packs_of(comfyui.root)["x"]
    assert (marked.version, marked.repository) == (version, REPOSITORY)
    assert marked.unreadable is not is_whole
    (path / ".tracking").unlink()
    found = packs_of(comfyui.root)["x"]
    kind = PackKind.CLAIMED if pack else PackKind.UNKNOWN
    assert (found.kind, found.id, found.evidence) == (kind, pack, why)
    assert is_whole or marked.evidence.startswith(why.replace(";", ":"))


@pytest.mark.parametrize("is_link", [False, True])
def test_a_worktree_or_submodule(comfyui: ComfyUI, is_link: bool) -> None:
    """A `.git` that leads elsewhere makes a clone of which nothing else is known; what it names is not read."""
    elsewhere = comfyui.clone("other", "https://github.com/ann/other") / ".git"
    git = comfyui.claimed("x", "1.0.0") / ".git"
    if is_link:
        git.symlink_to(elsewhere)
    else:
        git.write_text(f"gitdir: {elsewhere}")
    pack = packs_of(comfyui.root)["x"]
    assert (pack.kind, pack.id) == (PackKind.GIT, "x")
    assert (pack.repository, pack.commit) == (None, None)
    assert ".git leads to another folder, which is not read" in pack.evidence


def test_linked_folders(comfyui: ComfyUI, tmp_path: Path) -> None:
    """A pack's folder may be a link; one that leads nowhere is said."""
    elsewhere = ComfyUI(tmp_path / "volume").registry("my-pack", "1.0.0")
    (comfyui.nodes / "linked").symlink_to(elsewhere)
    (comfyui.nodes / "gone").symlink_to(tmp_path / "unmounted")
    found = packs_of(comfyui.root)
    assert (found["linked"].id, found["linked"].kind) == ("my-pack", PackKind.REGISTRY)
    gone = found["gone"]
    assert (gone.kind, gone.unreadable) == (PackKind.UNKNOWN, True)
    assert gone.evidence == "its link leads nowhere"


def test_extra_folders(
    comfyui: ComfyUI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folders of extra_model_paths.yaml count too, relative to it or to a base path with variables, each once."""
    monkeypatch.setenv("SHARED", str(tmp_path))
    comfyui.registry("one", "1.0.0")
    more = {name: ComfyUI(tmp_path / name) for name in ("share", "b", "c")}
    for name, other in more.items():
        other.registry(f"in-{name}", "1.0.0")
    (comfyui.root / "extra_model_paths.yaml").write_text(
        "my_box:\n  base_path: $SHARED/share\n  is_default: true\n  checkpoints: models\n  custom_nodes: custom_nodes\n"
        "other:\n  custom_nodes: |\n    ../b/custom_nodes\n    ../c/custom_nodes\nthird:\n  loras: x\n"
        "again:\n  base_path: ../link\n  custom_nodes: custom_nodes/\n"
    )
    (tmp_path / "link").symlink_to(comfyui.root)
    packs = packs_of(comfyui.root)
    assert packs.keys() == {"one", "in-share", "in-b", "in-c"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "a:\n  base_path: $SECRET\n  custom_nodes: there\n",
            "the folder 'there' of .*paths.yaml does not exist",
        ),
        ("x" * 300_000, "is larger than 128 KB"),
        (f"a:\n  custom_nodes: {'$x' * 10_000}\n", "does not exist"),
        (
            "".join(f"a{n}:\n  custom_nodes: x{n}\n" for n in range(101)),
            "names more than 100 folders",
        ),
    ],
)
def test_extra_folders_that_cannot_be_read(
    comfyui: ComfyUI, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    """An extra folder that is missing, or YAML that is a trap, is said; the packs beside it are read.

    No variable's value is shown or kept.
    """
    monkeypatch.setenv("SECRET", "/hunter2")
    comfyui.registry("my-pack", "1.0.0")
    (comfyui.root / "extra_model_paths.yaml").write_text(text)
    found = scanned(comfyui.root)
    assert found.failure is not None
    assert re.search(why, found.failure.error)
    assert [pack.folder for pack in found.packs] == ["my-pack"]
    assert "hunter2" not in repr(found)


def test_what_is_no_comfyui(tmp_path: Path) -> None:
    """The reason says what was looked for."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a").touch()
    for where, why in (
        ("absent", "absent does not exist"),
        ("shop/a", "a is not a folder; give a ComfyUI's folder"),
        ("shop", "no ComfyUI: looked for custom_nodes in .*shop and .*ComfyUI$"),
    ):
        assert re.search(why, refused(tmp_path / where))


def test_what_is_no_file_of_a_pack(comfyui: ComfyUI, tmp_path: Path) -> None:
    """A pipe, a folder, a link and a huge file are not read in place of a file, and hold nothing up."""
    evidence = {
        "pipe": "pyproject.toml is not a regular file",
        "folder": "pyproject.toml is a folder, not a file",
        "link": "pyproject.toml is a link, which is not followed",
        "huge": "pyproject.toml is larger than 256 KB, which is not read",
    }
    paths = {name: comfyui.plain(name) / "pyproject.toml" for name in evidence}
    os.mkfifo(paths["pipe"])
    paths["folder"].mkdir()
    secret = tmp_path / "secret.toml"
    secret.write_text("[project]\nname = 'hunter2'\nversion = '1'")
    paths["link"].symlink_to(secret)
    paths["huge"].write_bytes(b"#" * (folders.LIMIT + 1))
    os.mkfifo(comfyui.nodes / "pipe.py")
    found = packs_of(comfyui.root)
    assert {name: pack.evidence for name, pack in found.items()} == {
        **evidence,
        "pipe.py": "not a regular file",
    }
    assert all(pack.unreadable and pack.id is None for pack in found.values())


def test_a_ref_that_is_a_link(comfyui: ComfyUI, tmp_path: Path) -> None:
    """It is not read, and the clone is one all the same."""
    git = comfyui.clone("x", "https://github.com/ann/x", pack="x") / ".git"
    (tmp_path / "secret").write_text(COMMIT)
    (git / "refs/heads/main").unlink()
    (git / "refs/heads/main").symlink_to(tmp_path / "secret")
    pack = packs_of(comfyui.root)["x"]
    assert (pack.kind, pack.commit, pack.id) == (PackKind.GIT, None, "x")
    assert pack.evidence.endswith("refs/heads/main is a link, which is not followed")


def test_too_many_folders(comfyui: ComfyUI, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with more entries than are looked at fails the scan: the rest would seem to be removed."""
    monkeypatch.setattr(texts, "MOST", 50)
    for number in range(50):
        (comfyui.nodes / f"{number}.txt").touch()
    assert refused(comfyui.root).endswith(
        "custom_nodes has more than 50 entries; the rest was not looked at"
    )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_what_may_not_be_read(comfyui: ComfyUI) -> None:
    """A pack that this user may not read is unknown; a whole `custom_nodes` fails the scan."""
    path = comfyui.registry("bad", "1.0.0")
    for unreadable in (path, comfyui.nodes):
        unreadable.chmod(0)
        found = scanned(comfyui.root)
        unreadable.chmod(0o700)
        said = found.failure.error if found.failure else found.packs[0].evidence
        assert said.endswith("may not be read by this user")


def test_names_that_are_no_text(comfyui: ComfyUI) -> None:
    """Control characters in a folder's name are kept for the border to escape, and bytes that are no text replaced."""
    comfyui.plain("a\x1b[2J\u202eb")
    (comfyui.nodes / os.fsdecode(b"\xff")).mkdir()
    found = packs_of(comfyui.root)
    assert found.keys() == {"a\x1b[2J\u202eb", "?"}


def test_hidden_folders(comfyui: ComfyUI) -> None:
    """A folder with a dot is a pack if it has what ComfyUI loads, since ComfyUI loads it; an editor's is none."""
    for name in (".vscode", ".odd"):
        (comfyui.nodes / name).mkdir()
    (comfyui.nodes / ".odd" / "pyproject.toml").write_text("[tool.x]")
    comfyui.plain(".sneaky")
    assert packs_of(comfyui.root).keys() == {".sneaky", ".odd"}


def test_the_deadline(comfyui: ComfyUI) -> None:
    """A scan that takes longer than it may is given up with a reason."""
    for number in range(20):
        comfyui.plain(str(number))
    assert "there was no answer within" in refused(comfyui.root, timeout=0.0001)
