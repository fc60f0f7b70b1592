"""Which flags a channel without `kinds` may leave out of what only `*` includes: the contract's rule, on the truth.

It says (docs/dev/behaviour.md, Events): a flag is informational only if its findings were read in full, each has the
severity `info`, and each rule and file was in the findings of an earlier version of the pack. The program cannot know
all that was ever found, so between what must pass and what must not there are flags that may.
"""

from __future__ import annotations

from enum import Enum

from tests.flags.packs import READABLE, MadePack, Place, Release, Told
from watcher.model.version import FLAGGED


class Due(Enum):
    """What must become of a flag."""

    PASSES = "must pass"
    EITHER = "may be left out"
    LEFT_OUT = "must be left out"


def why(pack: MadePack, release: Release, failing: frozenset[str]) -> str:
    """Return why a flag passes, in words for a table."""
    if release.told not in READABLE or pack.name in failing:
        return "could not be read"
    if not release.is_info:
        return "not info"
    earlier = [one for number, one in pack.releases.items() if number < release.key[1]]
    if not any(one.found for one in earlier):
        return "the pack's first flag"
    ever: set[Place] = set().union(*(one.places for one in earlier))
    return "other reasons" if release.places <= ever else "a new place"


def due(pack: MadePack, release: Release, failing: frozenset[str]) -> Due:
    """Return what must become of the flag of a version that a poll sees now."""
    if release.told not in READABLE or pack.name in failing or not release.is_info:
        return Due.PASSES
    earlier = [one for number, one in pack.releases.items() if number < release.key[1]]
    ever: set[Place] = set().union(*(one.places for one in earlier))
    if not release.places <= ever:
        return Due.PASSES
    # Only the findings of the nearest earlier version that is flagged now are certain to be known: they are in the same
    # answer, unless that is too large for what another version has.
    shown = [one for one in pack.releases.values() if one.status == FLAGGED]
    if any(one.told in {Told.TOO_LARGE, Told.TOO_MANY} for one in shown):
        return Due.EITHER
    flagged = [one for one in earlier if one.status == FLAGGED]
    nearest = max(flagged, key=lambda one: one.key, default=None)
    if nearest is None or nearest.told not in READABLE:
        return Due.EITHER
    is_known = release.places <= nearest.places and nearest.is_kept_whole
    return Due.LEFT_OUT if is_known else Due.EITHER
