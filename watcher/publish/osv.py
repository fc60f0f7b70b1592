"""The public record of bans: a document for each banned version or pack, in the form of the OSV schema. Pure.

The form is that of https://ossf.github.io/osv-schema/, which gives ids with `x_` to databases that nobody aggregates.
It has no ecosystem of node packs, and scanners refuse others, so `affected` names no package: `database_specific` does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from watcher.changes.transitions import node_url
from watcher.model.event import LONGEST_TEXT, digest
from watcher.model.snapshot import Ban, Node
from watcher.publish.public import Public
from watcher.text.sanitize import escape_values, sanitize_line

_SCHEMA_VERSION = "1.7.5"
_LONGEST_NAME = 76
"""Characters of a pack and its version in a summary, which should have at most 120."""
_EVERY_VERSION = {"type": "SEMVER", "events": [{"introduced": "0"}]}


def documents(public: Public) -> Mapping[str, str]:
    """Return the documents of all bans that were seen, by the names of their files."""
    found: dict[str, str] = {}
    for node in public.nodes.values():
        for text, bans in _by_text(node).items():
            name = _name(node, text)
            found[_file(name)] = _document(name, node, bans)
    return dict(sorted(found.items()))


def document_of(node: Node, ban: Ban) -> str:
    """Return the name of the file of a ban's document; "" if it has none."""
    # Nobody can look up a version without a text, which is not the node as a whole.
    return "" if ban.version == "" else _file(_name(node, ban.version or ""))


def _name(node: Node, text: str) -> str:
    return "x_COMFY-" + digest(f"{node.node.lower()}\0{text}", 16)


def _file(name: str) -> str:
    return f"osv/{name}.json"


def _by_text(node: Node) -> dict[str, list[tuple[str, Ban]]]:
    """Return the bans of a node with their keys, by the version's text; "" for the node as a whole."""
    found: dict[str, list[tuple[str, Ban]]] = {}
    for key, ban in node.bans.items():
        if document_of(node, ban):
            found.setdefault(ban.version or "", []).append((key, ban))
    return found


def _document(name: str, node: Node, bans: Sequence[tuple[str, Ban]]) -> str:
    """Return one document of the bans of a version's text, which several versions may have.

    It changes only with one of these bans.
    """
    # What is still banned counts before what is not, then the latest.
    key, ban = max(bans, key=lambda one: (not one[1].until, one[1].changed, one[0]))
    ban = replace(
        ban,
        since=min(one.since for _, one in bans),
        changed=max(one.changed for _, one in bans),
    )
    affected: dict[str, object] = {
        "database_specific": {
            "node": node.node,
            "version": ban.version,
            "version_id": None if key.startswith("=") else key or None,
            "reason": ban.reason,
        }
    }
    if ban.version is None:
        affected["ranges"] = [_EVERY_VERSION]
    else:
        affected["versions"] = [ban.version]
    document = {
        "schema_version": _SCHEMA_VERSION,
        "id": name,
        "modified": ban.changed,
        "published": ban.since,
        **({"withdrawn": ban.until} if ban.until else {}),
        "summary": _summary(node, ban),
        "details": _details(ban),
        "affected": [escape_values(affected)],
        "references": [{"type": "WEB", "url": node_url(node.node)}],
    }
    return json.dumps(document, indent=2) + "\n"


def _summary(node: Node, ban: Ban) -> str:
    what = f"{node.node} {'as a whole' if ban.version is None else ban.version}"
    stands = "is no longer banned" if ban.until else "is banned"
    return f"{sanitize_line(what, _LONGEST_NAME)} {stands} from the Comfy Registry"


def _details(ban: Ban) -> str:
    """Return what is known of a ban as Markdown. The reason is a block of code there: text as it is."""
    what = "node pack" if ban.version is None else "version of a node pack"
    text = f"The Comfy Registry banned this {what}."
    reason = sanitize_line(ban.reason, LONGEST_TEXT)
    return f"{text} Its reason:\n\n    {reason}" if reason else text
