"""Findings about installed packs that somebody knows and accepts, as values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import assert_never

from watcher.model.precedence import is_same_version

_COMMIT = re.compile(r"[0-9A-Fa-f]{7,64}")
"""The beginning of a commit, long enough to mean one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What is wrong with a copy, as far as it decides what accepts it."""

    node: str
    """The id of the pack that the copy was judged as, in any case."""
    version: str | None
    """As written there; None where it is not known."""
    commit: str = ""
    """The commit of a clone, in hexadecimal; "" where it is not known."""
    is_ban_of_pack: bool = False
    """Whether the whole pack is banned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One known finding, as the settings or the command line have it."""

    finding: str
    """`pack@1.2.0`, `pack@0123abc` for a clone of a commit that begins so, or `pack`."""
    reason: str = ""
    """Why it is accepted, in the user's own words; "" if they say nothing."""
    until: date | None = None
    """The last day on which it is accepted (UTC); None if it has no end."""

    def covers(self, wrong: Wrong) -> bool:
        """Return whether it means what is wrong with a copy."""
        node, _, what = self.finding.partition("@")
        if node.lower() != wrong.node.lower():
            return False
        if not what:
            return wrong.version is None or wrong.is_ban_of_pack
        if wrong.version is not None:
            return is_same_version(what, wrong.version)
        is_commit = _COMMIT.fullmatch(what) is not None
        return is_commit and wrong.commit.lower().startswith(what.lower())

    @property
    def in_words(self) -> str:
        """That it is accepted, and until when."""
        return f"accepted until {self.until}" if self.until else "accepted"

    def is_over(self, now: str) -> bool:
        """Return whether its last day was before a moment (RFC 3339, UTC)."""
        return self.until is not None and self.until < date.fromisoformat(now[:10])


class End(StrEnum):
    """Why a finding is accepted no more."""

    DAY = "day"
    """The last day is over."""
    WORSE = "worse"
    """It is worse than when it was first seen to be accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What is accepted of a pack that is run, and how bad it was at first."""

    verdict: str
    """What was wrong with it when it was first seen to be accepted: a verdict, or `flagged-info`."""
    by: Acceptance
    """What covers its bad copies; of several that which ends first."""
    others: tuple[Acceptance, ...] = ()
    """The rest of several."""
    ended: End | None = None
    """Why it is accepted no more."""

    @property
    def in_words(self) -> str:
        """That it is accepted, and until when; or until when, or as what, it was."""
        match self.ended:
            case None:
                return self.by.in_words
            case End.DAY:
                return f"was {self.by.in_words}"
            case End.WORSE:
                return f"was accepted as {self.verdict.removesuffix('-info')}"
            case _:
                assert_never(self.ended)

    @property
    def all(self) -> tuple[Acceptance, ...]:
        """All that covers its bad copies, that which ends first first."""
        return self.by, *self.others

    @property
    def reason(self) -> str:
        """Why it is, or was, accepted; untrusted text."""
        return self.by.reason


def longest(accept: Iterable[Acceptance], wrong: Wrong) -> Acceptance | None:
    """Return what accepts something for longest; None if nothing covers it."""
    covering = (one for one in accept if one.covers(wrong))
    return max(covering, key=_end, default=None)


def longest_of(accept: Iterable[Acceptance], finding: str) -> Acceptance | None:
    """Return what accepts one finding, as it is written, for longest; None if nothing does."""
    same = (one for one in accept if one.finding.lower() == finding.lower())
    return max(same, key=_end, default=None)


def in_order(accept: Iterable[Acceptance]) -> tuple[Acceptance, ...]:
    """Return each acceptance once, that which ends first first."""
    known = dict.fromkeys(accept)
    return tuple(sorted(known, key=lambda one: (_end(one), one.finding, one.reason)))


def _end(one: Acceptance) -> date:
    return one.until or date.max
