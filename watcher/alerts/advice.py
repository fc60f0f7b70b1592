"""What to do: about an event, and about one copy that `audit` looked at. Pure.

About what nobody runs there is nothing to do. About a ban no version is advised: the next one may be bad too.
Our own words are `Trusted`; a version is untrusted.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from watcher import durations, timestamps
from watcher.alerts.words import UNKNOWN_VERSION, Words, joined, said, sentence
from watcher.model.event import EMPTY, Event, Grade, Kind
from watcher.model.finding import Finding
from watcher.model.version import SafeVersion, is_same_version, normalised
from watcher.text.sanitize import Trusted
from watcher.timestamps import Moment

# One sentence for every ban: a list of words for malware missed half of the plausible reasons.
STOP = Trusted(
    "Stop ComfyUI and remove it. If the reason speaks of malware, or there is none, change the passwords and keys that"
    " this machine held."
)
STOP_IN_SHORT = Trusted("stop ComfyUI, remove it, read why")
UNREVIEWED = Trusted("nobody has reviewed it")
"""What a flag means beside what was found."""
_UNADVISED = {Grade.FLAGGED_INFO, Grade.UNKNOWN, Grade.OK}
"""What is run and stands so needs no advice."""
_GRADES = {str(grade): grade.in_words for grade in Grade}


class Advice(NamedTuple):
    """What to do; both are empty for nothing."""

    words: Words = ()
    """In sentences."""
    in_short: Words = ()
    """For one line of several, without capital letter and full stop."""


def _of(words: Words) -> Advice:
    """Return advice that has no other short form."""
    return Advice(sentence(words), words)


def advice_on(event: Event, others: Iterable[Event] = ()) -> Advice:
    """Return what to do about an event; `others` are those of its message."""
    match event.kind:
        case Kind.APPEARED:
            # Only somebody who may write to `custom_nodes` puts a pack there, and its code runs as the user.
            return Advice(
                said(
                    "If nobody installed it, stop ComfyUI and remove it; somebody may control this machine."
                ),
                said("if nobody installed it, stop ComfyUI"),
            )
        # A failure that only time mends has no advice.
        case Kind.FAILING:
            return _on_failure(event)
        case Kind.REINSTATED:
            # That something is fine again must not hide that another copy is not.
            return _on_what_is_left(event)
        # What is bad about a first listing, and run, has an `exposed` of its own.
        case _ if event.kind is Kind.BASELINE or not (event.warns and event.runs_it):
            return Advice()
        # Neither version is known to be the good one, so none is advised.
        case _ if event.replaces_archive:
            return Advice(
                said(
                    "Your copy may be either one. Do not install it again before its author explains it."
                ),
                said(
                    "your copy may be either; do not install it again before it is explained"
                ),
            )
        case _:
            return _on_run(event, others)


def _on_run(event: Event, others: Iterable[Event]) -> Advice:
    """Return what to do about what is run and bad."""
    # What is not banned may be anything milder here.
    grade = Grade.BANNED if event.is_a_ban else Grade.DELETED
    of_pack = [one for one in others if one.node_key == event.node_key]
    good, at = _newest_good([event, *of_pack])
    bans = (one for one in of_pack if one.is_a_ban and one.runs_it)
    if grade is not Grade.BANNED and any(bans):
        good = None  # The ban says to remove it.
    advice = advice_on_run(grade, good, at)
    if not event.is_a_flag:
        return advice
    return _of(joined("; ", ((UNREVIEWED,), advice.in_short)))


def advice_on_run(grade: Grade, good: SafeVersion | None, at: Moment) -> Advice:
    """Return what to do about what is run and stands so, where `good` is the newest good version at a moment."""
    # The next version may come from the same hands: what is not banned is a fact, and never advice.
    if grade is Grade.BANNED:
        words = joined(" ", ((STOP,), sentence(not_banned(good))))
        return Advice(words, (STOP_IN_SHORT,))
    return _of(() if grade in _UNADVISED else newest_good(good, at))


def _on_failure(event: Event) -> Advice:
    """Return what to do about a failure, unless it is only to be waited for."""
    if event.channel is not None:
        name = shlex.quote(event.channel)
        # Only the name is a value: one of several words is none in the plainest form.
        in_short = said("mend the cause, then run comfy-watch test-alerts {}", name)
        # A text message would have no room for the name beside this.
        words = said("{}; a corrected URL gets what waits", in_short)
        return Advice(sentence(words), in_short)
    # An id that never had a version is mostly a typing error.
    return _of(said("check the id") if event.after == EMPTY else ())


def _on_what_is_left(event: Event) -> Advice:
    """Return what is run and bad all the same, and what to do about it if that is a ban; nothing if nothing is."""
    bad = [
        said(f"{{}} is {_GRADES.get(one.status, 'bad')}", _version(one.version))
        for one in event.bad_versions
    ]
    words = said("what you run is still bad: {}", joined(", ", bad)) if bad else ()
    if any(one.status == Grade.BANNED for one in event.bad_versions):
        in_short = said("{}; {}", words, STOP_IN_SHORT)
        return Advice(said("{} {}", sentence(words), STOP), in_short)
    return _of(words)


def _version(text: str) -> str:
    # A file in the pack may claim any text as its version, and a sentence of theirs would read as ours.
    is_number = normalised(text) is not None
    return text if is_number else UNKNOWN_VERSION


def _newest_good(of_pack: Sequence[Event]) -> tuple[SafeVersion | None, Moment]:
    """Return the newest good version of a pack, and when it was that; None if it is not known.

    A message may have events of several polls: the last word counts, and no version that any of them warns of.
    """
    # A merged message may hold what several polls saw of one pack, in any order.
    newest = max(of_pack, key=lambda event: (event.at, event.safe_version is not None))
    good = newest.safe_version
    bad = [event.version for event in of_pack if event.version and event.warns]
    is_bad = (
        good is not None
        and good.version is not None
        and any(is_same_version(good.version, one) for one in bad)
    )
    return None if is_bad else good, newest.at


def not_banned(good: SafeVersion | None) -> Words:
    """Return that a version of the pack is not banned, as a fact; () if none is known."""
    version = good and good.version
    return said("not banned: {}", version) if version else ()


def newest_good(good: SafeVersion | None, at: Moment) -> Words:
    """Return the newest good version, with its age if it is young; () if it is not known.

    It is the age at the event, so that a repeat is the same.
    """
    if good is None:
        return ()
    if good.version is None:
        return said("there is no good version")
    born = good.young_since
    # A registry's clock, or a forged date, may be ahead of ours: no age is said then.
    age = timestamps.seconds_between(born, at) if born else -1.0
    young = f" (out for {durations.age(age)})" if age >= 0 else ""
    return said(f"the newest good version is {{}}{young}", good.version)


def advice_on_copy(finding: Finding) -> Words:
    """Return what to do about an installed copy, or one that a file names, for a table; () for nothing."""
    # It is not run, and enabling it is judged again.
    if not finding.pack.enabled:
        return ()
    if finding.named and finding.grade is Grade.BANNED:
        return said("do not install it")
    # It installs whatever is newest, which need not be good.
    if finding.pack.is_unpinned:
        return newest_good(finding.safe_version, finding.at)
    return advice_on_run(finding.grade, finding.safe_version, finding.at).in_short
