"""JSON Schemas (draft 2020-12) of the files in the state folder, shipped with the package."""

from __future__ import annotations

from importlib.resources import files

NAMES = ("snapshot", "outbox", "checks", "addresses", "history", "retry")
"""Each is the name of a file without its ending; `history` describes a line."""


def schema(name: str) -> str:
    """Return the schema of that name as JSON text."""
    return files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
