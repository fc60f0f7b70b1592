"""YAML of an install, read as texts, lists and tables only. An alias is refused: a few can fill the memory."""

from __future__ import annotations

LIMIT = 128 * 1024
"""Bytes; real files have less than half of it. The worst of this size take the parser a few seconds."""


def load(data: bytes) -> object:
    """Return the document, every scalar as its text; ValueError with the reason if it cannot be read."""
    if len(data) > LIMIT:
        raise ValueError(f"is larger than {LIMIT // 1024} KB, which is not read")
    import yaml

    class Loader(yaml.BaseLoader):  # type: ignore[misc]  # published without type hints
        """Refuses aliases."""

        def compose_node(self, parent: object, index: object) -> object:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("an alias")
            return super().compose_node(parent, index)

    try:
        document: object = yaml.load(data.decode("utf-8-sig"), Loader)  # noqa: S506 - the loader makes nothing but texts, lists and tables
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("is not YAML that can be read") from None
    return document
