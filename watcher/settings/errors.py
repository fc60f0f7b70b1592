"""What is wrong with the settings, in lines: the setting, what is wrong, what is allowed, where it came from. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from watcher.settings import parsing
from watcher.text import mask

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingErrors:
    """Writes what a validation found.

    `origins` are where the settings came from, `known` all settings, `in_channels` the keys of a `[[channels]]` table,
    `channels` what those tables give as names, in order.
    """

    origins: Mapping[str, str]
    known: Collection[str]
    in_channels: Collection[str]
    channels: Sequence[object]

    def lines(self, error: ErrorDetails) -> list[str]:
        """Return a line for one refusal, or for each entry that it is about."""
        setting, *inside = error["loc"] or ("channels",)
        setting = str(setting)
        table = self._table(inside[0]) if inside else ""
        place = ", ".join([f"{setting}{table}", *map(str, inside[1:])])
        why = error.get("ctx", {}).get("error", "is not allowed")
        said = {0: str(why)}
        if error["type"] == "extra_forbidden":
            name = str(inside[-1]) if inside else setting
            place = f"{setting}{table}, {_shown(name)}" if inside else _shown(name)
            said = {0: self._unknown(name, in_table=bool(inside))}
        elif error["type"] == "missing":
            said = {0: "is required"}
        elif isinstance(why, parsing.EntriesError):
            said = dict(why.refused)
        origin = self.origins.get(setting, "unknown")
        return [f"{place}{f', entry {entry}' if entry else ''}: {what} ({origin})" for entry, what in said.items()]

    def _table(self, number: int | str) -> str:
        """Return a table's place, with its channel's name if it has one that can be shown."""
        place = int(number)
        name = self.channels[place] if place < len(self.channels) else ""
        named = isinstance(name, str) and parsing.CHANNEL_NAME.fullmatch(name)
        return f", entry {place + 1}{f' ({name})' if named else ''}"

    def _unknown(self, name: str, *, in_table: bool) -> str:
        if in_table and name in self.known:
            return "this is a setting, not a key of a channel; put the line above the first [[channels]]"
        known = self.in_channels if in_table else self.known
        close = parsing.suggest(name, known)
        return "unknown setting; " + (f"did you mean {close}?" if close else f"known are {', '.join(known)}")


def _shown(name: str) -> str:
    """Return a name that can be no setting's as it may be shown: what follows a colon in it may be a secret."""
    if name.isidentifier() and name.isascii():
        return name
    before, colon, _ = name.partition(":")
    return mask.describe(f"{before}:***" if colon and not mask.find_url(name) else name)
