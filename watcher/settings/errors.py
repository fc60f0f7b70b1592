"""Validation errors as lines for people: the setting, what is wrong, what is allowed, where it came from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from watcher.settings import parsing
from watcher.settings.channel_tables import ChannelTable
from watcher.settings.install_tables import InstallTable
from watcher.settings.model import Settings
from watcher.text import mask

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_TABLES: Mapping[str, type[BaseModel]] = {
    "channels": ChannelTable,
    "installs": InstallTable,
}


def error_line(error: ErrorDetails, origins: Mapping[str, str]) -> str:
    """Return a line for one error; `origins` says where each setting came from."""
    setting, *inside = error["loc"] or ("channels",)
    parts = [
        f"entry {part + 1}" if isinstance(part, int) else _safe_name(part)
        for part in inside
    ]
    place = ", ".join([str(setting), *parts])
    return f"{place}: {_reason(error)} ({origins[str(setting)]})"


def unknown_line(name: str, origin: str) -> str:
    """Return a line for a setting that there is not."""
    return f"{_safe_name(name)}: {_unknown(name, Settings)} ({origin})"


def _reason(error: ErrorDetails) -> str:
    setting, *inside = error["loc"] or ("channels",)
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "missing":
            return "is required"
        case "extra_forbidden":
            name, table = str(inside[-1]), _TABLES[str(setting)]
            if name in Settings.model_fields:
                return f"this is a setting, not a key of a table; put the line above the first [[{setting}]]"
            return _unknown(name, table)
        case (
            "string_pattern_mismatch"
        ):  # a channel's name is the only one with a pattern
            allowed = "give up to 64 letters A to Z, digits, '.', '_' and '-', a letter or a digit first"
            return f"{mask.describe(error['input'])} is not a channel's name; {allowed}"
        case _:
            message = error["msg"].replace("Input should", "it must")
            return f"{mask.describe(error['input'])} is not allowed: {message}"


def _unknown(name: str, table: type[BaseModel]) -> str:
    close = parsing.suggest(name, table.model_fields)
    meant = f"did you mean {close}?" if close else None
    return f"unknown setting; {meant or 'known are ' + ', '.join(table.model_fields)}"


def _safe_name(name: str) -> str:
    """Return an unknown setting's name as it may be shown: what follows a colon in it may be a secret."""
    if name.isidentifier() and name.isascii():
        return name
    before, colon, _ = name.partition(":")
    return mask.describe(f"{before}:***" if colon and not mask.find_url(name) else name)
