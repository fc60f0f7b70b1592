"""The part of the network that an installation needs: the registry's `install` with its archives, and GitHub."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from tests.proxied.asked import Asked
from tests.proxied.peer import Reply, says
from tests.proxied.proxy import Proxy

_REGISTRY = "api.comfy.org"
_ARCHIVES = "cdn.comfy.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A pack of the registry, with the versions that it has there, oldest first."""

    id: str
    versions: tuple[str, ...]
    repository: str

    @property
    def listed(self) -> dict[str, object]:
        """Its row in `GET /nodes`."""
        return {
            "id": self.id,
            "name": f"{self.id} pack",
            "description": "",
            "publisher": {"id": "ann", "name": "Ann"},
            "repository": self.repository,
            "status": "NodeStatusActive",
            "latest_version": self._version(self.versions[-1]),
        }

    def installable(self, version: str | None) -> dict[str, object] | None:
        """Return the answer of `GET /nodes/{id}/install`; None if it has no such version."""
        wanted = version or self.versions[-1]
        return self._version(wanted) if wanted in self.versions else None

    def archive(self, version: str) -> bytes:
        """Return the zip file of a version."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("__init__.py", "NODE_CLASS_MAPPINGS = {}\n")
            archive.writestr(
                "pyproject.toml", project(self.id, version, self.repository)
            )
        return packed.getvalue()

    def _version(self, version: str) -> dict[str, object]:
        return {
            "id": f"{self.id}-{version}",
            "version": version,
            "status": "NodeVersionStatusActive",
            "deprecated": False,
            "changelog": "",
            "dependencies": [],
            "downloadUrl": f"https://{_ARCHIVES}/{self.id}/{version}.zip",
        }


class Network(Proxy):
    """Answers for the registry, and for the place of its archives; `strays` are what else they are asked for."""

    def __init__(self, packs: tuple[Published, ...]) -> None:
        super().__init__(())
        self._packs = {pack.id: pack for pack in packs}

    @property
    def environment(self) -> dict[str, str]:
        """What has a process send its traffic here, for each of the libraries that the programs use."""
        return {**super().environment, "SSL_CERT_FILE": str(self.authority.file)}

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request; 404 for one that is not foreseen, which is kept."""
        match (asked.host, *asked.path.strip("/").split("/")):
            case (host, "nodes", str(id_)) if host == _REGISTRY and id_ in self._packs:
                return says(self._packs[id_].listed)
            case (host, "nodes", str(id_), "install") if (
                host == _REGISTRY and id_ in self._packs
            ):
                version = parse_qs(asked.query).get("version", [None])[0]
                if (found := self._packs[id_].installable(version)) is not None:
                    return says(found)
            case (host, str(id_), str(name)) if (
                host == _ARCHIVES and id_ in self._packs
            ):
                body = self._packs[id_].archive(name.removesuffix(".zip"))
                return Reply(body=body, content_type="application/zip")
            case _:
                pass
        # comfy-cli looks for its own news elsewhere.
        if asked.host in (_REGISTRY, _ARCHIVES):
            self.strays.append(
                f"{asked.method} https://{asked.host}{asked.path}?{asked.query}"
            )
        return Reply(status=404)


class GitHub:
    """Bare repositories in a folder; `configuration` is git's, and has it look for github.com's there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def configuration(self) -> str:
        """Return the text of a `.gitconfig`."""
        return f'[url "file://{self._folder}/"]\n\tinsteadOf = https://github.com/\n'

    def create(self, name: str, files: Mapping[str, str]) -> None:
        """Make a repository, `owner/name`, with one commit."""
        bare = self._folder / f"{name}.git"
        bare.mkdir(parents=True)
        self._git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
        lines = [
            "commit refs/heads/main",
            "committer Ann <ann@example.org> 1760000000 +0000",
            "data 5",
            "first",
        ]
        for path, text in files.items():
            lines += [f"M 644 inline {path}", f"data {len(text.encode())}", text]
        self._git(bare, "fast-import", "--quiet", given="\n".join([*lines, ""]))

    @staticmethod
    def _git(folder: Path, *words: str, given: str = "") -> None:
        subprocess.run(
            ["git", *words],
            cwd=folder,
            input=given,
            encoding="utf-8",
            check=True,
            capture_output=True,
        )


def project(id_: str, version: str, repository: str) -> str:
    """Return the pyproject.toml that a pack of this id and version has."""
    return (
        f"[project]\nname = {json.dumps(id_)}\nversion = {json.dumps(version)}\n"
        f"[project.urls]\nRepository = {json.dumps(repository)}\n"
        f'[tool.comfy]\nPublisherId = "ann"\nDisplayName = {json.dumps(id_)}\n'
    )
