"""Validation errors as lines for people: the setting, what is wrong, what is allowed, where it came from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from watcher.settings import parsing
from watcher.settings.channel_tables import ChannelTable
from watcher.settings.install_tables import InstallTable
from watcher.settings.model import Settings
from watcher.text import mask

_TABLES: Mapping[str, type[BaseModel]] = {
    "channels": ChannelTable,
    "installs": InstallTable,
}
_OF_TABLES = {"channels": "a channel", "installs": "an install"}

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def error_lines(
    error: ErrorDetails,
    origins: Mapping[str, str],
    names: Mapping[str, Sequence[object]],
) -> list[str]:
    """Return a line for one error, or for each list entry that it is about.

    `origins` says where each setting came from, `names` what each `[[channels]]` and each
    `[[installs]]` table has as its name.
    """
    setting, *inside = error["loc"] or ("channels",)
    setting = str(setting)
    table = _table(int(inside[0]), names.get(setting, ())) if inside else ""
    place = ", ".join([f"{setting}{table}", *map(str, inside[1:])])
    why = error.get("ctx", {}).get("error", "is not allowed")
    problems = {0: str(why)}
    if error["type"] == "extra_forbidden":
        name = str(inside[-1]) if inside else setting
        place = f"{setting}{table}, {_safe_name(name)}" if inside else _safe_name(name)
        problems = {0: _unknown(name, setting if inside else "")}
    elif error["type"] == "missing":
        problems = {0: "is required"}
    elif isinstance(why, parsing.EntriesError):
        problems = dict(why.refused)
    origin = origins.get(setting, "unknown")
    return [
        f"{place}{f', entry {entry}' if entry else ''}: {what} ({origin})"
        for entry, what in problems.items()
    ]


def _table(number: int, names: Sequence[object]) -> str:
    """Return a table's place, with its name if that is valid."""
    name = names[number] if number < len(names) else ""
    named = isinstance(name, str) and parsing.CHANNEL_NAME.fullmatch(name)
    return f", entry {number + 1}{f' ({name})' if named else ''}"


def _unknown(name: str, table: str) -> str:
    if table and name in Settings.model_fields:
        return f"this is a setting, not a key of {_OF_TABLES[table]}; put the line above the first [[{table}]]"
    known = (_TABLES[table] if table else Settings).model_fields
    close = parsing.suggest(name, known)
    return "unknown setting; " + (
        f"did you mean {close}?" if close else f"known are {', '.join(known)}"
    )


def _safe_name(name: str) -> str:
    """Return an unknown setting's name as it may be shown: what follows a colon in it may be a secret."""
    if name.isidentifier() and name.isascii():
        return name
    before, colon, _ = name.partition(":")
    return mask.describe(f"{before}:***" if colon and not mask.find_url(name) else name)
