"""The forms of an install: how a copy of a pack lies on disk, and what it says of itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
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
    needs_listing: bool = False
    """Whether the id is written in another case than the registry's, which only a listing tells."""

    def takes(self, pack: Pack) -> bool:
        """Return whether a pack can be installed so and something can be said of it."""
        return bool(pack.listed) or not self.needs_listing


FORMS: list[Form] = []

_Build = Callable[[ComfyUI, Pack], Path]


def _form(
    name: str,
    build: _Build,
    *readings: Callable[[Pack], Reading],
    kinds: str,
    core: bool = False,
    needs_listing: bool = False,
) -> None:
    FORMS.append(
        Form(
            name=name,
            build=build,
            reads=lambda pack: tuple(reading(pack) for reading in readings),
            kinds=frozenset(kinds.split()),
            core=core,
            needs_listing=needs_listing,
        )
    )


def decoy(pack: Pack) -> Pack:
    """Return the fine pack that a copy may claim to be instead."""
    return Pack(id=DECOY + pack.id)


# There are thousands of copies, and most of their price is what the system does for a file: few are made, by few calls.


def _folder(comfyui: ComfyUI, name: str) -> Path:
    path = comfyui.nodes / name
    path.mkdir()
    os.link(comfyui.nodes / OF_COMFYUI[0], path / "__init__.py")
    return path


