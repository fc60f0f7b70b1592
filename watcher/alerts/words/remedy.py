"""What to do about an installed pack, in a few words. Pure."""

from __future__ import annotations

import re

from watcher.alerts.words.differences import Words
from watcher.model.version import BANNED, DELETED, FLAGGED, PENDING
from watcher.text.malware import names_malware
from watcher.text.sanitize import Trusted

_BAD = frozenset({FLAGGED, DELETED, "deprecated", "delisted"})
_MILD = frozenset({PENDING, "outdated"})
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def instead(verdict: str, safe_version: str | None) -> Words:
    """Return what to do about a pack that a workflow names, as `remedy`: nobody need have installed it."""
    if verdict in {*_BAD, BANNED} and safe_version is None:
        return (Trusted("do not install it: no safe version"),)
    if verdict in {*_BAD, *_MILD, BANNED} and safe_version:
        return Trusted("install "), safe_version, Trusted(" instead")
    return (Trusted("do not install it"),) if verdict == BANNED else ()


def remedy(
    verdict: str, safe_version: str | None, reason: str = "", *, enabled: bool = True
) -> Words:
    """Return what to do about an installed pack, by its verdict; () where nothing is to be done, or it is not known.

    `safe_version` is as in an event: None if there is none, "" if that is not known. A disabled copy need not be
    replaced.
    """
    if verdict == BANNED:
        words: Words = (Trusted("remove it"),)
        if enabled and safe_version is None:
            words = (Trusted("no safe version: remove it"),)
        elif enabled and safe_version:
            words = (Trusted("remove it first, then move to "), safe_version)
        if names_malware(reason):
            words += (
                Trusted("; change the passwords and keys that this machine held"),
            )
        return words
    if verdict in _BAD and not enabled:
        return (Trusted("remove it, or leave it disabled"),)
    if verdict in _BAD and safe_version is None:
        return (Trusted("no safe version: disable or remove it"),)
    if verdict in {*_BAD, *_MILD} and enabled and safe_version:
        return Trusted("move to "), safe_version
    return ()


def commands(
    pack: str, verdict: str, safe_version: str | None, *, enabled: bool
) -> tuple[str, ...]:
    """Return the commands of comfy-cli that do what `remedy` says of a pack from the registry; () where there are none.

    Text from outside that a shell could take for more than a word is no part of a command.
    """
    if not _WORD.fullmatch(pack) or (
        safe_version and not _WORD.fullmatch(safe_version)
    ):
        return ()
    install = (
        (f"comfy node install {pack}@{safe_version}",)
        if enabled and safe_version
        else ()
    )
    if verdict == BANNED:
        return (f"comfy node uninstall {pack}", *install)
    if verdict in _BAD and enabled and safe_version is None:
        return (f"comfy node disable {pack}",)
    return install if verdict in {*_BAD, *_MILD} else ()
