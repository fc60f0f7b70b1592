"""What to do about the bad versions of a node: the version to move to, and first of all to remove a ban. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.alerts.words.differences import Words
from watcher.alerts.words.wording import is_a_ban, is_a_warning
from watcher.model.event import Event, Kind, replaces_archive, runs_it
from watcher.text.malware import names_malware
from watcher.text.sanitize import Trusted


def advice_on(events: Iterable[Event]) -> Words:
    """Return what to do about one node; () if that is not known. Each piece of advice begins with our own words.

    A ban of what somebody runs is to be removed first, and if it names malware, what the machine held is not secret any
    more. After its archive was replaced, it would be another one if it was installed again. The version to move to is
    that of the newest of the events that knows it: a message may carry the events of several polls. A version that any
    of them warns of is not advised.
    """
    of_node = tuple(events)
    hit = [one for one in of_node if one.kind is not Kind.BASELINE and is_a_warning(one) and runs_it(one)]
    bans = [one for one in hit if is_a_ban(one)]
    words: list[str] = [Trusted("remove it first")] if bans else []
    if any(map(replaces_archive, hit)):
        words.append(Trusted("do not install it again before you know why"))
    words += _where_to(of_node, ran=bool(hit), banned=bool(bans))
    if any(names_malware(one.reason) for one in bans):
        words.append(Trusted("change the passwords and keys that this machine held"))
    return tuple(words)


def _where_to(of_node: tuple[Event, ...], *, ran: bool, banned: bool) -> Words:
    known = [event for event in of_node if event.safe_version != ""]
    if not known:
        return ()
    safe = max(known, key=lambda event: event.at).safe_version
    if safe is None:
        return (Trusted("no safe version: disable or remove it" if ran and not banned else "no safe version"),)
    if any(event.version == safe and is_a_warning(event) for event in of_node):
        return ()
    return Trusted("then move to:" if banned else "move to:" if ran else "newest safe version:"), safe
