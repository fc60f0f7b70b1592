"""Snapshots of the Manager (JSON, YAML) and of Comfy Desktop 2. Pure."""

from __future__ import annotations

from watcher.installs.recognise import texts
from watcher.installs.recognise.folders import OF_COMFYUI
from watcher.installs.recognise.json_text import items, table
from watcher.installs.recognise.workflows import is_workflow
from watcher.model.pack import Pack, PackKind

_MANAGER_KEYS = frozenset({"cnr_custom_nodes", "git_custom_nodes", "file_custom_nodes"})
# Compared, not hashed: what a file has there may be a list.
_DESKTOP_VERSIONS = (
    1,
    2,
    "1",
    "2",
)
_KINDS = {"cnr": PackKind.REGISTRY, "git": PackKind.GIT, "file": PackKind.FILE}
MOST = 5_000
"""Packs of one snapshot."""


class WorkflowGivenError(ValueError):
    """The document is a workflow."""


def read(document: object) -> tuple[Pack, ...]:
    """Return the packs of a snapshot.

    ValueError with what it is instead, after the file's name; WorkflowGivenError for a workflow.
    """
    if is_workflow(document):
        raise WorkflowGivenError("is a workflow, not a snapshot")
    snapshot = table(document)
    if (
        not _MANAGER_KEYS & snapshot.keys()
        and _MANAGER_KEYS & table(snapshot.get("custom_nodes")).keys()
    ):
        snapshot = table(snapshot.get("custom_nodes"))
    if _MANAGER_KEYS & snapshot.keys():
        packs = _of_manager(snapshot)
    elif (
        snapshot.get("type") == "comfyui-desktop-2-snapshot"
        or "customNodes" in snapshot
    ):
        packs = _of_desktop(snapshot)
    else:
        raise ValueError("is not a snapshot of the Manager or of Comfy Desktop 2")
    if len(packs) > MOST:
        raise ValueError(f"has more than {MOST:,} packs")
    return tuple(
        pack
        for pack in packs
        if pack.kind is not PackKind.FILE or pack.folder not in OF_COMFYUI
    )


def _of_manager(snapshot: dict[str, object]) -> list[Pack]:
    for key in _MANAGER_KEYS & snapshot.keys():
        if not isinstance(snapshot[key], (dict, list)) and snapshot[key] is not None:
            raise ValueError(
                f"has a {key} of an unknown form: was it written by a newer Manager?"
            )
    said = "a snapshot of the Manager"
    packs = []
    for name, version in table(snapshot.get("cnr_custom_nodes")).items():
        found = texts.pack_id(name)
        packs.append(
            Pack(
                folder=texts.valid(name),
                kind=PackKind.REGISTRY if found else PackKind.UNKNOWN,
                id=found,
                version=texts.version(version),
                evidence=said,
            )
        )
    for url, state in table(snapshot.get("git_custom_nodes")).items():
        repository = texts.address(url)
        folder = texts.last_part(repository or "a clone without an address")
        enabled = not _is_true(table(state).get("disabled"))
        commit = texts.commit(table(state).get("hash"))
        packs.append(
            Pack(
                folder=folder,
                kind=PackKind.GIT,
                commit=commit,
                enabled=enabled,
                repository=repository,
                evidence=f"{said}; without an id",
            )
        )
    for item in map(table, items(snapshot.get("file_custom_nodes"))):
        if isinstance(file := item.get("filename"), str):
            enabled = not _is_true(item.get("disabled"))
            packs.append(
                Pack(
                    folder=texts.valid(file),
                    kind=PackKind.FILE,
                    enabled=enabled,
                    evidence=said,
                )
            )
    return packs


def _of_desktop(document: dict[str, object]) -> list[Pack]:
    """Return the packs of a snapshot of Desktop 2, or of the newest in a file that it exported."""
    if document.get("version") not in _DESKTOP_VERSIONS:
        raise ValueError(
            "is a snapshot of Comfy Desktop in a form that is not known: was it written by a newer one?"
        )
    snapshot = document
    if "customNodes" not in document:
        several = [
            one
            for one in map(table, items(document.get("snapshots")))
            if "customNodes" in one
        ]
        if not several:
            raise ValueError("is an export of Comfy Desktop without a snapshot in it")
        snapshot = max(several, key=lambda one: str(one.get("createdAt") or ""))
    if not isinstance(snapshot["customNodes"], list):
        raise ValueError(
            "is a snapshot of Comfy Desktop in a form that is not known: was it written by a newer one?"
        )
    packs = []
    for item in map(table, items(snapshot["customNodes"])):
        kind = _KINDS.get(str(item.get("type")), PackKind.UNKNOWN)
        named = kind in {PackKind.REGISTRY, PackKind.GIT}
        pack_id = texts.pack_id(item.get("id")) if named else None
        packs.append(
            Pack(
                folder=texts.valid(str(item.get("dirName") or item.get("id") or "?")),
                kind=PackKind.UNKNOWN
                if kind is PackKind.REGISTRY and pack_id is None
                else kind,
                id=pack_id,
                version=texts.version(item.get("version"))
                if kind is PackKind.REGISTRY
                else None,
                commit=texts.commit(item.get("commit")),
                enabled=item.get("enabled") is not False,
                repository=texts.address(item.get("url")),
                evidence="a snapshot of Comfy Desktop",
            )
        )
    return packs


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
