"""What the contract (*What you run*) allows `audit` to say of a copy: a pure function, written from it alone.

An outcome is a verdict and whether something was not answered. Where the contract leaves open what holds there is more
than one. Each of these places is marked "Open:".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

from tests.audit_oracle.endpoint import Endpoint
from tests.audit_oracle.situations import (
    ACTIVE,
    BANNED,
    DELETED,
    NEW_VERSION_STATUS,
    WORLD,
    Pack,
    Version,
)

WORST_FIRST = (
    "banned",
    "flagged",
    "deleted",
    "delisted",
    "flagged-info",
    "pending",
    "deprecated",
    "unknown",
    "outdated",
    "ok",
)
"""The verdicts of the contract in its order, with a flag that is info as `flagged-info`."""
SEVERITIES = {
    "banned": "critical",
    **dict.fromkeys(("flagged-info", "pending", "outdated", "ok"), "info"),
}
"""How bad they are; the others are warnings."""
FAILING = frozenset({"banned", "flagged", "deleted", "delisted"})
"""What `--fail-on` has by default."""
FINE = frozenset({"outdated", "ok"})
_REFUSED = frozenset({"banned", "flagged", "deleted"})

NOBODYS = "nobodys"
"""The repository of no pack."""

From = Literal["file", "cnr-id", "folder", "repository"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, and whether something that it needs was not read or not answered."""

    verdict: str
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A pack that a copy may be, in the case in which its mark or file writes it."""

    id: str
    by: From = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a copy says of itself."""

    claims: tuple[Claim, ...]
    version: str | None = "1.2.0"
    mark: bool = False
    """Whether the Manager's mark is beside it: it came from the registry."""
    clone: bool = False
    source: str | None = None
    """The pack of whose repository it is, `NOBODYS`, or None where it names none."""
    enabled: bool = True
    readable: bool = True


def expected(readings: Iterable[Reading], endpoint: Endpoint) -> frozenset[Outcome]:
    """Return what `audit` may say of a copy that can be read in these ways, one as good as another."""
    return frozenset(
        outcome for reading in readings for outcome in _of_reading(reading, endpoint)
    )


def _of_reading(reading: Reading, endpoint: Endpoint) -> Iterable[Outcome]:
    """Return the worst of all that the copy may be."""
    floor = (
        [] if reading.readable else [frozenset({Outcome("unknown", unanswered=True)})]
    )
    judged = [_of_one(claim, reading, endpoint) for claim in reading.claims]
    if not judged and not floor:
        return [Outcome("unknown")]  # no id
    return [_worst(chosen) for chosen in product(*judged, *floor)]


def _of_one(claim: Claim, reading: Reading, endpoint: Endpoint) -> frozenset[Outcome]:
    """Return what a claim contributes: nothing is `ok`."""
    pack = WORLD.get(claim.id.lower(), Pack(id=claim.id, has_row=False))
    judged = frozenset(_judged(reading, pack, endpoint))
    if claim.by == "repository":
        # A copy without an id is the pack of its repository, if the list of all has that.
        if endpoint is Endpoint.GOOD and pack.has_row and pack.has_repository:
            return judged
        unanswered = endpoint is Endpoint.FAILING
        return frozenset({Outcome("unknown", unanswered=unanswered)})
    presence = _has(pack, endpoint)
    others = len(reading.claims) > 1
    nothing = Outcome("ok")
    if claim.by == "folder" and others:
        # A folder's name counts only if the registry has that pack. Without an answer that is not known.
        if presence == "no":
            return frozenset({nothing})
        unsure = {Outcome("unknown", unanswered=True)} if presence == "open" else set()
        return judged | unsure
    if others and not reading.mark and presence != "yes":
        # Open: whether an id that no registry has makes a copy unknown which is a pack of the registry by another id.
        return judged | {nothing}
    return judged


def _has(pack: Pack, endpoint: Endpoint) -> Literal["yes", "no", "open"]:
    """Return whether the registry is seen to have a pack."""
    is_shown = endpoint is Endpoint.GOOD and pack.has_row
    if pack.listed or pack.listing == "banned" or is_shown:
        return "yes"
    is_sure = pack.listing == "complete" and endpoint is not Endpoint.FAILING
    return "no" if is_sure else "open"


