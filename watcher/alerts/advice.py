"""What to do: about an event, and about one copy that `audit` looked at. Pure.

About what nobody runs there is nothing to do. About a ban no version is advised: the next one may be bad too.
Our own words are `Trusted`; a version is untrusted. Advice on an event is made of sentences, each with a short form
without capital letter and full stop for one line of several.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from watcher import durations, timestamps
from watcher.alerts.words import Words, joined
from watcher.model.event import (
    EMPTY,
    Event,
    Kind,
    is_a_ban,
    is_a_flag,
    replaces_archive,
    runs_it,
    warns,
)
from watcher.model.finding import Finding, Grade
from watcher.model.pack import Verdict
from watcher.model.version import SafeVersion, is_same_version, normalised
from watcher.text.sanitize import Trusted
from watcher.timestamps import Moment

STOP = Trusted(
    "Stop ComfyUI and remove it. If the reason speaks of malware, or there is none, change the passwords and keys that"
    " this machine held."
)
STOP_IN_SHORT = Trusted("stop ComfyUI, remove it, read why")
_SWAPPED = Trusted(
    "Your copy may be either one. Do not install it again before its author explains it."
)
_SWAPPED_IN_SHORT = Trusted(
    "your copy may be either; do not install it again before it is explained"
)
_APPEARED = Trusted(
    "If nobody installed it, stop ComfyUI and remove it; somebody may control this machine."
)
_APPEARED_IN_SHORT = Trusted("if nobody installed it, stop ComfyUI")
_CHECK_THE_ID = Trusted("check the id")
_URL_IS_CORRECTED = Trusted(" A corrected URL gets what waits.")
UNREVIEWED = Trusted("nobody has reviewed it")
"""What a flag means beside what was found."""
_UNREVIEWED_IN_SHORT = Trusted("not reviewed yet")
_UNADVISED = {Grade.FLAGGED_INFO, Grade.UNKNOWN, Grade.OK}
"""What is run and stands so needs no advice."""
_GRADES = {str(grade): grade.in_words for grade in Grade}


class Advice(NamedTuple):
    """What to do; both are empty for nothing."""

    words: Words = ()
    in_short: Words = ()


def advice_on(event: Event, others: Sequence[Event] = ()) -> Advice:
    """Return what to do about an event; `others` are those of its message about the same pack."""
    if event.kind is Kind.APPEARED:
        return Advice((_APPEARED,), (_APPEARED_IN_SHORT,))
    if event.kind is Kind.FAILING:
        return _on_failure(event)
    if event.kind is Kind.REINSTATED:
        return _on_what_is_left(event)
    if event.kind is Kind.BASELINE or not (warns(event) and runs_it(event)):
        return Advice()
    if replaces_archive(event):
        return Advice((_SWAPPED,), (_SWAPPED_IN_SHORT,))
    # What is not banned may be anything milder here.
    grade = Grade.BANNED if is_a_ban(event) else Grade.DELETED
    good, at = _newest_good((event, *others))
    bans = (one for one in others if is_a_ban(one) and runs_it(one))
    if grade is not Grade.BANNED and any(bans):
        good = None  # The ban says to remove it.
    advice = advice_on_run(grade, good, at)
    if not is_a_flag(event):
        return advice
    return Advice(
        joined(" ", (_sentence((UNREVIEWED,)), advice.words)),
        joined("; ", ((_UNREVIEWED_IN_SHORT,), advice.in_short)),
    )


def advice_on_run(grade: Grade, good: SafeVersion | None, at: Moment) -> Advice:
    """Return what to do about what is run and stands so, where `good` is the newest good version at a moment."""
    if grade is Grade.BANNED:
        fact = _sentence(not_banned(good))
        more = (Trusted(" "), *fact) if fact else ()
        return Advice((STOP, *more), (STOP_IN_SHORT,))
    words = () if grade in _UNADVISED else newest_good(good, at)
    return Advice(_sentence(words), words)


def _on_failure(event: Event) -> Advice:
    """Return what to do about a failure, unless it is only to be waited for."""
    words: Words = ()
    if event.channel is not None:
        mend, test = "mend the cause, then run ", "comfy-watch test-alerts "
        name = shlex.quote(event.channel)
        words = _sentence((Trusted(mend), f"{test}{name}"))
        # A value of several words is none in the plainest form.
        in_short = (Trusted(f"{mend}{test}"), name)
        return Advice((*words, _URL_IS_CORRECTED), in_short)
    if event.after == EMPTY:
        words = (_CHECK_THE_ID,)
    return Advice(_sentence(words), words)


def _on_what_is_left(event: Event) -> Advice:
    """Return what is run and bad all the same, and what to do about it if that is a ban; nothing if nothing is."""
    words: Words = ()
    for one in event.bad_versions:
        words += (Trusted(", " if words else "what you run is still bad: "),)
        is_number = normalised(one.version) is not None
        words += (one.version if is_number else Trusted("a copy of unknown version"),)
        words += (Trusted(f" is {_GRADES.get(one.status, 'bad')}"),)
    if any(one.status == Verdict.BANNED for one in event.bad_versions):
        in_short = (*words, Trusted("; "), STOP_IN_SHORT)
        return Advice((*_sentence(words), Trusted(" "), STOP), in_short)
    return Advice(_sentence(words), words)


def _newest_good(of_pack: Sequence[Event]) -> tuple[SafeVersion | None, Moment]:
    """Return the newest good version of a pack, and when it was that; None if it is not known.

    A message may have events of several polls: the last word counts, and no version that any of them warns of.
    """
    newest = max(of_pack, key=lambda event: (event.at, event.safe_version is not None))
    good = newest.safe_version
    bad = [event.version for event in of_pack if event.version and warns(event)]
    is_bad = (
        good is not None
        and good.version is not None
        and any(is_same_version(good.version, one) for one in bad)
    )
    return None if is_bad else good, newest.at


def not_banned(good: SafeVersion | None) -> Words:
    """Return that a version of the pack is not banned, as a fact; () if none is known."""
    version = good and good.version
    return (Trusted("not banned: "), version) if version else ()


def newest_good(good: SafeVersion | None, at: Moment) -> Words:
    """Return the newest good version, with its age if it is young; () if it is not known."""
    if good is None:
        return ()
    if good.version is None:
        return (Trusted("there is no good version"),)
    newest = Trusted("the newest good version is ")
    return (newest, good.version, *_age(good, at))


def _age(good: SafeVersion, at: Moment) -> Words:
    """Return how young an advised version is; () if it is old enough, or that is not known.

    It is the age at the event, so that a repeat is the same.
    """
    if not good.young_since:
        return ()
    age = timestamps.seconds_between(good.young_since, at)
    return (Trusted(f" (out for {durations.age(age)})"),) if age >= 0 else ()


def _sentence(words: Words) -> Words:
    """Return words that begin with our own as a sentence; () for none."""
    if not words:
        return ()
    first, *others = words
    return Trusted(first[:1].upper() + first[1:]), *others, Trusted(".")


def advice_on_copy(finding: Finding) -> Words:
    """Return what to do about an installed copy, or one that a file names, for a table; () for nothing."""
    if not finding.pack.enabled:
        return ()
    if finding.named and finding.verdict is Verdict.BANNED:
        return (Trusted("do not install it"),)
    if finding.pack.is_unpinned:
        return newest_good(finding.safe_version, finding.at)
    return advice_on_run(finding.grade, finding.safe_version, finding.at).in_short
