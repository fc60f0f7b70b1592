"""The packs that a workflow names in its nodes, subgraphs and groups. It does not say what is installed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.installs.recognise import texts
from watcher.installs.recognise.answers import github
from watcher.installs.recognise.json_text import items, table
from watcher.model.pack import Pack, PackKind
from watcher.text.plural import plural

_CORE = "comfy-core"
_MOST = 5_000


def is_workflow(document: object) -> bool:
    """Return whether a document is a workflow: as the editor saves it, or as a prompt."""
    return isinstance(table(document).get("nodes"), list) or is_prompt(document)


def is_prompt(document: object) -> bool:
    """Return whether a document is a prompt, which names the classes of its nodes and no packs."""
    nodes = table(document)
    return bool(nodes) and all("class_type" in table(node) for node in nodes.values())


def read(document: object) -> tuple[Pack, ...]:
    """Return the packs that a workflow names, by id and version; ValueError if it cannot name any."""
    if is_prompt(document):
        raise ValueError("is a workflow in API format, which names no packs; save it from the editor")
    if not is_workflow(document):
        raise ValueError("is not a workflow of ComfyUI")
    count: dict[tuple[str, str, str], int] = {}
    first: dict[tuple[str, str, str], dict[str, object]] = {}
    for node in _nodes(table(document)):
        said = table(node.get("properties"))
        pack_id, repository = texts.pack_id(said.get("cnr_id")), github(said.get("aux_id"))
        if (pack_id or repository) and pack_id != _CORE:
            key = ((pack_id or "").lower(), "" if pack_id else repository or "", str(said.get("ver") or ""))
            count[key] = count.get(key, 0) + 1
            first.setdefault(key, said)
        if len(count) > _MOST:
            raise ValueError(f"names more than {_MOST:,} packs")
    packs = [_pack(said, f"{plural(count[key], 'node')} of the workflow") for key, said in first.items()]
    known = {(pack.id or "").lower() for pack in packs}
    extra = table(table(table(document).get("extra")).get("node_versions"))
    for name, version in list(extra.items())[:_MOST]:
        if name != _CORE and name.lower() not in known and texts.pack_id(name):
            packs.append(_pack({"cnr_id": name, "ver": version}, "node_versions of the workflow"))
    return tuple(sorted(packs, key=lambda pack: (pack.folder.lower(), pack.version or "")))


def _pack(said: dict[str, object], evidence: str) -> Pack:
    pack_id, repository = texts.pack_id(said.get("cnr_id")), github(said.get("aux_id"))
    version = texts.version(said.get("ver"))
    commit = texts.commit(version)
    is_git = pack_id is None or commit is not None or _is_hash(version)
    folder = pack_id or texts.last_part(repository or "")
    return Pack(
        folder=folder,
        kind=PackKind.GIT if is_git else PackKind.CLAIMED,
        id=pack_id,
        version=None if is_git or version in {"unknown", "nightly"} else version,
        commit=commit,
        repository=repository,
        evidence=evidence,
    )


def _is_hash(version: str | None) -> bool:
    """Return whether a version is a shortened commit: no dot, and hexadecimal."""
    text = (version or "").lower().removeprefix("v")
    return 4 <= len(text) <= 40 and "." not in text and not set(text) - set("0123456789abcdef")


def _nodes(document: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield every node: those of subgraphs and of groups too, however they are nested."""
    waiting = [document]
    while waiting:
        graph = waiting.pop()
        yield from (node for node in items(graph.get("nodes")) if isinstance(node, dict))
        waiting += [one for one in items(table(graph.get("definitions")).get("subgraphs")) if isinstance(one, dict)]
        groups = table(table(graph.get("extra")).get("groupNodes"))
        waiting += [one for one in groups.values() if isinstance(one, dict)]
