"""Node ids as people type them: an id, or a pack's URL on registry.comfy.org; globs over ids; ids with a version. Pure.

Each function raises `parsing.EntriesError` for invalid entries (docs/behaviour.md, Settings).
"""

from __future__ import annotations

import re

from watcher.model.selection import is_glob, split
from watcher.settings.parsing import read_each, split_list
from watcher.text.mask import describe, find_url, is_visible

_LONGEST = 100
_LONGEST_GLOB = 200
_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST - 1}}}")
_PACK_URL = re.compile(
    r"(?:https?://)?registry\.comfy\.org/(?:[^?#]*/)?nodes/([^/?#]+)/*(?:[?#].*)?",
    re.IGNORECASE,
)
_GLOB = re.compile(r"!?(?:[A-Za-z0-9._*?-]|\[!?[A-Za-z0-9._-]+\])+")
"""A glob that an id could match."""


def read(value: object) -> tuple[str, ...]:
    """Return node ids, a pack's URL as its id; each once, whatever its case, in its first spelling."""
    return _once(read_each(split_list(value), _id))


def read_watched(value: object) -> tuple[str, ...]:
    """Return node ids, as `read`, and globs over ids, in their order; ValueError for globs that only leave out."""
    entries = read_more(value)
    chosen = split(entries)
    if chosen.globs and not chosen.chooses:
        raise ValueError(
            f"'{chosen.globs[0]}' leaves out node packs, but no pattern includes any; add '*'"
        )
    return entries


def read_more(value: object) -> tuple[str, ...]:
    """Return node ids and globs, as `read_watched`, to add to others: they may leave out what those include."""
    return _once(read_each(split_list(value), _id_or_glob))


def read_globs(value: object) -> tuple[str, ...]:
    """Return ids or globs over ids, each once, whatever its case, in its first spelling."""
    return _once(read_each(split_list(value), _glob))


def read_accepted(value: object) -> tuple[str, ...]:
    """Return findings that are accepted, as `pack@1.2.0`, each once."""
    return tuple(dict.fromkeys(read_each(split_list(value), _finding)))


def _finding(item: object) -> str:
    text = item.strip() if isinstance(item, str) else ""
    node, _, version = text.rpartition("@")
    if (
        not _ID.fullmatch(node)
        or not version
        or len(version) > _LONGEST
        or not is_visible(version)
        or " " in version
    ):
        raise ValueError(
            f"{describe(item)} is not a finding; give the id of a pack and a version of it, e.g. rgthree-comfy@1.0.3"
        )
    return text


def _once(found: list[str]) -> tuple[str, ...]:
    ids: dict[str, str] = {}
    for node in found:
        ids.setdefault(node.lower(), node)
    return tuple(ids.values())


def _id(item: object) -> str:
    text = _bare(_text(item, "a node id"))
    if is_glob(text):
        raise ValueError(
            f"{describe(text)} is a pattern, which is not allowed here; give each node pack's id"
        )
    return _checked(text)


def _id_or_glob(item: object) -> str:
    text = _bare(_text(item, "a node id"))
    if not is_glob(text):
        return _checked(text)
    if len(text) > _LONGEST_GLOB:
        raise ValueError(
            f"{describe(text)} is not a pattern; at most {_LONGEST_GLOB} characters are allowed"
        )
    if not _GLOB.fullmatch(text):
        raise ValueError(
            f"{text[:60]!a} is a pattern that no node id can match; letters A to Z, digits, '.', '_', '-', '*', '?' and"
            " '[a-z]' are allowed, and '!' first to leave out"
        )
    return text


def _bare(text: str) -> str:
    """Return the id in a pack's URL, and any other text as it is; ValueError for another URL or a path."""
    if url := _PACK_URL.fullmatch(text):
        return url[1]
    if find_url(text) or "/" in text:
        raise ValueError(
            f"{describe(text)} is not a node id; give the last part of the pack's URL on registry.comfy.org,"
            " e.g. rgthree-comfy"
        )
    return text


def _checked(text: str) -> str:
    """Return an id as it is; ValueError if it can be none."""
    if len(text) > _LONGEST:
        raise ValueError(
            f"{describe(text)} is not a node id; at most {_LONGEST} characters are allowed"
        )
    if not _ID.fullmatch(text):
        raise ValueError(
            f"{text[:60]!a} is not a node id; letters A to Z, digits, '.', '_' and '-' are allowed,"
            " a letter or a digit first"
        )
    return text


def _glob(item: object) -> str:
    what = "a node id or glob"
    text = _text(item, what)
    if find_url(text):
        raise ValueError(
            f"{describe(text)} is not {what}; give the id, e.g. rgthree-comfy, not a URL"
        )
    if len(text) > _LONGEST_GLOB:
        raise ValueError(
            f"{describe(text)} is not {what}; at most {_LONGEST_GLOB} characters are allowed"
        )
    if not is_visible(text) or " " in text:
        raise ValueError(
            f"{text[:60]!a} is not {what}; spaces and invisible characters are not allowed"
        )
    return text


def _text(item: object, what: str) -> str:
    text = item.strip() if isinstance(item, str) else ""
    if not text:
        given = "an empty string" if isinstance(item, str) else describe(item)
        raise ValueError(f"{given} is not {what}; give a string, e.g. 'rgthree-comfy'")
    return text
