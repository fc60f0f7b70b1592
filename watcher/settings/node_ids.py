"""Ids as people type them, of packs and publishers: an id, or its URL on registry.comfy.org; globs. Pure.

Each function raises ValueError with what is wrong with each entry (docs/behaviour.md, Settings).
"""

from __future__ import annotations

import re

from watcher.model.selection import NODE_ID, is_glob
from watcher.settings.parsing import read_each, split_list
from watcher.text.mask import describe, find_url

_SITE = r"(?:https?://)?registry\.comfy\.org/(?:[^?#]*/)?"
_PACK_URL = re.compile(_SITE + r"nodes/([^/?#]+)/*(?:[?#].*)?", re.IGNORECASE)
_PUBLISHER_URL = re.compile(_SITE + r"publishers/([^/?#]+)/*(?:[?#].*)?", re.IGNORECASE)
_GLOB = re.compile(r"!?(?:[A-Za-z0-9._*?-]|\[!?[A-Za-z0-9._-]+\]){1,200}")
"""A glob that an id could match."""


def read(value: object) -> tuple[str, ...]:
    """Return node ids, a pack's URL as its id; each once, whatever its case, in its first spelling."""
    return _once(read_each(split_list(value), _id))


def read_watched(value: object) -> tuple[str, ...]:
    """Return node ids, as `read`, and globs over ids, in their order."""
    return _once(read_each(split_list(value), id_or_glob))


def read_globs(value: object) -> tuple[str, ...]:
    """Return ids, and globs that include, each once, whatever its case, in its first spelling."""
    return _once(read_each(split_list(value), _including))


def read_publishers(value: object) -> tuple[str, ...]:
    """Return ids of publishers, a URL as its id and without the `@` of one; each once, in its first spelling."""
    return _once(read_each(split_list(value), _publisher))


def _publisher(item: object) -> str:
    text = item.strip() if isinstance(item, str) else ""
    if url := _PUBLISHER_URL.fullmatch(text):
        text = url[1]
    text = text.removeprefix("@")
    if not NODE_ID.fullmatch(text):
        raise ValueError(
            f"{describe(item)} is not the id of a publisher; give the last part of the publisher's URL on"
            " registry.comfy.org"
        )
    return text


def _once(found: list[str]) -> tuple[str, ...]:
    ids: dict[str, str] = {}
    for node in found:
        ids.setdefault(node.lower(), node)
    return tuple(ids.values())


def _id(item: object) -> str:
    text = id_or_glob(item)
    if is_glob(text):
        raise ValueError(
            f"{describe(text)} is a pattern, which is not allowed here; give each pack's id"
        )
    return text


def _including(item: object) -> str:
    text = id_or_glob(item)
    if text.startswith("!"):
        raise ValueError(
            f"{describe(text)} leaves out packs, which is not possible here"
        )
    return text


def id_or_glob(item: object) -> str:
    """Return an id, a pack's URL as its id, or a glob."""
    text = item.strip() if isinstance(item, str) else ""
    if url := _PACK_URL.fullmatch(text):
        text = url[1]
    if is_glob(text) and not find_url(text):
        if not _GLOB.fullmatch(text):
            raise ValueError(
                f"{describe(text)} is a pattern that no id can match; letters A to Z, digits, '.', '_', '-', '*',"
                " '?' and '[a-z]' are allowed, and '!' first to leave out"
            )
    elif not NODE_ID.fullmatch(text):
        raise ValueError(
            f"{describe(item)} is not the id of a pack; give the last part of the pack's URL on registry.comfy.org,"
            " e.g. rgthree-comfy"
        )
    return text
