"""What to do about bad versions: about a node in a message, an installed copy, and a pack that a workflow names. Pure.

Our own words are `Trusted`; a version is untrusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from watcher.alerts.differences import Words
from watcher.model.event import Event, Kind, is_a_ban, replaces_archive, runs_it, warns
from watcher.model.version import BANNED, DELETED, FLAGGED, PENDING, SafeVersion
from watcher.text.malware import names_malware
from watcher.text.sanitize import Trusted

_SECRETS = "change the passwords and keys that this machine held"
_BAD = frozenset({FLAGGED, DELETED, "deprecated", "delisted"})
_MILD = frozenset({PENDING, "outdated"})
_NONE = SafeVersion(None)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Pieces of advice that each begin with our own words."""

    words: Words = ()
    in_short: Words = ()
    """The same as a text message has room for it: less of it where more would cost the rest."""


def advice_on_node(events: Iterable[Event]) -> Advice:
    """Return what to do about one node, of which a message has these events; nothing if that is not known.

    A ban of what somebody runs is to be removed first, and if it names malware, what the machine held is not secret any
    more. After its archive was replaced, it would be another one if it was installed again. The version to move to is
    that of the newest of the events that knows it: a message may carry the events of several polls. A version that any
    of them warns of is not advised.
    """
    of_node = tuple(events)
    run = [one for one in of_node if warns(one) and runs_it(one)]
    run = [one for one in run if one.kind is not Kind.BASELINE]
    bans = [one for one in run if is_a_ban(one)]
    is_swapped = any(map(replaces_archive, run))
    is_malware = any(names_malware(one.reason) for one in bans)
    where = _where_to(of_node, is_run=bool(run), is_banned=bool(bans))
    words: list[str] = [Trusted("remove it first")] if bans else []
    if is_swapped:
        words.append(Trusted("do not install it again before you know why"))
    words += where
    in_short = (*([Trusted("remove it")] if bans else []), *where)
    if is_malware:
        words.append(Trusted(_SECRETS))
        in_short = (Trusted("remove it; change your passwords"),)
    elif is_swapped:
        in_short = (Trusted("remove it" if bans else "do not reinstall it"),)
    return Advice(words=tuple(words), in_short=in_short)


def _where_to(of_node: tuple[Event, ...], *, is_run: bool, is_banned: bool) -> Words:
    known = [event for event in of_node if event.safe_version is not None]
    if not known:
        return ()
    advised = max(known, key=lambda event: event.at).safe_version
    safe = advised.version if advised else None
    if safe is None:
        disable = ": disable or remove it" if is_run and not is_banned else ""
        return (Trusted(f"no safe version{disable}"),)
    if any(event.version == safe and warns(event) for event in of_node):
        return ()
    move = "then move to:" if is_banned else "move to:"
    return Trusted(move if is_run else "newest safe version:"), safe


def advice_on_reference(verdict: str, safe: SafeVersion | None) -> Words:
    """Return what to do about a pack that a workflow names: nobody need have installed it.

    `safe` is None if the version to move to is not known.
    """
    if verdict in {*_BAD, BANNED} and safe == _NONE:
        return (Trusted("do not install it: no safe version"),)
    if verdict in {*_BAD, *_MILD, BANNED} and safe and safe.version:
        return Trusted("install "), safe.version, Trusted(" instead")
    return (Trusted("do not install it"),) if verdict == BANNED else ()


def advice_on_copy(
    verdict: str,
    safe: SafeVersion | None,
    reason: str = "",
    *,
    enabled: bool = True,
) -> Words:
    """Return what to do about an installed copy, by its verdict; () where nothing is to be done, or it is not known.

    A disabled copy need not be replaced.
    """
    if verdict == BANNED:
        words: Words = (Trusted("remove it"),)
        if enabled and safe == _NONE:
            words = (Trusted("no safe version: remove it"),)
        elif enabled and safe and safe.version:
            words = (Trusted("remove it first, then move to "), safe.version)
        secrets = (Trusted(f"; {_SECRETS}"),) if names_malware(reason) else ()
        return words + secrets
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
    """Return the commands of comfy-cli that do this about a copy from the registry; () where there are none.

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
