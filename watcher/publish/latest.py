"""What other programs ask of the whole: the newest good version of each pack, and a badge. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from watcher.changes.facts import safe_version
from watcher.changes.transitions import node_url
from watcher.model.event_form import public_time
from watcher.model.version import ACTIVE, BANNED, FLAGGED, STATUSES, newest
from watcher.publish.public import Public
from watcher.state.overview import counts
from watcher.text.sanitize import escape_values


def latest(public: Public) -> str:
    """Return the newest good version of each pack, one a line; a pack of which none is known is left out."""
    lines = (
        f"{json.dumps(pack)}: {json.dumps(escape_values(facts))}"
        for pack, facts in sorted(_packs(public))
    )
    return '{"packs": {\n' + ",\n".join(lines) + "\n}}\n"


def _packs(public: Public) -> Iterator[tuple[str, dict[str, str | None]]]:
    for row in public.rows:
        node = public.state.snapshot.nodes.get(row.node.lower())
        good = node and safe_version(node, STATUSES, public.minimum_age)
        if node is None or not good or good.version is None:
            continue
        same = (
            one
            for one in node.listed
            if one.status == ACTIVE and one.version == good.version
        )
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
    """Return a badge in the form that shields.io reads: how much is banned and flagged. A banned pack counts as one."""
    found = counts(public.rows)
    bad = {
        BANNED: found[BANNED] + sum(row.state == BANNED for row in public.rows),
        FLAGGED: found[FLAGGED],
    }
    message, colour = "no poll yet", "lightgrey"
    if public.at:
        shown = [f"{count:,} {name}" for name, count in bad.items() if count]
        message = ", ".join(shown) or "ok"
        colour = "red" if bad[BANNED] else "yellow" if bad[FLAGGED] else "brightgreen"
    form = {
        "schemaVersion": 1,
        "label": "Comfy Registry",
        "message": message,
        "color": colour,
    }
    return json.dumps(form) + "\n"
