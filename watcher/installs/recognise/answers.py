"""The Manager's list of installed packs, as its two HTTP APIs give it. Pure."""

from __future__ import annotations

import re

from watcher.installs.recognise import texts
from watcher.installs.recognise.json_text import table
from watcher.model.pack import Pack, PackKind

_GITHUB = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_EVIDENCE = "the Manager's list"
MOST = 5_000
"""Packs of one list."""


def installed(document: object) -> tuple[Pack, ...]:
    """Return the packs of a list; ValueError if it is none, or longer than is looked at."""
    if not isinstance(document, dict) or not all(
        isinstance(entry, dict) for entry in document.values()
    ):
        raise ValueError("is not a list of packs")
    if len(document) > MOST:
        raise ValueError(f"has more than {MOST:,} packs")
    return tuple(_pack(name, table(entry)) for name, entry in document.items())


def github(name: object) -> str | None:
    """Return the address of a repository that is named as `author/repo`."""
    text = name.strip() if isinstance(name, str) else ""
    return (
        f"https://github.com/{text}" if _GITHUB.fullmatch(text) else texts.address(name)
    )


def _pack(name: str, entry: dict[str, object]) -> Pack:
    """Return one pack: one with an id and no repository beside it came from the registry."""
    cnr_id, repository = texts.pack_id(entry.get("cnr_id")), github(entry.get("aux_id"))
    commit = texts.commit(entry.get("ver"))
    folder, enabled = texts.valid(name), entry.get("enabled") is not False
    if repository or commit:
        return Pack(
            folder=folder,
            kind=PackKind.GIT,
            id=cnr_id,
            commit=commit,
            enabled=enabled,
            repository=repository,
            evidence=_EVIDENCE,
        )
    if cnr_id is None:
        return Pack(
            folder=folder,
            kind=PackKind.UNKNOWN,
            enabled=enabled,
            evidence=f"{_EVIDENCE} has neither id nor repository",
        )
    version = texts.version(entry.get("ver"))
    known = None if version in {"nightly", "unknown"} else version
    kind = PackKind.GIT if version == "nightly" else PackKind.REGISTRY
    return Pack(
        folder=folder,
        kind=kind,
        id=cnr_id,
        version=known,
        enabled=enabled,
        evidence=_EVIDENCE,
    )
