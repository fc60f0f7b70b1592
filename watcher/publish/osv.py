"""The public record of bans: a document for each banned version or pack, in the form of the OSV schema. Pure.

The form is that of https://ossf.github.io/osv-schema/, whose prefix `x_` is for databases that nobody aggregates. No
ecosystem is registered for node packs, so `affected` names no package: the facts are in `database_specific`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from watcher.changes.transitions import REGISTRY_SITE, node_url
from watcher.model.event import digest
from watcher.model.snapshot import Ban, Node
from watcher.publish.public import Public
from watcher.text.sanitize import escape_values, sanitize_line

_SCHEMA_VERSION = "1.7.5"


def documents(public: Public) -> Mapping[str, str]:
    """Return the documents of all bans that were seen, by the name of the file."""
    found: dict[str, str] = {}
    for node in public.state.snapshot.nodes.values():
        for version, (key, ban) in _by_text(node).items():
            name = _name(node.node, version)
            found[f"osv/{name}.json"] = _document(name, node, key, ban)
    return dict(sorted(found.items()))


def _name(node: str, version: str) -> str:
    return "x_COMFY-" + digest(f"{node.lower()}\0{version}", 16)


def _by_text(node: Node) -> dict[str, tuple[str, Ban]]:
    """Return the bans of a node with their keys, by the version's text; "" for the node as a whole.

    Several versions may have one text: one that is still banned counts before one that is not, then the latest.
    """
    found: dict[str, tuple[str, Ban]] = {}
    for key, ban in node.bans.items():
        if ban.version == "":
            continue  # a version without a text cannot be looked up, and is not the whole pack
        text = ban.version or ""
        if text not in found:
            found[text] = key, ban
            continue
        other = found[text]
        worst = max(
            other,
            (key, ban),
            key=lambda one: (not one[1].until, one[1].changed, one[0]),
        )
        one = replace(
            worst[1],
            since=min(other[1].since, ban.since),
            changed=max(other[1].changed, ban.changed),
        )
        found[text] = worst[0], one
    return found


def _document(name: str, node: Node, key: str, ban: Ban) -> str:
    """Return one document. All that is in it changes only with the ban."""
    facts: dict[str, object] = {
        "registry": REGISTRY_SITE,
        "node": node.node,
        "version": ban.version,
        "version_id": None if key.startswith("=") else key or None,
        "reason": ban.reason,
    }
    affected: dict[str, object] = {"database_specific": facts}
    if ban.version is None:
        every = {"type": "SEMVER", "events": [{"introduced": "0"}]}
        affected["ranges"] = [every]
    else:
        affected["versions"] = [ban.version]
    what = sanitize_line(f"{node.node} {ban.version or 'as a whole'}", 80)
    stands = "was banned, and is not any more" if ban.until else "is banned"
    ended = {"withdrawn": ban.until} if ban.until else {}
    document = {
        "schema_version": _SCHEMA_VERSION,
        "id": name,
        "modified": ban.changed,
        "published": ban.since,
        **ended,
        "summary": f"{what} {stands} in the Comfy Registry",
        "details": _details(ban),
        "affected": [affected],
        "references": [{"type": "WEB", "url": node_url(node.node)}],
    }
    return json.dumps(escape_values(document), indent=2) + "\n"


def _details(ban: Ban) -> str:
    """Return what is known of a ban, as Markdown. A line of code in it is text as it is."""
    what = "node pack" if ban.version is None else "version of a node pack"
    text = f"The Comfy Registry has banned this {what}."
    reason = sanitize_line(ban.reason, 500)
    return f"{text} The reason it gives:\n\n    {reason}\n" if reason else text