def _write(path: Path, text: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(file, text.encode())
    os.close(file)


def _git(path: Path, remote: str | None) -> Path:
    """Make a folder a clone, with a commit and no branch checked out."""
    git = path / ".git"
    git.mkdir()
    origin = f'[remote "origin"]\n\turl = {remote}\n' if remote else ""
    _write(git / "config", f"[core]\n\tbare = false\n{origin}")
    _write(git / "HEAD", f"{COMMIT}\n")
    return git


# What came from the registry by the Manager: the pyproject and `.tracking`.


def _zip(
    *,
    says: str | None = "id",
    folder: str = "id",
    version: str | None = INSTALLED,
    source: str | None = "own",
) -> _Build:
    def build(comfyui: ComfyUI, pack: Pack) -> Path:
        path = _folder(comfyui, _named(folder, pack))
        if says is not None:
            _write(
                path / "pyproject.toml",
                pyproject(_named(says, pack), version, _url(source, pack)),
            )
        _write(path / ".tracking", "__init__.py\npyproject.toml")
        return path

    return build


def _named(what: str, pack: Pack) -> str:
    match what:
        case "id":
            return pack.id
        case "lower":
            return pack.id.lower()
        case "decoy":
            return decoy(pack).id
        case "renamed":
            return f"my-{pack.id}"
        case "nobody":
            return f"nobody-{pack.id}"
        case _:
            raise ValueError(what)


def _url(source: str | None, pack: Pack) -> str:
    match source:
        case None:
            return ""
        case "own":
            return pack.repository
        case "decoy":
            return decoy(pack).repository
        case _:
            return source


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
        found: list[Claim] = []
        for claim in claims:
            by, _, what = claim.partition(":")
            said = _named(what, pack)
            if said.lower() not in {one.id.lower() for one in found}:
                found.append(Claim(said, by))  # type: ignore[arg-type]  # text of this module, split at a colon
        of = {"own": pack.id, "decoy": decoy(pack).id, None: None}.get(source, NOBODYS)
        return Reading(
            claims=tuple(found),
            version=version,
            mark=mark,
            clone=clone,
            source=of,
            enabled=enabled,
            readable=readable,
        )

    return reading


def _then(
    build: _Build, *steps: Callable[[ComfyUI, Pack, Path], Path | None]
) -> _Build:
    def built(comfyui: ComfyUI, pack: Pack) -> Path:
        path = build(comfyui, pack)
        for step in steps:
            path = step(comfyui, pack, path) or path
        return path

    return built


def _disabled(comfyui: ComfyUI, _: Pack, path: Path) -> Path:
    return comfyui.disable(path, INSTALLED)


def _disabled_as_nightly(comfyui: ComfyUI, _: Pack, path: Path) -> Path:
    return comfyui.disable(path, "nightly")


def _broken(_: ComfyUI, __: Pack, path: Path) -> None:
    (path / "pyproject.toml").write_text('[project\nname = "x')


def _with_git(
    remote: str | None, *, listed: bool
) -> Callable[[ComfyUI, Pack, Path], None]:
    """Return what puts a `.git` into a folder, that `.tracking` lists as a part of the archive or not."""

    def step(_: ComfyUI, pack: Pack, path: Path) -> None:
        _git(path, _url(remote, pack))
        if listed:
            _write(
                path / ".tracking",
                "__init__.py\npyproject.toml\n.git/config\n.git/HEAD",
            )

    return step


_BOTH = ("file:id", "folder:id")

_form(
    "zip", _zip(), _read(*_BOTH, mark=True, source="own"), kinds="registry", core=True
)
_form(
    "zip_without_source", _zip(source=None), _read(*_BOTH, mark=True), kinds="registry"
)
_form(
    "zip_of_a_fork",
    _zip(source=_ELSEWHERE),
    _read(*_BOTH, mark=True, source=NOBODYS),
    kinds="registry",
    core=True,
)
_form(
    "zip_renamed",
    _zip(folder="renamed"),
    _read("file:id", "folder:renamed", mark=True, source="own"),
    kinds="registry",
)
_form(
    "zip_says_popular",
    _zip(says="decoy", source=None),
    _read("file:decoy", "folder:id", mark=True),
    kinds="registry",
    core=True,
)
_form(
    "zip_says_popular_with_source",
    _zip(says="decoy", source="decoy"),
    _read("file:decoy", "folder:id", mark=True, source="decoy"),
    kinds="registry",
)
_form(
    "zip_in_popular",
    _zip(folder="decoy", source=None),
    _read("file:id", "folder:decoy", mark=True),
    kinds="registry",
)
_form(
    "zip_says_nobody",
    _zip(says="nobody", source=None),
    _read("file:nobody", "folder:id", mark=True),
    kinds="registry",
)
_form(
    "zip_in_other_case",
    _zip(says="lower", folder="lower"),
    _read("file:lower", "folder:lower", mark=True, source="own"),
    kinds="registry",
    needs_listing=True,
)
_form(
    "zip_short_version",
    _zip(version="1.2"),
    _read(*_BOTH, mark=True, source="own"),
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
    _then(_zip(), _with_git("own", listed=True)),
    _read(*_BOTH, mark=True, source="own"),
    _read(*_BOTH, mark=True, clone=True, source="own"),
    kinds="registry git",
    core=True,
)
_form(
    # Open: whether the address in a `.git` that the archive shipped is the copy's repository, beside that of its file.
    "zip_ships_git_of_another",
    _then(_zip(), _with_git(_ELSEWHERE, listed=True)),
    _read(*_BOTH, mark=True, source="own"),
    _read(*_BOTH, mark=True, source=NOBODYS),
    _read(*_BOTH, mark=True, clone=True, source=NOBODYS),
    kinds="registry git",
    core=True,
)
_form(
    # Open: which of both marks counts where neither can be told to be the older one.
    "zip_beside_git",
    _then(_zip(), _with_git("own", listed=False)),
    _read(*_BOTH, mark=True, source="own"),
    _read(*_BOTH, clone=True, source="own"),
    kinds="registry git",
)
_form(
    "zip_beside_git_of_another",
    _then(_zip(), _with_git(_ELSEWHERE, listed=False)),
    _read(*_BOTH, mark=True, source=NOBODYS),
    _read(*_BOTH, clone=True, source=NOBODYS),
    kinds="registry git",
)
_form(
    "tracking_without_file",
    _zip(says=None),
    _read("folder:id", version=None, mark=True, readable=False),
    kinds="registry unknown",
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
    core=True,
)

# What somebody unpacked: the pyproject alone. The folder's name says nothing.


def _unpacked(
    *,
    says: str = "id",
    source: str | None = "own",
) -> _Build:
    def build(comfyui: ComfyUI, pack: Pack) -> Path:
        path = _folder(comfyui, pack.id)
        _write(
            path / "pyproject.toml",
            pyproject(_named(says, pack), INSTALLED, _url(source, pack)),
        )
        return path

    return build


_form(
    "unpacked", _unpacked(), _read("file:id", source="own"), kinds="claimed", core=True
)
_form(
    "unpacked_without_source", _unpacked(source=None), _read("file:id"), kinds="claimed"
)
_form(
    "unpacked_of_a_fork",
    _unpacked(source=_ELSEWHERE),
    _read("file:id", source=NOBODYS),
    kinds="claimed",
)
_form(
    "unpacked_in_folder_of_another",
    _unpacked(says="decoy", source="decoy"),
    _read("file:decoy", source="decoy"),
    kinds="claimed",
)
_form(
    "unpacked_in_other_case",
    _unpacked(says="lower"),
    _read("file:lower", source="own"),
    kinds="claimed",
    needs_listing=True,
)

# Clones.


def _clone(
    remote: str | None,
    *,
    says: str | None = "id",
    version: str | None = INSTALLED,
    cnr_id: str | None = None,
) -> _Build:
    def build(comfyui: ComfyUI, pack: Pack) -> Path:
        url = (
            None
            if remote is None
            else remote.format(
                repo=f"{pack.id}-Source", of_decoy=f"{decoy(pack).id}-Source"
            )
        )
        path = _folder(comfyui, pack.id)
        git = _git(path, url)
        if cnr_id is not None:
            _write(git / ".cnr-id", _named(cnr_id, pack))
        if says is not None:
            _write(path / "pyproject.toml", pyproject(_named(says, pack), version))
        return path

    return build


_HTTPS, _OF_DECOY = "https://github.com/Ann/{repo}", "https://github.com/Ann/{of_decoy}"

for name, remote, source in (
    ("https", _HTTPS, "own"),
    ("scp", "git@github.com:Ann/{repo}.git", "own"),
    ("fork", "https://github.com/eve/{repo}.git", NOBODYS),
):
    _form(
        f"clone_{name}",
        _clone(remote),
        _read("file:id", clone=True, source=source),
        kinds="git",
        core=True,
    )

_form(
    "clone_without_remote",
    _clone(None),
    _read("file:id", clone=True),
    kinds="git unknown claimed",
    core=True,
)
_form(
    "clone_without_file",
    _clone(_HTTPS, says=None),
    _read("repository:id", version=None, clone=True, source="own"),
    kinds="git",
    core=True,
)
_form(
    "clone_named_by_the_manager",
    _clone(_HTTPS, says=None, cnr_id="id"),
    _read("cnr-id:id", version=None, clone=True, source="own"),
    kinds="git",
    core=True,
)
_form(
    "clone_with_stale_mark",
    _clone(_HTTPS, cnr_id="nobody"),
    _read("file:id", "cnr-id:nobody", clone=True, source="own"),
    kinds="git",
    core=True,
)
_form(
    "clone_says_popular",
    _clone(_OF_DECOY, says="decoy", cnr_id="id"),
    _read("file:decoy", "cnr-id:id", clone=True, source="decoy"),
    kinds="git",
    core=True,
)
_form(
    "clone_says_nobody",
    _clone(_HTTPS, says="nobody", cnr_id="id"),
    _read("file:nobody", "cnr-id:id", clone=True, source="own"),
    kinds="git",
)
_form(
    "clone_in_folder_of_another",
    _clone(_OF_DECOY, says="decoy"),
    _read("file:decoy", clone=True, source="decoy"),
    kinds="git",
    core=True,
)
_form(
    "clone_dynamic_version",
    _clone(_HTTPS, version=None),
    _read("file:id", version=None, clone=True, source="own"),
    kinds="git",
    core=True,
)
_form(
    "clone_of_no_release",
    _clone(_HTTPS, version="9.9.9"),
    _read("file:id", version="9.9.9", clone=True, source="own"),
    kinds="git",
)
_form(
    "clone_disabled",
    _then(_clone(_HTTPS), _disabled_as_nightly),
    _read("file:id", clone=True, source="own", enabled=False),
    kinds="git",
)

# What has no id, whatever it is called.

_form(
    "single_file",
    lambda comfyui, pack: comfyui.single(f"{pack.id}.py"),
    _read(),
    kinds="file",
    core=True,
)
_form(
    "plain_folder",
    lambda comfyui, pack: comfyui.plain(pack.id),
    _read(),
    kinds="unknown",
)
