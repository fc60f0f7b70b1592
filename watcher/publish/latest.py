"""What other programs ask of the whole: the newest good version of each pack, and a badge. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from watcher.changes.facts import safe_version
from watcher.changes.transitions import node_url
from watcher.model.event import is_a_ban
from watcher.model.event_form import public_time
from watcher.model.malware import names_malware
from watcher.model.snapshot import Node
from watcher.model.version import BANNED, FLAGGED, STATUSES, newest
from watcher.publish.public import Public
from watcher.state.overview import counts
from watcher.text.sanitize import escape_values


def latest(public: Public) -> str:
    """Return the newest good version of each pack, one a line.

    A pack of which none is known is left out, and one with a ban for malware: no program should install it again.
    """
    lines = [
        f"{json.dumps(pack)}: {json.dumps(escape_values(good))}"
        for pack, good in sorted(_good_versions(public))
    ]
    return '{"packs": {\n' + ",\n".join(lines) + "\n}}\n"


def _good_versions(public: Public) -> Iterator[tuple[str, dict[str, str | None]]]:
    nodes = public.state.snapshot.nodes
    # Why a version is banned that was banned before it was watched, only the event says.
    reported: defaultdict[str, list[str]] = defaultdict(list)
    for event in filter(is_a_ban, public.events):
        reported[(event.node or "").lower()].append(event.reason)
    for row in public.rows:
        node = nodes.get(row.node.lower(), Node(node=row.node))
        reasons = [ban.reason for ban in node.bans.values() if not ban.until]
        if any(one.status == BANNED for one in row.problems):
            reasons += reported[row.node.lower()]
        if any(map(names_malware, reasons)):
            continue
        good = safe_version(node, STATUSES, public.minimum_age)
        if good is None or good.version is None:
            continue
        same = (one for one in node.listed if one.version == good.version)
        found = newest(same)
        yield (
            row.node,
            {
                "version": good.version,
                "published": public_time(found.created_at) if found else None,
                "url": node_url(row.node),
            },
        )


def badge(public: Public) -> str:
    """Return a badge in the form of shields.io's endpoints: how much is banned and flagged.

    A pack that is banned as a whole counts as one, beside its versions that are.
    """
    found = counts(public.rows)
    banned = found[BANNED] + sum(row.state == BANNED for row in public.rows)
    bad = {BANNED: banned, FLAGGED: found[FLAGGED]}
    parts = [f"{count:,} {name}" for name, count in bad.items() if count]
    message, colour = ", ".join(parts), "red" if banned else "orange"
    if not public.at:
        message, colour = "no poll yet", "lightgrey"
    elif not message and public.nothing_was_read:
        message, colour = "not read", "lightgrey"
    elif not public.rows:
        message, colour = "no packs", "lightgrey"
    elif not message:
        message, colour = "ok", "brightgreen"
    form = {
        "schemaVersion": 1,
        "label": "Comfy Registry",
        "message": message,
        "color": colour,
    }
    return json.dumps(form) + "\n"
