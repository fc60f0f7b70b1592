"""The commands to paste about an installed pack that is bad: comfy-cli's, or one that moves its folder away. Pure.

Of text from outside only ids, versions and names of folders are in them, and only such as every output shows as it is:
nothing may be changed about a command. So there is none for an odd name.
"""

from __future__ import annotations

import re
import shlex

from watcher.model.version import SafeVersion
from watcher.text.sanitize import sanitize_line

Typed = tuple[str, ...]
"""The words of a command, quoted for a POSIX shell; () where there is none."""

_AND = "&&"
_FIRST_OF_MOVE = "mkdir"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION = re.compile(r"[vV]?[0-9][A-Za-z0-9._+-]{0,99}")
_FOLDER = re.compile(
    r"(?:\.disabled/)?(?P<name>(?=.*[A-Za-z0-9])[A-Za-z0-9._+() -]{1,100}?)"
    r"(?:@(?:[0-9][A-Za-z0-9_+-]{0,60}|nightly|unknown))?(?:\.disabled)?"
)
"""The name of a disabled pack has the Manager's marks, and its version with `_` for `.`."""


def commands_for(
    by_id: str | None,
    folder: str | None,
    good: SafeVersion | None,
    *,
    removes: bool,
    place: str = "",
) -> tuple[Typed, ...]:
    """Return what to type about a bad copy, one command after the other; () where there is none.

    `by_id` is its id if comfy-cli handles it by that; `folder` is its name in the folder of packs, and `place` the
    path of that. `good` is the newest good version, None if that is not known. With `removes` it has to go first.
    """
    if by_id is not None:
        typed = _by_comfy_cli(by_id, good, removes=removes)
        if typed or not removes:
            return typed
    # What its good version is in a clone, nobody can say.
    is_known = removes or good is not None
    moves = _move_away(folder, place) if folder and is_known else ()
    return (moves,) if moves else ()


def are_for_the_folder(commands: tuple[Typed, ...]) -> bool:
    """Return whether commands have to be typed in the folder of packs."""
    return commands[0][0] == _FIRST_OF_MOVE


def in_one_line(commands: tuple[Typed, ...]) -> str:
    """Return commands as they are typed one after the other; "" for none."""
    return f" {_AND} ".join(" ".join(words) for words in commands)


def _by_comfy_cli(
    name: str, good: SafeVersion | None, *, removes: bool
) -> tuple[Typed, ...]:
    """Return what comfy-cli has to do about a node pack: move to the good version, or disable it if there is none."""
    if not _is_plain(name, _ID):
        return ()
    comfy = ("comfy", "node")
    version = good.version if good else None
    found = [(*comfy, "uninstall", name)] if removes else []
    if version and _is_plain(version, _VERSION):
        found.append((*comfy, "install", f"{name}@{version}"))
    elif good and version is None and not removes:
        found.append((*comfy, "disable", name))
    return tuple(found)


def _move_away(folder: str, place: str) -> Typed:
    """Return the command that moves a pack beside its folder of packs, where ComfyUI loads nothing.

    Without the path of that folder, `place`, it is for a shell that is in it. `mkdir` fails where there is something
    already, so nothing is overwritten.
    """
    found = _FOLDER.fullmatch(folder)
    if not found or sanitize_line(found["name"]) != found["name"]:
        return ()
    base = folder.rpartition("/")[2]
    away = shlex.quote(f"../{base}.removed")
    moves = (_FIRST_OF_MOVE, away, _AND, "mv", shlex.quote(f"./{folder}"), away)
    return ("cd", shlex.quote(place), _AND, *moves) if place else moves


def _is_plain(text: str, form: re.Pattern[str]) -> bool:
    return bool(form.fullmatch(text)) and sanitize_line(text) == text
