"""Packs as the Manager lists them: its answer, and its snapshots (JSON, YAML). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from watcher.installs.recognise import texts
from watcher.installs.recognise.texts import table
from watcher.model.pack import OWN_FILES, Pack, PackKind

_Form = TypeVar("_Form")
_CNR, _GIT, _FILE = "cnr_custom_nodes", "git_custom_nodes", "file_custom_nodes"
_KEYS = frozenset({_CNR, _GIT, _FILE})
"""What a snapshot has."""


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
    # The Manager gives a clone the id that it claims; a repository or a commit beside it shows that it is one.
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
        # The Manager's word for a pack whose version it could not read.
        version=None if version == "unknown" else version,
        commit=commit,
        enabled=entry.get("enabled") is not False,
        repository=repository,
        evidence=evidence,
    )


def is_snapshot(document: object) -> bool:
    """Return whether a document is a snapshot, perhaps one of a form that is not known."""
    return bool(_KEYS & _unwrapped(document).keys())


def of_snapshot(document: object) -> tuple[Pack, ...]:
    """Return the packs of a snapshot; ValueError with what it is instead, after the file's name."""
    if not is_snapshot(document):
        raise ValueError("is not a snapshot of the Manager")
    packs = tuple(_of_manager(_unwrapped(document)))
    texts.require_few(packs)
    return packs


def _unwrapped(document: object) -> dict[str, object]:
    """Return a snapshot, which cm-cli writes below one key."""
    snapshot = table(document)
    inner = table(snapshot.get("custom_nodes"))
    return inner if _KEYS & inner.keys() else snapshot


def _of_manager(snapshot: dict[str, object]) -> Iterator[Pack]:
    evidence = "a snapshot of the Manager"
    for name, version in _as(dict, snapshot.get(_CNR) or {}, _CNR).items():
        # A key that is no id may be anything: the pack is kept as one that is not known.
        pack_id = texts.pack_id(name)
        known = _as(str, texts.version(version) if version else "", _CNR)
        yield Pack(
            folder=texts.valid(name),
            kind=PackKind.REGISTRY if pack_id else PackKind.UNKNOWN,
            id=pack_id,
            version=known or None,
            evidence=evidence,
        )
    for url, given in _as(dict, snapshot.get(_GIT) or {}, _GIT).items():
        # Snapshots from before the registry have null here.
        state = _as(dict, given or {}, _GIT)
        repository = texts.address(url)
        yield Pack(
            folder=texts.last_part(repository or "a clone without an address"),
            kind=PackKind.GIT,
            commit=texts.commit(state.get("hash")),
            enabled=not _is_true(state.get("disabled")),
            repository=repository,
            evidence=f"{evidence}; without an id",
        )
    for item in map(table, _as(list, snapshot.get(_FILE) or [], _FILE)):
        name = _as(str, item.get("filename"), _FILE)
        # The Manager lists ComfyUI's own file as if somebody had added it.
        if name not in OWN_FILES:
            yield Pack(
                folder=texts.valid(name),
                kind=PackKind.FILE,
                enabled=not _is_true(item.get("disabled")),
                evidence=evidence,
            )


def _as(form: type[_Form], value: object, key: str) -> _Form:
    """Return a value in the form that is read: none is passed over, as another form may name any pack."""
    if isinstance(value, form):
        return value
    raise ValueError(
        f"has a {key} of an unknown form: was it written by a newer Manager?"
    )


def _is_true(value: object) -> bool:
    # YAML is read as texts only, JSON has the value itself.
    return value is True or (isinstance(value, str) and value.lower() == "true")
