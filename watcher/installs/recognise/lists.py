"""Packs as the Manager lists them: its answer, and its snapshots (JSON, YAML). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from watcher.installs.recognise import texts
from watcher.installs.recognise.texts import items, table
from watcher.model.pack import OWN_FILES, Pack, PackKind

_FORMS: dict[str, Callable[[object], bool]] = {
    "cnr_custom_nodes": lambda found: all(
        not version or texts.version(version) is not None for version in _values(found)
    ),
    "git_custom_nodes": lambda found: all(
        not state or isinstance(state, dict) for state in _values(found)
    ),
    "file_custom_nodes": lambda found: (
        isinstance(found, list)
        and all(isinstance(table(one).get("filename"), str) for one in found)
    ),
}
"""What a snapshot has, and whether it is in the form that is read."""


def _values(found: object) -> list[object]:
    """Return the values of a JSON object; what is none has one that has no known form."""
    return [*found.values()] if isinstance(found, dict) else [[found]]


def of_answer(document: object) -> tuple[Pack, ...]:
    """Return the packs of the list that the Manager answers with; ValueError if it is none, or too long."""
    if not isinstance(document, dict) or not all(
        isinstance(entry, dict) for entry in document.values()
    ):
        raise ValueError("is not a list of packs")
    texts.require_few(document)
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
    return bool(_FORMS.keys() & _unwrapped(document).keys())


def of_snapshot(document: object) -> tuple[Pack, ...]:
    """Return the packs of a snapshot; ValueError with what it is instead, after the file's name."""
    snapshot = _unwrapped(document)
    if not _FORMS.keys() & snapshot.keys():
        raise ValueError("is not a snapshot of the Manager")
    for key, is_known in _FORMS.items():
        if snapshot.get(key) and not is_known(snapshot[key]):
            raise ValueError(
                f"has a {key} of an unknown form: was it written by a newer Manager?"
            )
    packs = [*_of_manager(snapshot)]
    texts.require_few(packs)
    return tuple(
        pack
        for pack in packs
        if pack.kind is not PackKind.FILE or pack.folder not in OWN_FILES
    )


def _unwrapped(document: object) -> dict[str, object]:
    """Return a snapshot, which cm-cli writes below one key."""
    snapshot = table(document)
    inner = table(snapshot.get("custom_nodes"))
    return inner if _FORMS.keys() & inner.keys() else snapshot


def _of_manager(snapshot: dict[str, object]) -> Iterator[Pack]:
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
        yield Pack(
            folder=texts.valid(str(item["filename"])),
            kind=PackKind.FILE,
            enabled=not _is_true(item.get("disabled")),
            evidence=evidence,
        )


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
