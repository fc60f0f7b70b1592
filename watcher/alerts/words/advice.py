"""What to do about the bad versions of a node: the version to move to, and first of all to remove a ban. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.alerts.words.differences import Words
from watcher.alerts.words.wording import is_a_ban, is_a_warning
from watcher.model.event import Event, Kind, replaces_archive, runs_it
from watcher.text.malware import names_malware
from watcher.text.sanitize import Trusted

_REMOVE = Trusted("remove it first")
_NOT_AGAIN = Trusted("do not install it again before you know why")
_SECRETS = Trusted("change the passwords and keys that this machine held")


def advice_on(events: Iterable[Event]) -> Words:
    """Return what to do about one node; () if that is not known. Each piece of advice begins with our own words.

    A ban of what somebody runs is to be removed first, and if it names malware, what the machine held is not secret any
    more. After its archive was replaced, it would be another one if it was installed again. The version to move to is
    that of the newest of the events that knows it: a message may carry the events of several polls. A version that any
    of them warns of is not advised.
    """
    of_node = tuple(events)
    hit = [
        one
        for one in of_node
        if one.kind is not Kind.BASELINE and is_a_warning(one) and runs_it(one)
    ]
    bans = [one for one in hit if is_a_ban(one)]
    words: list[str] = [_REMOVE] if bans else []
    if any(map(replaces_archive, hit)):
        words.append(_NOT_AGAIN)
    words += _where_to(of_node, ran=bool(hit), banned=bool(bans))
    if any(names_malware(one.reason) for one in bans):
        words.append(_SECRETS)
    return tuple(words)


def in_short(advice: Words) -> Words:
    """Return what `advice_on` says as a text message has room for it: less of it where more would cost the rest."""
    found = set(
        map(id, advice)
    )  # a version, which is untrusted, may have the same text
    if id(_SECRETS) in found:
        return (Trusted("remove it; change your passwords"),)
    if id(_NOT_AGAIN) in found:
        return (
            Trusted("remove it")
            if id(_REMOVE) in found
            else Trusted("do not reinstall it"),
        )
    return tuple(Trusted("remove it") if one is _REMOVE else one for one in advice)


def _where_to(of_node: tuple[Event, ...], *, ran: bool, banned: bool) -> Words:
    known = [event for event in of_node if event.safe_version is not None]
    if not known:
        return ()
    advised = max(known, key=lambda event: event.at).safe_version
    safe = advised.version if advised else None
    if safe is None:
        return (
            Trusted(
                "no safe version: disable or remove it"
                if ran and not banned
                else "no safe version"
            ),
        )
    if any(event.version == safe and is_a_warning(event) for event in of_node):
        return ()
    return Trusted(
        "then move to:" if banned else "move to:" if ran else "newest safe version:"
    ), safe
