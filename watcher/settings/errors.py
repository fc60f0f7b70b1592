"""Validation errors as lines for people: the setting, what is wrong, what is allowed, where it came from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from watcher.settings import parsing
from watcher.settings.accept_tables import AcceptTable
from watcher.settings.channel_tables import ChannelTable
from watcher.settings.install_tables import InstallTable
from watcher.settings.model import Settings
from watcher.text import mask

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_OF_NUMBERS: Mapping[str, str] = {
    "greater_than_equal": "out of range",
    "less_than_equal": "out of range",
    "int_parsing": "not a whole number",
    "int_from_float": "not a whole number",
    "int_type": "not a whole number",
    "int_parsing_size": "out of range",
    "finite_number": "not a whole number",
}
"""What is wrong with a number, by the type of pydantic's error."""
_TABLES: Mapping[str, type[BaseModel]] = {
    "accept": AcceptTable,
    "channels": ChannelTable,
    "installs": InstallTable,
}


def error_lines(error: ErrorDetails, origins: Mapping[str, str]) -> list[str]:
    """Return the lines of one error, one for each wrong entry of a list; `origins` says where each setting is from."""
    setting, *inside = error["loc"] or ("channels",)
    parts = [
        f"entry {part + 1}" if isinstance(part, int) else _safe_name(part)
        for part in inside
    ]
    place = ", ".join([str(setting), *parts])
    origin = origins[str(setting)]
    refusal = error.get("ctx", {}).get("error")
    if isinstance(refusal, parsing.EntriesError):
        return [
            f"{place}, entry {number}: {why} ({origin})"
            for number, why in refusal.reasons.items()
        ]
    return [f"{place}: {_reason(error)} ({origin})"]


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
            return _unknown(str(inside[-1]), _TABLES[str(setting)])
        case (
            "string_pattern_mismatch"
        ):  # a channel's name is the only one with a pattern
            allowed = "give up to 64 letters A to Z, digits, '.', '_' and '-', a letter or a digit first"
            return f"{mask.describe(error['input'])} is not a channel's name; {allowed}"
        case "literal_error" | "enum":
            allowed = error["ctx"]["expected"]
            return f"{mask.describe(error['input'])} is not allowed; give {allowed}"
        case "bool_parsing" | "bool_type":
            return f"{mask.describe(error['input'])} is not allowed; give true or false"
        case "model_type":
            return (
                f"{mask.describe(error['input'])} is not a table; write [[{setting}]]"
            )
        case kind if kind in _OF_NUMBERS:
            allowed = _range(Settings.model_fields[str(setting)])
            return f"{mask.describe(error['input'])} is {_OF_NUMBERS[kind]}; give {allowed}"
        case _:
            message = error["msg"].replace("Input should", "it must")
            return f"{mask.describe(error['input'])} is not allowed: {message}"


def _range(field: FieldInfo) -> str:
    """Return the bounds of a number's setting: "0 to 20"."""
    low, high = (
        next(getattr(rule, bound) for rule in field.metadata if hasattr(rule, bound))
        for bound in ("ge", "le")
    )
    return f"{low:g} to {high:g}"


def _unknown(name: str, table: type[BaseModel]) -> str:
    close = parsing.suggest(name, table.model_fields)
    if name in Settings.model_fields:
        return "unknown setting in a table; put it above the first line that begins with [["
    meant = f"did you mean {close}?" if close else None
    return f"unknown setting; {meant or 'known are ' + ', '.join(table.model_fields)}"


def _safe_name(name: str) -> str:
    """Return an unknown setting's name as it may be shown: what follows a colon in it may be a secret."""
    if name.isidentifier() and name.isascii():
        return name
    before, colon, _ = name.partition(":")
    return mask.describe(f"{before}:***" if colon and not mask.find_url(name) else name)
