"""The packs that a workflow names in its nodes, subgraphs and groups, and the nodes that name none. Pure.

It does not say what is installed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from watcher.installs.recognise import texts
from watcher.installs.recognise.answers import github
from watcher.installs.recognise.json_text import items, table
from watcher.model.pack import Pack, PackKind
from watcher.text.plural import plural

_CORE = "comfy-core"
_OF_THE_FRONT_END = frozenset({"Note", "MarkdownNote", "Reroute", "PrimitiveNode"})
_GROUP = ("workflow>", "workflow/")
"""What the type of a group node begins with, before its name."""
_NO_TYPE = "(without a type)"
_MOST = 5_000
_LONGEST = 200
"""Characters of a type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the nodes of a workflow come from."""

    packs: tuple[Pack, ...] = ()
    """Each version once; `claimed`, or `git` where it names a commit."""
    unnamed: tuple[str, ...] = ()
    """The types of nodes that name no pack and do not come with ComfyUI, each once, sorted: untrusted text."""


def is_workflow(document: object) -> bool:
    """Return whether a document is a workflow: as the editor saves it, or as a prompt."""
    return isinstance(table(document).get("nodes"), list) or is_prompt(document)


def is_prompt(document: object) -> bool:
    """Return whether a document is a prompt, which names the classes of its nodes and no packs."""
    nodes = table(document)
    return bool(nodes) and all("class_type" in table(node) for node in nodes.values())


def read(document: object, own: Collection[str]) -> Named:
    """Return what a workflow names; ValueError if it is none. `own` are the types of ComfyUI's own nodes."""
    known_types = {*own, *_OF_THE_FRONT_END}
    if is_prompt(document):
        return Named(
            unnamed=_unnamed(
                (table(node).get("class_type") for node in table(document).values()),
                known_types,
            )
        )
    if not is_workflow(document):
        raise ValueError("is not a workflow of ComfyUI")
    count: dict[tuple[str, str, str], int] = {}
    first: dict[tuple[str, str, str], dict[str, object]] = {}
    graphs = list(_graphs(table(document)))
    unnamed: list[object] = []
    for node in (
        node
        for graph in graphs
        for node in items(graph.get("nodes"))
        if isinstance(node, dict)
    ):
        said = table(node.get("properties"))
        pack_id, repository = (
            texts.pack_id(said.get("cnr_id")),
            github(said.get("aux_id")),
        )
        if not (pack_id or repository):
            unnamed.append(node.get("type"))
        elif pack_id != _CORE:
            key = (
                (pack_id or "").lower(),
                "" if pack_id else repository or "",
                str(said.get("ver") or ""),
            )
            count[key] = count.get(key, 0) + 1
            first.setdefault(key, said)
        if len(count) > _MOST:
            raise ValueError(f"names more than {_MOST:,} packs")
    packs = [
        _pack(said, f"{plural(count[key], 'node')} of the workflow")
        for key, said in first.items()
    ]
    known = {(pack.id or "").lower() for pack in packs}
    extra = table(table(table(document).get("extra")).get("node_versions"))
    for name, version in list(extra.items())[:_MOST]:
        if name != _CORE and name.lower() not in known and texts.pack_id(name):
            packs.append(
                _pack({"cnr_id": name, "ver": version}, "node_versions of the workflow")
            )
    return Named(
        packs=tuple(
            sorted(packs, key=lambda pack: (pack.folder.lower(), pack.version or ""))
        ),
        unnamed=_unnamed(unnamed, known_types | _made_in(graphs)),
    )


def _unnamed(types: Iterable[object], known: set[str]) -> tuple[str, ...]:
    """Return the types of which it is not known where they come from, shortened; ValueError if they are too many."""
    found = {one if isinstance(one, str) and one else _NO_TYPE for one in types} - known
    if len(found) > _MOST:
        raise ValueError(f"has more than {_MOST:,} types of nodes that name no pack")
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
    return (
        4 <= len(text) <= 40
        and "." not in text
        and not set(text) - set("0123456789abcdef")
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
