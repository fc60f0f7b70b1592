"""The Markdown of the job's summary. Text from the registry is sanitized and stands in code, where nothing is markup.

Inside a code span of a table no text can end the span, the cell or the row, mention anybody, or become a link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.text.plural import plural
from watcher.text.sanitize import sanitize_line

_MOST_ROWS = 200
_MOST_COPIES = 3
_LOOKALIKES = str.maketrans({"`": "'", "|": "\uff5c", "\\": "\uff3c"})  # FULLWIDTH VERTICAL LINE, REVERSE SOLIDUS
_PAGE = re.compile(r"https://registry\.comfy\.org/nodes/[A-Za-z0-9._~%-]{1,300}")
_KIND = re.compile(r"[a-z]{1,30}")
_NAME, _TEXT = 100, 300


def summary(document: Mapping[str, Any], counts: Mapping[str, int]) -> str:
    """Return the summary of a poll: `document` is that of `check --json`, `counts` its events by kind, worst first."""
    nodes, alerts = document["nodes"], document["alerts"]
    said = [f"{nodes['checked']} of {nodes['watched']} node packs checked"]
    words = {"delivered": "delivered", "unconfirmed": "unconfirmed", "pending": "undelivered", "expired": "expired"}
    said += [f"{plural(alerts[what], 'alert')} {word}" for what, word in words.items() if alerts[what]]
    lines = [f"### Comfy Watch: {title(counts)}", "", f"{', '.join(said)}.", ""]
    if events := document["events"]:
        head: tuple[str, ...] = ("", "node pack", "version", "safe version", "why", "")
        rows = [_row(event) for event in events]
        if any(event.get("installed") for event in events):
            head = (*head[:3], "you run", *head[3:])
            rows = [(*row[:3], _runs(event), *row[3:]) for row, event in zip(rows, events, strict=True)]
        lines += _table(head, rows)
    if errors := document["errors"]:
        rows = [(quoted(error["node"], _NAME), quoted(error["error"], _TEXT)) for error in errors]
        lines += _table(("could not be checked", "why"), rows)
    return "\n".join(lines) + "\n"


def title(counts: Mapping[str, int]) -> str:
    """Return the events in words: `1 banned, 2 new`."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing new"


def quoted(text: object, limit: int) -> str:
    """Return untrusted text as code of at most `limit` characters; "" for None and what shows as nothing."""
    line = "" if text is None else sanitize_line(str(text), limit).translate(_LOOKALIKES)
    return f"`{line}`" if line else ""


def plain(text: object, limit: int = _NAME) -> str:
    """Return untrusted text for an annotation, which has no markup."""
    return sanitize_line(str(text), limit)


def kind_of(event: Mapping[str, Any]) -> str:
    """Return the event's kind; `unknown` for what can be none."""
    kind = str(event["kind"])
    return kind if _KIND.fullmatch(kind) else "unknown"


def _row(event: Mapping[str, Any]) -> tuple[str, ...]:
    kind, url = kind_of(event), str(event["url"])
    about = event["node"] or event.get("channel") or event.get("install") or "the registry"
    safe = event.get("safe_version", "")
    changes = "; ".join(f"{one['field']}: {one['before']} → {one['after']}" for one in event["changes"])
    return (
        f"**{kind}**" if event["severity"] == "critical" else kind,
        quoted(about, _NAME),
        quoted(event["version"], _NAME),
        "none" if safe is None else quoted(safe, _NAME),
        quoted(event["reason"] or changes, _TEXT),
        f"[registry]({url})" if _PAGE.fullmatch(url) else "",
    )


def _runs(event: Mapping[str, Any]) -> str:
    """Return which versions of the event's node pack are run, and where; "" for none."""
    copies = [copy for copy in event.get("installed", ()) if copy["enabled"]]
    shown = [f"{quoted(copy['version'], _NAME) or 'a clone'} on {quoted(copy['install'], _NAME)}" for copy in copies]
    more = f" and {len(shown) - _MOST_COPIES} more" if len(shown) > _MOST_COPIES else ""
    return ", ".join(shown[:_MOST_COPIES]) + more


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    shown = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows[:_MOST_ROWS])]
    more = [f"And {len(rows) - _MOST_ROWS} more.", ""] if len(rows) > _MOST_ROWS else []
    return [*shown, "", *more]
