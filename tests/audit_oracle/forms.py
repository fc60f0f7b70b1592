"""The forms of an install: how a copy of a pack lies on disk, and what it says of itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.audit_oracle.expected import NOBODYS, Claim, Reading
from tests.audit_oracle.situations import DECOY, INSTALLED, Pack
from tests.support.comfyui import COMMIT, OF_COMFYUI, ComfyUI, pyproject

_ELSEWHERE = "https://github.com/eve/another-source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of install."""

    name: str
    build: Callable[[ComfyUI, Pack], Path]
    reads: Callable[[Pack], tuple[Reading, ...]]
    """What the copy says; several readings where one is as good as another."""
    kinds: frozenset[str]
    core: bool = False
    """Whether it is tried with every way in which `GET /nodes` answers."""


FORMS: list[Form] = []

_Build = Callable[[ComfyUI, Pack], Path]


def _form(
    name: str,
    build: _Build,
    *readings: Callable[[Pack], Reading],
    kinds: str,
    core: bool = False,
) -> None:
    FORMS.append(
        Form(
            name=name,
            build=build,
            reads=lambda pack: tuple(reading(pack) for reading in readings),
            kinds=frozenset(kinds.split()),
            core=core,
        )
    )


def decoy(pack: Pack) -> Pack:
    """Return the fine pack that a copy may claim to be instead."""
    return Pack(id=DECOY + pack.id)


# There are many copies, and most of their price is what the system does for a file: few are made, by few calls.


def _folder(comfyui: ComfyUI, name: str) -> Path:
    path = comfyui.nodes / name
    path.mkdir()
    os.link(comfyui.nodes / OF_COMFYUI[0], path / "__init__.py")
    return path


def _git(path: Path, remote: str) -> Path:
    """Make a folder a clone, with a commit and no branch checked out."""
    git = path / ".git"
    git.mkdir()
    origin = f'[remote "origin"]\n\turl = {remote}\n' if remote else ""
    (git / "config").write_text(f"[core]\n\tbare = false\n{origin}")
    (git / "HEAD").write_text(f"{COMMIT}\n")
    return git


def _named(what: str, pack: Pack) -> str:
    names = {
        "id": pack.id,
        "decoy": decoy(pack).id,
        "nobody": f"nobody-{pack.id}",
    }
    return names[what]


def _url(source: str, pack: Pack) -> str:
    return pack.repository if source == "own" else source


def _unpacked(
    *,
    says: str = "id",
    folder: str = "id",
    version: str | None = INSTALLED,
    source: str = "own",
    mark: bool = False,
) -> _Build:
    """Return what puts a pack there as a person does, with its pyproject alone; or as the Manager, with its mark."""

    def build(comfyui: ComfyUI, pack: Pack) -> Path:
        path = _folder(comfyui, _named(folder, pack))
        text = pyproject(_named(says, pack), version, _url(source, pack))
        (path / "pyproject.toml").write_text(text)
        if mark:
            (path / ".tracking").write_text("__init__.py\npyproject.toml")
        return path

    return build


_zip = partial(_unpacked, mark=True)


def _read(
    *claims: str,
    version: str | None = INSTALLED,
    mark: bool = False,
    clone: bool = False,
    source: str | None = None,
    enabled: bool = True,
    readable: bool = True,
) -> Callable[[Pack], Reading]:
    """Return a reading by claims like `file:id`; the source is `own`, `decoy`, or another one."""

    def reading(pack: Pack) -> Reading:
        found: dict[str, Claim] = {}
        for claim in claims:
            by, _, what = claim.partition(":")
            said = _named(what, pack)
            found.setdefault(said, Claim(said, by))  # type: ignore[arg-type]  # text of this module
        of = {"own": pack.id, "decoy": decoy(pack).id, None: None}.get(source, NOBODYS)
        return Reading(
            claims=tuple(found.values()),
            version=version,
            mark=mark,
            clone=clone,
            source=of,
            enabled=enabled,
            readable=readable,
        )

    return reading


def _then(build: _Build, step: Callable[[ComfyUI, Pack, Path], Path]) -> _Build:
    return lambda comfyui, pack: step(comfyui, pack, build(comfyui, pack))


def _disabled(comfyui: ComfyUI, _: Pack, path: Path) -> Path:
    return comfyui.disable(path, INSTALLED)


def _broken(_: ComfyUI, __: Pack, path: Path) -> Path:
    (path / "pyproject.toml").write_text('[project\nname = "x')
    return path


