"""The setting `installs`: what an entry, a table and a TARGET name, what is refused, and the names that follow."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.unit.settings.conftest import TOKEN, Loads
from watcher.errors import UsageError
from watcher.model.pack import Source, SourceKind
from watcher.settings.sources import absolute
from watcher.settings.tables import targets

PATH, URL, SNAPSHOT = SourceKind.PATH, SourceKind.URL, SourceKind.SNAPSHOT


def test_entries(loads: Loads) -> None:
    """An entry is an address, a snapshot or a folder by its shape; a path starts at the settings file's folder."""
    given = [
        "~/ComfyUI",
        f"http://me:{TOKEN}@10.0.0.7:8188/#3f",
        "shots/*.JSON",
        "/srv/box.yaml",
        "/srv/b.json/ComfyUI",
    ]
    loaded = loads(f"installs = {json.dumps(given)}")
    home = Path("~").expanduser()
    assert loaded.settings.all_installs() == (
        Source(name=home.name, kind=PATH, where=str(home / "ComfyUI")),
        Source(
            name="10.0.0.7:8188", kind=URL, where=f"http://me:{TOKEN}@10.0.0.7:8188/"
        ),
        Source(name="shots", kind=SNAPSHOT, where=str(loads.cwd / "shots/*.JSON")),
        Source(name="box", kind=SNAPSHOT, where="/srv/box.yaml"),
        Source(name="b.json", kind=PATH, where="/srv/b.json/ComfyUI"),
    )
    assert (
        TOKEN
        not in f"{loaded!r} {loaded.settings.all_installs()!r} {loaded.settings.model_dump_json()}"
    )


def test_tables(loads: Loads) -> None:
    """A table gives an install its name, which a nameless one then does not take."""
    toml = "[[installs]]\nname = 'Office PC'\npath = 'x'\n[[installs]]\nname = 'h'\nurl = 'https://h/comfy?k=v'\n"
    assert loads(toml).settings.all_installs() == (
        Source(name="Office PC", is_named=True, kind=PATH, where=str(loads.cwd / "x")),
        Source(name="h", is_named=True, kind=URL, where="https://h/comfy?k=v"),
    )
    mixed = json.dumps([{"name": "B", "path": "/a"}, "/b/ComfyUI/custom_nodes"])
    named = [
        source.name
        for source in loads("", COMFY_WATCH_INSTALLS=mixed).settings.all_installs()
    ]
    assert named == ["B", "/b/ComfyUI/custom_nodes"]


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        (["/mnt/a/ComfyUI", "/mnt/b/ComfyUI"], ["a", "b"]),
        (["/a/box/ComfyUI", "/b/Box", "/box2"], ["a/box", "b/Box", "box2"]),
        (["/ComfyUI", "/comfyui/custom_nodes"], ["/ComfyUI", "/comfyui/custom_nodes"]),
        (["http://h", "https://h"], ["h", "h-2"]),
        ([{"name": "H", "path": "/a"}, "http://h"], ["H", "h-2"]),
    ],
)
def test_names_are_unique(loads: Loads, entries: list[str], names: list[str]) -> None:
    """Installs that would have one name have as much of their paths as tells them apart, in whatever order."""
    for order in (1, -1):
        given = loads(COMFY_WATCH_INSTALLS=json.dumps(entries[::order])).settings
        found = [source.name for source in given.all_installs()]
        assert found == names[::order] or found == names == ["h", "h-2"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("x/ComfyUI", "x/y/../ComfyUI/"),
        ("http://me:pw@H:1/", "http://h:1"),
        ("a/*.json", "a//*.json"),
    ],
)
def test_one_install_twice(loads: Loads, first: str, second: str) -> None:
    """Two entries that are one install are an error: one of them is not the install that it should be."""
    (problem,) = loads.problems(f"installs = {json.dumps(['/z', first, second])}")
    assert problem.startswith("installs: entries 2 and 3 are one install: ")
    assert "pw" not in problem


