"""The packs that a workflow names, and the nodes in it of which no pack is named. Pure.

It does not say what is installed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from watcher.installs.recognise import texts
from watcher.installs.recognise.texts import items, table
from watcher.model.pack import Pack, PackKind

_CORE = "comfy-core"
# The editor draws these without any code of a server, so that no pack has them.
_OF_THE_FRONT_END = frozenset({"Note", "MarkdownNote", "Reroute", "PrimitiveNode"})
_MADE = re.compile(r"workflow[>/].*|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The type of a group of nodes, and of a subgraph, which a workflow makes itself."""
_HASH = re.compile(r"v?[0-9a-f]{4,40}", re.IGNORECASE)
"""A shortened commit where a version is expected."""
_NO_TYPE = "(without a type)"
_LONGEST = 200
"""Characters of a type."""


def read(document: object, own: Collection[str]) -> tuple[Pack, ...]:
    """Return the packs that a workflow names, wherever in it; ValueError if it has neither nodes nor packs.

    A pack is `claimed`, or `git` where a commit is named, with each version once. Each type of nodes for which no pack
    is named is `unknown`, unless it is one of ComfyUI's `own`, or made in the workflow.
    """
    packs: dict[object, Pack] = {}
    versions: dict[str, object] = {}
    types: set[str] = set()
    named: set[str] = set()
    unread: set[str] = set()
    is_workflow = False
    for one in _tables(document):
        # A workflow may have nodes that name nothing at all, and is one all the same.
        is_workflow |= isinstance(one.get("nodes"), list)
        if pack := _pack(one):
            packs.setdefault(_key(pack), pack)
        if "class_type" in one:  # of a prompt, whose nodes name no packs
            types.add(_type(one["class_type"]))
        for node in _nodes(one.get("nodes")):
            name, properties = _type(node.get("type")), table(node.get("properties"))
            types.add(name)
            if _pack(properties):
                named.add(name)
            elif properties.get("cnr_id") or properties.get("aux_id"):
                # An id that cannot be read stays a row, though a second node of the type names a pack.
                unread.add(name)
        # Editors wrote this list from December 2024 to February 2025, before each node named its own pack.
        if not isinstance(listed := one.get("node_versions") or {}, dict):
            raise ValueError("has node_versions of an unknown form")
        versions |= listed
    ids = {(pack.id or "").lower() for pack in packs.values()}
    for name, version in versions.items():
        pack = _pack({"cnr_id": name, "ver": version})
        if pack is None:
            unread.add(_type(name))
        elif name.lower() not in ids:
            packs[_key(pack)] = pack
    # Any JSON may come here that has one of the words. To pass over it in silence would be to call it fine.
    if not (is_workflow or packs or types):
        raise ValueError("is neither a snapshot of the Manager nor a workflow")
    # ComfyUI is no pack: its nodes name it like one.
    found = [pack for pack in packs.values() if pack.id != _CORE]
    known = _OF_THE_FRONT_END.union(own, named)
    unnamed = {one for one in types - known if not _MADE.fullmatch(one)} | unread
    found += [
        Pack(
            folder=name,
            kind=PackKind.UNKNOWN,
            evidence="a type of nodes that name no pack",
        )
        for name in unnamed
    ]
    texts.require_few(found)
    return tuple(sorted(found, key=_order))


def _tables(document: object) -> Iterator[dict[str, object]]:
    """Yield every object in a document, however they are nested."""
    waiting = [document]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        # Aliases of YAML lead to one value again and again: 40 lines of them would never come to an end.
        if id(value) in seen:
            continue
        if isinstance(value, dict | list):
            seen.add(id(value))
        if isinstance(value, dict):
            yield value
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def _nodes(value: object) -> Iterator[dict[str, object]]:
    """Yield the nodes of a list, or of a mapping; a list of nothing but numbers has none."""
    each = list(value.values()) if isinstance(value, dict) else items(value)
    nodes = [one for one in each if isinstance(one, dict)]
    yield from nodes
    if nodes and len(nodes) < len(each):
        yield {}


def _type(value: object) -> str:
    name = value if isinstance(value, str) else ""
    return texts.valid(name)[:_LONGEST] or _NO_TYPE


def _key(pack: Pack) -> object:
    """Return what tells a pack in one version from others."""
    name = pack.id or pack.repository or ""
    return name.lower(), pack.version, pack.commit


def _order(pack: Pack) -> tuple[bool, str, str]:
    is_unknown = pack.kind is PackKind.UNKNOWN
    return is_unknown, pack.folder.lower(), pack.version or ""


def _pack(properties: dict[str, object]) -> Pack | None:
    """Return the pack that the properties of a node name, if they do."""
    pack_id = texts.pack_id(properties.get("cnr_id"))
    repository = texts.github(properties.get("aux_id"))
    if not (pack_id or repository):
        return None
    version = texts.version(properties.get("ver"))
    commit = texts.commit(version)
    # Without an id there is only the repository, whose version nobody can judge: it is as any clone.
    is_git = (
        pack_id is None
        or commit is not None
        or _HASH.fullmatch(version or "") is not None
    )
    pinned, is_unpinned = texts.wanted(properties.get("ver"))
    return Pack(
        folder=pack_id or texts.last_part(repository or ""),
        # Without a repository the id is no claim of a clone: its version is not known, that is all.
        kind=PackKind.GIT if is_git and repository else PackKind.CLAIMED,
        id=pack_id,
        version=None if is_git else pinned,
        is_unpinned=is_unpinned and not is_git,
        commit=commit,
        repository=repository,
        evidence="the workflow" if pack_id else "a repository without an id",
    )