def _with_git_in_the_archive(_: ComfyUI, pack: Pack, path: Path) -> Path:
    _git(path, pack.repository)
    (path / ".tracking").write_text("__init__.py\n.git/config\n.git/HEAD")
    return path


_BOTH = ("file:id", "folder:id")
_OWN = _read(*_BOTH, mark=True, source="own")

# What came from the registry by the Manager.

_form("zip", _zip(), _OWN, kinds="registry", core=True)
_form("zip_without_source", _zip(source=""), _read(*_BOTH, mark=True), kinds="registry")
_form(
    "zip_of_a_fork",
    _zip(source=_ELSEWHERE),
    _read(*_BOTH, mark=True, source=NOBODYS),
    kinds="registry",
    core=True,
)
_form(
    "zip_says_popular",
    _zip(says="decoy", source=""),
    _read("file:decoy", "folder:id", mark=True),
    kinds="registry",
    core=True,
)
_form(
    "zip_in_popular",
    _zip(folder="decoy", source=""),
    _read("file:id", "folder:decoy", mark=True),
    kinds="registry",
)
_form(
    "zip_says_nobody",
    _zip(says="nobody", source=""),
    _read("file:nobody", "folder:id", mark=True),
    kinds="registry",
)
_form(
    "zip_dynamic_version",
    _zip(version=None),
    _read(*_BOTH, version=None, mark=True, source="own"),
    kinds="registry",
)
_form(
    # Open: whether it is a clone as well. It stays what came from the registry.
    "zip_ships_git",
    _then(_zip(), _with_git_in_the_archive),
    _OWN,
    _read(*_BOTH, mark=True, clone=True, source="own"),
    kinds="registry git",
)
_form(
    "zip_broken_file",
    _then(_zip(), _broken),
    _read("folder:id", version=None, mark=True, readable=False),
    kinds="registry unknown",
)
_form(
    "zip_disabled",
    _then(_zip(), _disabled),
    _read(*_BOTH, mark=True, source="own", enabled=False),
    kinds="registry",
)

# What somebody unpacked. The folder's name says nothing.

_form(
    "unpacked", _unpacked(), _read("file:id", source="own"), kinds="claimed", core=True
)
_form(
    "unpacked_of_a_fork",
    _unpacked(source=_ELSEWHERE),
    _read("file:id", source=NOBODYS),
    kinds="claimed",
)


def _clone(
    owner: str,
    *,
    says: str | None = "id",
    version: str = INSTALLED,
    cnr_id: bool = False,
    of: str = "id",
) -> _Build:
    """Return what clones the repository of a pack, or a fork of it; of no owner there is no remote."""

    def build(comfyui: ComfyUI, pack: Pack) -> Path:
        url = f"https://github.com/{owner}/{_named(of, pack)}-Source"
        path = _folder(comfyui, pack.id)
        git = _git(path, url if owner else "")
        if cnr_id:
            (git / ".cnr-id").write_text(pack.id)
        if says is not None:
            text = pyproject(_named(says, pack), version)
            (path / "pyproject.toml").write_text(text)
        return path

    return build


_form(
    "clone",
    _clone("Ann"),
    _read("file:id", clone=True, source="own"),
    kinds="git",
    core=True,
)
_form(
    "clone_of_a_fork",
    _clone("eve"),
    _read("file:id", clone=True, source=NOBODYS),
    kinds="git",
)
_form(
    "clone_without_remote",
    _clone(""),
    _read("file:id", clone=True),
    kinds="git unknown claimed",
)
_form(
    "clone_without_file",
    _clone("Ann", says=None),
    _read("repository:id", version=None, clone=True, source="own"),
    kinds="git",
    core=True,
)
_form(
    "clone_named_by_the_manager",
    _clone("Ann", says=None, cnr_id=True),
    _read("cnr-id:id", version=None, clone=True, source="own"),
    kinds="git",
)
_form(
    "clone_says_popular",
    _clone("Ann", of="decoy", says="decoy", cnr_id=True),
    _read("file:decoy", "cnr-id:id", clone=True, source="decoy"),
    kinds="git",
    core=True,
)
_form(
    "clone_of_no_release",
    _clone("Ann", version="9.9.9"),
    _read("file:id", version="9.9.9", clone=True, source="own"),
    kinds="git",
)
_form(
    "clone_disabled",
    _then(_clone("Ann"), _disabled),
    _read("file:id", clone=True, source="own", enabled=False),
    kinds="git",
)
_form(
    "single_file",
    lambda comfyui, pack: comfyui.single(f"{pack.id}.py"),
    _read(),
    kinds="file",
)
