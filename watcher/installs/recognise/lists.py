"""Packs as a program lists them: the Manager's answer, its snapshots (JSON, YAML), those of Comfy Desktop 2. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.installs.recognise import texts
from watcher.installs.recognise.json_text import items, table
from watcher.model.pack import OWN_FILES, Pack, PackKind

_MANAGER_KEYS = frozenset({"cnr_custom_nodes", "git_custom_nodes", "file_custom_nodes"})
# Compared, not hashed: what a file has there may be a list.
_DESKTOP_VERSIONS = (1, 2, "1", "2")
_NEWER_DESKTOP = "is a snapshot of Comfy Desktop in a form that is not known: was it written by a newer one?"
_KINDS = {"cnr": PackKind.REGISTRY, "git": PackKind.GIT, "file": PackKind.FILE}


def of_answer(document: object) -> tuple[Pack, ...]:
    """Return the packs of the list that the Manager answers with; ValueError if it is none, or too long."""
    if not isinstance(document, dict) or not all(
        isinstance(entry, dict) for entry in document.values()
    ):
        raise ValueError("is not a list of packs")
    texts.require_few(document, "packs")
    return tuple(_of_entry(name, table(entry)) for name, entry in document.items())


def _of_entry(name: str, entry: dict[str, object]) -> Pack:
    """Return one pack: one with an id and no repository beside it came from the registry."""
    pack_id, repository = (
        texts.pack_id(entry.get("cnr_id")),
        texts.github(entry.get("aux_id")),
    )
    commit, version = texts.commit(entry.get("ver")), texts.version(entry.get("ver"))
    evidence = "the Manager's list"
    if repository or commit or (pack_id and version == "nightly"):
        kind, version = PackKind.GIT, None
    elif pack_id:
        kind = PackKind.REGISTRY
    else:
        kind, version = PackKind.UNKNOWN, None
        evidence += " has neither id nor repository"
    return Pack(
        folder=texts.valid(name),
        kind=kind,
        id=pack_id,
        version=None if version == "unknown" else version,
        commit=commit,
        enabled=entry.get("enabled") is not False,
        repository=repository,
        evidence=evidence,
    )


def is_snapshot(document: object) -> bool:
    """Return whether a document is a snapshot, perhaps one of a form that is not known."""
    snapshot = _unwrapped(document)
    return bool(_MANAGER_KEYS & snapshot.keys()) or _is_of_desktop(snapshot)


def of_snapshot(document: object) -> tuple[Pack, ...]:
    """Return the packs of a snapshot; ValueError with what it is instead, after the file's name."""
    snapshot = _unwrapped(document)
    if _MANAGER_KEYS & snapshot.keys():
        packs = list(_of_manager(snapshot))
    elif _is_of_desktop(snapshot):
        packs = list(_of_desktop(snapshot))
    else:
        raise ValueError("is not a snapshot of the Manager or of Comfy Desktop 2")
    texts.require_few(packs, "packs")
    return tuple(
        pack
        for pack in packs
        if pack.kind is not PackKind.FILE or pack.folder not in OWN_FILES
    )


def _unwrapped(document: object) -> dict[str, object]:
    """Return a snapshot, of which cm-cli writes the Manager's below one key."""
    snapshot = table(document)
    inner = table(snapshot.get("custom_nodes"))
    is_below = not _MANAGER_KEYS & snapshot.keys() and _MANAGER_KEYS & inner.keys()
    return inner if is_below else snapshot


def _is_of_desktop(snapshot: dict[str, object]) -> bool:
    return (
        snapshot.get("type") == "comfyui-desktop-2-snapshot"
        or "customNodes" in snapshot
    )


def _of_manager(snapshot: dict[str, object]) -> Iterator[Pack]:
    for key in _MANAGER_KEYS & snapshot.keys():
        if not isinstance(snapshot[key], (dict, list)) and snapshot[key] is not None:
            raise ValueError(
                f"has a {key} of an unknown form: was it written by a newer Manager?"
            )
    evidence = "a snapshot of the Manager"
    for name, version in table(snapshot.get("cnr_custom_nodes")).items():
        pack_id = texts.pack_id(name)
        yield Pack(
            folder=texts.valid(name),
            kind=PackKind.REGISTRY if pack_id else PackKind.UNKNOWN,
            id=pack_id,
            version=texts.version(version),
            evidence=evidence,
        )
    for url, state in table(snapshot.get("git_custom_nodes")).items():
        repository = texts.address(url)
        yield Pack(
            folder=texts.last_part(repository or "a clone without an address"),
            kind=PackKind.GIT,
            commit=texts.commit(table(state).get("hash")),
            enabled=not _is_true(table(state).get("disabled")),
            repository=repository,
            evidence=f"{evidence}; without an id",
        )
    for item in map(table, items(snapshot.get("file_custom_nodes"))):
        if isinstance(file := item.get("filename"), str):
            yield Pack(
                folder=texts.valid(file),
                kind=PackKind.FILE,
                enabled=not _is_true(item.get("disabled")),
                evidence=evidence,
            )


def _of_desktop(document: dict[str, object]) -> Iterator[Pack]:
    """Yield the packs of a snapshot of Desktop 2, or of the newest in a file that it exported."""
    if document.get("version") not in _DESKTOP_VERSIONS:
        raise ValueError(_NEWER_DESKTOP)
    exported = [
        one
        for one in (document, *map(table, items(document.get("snapshots"))))
        if "customNodes" in one
    ]
    if not exported:
        raise ValueError("is an export of Comfy Desktop without a snapshot in it")
    snapshot = max(exported, key=lambda one: str(one.get("createdAt") or ""))
    if not isinstance(snapshot["customNodes"], list):
        raise ValueError(_NEWER_DESKTOP)
    for item in map(table, items(snapshot["customNodes"])):
        kind = _KINDS.get(str(item.get("type")), PackKind.UNKNOWN)
        has_id = kind in {PackKind.REGISTRY, PackKind.GIT}
        pack_id = texts.pack_id(item.get("id")) if has_id else None
        version = texts.version(item.get("version"))
        if kind is not PackKind.REGISTRY:
            version = None
        elif pack_id is None:
            kind = PackKind.UNKNOWN
        yield Pack(
            folder=texts.valid(str(item.get("dirName") or item.get("id") or "?")),
            kind=kind,
            id=pack_id,
            version=version,
            commit=texts.commit(item.get("commit")),
            enabled=item.get("enabled") is not False,
            repository=texts.address(item.get("url")),
            evidence="a snapshot of Comfy Desktop",
        )


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
