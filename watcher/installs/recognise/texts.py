"""Documents and texts that others wrote, decoded within bounds. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sized
from urllib.parse import urlsplit

from watcher.text.json_limits import too_dense

YAML = (".yaml", ".yml")
"""How the names of files in YAML end."""
YAML_LIMIT = 128 * 1024
"""Bytes; real files have less than half of it. The worst of this size take the parser a few seconds."""


def load(data: bytes, name: str = "") -> object:
    """Return what a file of JSON holds, or of YAML by its name; ValueError with the reason if it cannot be read.

    TooMuchError if it holds more values than anybody's list has.
    """
    if name.lower().endswith(YAML):
        return _load_yaml(data)
    encoding = json.detect_encoding(data)
    if encoding != "utf-8":  # Windows also writes UTF-16
        data = data.decode(encoding, "replace").encode()
    if too_dense(data):
        raise TooMuchError("holds too many values")
    try:
        # RecursionError: a file of brackets, which the parser follows down.
        document: object = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None
    return document


def _load_yaml(data: bytes) -> object:
    """Return the document, every scalar as its text."""
    require_small(data, YAML_LIMIT)
    import yaml

    try:
        # This loader shares what an alias names, and takes nothing over by `<<`: a few aliases cannot fill the memory.
        document: object = yaml.load(data.decode("utf-8-sig"), yaml.BaseLoader)  # noqa: S506 - it makes texts only
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ValueError("is not YAML that can be read") from None
    return document


def table(value: object) -> dict[str, object]:
    """Return a JSON object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Return a JSON array; an empty one for anything else."""
    return value if isinstance(value, list) else []


_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_GITHUB = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
_NO_VERSION = frozenset({"latest", "nightly", "unknown"})
MOST = 5_000
"""Entries of one list, or of one folder: about ten times those of the largest installs."""
_LONGEST_VERSION = 100
_LONGEST_ADDRESS = 500


class TooMuchError(ValueError):
    """Something holds more than is read. Its text says what, after a name."""


def pack_id(value: object) -> str | None:
    """Return a pack's id as it is written, without white space around it; None for what can be none."""
    text = value.strip() if isinstance(value, str) else ""
    return text if _ID.fullmatch(text) else None


def version(value: object) -> str | None:
    """Return a version as it is written; None for what is no text, empty or longer than any version is."""
    text = value.strip() if isinstance(value, str) else ""
    return valid(text) if 0 < len(text) <= _LONGEST_VERSION else None


def wanted(value: object) -> tuple[str | None, bool]:
    """Return the version that a reference names, and whether it means whichever is the newest: none, or a word for it.

    What cannot be read is neither: to be judged by the newest would be to pass for fine.
    """
    text = version(value)
    is_newest = not value or (text or "").lower() in _NO_VERSION
    return None if is_newest else text, is_newest


def commit(value: object) -> str | None:
    """Return a commit's whole hash; None for anything else."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if _COMMIT.fullmatch(text) else None


def address(value: object) -> str | None:
    """Return a repository's address without a login, a query or a fragment; None for what is none."""
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST_ADDRESS:
        return None
    if "://" not in text:
        # `git@host:path`: git's own user is no secret, any other may be a login.
        login, at, rest = text.rpartition("@")
        return valid(text if not at or login == "git" else rest)
    try:
        parts = urlsplit(text)
        # ValueError for a port that is no number: it may be part of a password with a slash in it.
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    # urlsplit drops line ends and control characters: a text that has some is no address.
    if not parts.scheme or not text.lower().startswith(f"{parts.scheme}://"):
        return None
    host = (
        f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    )
    return valid(parts._replace(netloc=f"{host}{port}", query="", fragment="").geturl())


def is_github(name: str) -> bool:
    """Return whether a text names a repository as `author/repo`."""
    return _GITHUB.fullmatch(name) is not None


def github(name: object) -> str | None:
    """Return the address of a repository that is named as `author/repo`, or by its address."""
    text = name.strip() if isinstance(name, str) else ""
    return f"https://github.com/{text}" if is_github(text) else address(name)


def require_small(data: Sized, limit: int) -> None:
    """Raise TooMuchError if a file has more bytes than are read."""
    if len(data) > limit:
        raise TooMuchError(f"is larger than {limit // 1024} KB, which is not read")


def require_few(entries: Sized) -> None:
    """Raise TooMuchError if there are more entries than anybody has."""
    if len(entries) > MOST:
        raise TooMuchError(f"has more than {MOST:,} packs")


def last_part(repository: str) -> str:
    """Return the last part of a repository's address, without `.git`: what a clone's folder is usually called."""
    return (
        re.split(r"[/:\\]", repository.rstrip("/\\"))[-1].removesuffix(".git")
        or repository
    )


def valid(text: str) -> str:
    """Return a text that can be written as UTF-8: a file's name may have bytes that are no text."""
    return text.encode("utf-8", "replace").decode()
