"""The packs that a workflow names in its nodes, subgraphs and groups, and the nodes that name none. Pure.

It does not say what is installed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from watcher.installs.recognise import texts
from watcher.installs.recognise.json_text import items, table
from watcher.model.pack import Pack, PackKind

_CORE = "comfy-core"
_OF_THE_FRONT_END = frozenset({"Note", "MarkdownNote", "Reroute", "PrimitiveNode"})
_GROUP = ("workflow>", "workflow/")
"""What the type of a group node begins with, before its name."""
_HASH = re.compile(r"v?[0-9a-f]{4,40}", re.IGNORECASE)
"""A shortened commit where a version is expected."""
_NO_VERSION = frozenset({None, "unknown", "nightly", "latest"})
_NO_TYPE = "(without a type)"
_LONGEST = 200
"""Characters of a type."""


def is_workflow(document: object) -> bool:
    """Return whether a document is a workflow: as the editor saves it, or as a prompt."""
    return isinstance(table(document).get("nodes"), list) or _is_prompt(document)


def is_surely_workflow(document: object) -> bool:
    """Return whether a document is a workflow beyond doubt: other programs too have graphs with `nodes`."""
    graph = table(document)
    nodes = graph.get("nodes")
    if not isinstance(nodes, list) or not isinstance(graph.get("links"), list):
        return _is_prompt(document)
    are_typed = all("type" in table(node) for node in nodes)
    return are_typed and bool({"last_node_id", "version", "state"} & graph.keys())


def _is_prompt(document: object) -> bool:
    """Return whether a document is a prompt, which names the classes of its nodes and no packs."""
    nodes = table(document)
    return bool(nodes) and all("class_type" in table(node) for node in nodes.values())


def read(
    document: object, own: Collection[str]
) -> tuple[tuple[Pack, ...], tuple[str, ...]]:
    """Return the packs that a workflow names, and the types of its nodes that name none; ValueError if it is none.

    A pack is `claimed`, or `git` where a commit is named, with each version once. The types are untrusted text, each
    once, sorted. `own` are the types of ComfyUI's own nodes.
    """
    own_types = {*own, *_OF_THE_FRONT_END}
    workflow = table(document)
    if _is_prompt(document):
        classes = (table(node).get("class_type") for node in workflow.values())
        return (), _unnamed(classes, own_types)
    if not is_workflow(document):
        raise ValueError("is not a workflow of ComfyUI")
    graphs = list(_graphs(workflow))
    packs: dict[object, Pack] = {}
    unnamed: list[object] = []
    nodes = [
        node
        for graph in graphs
        for node in items(graph.get("nodes"))
        if isinstance(node, dict)
    ]
    for node in nodes:
        pack = _pack(table(node.get("properties")))
        if pack is None:
            unnamed.append(node.get("type"))
        else:
            packs.setdefault(_key(pack), pack)
    ids = {(pack.id or "").lower() for pack in packs.values()}
    versions = table(table(workflow.get("extra")).get("node_versions"))
    for name, version in versions.items():
        pack = _pack({"cnr_id": name, "ver": version})
        if pack is not None and name.lower() not in ids:
            packs[_key(pack)] = pack
    found = [pack for pack in packs.values() if pack.id != _CORE]
    texts.require_few(found, "packs")
    ordered = sorted(found, key=lambda pack: (pack.folder.lower(), pack.version or ""))
    return tuple(ordered), _unnamed(unnamed, own_types | _made_in(graphs))


def _key(pack: Pack) -> object:
    """Return what tells a pack in one version from others."""
    name = pack.id or pack.repository or ""
    return name.lower(), pack.version, pack.commit


def _unnamed(types: Iterable[object], known: set[str]) -> tuple[str, ...]:
    """Return the types of which it is not known where they come from, shortened; ValueError if they are too many."""
    found = {one if isinstance(one, str) and one else _NO_TYPE for one in types} - known
    texts.require_few(found, "types of nodes that name no pack")
    return tuple(sorted({texts.valid(one)[:_LONGEST] for one in found}))


def _made_in(graphs: Iterable[dict[str, object]]) -> set[str]:
    """Return the types that a workflow makes itself of other nodes, which are all among its graphs."""
    made: set[str] = set()
    for graph in graphs:
        subgraphs = map(table, items(table(graph.get("definitions")).get("subgraphs")))
        made |= {name for one in subgraphs if isinstance(name := one.get("id"), str)}
        groups = table(table(graph.get("extra")).get("groupNodes"))
        made |= {
            f"{begin}{name}"
            for name, group in groups.items()
            if isinstance(group, dict)
            for begin in _GROUP
        }
    return made


def _pack(properties: dict[str, object]) -> Pack | None:
    """Return the pack that the properties of a node name, if they do."""
    pack_id = texts.pack_id(properties.get("cnr_id"))
    repository = texts.github(properties.get("aux_id"))
    if not (pack_id or repository):
        return None
    version = texts.version(properties.get("ver"))
    commit = texts.commit(version)
    is_git = (
        pack_id is None
        or commit is not None
        or _HASH.fullmatch(version or "") is not None
    )
    is_unpinned = not is_git and version in _NO_VERSION
    return Pack(
        folder=pack_id or texts.last_part(repository or ""),
        # Without a repository the id is no claim of a clone: its version is not known, that is all.
        kind=PackKind.GIT if is_git and repository else PackKind.CLAIMED,
        id=pack_id,
        version=None if is_git or is_unpinned else version,
        is_unpinned=is_unpinned,
        commit=commit,
        repository=repository,
        evidence="the workflow",
    )


def _graphs(document: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield a workflow, and its subgraphs and groups, however they are nested."""
    waiting = [document]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += [
            one
            for one in items(table(graph.get("definitions")).get("subgraphs"))
            if isinstance(one, dict)
        ]
        groups = table(table(graph.get("extra")).get("groupNodes"))
        waiting += [one for one in groups.values() if isinstance(one, dict)]
