"""YAML of an install, read as texts, lists and tables only."""

from __future__ import annotations

from watcher.installs.recognise.texts import TooMuchError

LIMIT = 128 * 1024
"""Bytes; real files have less than half of it. The worst of this size take the parser a few seconds."""


def load(data: bytes) -> object:
    """Return the document, every scalar as its text; ValueError with the reason if it cannot be read."""
    if len(data) > LIMIT:
        raise TooMuchError(f"is larger than {LIMIT // 1024} KB, which is not read")
    import yaml

    try:
        # This loader shares what an alias names, and takes nothing over by `<<`: a few aliases cannot fill the memory.
        document: object = yaml.load(data.decode("utf-8-sig"), yaml.BaseLoader)  # noqa: S506 - it makes texts only
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("is not YAML that can be read") from None
    return document
