"""JSON Schemas (2020-12) of the state folder's files, and of what commands print and a webhook gets."""

from __future__ import annotations

from importlib.resources import files

FILES = ("snapshot", "outbox", "checks", "addresses", "history", "installs", "retry")
"""Each is the name of a file without its ending; `history` describes a line."""
NAMES = (*FILES, "check", "audit", "versions", "webhook")


def schema(name: str) -> str:
    """Return the schema of that name as JSON text."""
    return files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
