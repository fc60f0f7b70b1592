"""What to do about an installed pack, in a few words. Pure."""

from __future__ import annotations

import re

from watcher.alerts.words.differences import Words
from watcher.model.version import BANNED, DELETED, FLAGGED, PENDING, SafeVersion
from watcher.text.malware import names_malware
from watcher.text.sanitize import Trusted

_BAD = frozenset({FLAGGED, DELETED, "deprecated", "delisted"})
_MILD = frozenset({PENDING, "outdated"})
_NONE = SafeVersion(None)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def instead(verdict: str, safe: SafeVersion | None) -> Words:
    """Return what to do about a pack that a workflow names, as `remedy`: nobody need have installed it."""
    if verdict in {*_BAD, BANNED} and safe == _NONE:
        return (Trusted("do not install it: no safe version"),)
    if verdict in {*_BAD, *_MILD, BANNED} and safe and safe.version:
        return Trusted("install "), safe.version, Trusted(" instead")
    return (Trusted("do not install it"),) if verdict == BANNED else ()


def remedy(
    verdict: str,
    safe: SafeVersion | None,
    reason: str = "",
    *,
    enabled: bool = True,
) -> Words:
    """Return what to do about an installed pack, by its verdict; () where nothing is to be done, or it is not known.

    `safe` is None if the version to move to is not known. A disabled copy need not be replaced.
    """
    if verdict == BANNED:
        words: Words = (Trusted("remove it"),)
        if enabled and safe == _NONE:
            words = (Trusted("no safe version: remove it"),)
        elif enabled and safe and safe.version:
            words = (Trusted("remove it first, then move to "), safe.version)
        if names_malware(reason):
            words += (
                Trusted("; change the passwords and keys that this machine held"),
            )
        return words
    if verdict in _BAD and not enabled:
        return (Trusted("remove it, or leave it disabled"),)
    if verdict in _BAD and safe == _NONE:
        return (Trusted("no safe version: disable or remove it"),)
    if verdict in {*_BAD, *_MILD} and enabled and safe and safe.version:
        return Trusted("move to "), safe.version
    return ()


def commands(
    pack: str, verdict: str, safe: SafeVersion | None, *, enabled: bool
) -> tuple[str, ...]:
    """Return the commands of comfy-cli that do what `remedy` says of a pack from the registry; () where there are none.

    Text from outside that a shell could take for more than a word is no part of a command.
    """
    version = safe.version if safe else None
    if not _WORD.fullmatch(pack) or (version and not _WORD.fullmatch(version)):
        return ()
    install = (f"comfy node install {pack}@{version}",) if enabled and version else ()
    if verdict == BANNED:
        return (f"comfy node uninstall {pack}", *install)
    if verdict in _BAD and enabled and safe == _NONE:
        return (f"comfy node disable {pack}",)
    return install if verdict in {*_BAD, *_MILD} else ()
