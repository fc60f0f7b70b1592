"""What to do about an installed pack, in a few words. Pure."""

from __future__ import annotations

from watcher.alerts.words.differences import Words
from watcher.model.version import BANNED, DELETED, FLAGGED
from watcher.text.malware import names_malware
from watcher.text.sanitize import Trusted

_BAD = frozenset({FLAGGED, DELETED, "deprecated", "delisted"})
_OUTDATED = "outdated"


def instead(verdict: str, safe_version: str | None) -> Words:
    """Return what to do about a pack that a workflow names, as `remedy`: nobody need have installed it."""
    if verdict in {*_BAD, BANNED} and safe_version is None:
        return (Trusted("do not install it: no safe version"),)
    if verdict in {*_BAD, BANNED, _OUTDATED} and safe_version:
        return Trusted("install "), safe_version, Trusted(" instead")
    return (Trusted("do not install it"),) if verdict == BANNED else ()


def remedy(verdict: str, safe_version: str | None, reason: str = "", *, enabled: bool = True) -> Words:
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
            words += (Trusted("; change the passwords and keys that this machine held"),)
        return words
    if verdict in _BAD and not enabled:
        return (Trusted("remove it, or leave it disabled"),)
    if verdict in _BAD and safe_version is None:
        return (Trusted("no safe version: disable or remove it"),)
    if verdict in {*_BAD, _OUTDATED} and enabled and safe_version:
        return Trusted("move to "), safe_version
    return ()
