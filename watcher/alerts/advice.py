"""What to do about bad versions: about a node in a message, an installed copy, and a pack that a workflow names. Pure.

Our own words are `Trusted`; a version is untrusted. Advice is a sentence without capital letter and full stop: it
stands alone in a line, or after a colon.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from watcher import durations, timestamps
from watcher.alerts.commands import (
    Typed,
    are_for_the_folder,
    commands_for,
    in_one_line,
)
from watcher.alerts.differences import Command, Item, Words, listed
from watcher.model.event import (
    EMPTY,
    GONE,
    Event,
    Kind,
    is_a_ban,
    is_harmless,
    is_meant,
    is_run_malware,
    replaces_archive,
    runs_it,
    warns,
)
from watcher.model.finding import Finding, Grade
from watcher.model.pack import Copy, is_handled_by_id
from watcher.model.precedence import is_newer, is_same_version
from watcher.model.version import (
    BANNED,
    DELETED,
    FLAGGED,
    PENDING,
    SafeVersion,
)
from watcher.text.sanitize import Trusted
from watcher.timestamps import Moment

_MALWARE = Trusted(
    "remove it; change the passwords and keys that this machine held. "
    "Do not install another version before you know why"
)
_MALWARE_IN_SHORT = Trusted("remove it; change passwords, keys; do not reinstall")
_SWAPPED = Trusted("do not install it again before you know why")
_DISABLE = Trusted("disable or remove it; there is no good version")
_SWAPPED_IN_SHORT = Trusted("do not reinstall it")
_NOTHING = Trusted("nothing to do")
_BAD = frozenset({FLAGGED, DELETED, "deprecated", "delisted"})
_MILD = frozenset({PENDING, "outdated"})
_NONE = SafeVersion(None)
_COMMANDS, _INSTALLS = 2, 3
"""The most commands of a node, and the most installs that one of them names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A sentence that begins with our own words."""

    words: Words = ()
    in_short: Words = ()
    """Less of it, where a text message has no room for all; () if it is that short."""
    commands: tuple[Words, ...] = ()
    """What to paste, a sentence for each command."""


def advice_on_node(events: Iterable[Event]) -> Advice:
    """Return what to do about one node, of which a message has these events; nothing if that is not known.

    A ban of what somebody runs is to be removed first; if it names malware, no other version is advised. The newest
    good version is that of the newest of the events that knows it: a message may carry the events of several polls. A
    version that any of them warns of is not advised. Ages are those at that event, so that a message that is repeated
    stays the same.
    """
    of_node = tuple(events)
    if malware := [*filter(is_run_malware, of_node)]:
        return Advice(
            words=(_MALWARE,),
            in_short=(_MALWARE_IN_SHORT,),
            commands=_commands(malware, None, removes=True),
        )
    run = [one for one in of_node if warns(one) and runs_it(one)]
    run = [one for one in run if one.kind is not Kind.BASELINE]
    good, at = _newest_good(of_node)
    if not run:
        brief = _of_what_nobody_runs(good)
        return Advice(words=(*brief, *age_of(good, at)), in_short=brief)
    brief = _moving(good, run[0].version)
    move = (*brief, *age_of(good, at))
    if bans := [*filter(is_a_ban, run)]:
        return Advice(
            words=_remove(good, move),
            in_short=_then("remove it, then ", brief),
            commands=_commands(bans, good, removes=True),
        )
    typed = _commands(run, good, removes=False)
    if any(map(replaces_archive, run)):
        words = _then(f"{_SWAPPED}; ", move) or (_SWAPPED,)
        in_short = (_SWAPPED_IN_SHORT,)
        return Advice(words=words, in_short=in_short, commands=typed if move else ())
    if good == _NONE:
        return Advice(words=(_DISABLE,), commands=typed)
    return Advice(words=move, in_short=brief, commands=typed)


def _commands(
    run: Iterable[Event], good: SafeVersion | None, *, removes: bool
) -> tuple[Words, ...]:
    """Return what to paste about the copies that these events are about: each command once, with its installs."""
    places: dict[tuple[Typed, ...], dict[str, None]] = {}
    has_others = False
    for event in run:
        has_others |= len({copy.install for copy in event.installed}) > 1
        for copy in _meant(event):
            is_by_id = copy.by_id == event.node
            typed = commands_for(
                copy.by_id if is_by_id else None, copy.folder, good, removes=removes
            )
            if typed:
                places.setdefault(typed, {})[copy.install] = None
    found: list[Words] = []
    for typed, installs in list(places.items())[:_COMMANDS]:
        where: Words = ()
        if has_others:
            names = [Item(one) for one in list(installs)[:_INSTALLS]]
            where = Trusted("on "), *listed(names, len(installs)), Trusted(", ")
        there = "in the folder that holds it, " if are_for_the_folder(typed) else ""
        command = Command(in_one_line(typed))
        found.append((*where, Trusted(f"{there}run "), command))
    return tuple(found)


def _meant(event: Event) -> list[Copy]:
    """Return the copies that are run and that a warning is about.

    Of several clones it is not known which of them is exposed.
    """
    run = [copy for copy in event.installed if copy.enabled and is_meant(copy, event)]
    if event.kind is not Kind.EXPOSED or event.version is not None:
        return run
    clones = [copy for copy in run if copy.version is None]
    return clones if len(clones) == 1 else []


def _newest_good(of_node: tuple[Event, ...]) -> tuple[SafeVersion | None, Moment]:
    """Return the newest good version of a node, and when it was that.

    None if it is not known, or one of the events warns of it.
    """
    known = [event for event in of_node if event.safe_version is not None]
    if not known:
        return None, ""
    newest = max(known, key=lambda event: event.at)
    good = newest.safe_version
    bad = [event.version for event in of_node if event.version and warns(event)]

    def is_bad(version: str) -> bool:
        return any(is_same_version(version, one) for one in bad)

    if good is not None and good.version is not None and is_bad(good.version):
        good = None
    return good, newest.at


def _of_what_nobody_runs(good: SafeVersion | None) -> Words:
    if good is None:
        return ()
    if good.version is None:
        return (Trusted("there is no good version"),)
    return Trusted("the newest good version is "), good.version


def _moving(good: SafeVersion | None, bad: str | None) -> Words:
    """Return the words for a move to a version from another one: "go back to" an older one."""
    if good is None or good.version is None:
        return ()
    is_back = bad is not None and is_newer(bad, good.version)
    return Trusted("go back to " if is_back else "move to "), good.version


def age_of(good: SafeVersion | None, at: Moment) -> Words:
    """Return what follows an advised version that is too young: its age. () if it is not, or its age is not known."""
    if good is None or not good.young_since:
        return ()
    age = timestamps.seconds_between(good.young_since, at)
    # A date in the future says nothing.
    return (Trusted(f" (out for {durations.age(age)})"),) if age >= 0 else ()


def _remove(good: SafeVersion | None, move: Words) -> Words:
    """Return the words for the removal of what is banned, and what to do then."""
    none = "; there is no good version" if good == _NONE else ""
    return _then("remove it first, then ", move) or (Trusted(f"remove it{none}"),)


def _then(first: str, words: Words) -> Words:
    """Return words with others before them; () if there are none."""
    return (Trusted(first + words[0]), *words[1:]) if words else ()


def advice_on_event(event: Event) -> Advice:
    """Return what to do about what warns of no version: about a failure, unless it is only to be waited for.

    A harmless flag says itself that nothing is to be done: most packs have one.
    """
    if is_harmless(event):
        return Advice(words=(_NOTHING,))
    if event.kind is not Kind.FAILING:
        return Advice()
    if event.channel is not None:
        mend = "mend the cause"
        if event.after == GONE:
            mend = "correct its URL or make a new one"
        test = f"comfy-watch test-alerts {shlex.quote(event.channel)}"
        return Advice(
            words=(Trusted(f"{mend}, then run "), test), in_short=(Trusted(mend),)
        )
    if event.after == EMPTY:
        words = (Trusted("check the id: the registry has no version of it"),)
        return Advice(words=words, in_short=(Trusted("check the id"),))
    return Advice()


def advice_on_appeared(number: int) -> Advice:
    """Return what to do about so many packs of a message that appeared."""
    which = "it" if number == 1 else "one of them"
    return Advice(
        words=(
            Trusted(
                f"if nobody installed {which}, stop ComfyUI and remove it; somebody may control this machine"
            ),
        ),
        in_short=(Trusted(f"if nobody installed {which}, stop ComfyUI"),),
    )


def advice_on_copy(finding: Finding) -> Words:
    """Return what to do about an installed copy, or one that a workflow names; () if nothing is known.

    Nobody need run what a workflow names. A disabled copy need not be replaced. Nothing is to be done about a flag that
    is only informational.
    """
    verdict, good, enabled = finding.verdict, finding.advised, finding.pack.enabled
    if finding.pack.is_unpinned and finding.id and good and good.version:
        words = (Trusted("pin "), finding.id, Trusted("@"), good.version)
        return (*words, *age_of(good, finding.at))
    if finding.grade is Grade.FLAGGED_INFO:
        return (Trusted("nothing"),)
    move = (*_moving(good, finding.pack.version), *age_of(good, finding.at))
    if finding.named:
        return _on_reference(verdict, good, finding.at)
    if finding.is_malware:
        return (_MALWARE,)
    if verdict == BANNED:
        return _remove(good, move) if enabled else (Trusted("remove it"),)
    if verdict in _BAD and not enabled:
        return (Trusted("remove it, or leave it disabled"),)
    if verdict in _BAD and good == _NONE:
        return (_DISABLE,)
    return move if verdict in {*_BAD, *_MILD} and enabled else ()


def _on_reference(verdict: str, good: SafeVersion | None, at: Moment) -> Words:
    if verdict in {*_BAD, BANNED} and good == _NONE:
        return (Trusted("do not install it; there is no good version"),)
    if verdict in {*_BAD, *_MILD, BANNED} and good and good.version:
        instead = Trusted("install "), good.version, Trusted(" instead")
        return (*instead, *age_of(good, at))
    return (Trusted("do not install it"),) if verdict == BANNED else ()


def commands(finding: Finding, copies: Mapping[str, int]) -> tuple[Typed, ...]:
    """Return the commands that do this about an installed copy; () where there are none.

    `copies` is how many packs of its install have each lower-case id. A copy that comfy-cli does not handle by its id
    alone is moved away if it is bad: what a newer version is of a clone, nobody can say.
    """
    if finding.named or finding.grade is Grade.FLAGGED_INFO:
        return ()
    pack, verdict = finding.pack, finding.verdict
    good = finding.advised if pack.enabled else None
    is_by_id = is_handled_by_id(pack, finding.node, copies)
    is_mild = verdict in _MILD and good is not None and good.version is not None
    if verdict not in {*_BAD, BANNED} and not (is_by_id and is_mild):
        return ()
    return commands_for(
        pack.id if is_by_id else None,
        pack.folder if pack.place_path else None,
        good,
        removes=verdict == BANNED,
        place=pack.place_path or "",
    )