@pytest.mark.parametrize(
    "text",
    [
        "/a/Comfy UI,http://h",
        " /a/Comfy UI ,\nhttp://h\n\n",
        '["/a/Comfy UI", "http://h"]',
    ],
)
def test_text(loads: Loads, text: str) -> None:
    """In the environment entries are split at commas and line ends, so that a folder's name may have blanks."""
    for loaded in (
        loads(COMFY_WATCH_INSTALLS=text),
        loads(f"installs = {json.dumps(text)}"),
    ):
        assert [source.where for source in loaded.settings.all_installs()] == [
            "/a/Comfy UI",
            "http://h",
        ]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("/srv/ComfyUI/user/__manager/snapshots/*.json", "srv"),
        (
            "/srv/ComfyUI/user/default/ComfyUI-Manager/snapshots/2026-01-02_03-04-05_snapshot.json",
            "srv",
        ),
        ("/srv/box/custom_nodes", "box"),
        ("/", "ComfyUI"),
        ("http://[::1]", "::1"),
        ("/srv/" + "x" * 200, "x" * 64),
    ],
)
def test_usual_names(where: str, name: str) -> None:
    """A name comes from the part of the path that tells installs apart, or from the host."""
    (source,) = targets([where], Path)
    assert source.name == name


def test_relative_paths(loads: Loads) -> None:
    """A relative path starts at the working folder, or beside the file that has it; no link in it is followed."""
    file = loads.folder / "etc" / "x.toml"
    file.parent.mkdir()
    (file.parent / "a").symlink_to(loads.folder)
    file.write_text("installs = ['a']")
    where = [
        loads(config=file, **given).settings.all_installs()[0].where
        for given in (
            {},
            {"COMFY_WATCH_INSTALLS": "b"},
            {"overrides": {"installs": "c"}},
        )
    ]
    assert where == [str(file.parent / "a"), str(loads.cwd / "b"), str(loads.cwd / "c")]


TABLE = "[[installs]]\nname = 'x'\n"


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("[installs]\nname = 'x'", "installs: the value is not a list of installs"),
        ("installs = ['', 'x']", "installs, entry 1: '' is not a folder or file"),
        (
            "installs = ['localhost:8188']",
            "installs, entry 1: 'localhost:8188' is not a folder or file; an address",
        ),
        (f"installs = ['ssh://u:{TOKEN}@h']", "installs, entry 1: 'ssh://***' is a"),
        (
            f"installs = ['http://u:{TOKEN}@h:x']",
            "installs, entry 1: the value (not shown) is not the address of a",
        ),
        ("installs = ['a\u200bb']", r"installs, entry 1: 'a\u200bb' is not a folder"),
        ("installs = ['~nobody-here/x']", "installs: the home folder in '~nobody-here"),
        (TABLE, "installs, entry 1: give one of path, url and snapshot"),
        (
            f"{TABLE}path = 'a'\nsnapshot = 'b.json'",
            "installs, entry 1: give one of path, url and snapshot",
        ),
        (f"{TABLE}path = 'a'".replace("x", ""), "installs, entry 1, name: '' is not"),
        (f"{TABLE}path = 'http://u:{TOKEN}@h'", "installs, entry 1, path: 'http://***"),
        (f"{TABLE}url = '{TOKEN}'", "installs, entry 1, url: the value (not shown)"),
        (f"{TABLE}snapshot = 'a.txt'", "installs, entry 1, snapshot: 'a.txt' is not a"),
        (
            f"{TABLE}pfad = 'a'",
            "installs, entry 1, pfad: unknown setting; known are name, path, ",
        ),
        (
            f"{TABLE}path = 'a'\n{TABLE}path = 'b'".replace("x", "X", 1),
            "installs: two installs have the name 'x'",
        ),
    ],
)
def test_refused(loads: Loads, toml: str, line: str) -> None:
    """What is wrong is one line that names the entry and the file, and shows no part of an address."""
    (problem,) = loads.problems(toml)
    assert problem.startswith(line)
    assert problem.endswith(f"({loads.file})")


def test_targets(tmp_path: Path) -> None:
    """A TARGET is read as an entry of the setting; one that comes twice is one install."""
    place = partial(absolute, tmp_path)
    found = targets(["ComfyUI", "./ComfyUI", "http://h:8188", "s.yml"], place)
    assert [(source.name, source.kind) for source in found] == [
        (tmp_path.name, PATH),
        ("h:8188", URL),
        ("s", SNAPSHOT),
    ]
    assert found[0].where == str(tmp_path / "ComfyUI")
    for text, why in (
        ("ftp://h", r"'ftp://\*\*\*' is a URL"),
        ("~nobody-here", "the home folder in '~nobody-here' is not known"),
    ):
        with pytest.raises(UsageError, match=f"TARGET: {why}"):
            targets(["x", text], place)
