"""YAML of an install, read as texts, lists and tables only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node

LIMIT = 128 * 1024
"""Bytes; real files have less than half of it. The worst of this size take the parser a few seconds."""

_MOST_NODES = 200_000
"""With all aliases written out: more than any file of that size has without one. A few aliases can fill the memory."""
_MERGE = "<<"


def load(data: bytes) -> object:
    """Return the document, every scalar as its text; ValueError with the reason if it cannot be read."""
    if len(data) > LIMIT:
        raise ValueError(f"is larger than {LIMIT // 1024} KB, which is not read")
    import yaml

    try:
        root = yaml.compose(data.decode("utf-8-sig"), yaml.BaseLoader)
        return _Built().value(root) if root is not None else None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("is not YAML that can be read") from None


class _Built:
    """A document that is built from its nodes; ValueError if it has too many, or one that leads to itself."""

    def __init__(self) -> None:
        self._left = _MOST_NODES

    def value(self, node: Node) -> object:
        """Return what a node stands for."""
        self._left -= 1
        if self._left < 0:
            raise ValueError
        match node.id:
            case "scalar":
                return node.value
            case "sequence":
                return [self.value(one) for one in node.value]
            case _:
                return self._table(node)

    def _table(self, node: MappingNode) -> dict[str, object]:
        """Return a table, with what it takes over from others (`<<: *other`) where it says nothing itself."""
        own: dict[str, object] = {}
        taken: dict[str, object] = {}
        for key, of in node.value:
            if key.id != "scalar":
                raise ValueError
            if key.value == _MERGE and key.style is None:
                for other in of.value if of.id == "sequence" else [of]:
                    if other.id != "mapping":
                        raise ValueError
                    for name, value in self._table(other).items():
                        taken.setdefault(name, value)
            else:
                own[key.value] = self.value(of)
        self._left -= len(taken)
        return {**taken, **own}