def _worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst verdict, unanswered if anything was."""
    chosen = list(outcomes)
    verdict = min((outcome.verdict for outcome in chosen), key=WORST_FIRST.index)
    return Outcome(verdict, any(outcome.unanswered for outcome in chosen))


def _judged(reading: Reading, pack: Pack, endpoint: Endpoint) -> Iterable[Outcome]:
    """Return the worst of what the versions and what the whole pack say."""
    return [
        _worst(both)
        for both in product(
            _by_versions(reading, pack, endpoint), _by_pack(reading, pack, endpoint)
        )
    ]


def _by_versions(reading: Reading, pack: Pack, endpoint: Endpoint) -> list[Outcome]:
    """Return what `GET /versions` says of the copy."""
    match pack.listing:
        case "banned":
            return [Outcome("banned")]
        case "wall" | "failed":
            return [Outcome("unknown", unanswered=True)]
        case "short":
            # What was seen counts, and what was not means nothing.
            # Open: whether a version that was seen to be fine in an incomplete listing is.
            return [
                Outcome(verdict, unanswered=True)
                for outcome in _by_listing(reading, pack)
                for verdict in (
                    {"unknown", outcome.verdict}
                    if outcome.verdict in FINE
                    else {outcome.verdict}
                )
                if verdict not in ("delisted", "outdated")
            ] or [Outcome("unknown", unanswered=True)]
        case "complete" if not pack.versions and endpoint is Endpoint.FAILING:
            # Open: whether a pack without versions is delisted before it is known to be in no registry.
            return [*_by_listing(reading, pack), Outcome("unknown", unanswered=True)]
        case "complete":
            return _by_listing(reading, pack)


def _by_listing(reading: Reading, pack: Pack) -> list[Outcome]:
    same = [
        version
        for version in pack.versions
        if reading.version and _canonical(version.text) == reading.version
    ]
    if same:
        outcomes = [_of_version(version, pack) for version in same]
        if not reading.clone and _newest_good(pack, above=reading.version):
            outcomes.append(Outcome("outdated"))
        return [_worst(outcomes)]
    every = _mildest(pack)
    if reading.mark and not reading.version and not pack.versions:
        # Open: whether that is "no longer that pack", or a version that no file names.
        return [Outcome("unknown"), Outcome("delisted")]
    if reading.version and reading.mark:
        # Open: whether the mildest of all verdicts counts for what is no clone.
        return [
            Outcome("delisted"),
            *([_worst([Outcome("delisted"), every])] if every else []),
        ]
    if every is None:
        return [Outcome("unknown")]
    if reading.clone and all(version.status in _REFUSED for version in pack.versions):
        return [_worst([every, Outcome("unknown")])]
    # Open: the same, and whether deprecated and pending are bad.
    return [Outcome("unknown"), _worst([every, Outcome("unknown")])]


def _of_version(version: Version, pack: Pack | None = None) -> Outcome:
    """Return what the registry's row of a version says; without its pack nothing is said of earlier versions."""
    verdicts = ["deprecated"] if version.deprecated else []
    match version.status:
        case "active":
            verdicts.append("ok")
        case "flagged" if pack and _is_info(version, pack):
            verdicts.append("flagged-info")
        case "banned" | "flagged" | "deleted" | "pending":
            verdicts.append(version.status)
        case _:
            verdicts.append("unknown")
    known = version.status != NEW_VERSION_STATUS
    return Outcome(min(verdicts, key=WORST_FIRST.index), unanswered=not known)


def _is_info(version: Version, pack: Pack) -> bool:
    """Return whether a flag is info: its finding is, which all have, and an earlier flagged version had it."""
    is_known = any(
        one.status == "flagged" and _precedence(one) < _precedence(version)
        for one in pack.listed
        if one.reason
    )
    return is_known and [one["severity"] for one in _findings(version)] == ["info"]


def _findings(version: Version) -> list[Mapping[str, str]]:
    """Return the findings of a version, if its reason is nothing else."""
    try:
        return list(json.loads(version.reason))
    except ValueError:
        return []


def _mildest(pack: Pack) -> Outcome | None:
    """Return the mildest verdict of a pack all of whose versions have a bad one, else None."""
    outcomes = [_of_version(version) for version in pack.versions]
    bad = all(outcome.verdict not in (*FINE, "unknown") for outcome in outcomes)
    return (
        max(outcomes, key=lambda one: WORST_FIRST.index(one.verdict))
        if outcomes and bad
        else None
    )


def _by_pack(reading: Reading, pack: Pack, endpoint: Endpoint) -> list[Outcome]:
    """Return what `GET /nodes` says of the copy."""
    claimed = Outcome("unknown") if reading.clone else Outcome("ok")
    if endpoint is Endpoint.ABSENT:
        return [claimed]  # verdicts rest on versions alone; a clone's id stays a claim
    if endpoint is Endpoint.FAILING:
        return [Outcome("unknown", unanswered=True)]
    if not pack.has_row:
        if pack.listing == "banned":
            # Open: whether a pack that is known to be banned needs a row.
            return [claimed, Outcome("unknown", unanswered=True)]
        return [Outcome("unknown", unanswered=True)] if pack.listed else [claimed]
    if pack.status == BANNED:
        return [Outcome("banned")]
    if pack.status == DELETED:
        # Open: "no longer that pack" may be said of one that came from the registry, but deleted is worse.
        return [Outcome("deleted")]
    if pack.status != ACTIVE:
        return [Outcome("unknown", unanswered=True)]
    return _by_repository(reading, pack)


def _by_repository(reading: Reading, pack: Pack) -> list[Outcome]:
    """Return what the repository of the copy leaves of a fine verdict."""
    if not pack.has_repository:
        # Open: whether a copy that is no clone needs the registry to name a repository.
        fine = [] if reading.clone else [Outcome("ok")]
        return [*fine, Outcome("unknown")] if reading.clone or reading.source else fine
    if reading.source is None:
        return [Outcome("unknown")] if reading.clone else [Outcome("ok")]
    return (
        [Outcome("ok")]
        if reading.source.lower() == pack.id.lower()
        else [Outcome("unknown")]
    )


def safe_version(pack: Pack) -> str | None:
    """Return the newest good version."""
    best = _newest_good(pack)
    return best.text if best else None


def _newest_good(pack: Pack, above: str | None = None) -> Version | None:
    bad = {
        _canonical(one.text)
        for one in pack.listed
        if one.status != "active" or one.deprecated
    }
    good = [one for one in pack.listed if _canonical(one.text) not in bad]
    best = max(good, key=_precedence, default=None)
    if best is None or (
        above is not None and _precedence(best) <= _precedence(Version(text=above))
    ):
        return None
    return best


def _canonical(text: str) -> str:
    """Return a version with three parts: `1.2` is `1.2.0`."""
    return ".".join([*text.split("."), "0", "0"][:3]) if text.count(".") < 2 else text


def _precedence(version: Version) -> tuple[bool, list[int]]:
    numbers, _, pre = _canonical(version.text).partition("-")
    return not pre, [int(number) for number in numbers.split(".")]
