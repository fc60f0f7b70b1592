"""Holds what `audit` says against what the contract allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tests.audit_oracle.endpoint import GOOD, Endpoint
from tests.audit_oracle.expected import (
    FAILING,
    FINE,
    SEVERITIES,
    WORST_FIRST,
    Claim,
    Outcome,
    Reading,
    expected,
    is_banned,
    of_claim,
    safe_version,
)
from tests.audit_oracle.forms import FORMS, Form
from tests.audit_oracle.situations import ACTIVE, NEW_VERSION_STATUS, PACKS, WORLD, Pack

GROUPS = (
    "calm",
    *(f"unanswered {what}" for what in ("file", "listing", "status", "row")),
    *(f"failing {verdict}" for verdict in sorted(FAILING)),
    "open",
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A form of install of a pack, while `GET /nodes` answers in some way."""

    form: Form
    pack: Pack
    endpoint: Endpoint

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """What the copy says of itself."""
        return self.form.reads(self.pack)

    @cached_property
    def outcomes(self) -> frozenset[Outcome]:
        """What may be said of it."""
        return expected(self.readings, self.endpoint)

    @property
    def enabled(self) -> bool:
        """Whether it is no disabled copy."""
        return self.readings[0].enabled

    @cached_property
    def group(self) -> str:
        """Which exit code it makes for certain when it is alone (0, 1, 3, or none), and why.

        Each group is a run of its own. Where `GET /nodes` does not answer well there are fewer of them.
        """
        fails = {
            self.enabled and outcome.verdict in FAILING for outcome in self.outcomes
        }
        unanswered = {outcome.unanswered for outcome in self.outcomes}
        if fails == unanswered == {False}:
            return "calm"
        if fails == {True}:
            return (
                f"failing {min(outcome.verdict for outcome in self.outcomes)}"
                if self.endpoint is GOOD
                else "failing"
            )
        if True in fails or len(unanswered) > 1:
            return "open"
        return f"unanswered {self._unanswered}"

    @property
    def _unanswered(self) -> str:
        """Return what was not read or not answered."""
        readable = expected(
            (replace(reading, readable=True) for reading in self.readings),
            self.endpoint,
        )
        if not any(outcome.unanswered for outcome in readable):
            return "file"
        if self.endpoint is not GOOD:
            return "row"
        if self.pack.listing != "complete":
            return "listing"
        return (
            "status"
            if any(
                version.status == NEW_VERSION_STATUS for version in self.pack.versions
            )
            else "row"
        )

    def __str__(self) -> str:
        return f"{self.form.name} of {self.pack.id}, GET /nodes {self.endpoint.name}"


def cells(endpoint: Endpoint) -> Iterator[Cell]:
    """Yield the cells of an answer: every form with a good one, else the core."""
    for form in FORMS:
        if endpoint is GOOD or form.core:
            yield from (
                Cell(form=form, pack=pack, endpoint=endpoint)
                for pack in PACKS
                if form.takes(pack)
            )


Said = Mapping[str, Any]
"""A pack of the document."""


def disagreements(
    found: Iterable[tuple[Cell, Said | None]], code: int
) -> Iterator[str]:
    """Yield what the contract does not allow of the cells of one run, and of its exit code."""
    failing = False
    unanswered: set[bool | None] = set()  # None: either is allowed
    for cell, said in found:
        if said is None:
            yield f"{cell}: missing"
            continue
        verdict = _graded(said)
        failing |= cell.enabled and verdict in FAILING
        matching = {outcome for outcome in cell.outcomes if outcome.verdict == verdict}
        if not matching:
            allowed = " or ".join(
                sorted(
                    {outcome.verdict for outcome in cell.outcomes},
                    key=WORST_FIRST.index,
                )
            )
            yield f"{cell}: {verdict}, not {allowed} ({said['reason']})"
            continue
        certain = {outcome.unanswered for outcome in matching}
        unanswered.add(certain.pop() if len(certain) == 1 else None)
        yield from (f"{cell}: {wrong}" for wrong in _beside(cell, said, verdict))
    if failing:
        codes = {3}
    elif True in unanswered:
        codes = {1}
    else:
        codes = {0, 1} if None in unanswered else {0}
    if code not in codes:
        yield f"exit {code}, not {codes}"


def _graded(said: Said) -> str:
    """Return the verdict as the oracle writes it."""
    is_info = said["verdict"] == "flagged" and said["severity"] == "info"
    return "flagged-info" if is_info else str(said["verdict"])


def _beside(cell: Cell, said: Said, verdict: str) -> Iterator[str]:
    """Yield what is wrong beside the verdict."""
    if said["severity"] != SEVERITIES.get(verdict, "warning"):
        yield f"severity {said['severity']}"
    if said["kind"] not in cell.form.kinds:
        yield f"kind {said['kind']}"
    if said["enabled"] != cell.enabled:
        yield f"enabled {said['enabled']}"
    if said["kind"] == "git" and said["version"] is not None:
        yield f"version {said['version']} of a clone"
    if verdict == "unknown" and not said["reason"]:
        yield "unknown without a reason"
    if (other := _by_another(cell, said, verdict)) and other.lower() not in str(
        said["reason"]
    ).lower():
        yield f"{verdict} by {other}, and the reason does not say so: {said['reason']}"
    yield from _advice(cell, said)


def _by_another(cell: Cell, said: Said, verdict: str) -> str | None:
    """Return the id by which alone the verdict holds, if it is not the one that is shown."""
    if len(cell.readings) > 1 or verdict in (*FINE, "unknown"):
        return None
    reading = cell.readings[0]
    holding = [
        claim
        for claim in reading.claims
        if _may(claim, reading, cell.endpoint, verdict)
    ]
    alone = holding[0].id if len(holding) == 1 and len(reading.claims) > 1 else None
    return None if alone is None or alone.lower() == str(said["id"]).lower() else alone


def _may(claim: Claim, reading: Reading, endpoint: Endpoint, verdict: str) -> bool:
    return verdict in {
        outcome.verdict for outcome in of_claim(claim, reading, endpoint)
    }


def _advice(cell: Cell, said: Said) -> Iterator[str]:
    """Yield what is wrong with the safe version: a bad one, or one of another pack, is never advised."""
    if "safe_version" not in said:
        return
    safe = said["safe_version"]
    claimed = {
        claim.id.lower() for reading in cell.readings for claim in reading.claims
    }
    if safe is not None and safe not in {
        safe_version(WORLD[name]) for name in claimed & WORLD.keys()
    }:
        yield f"safe version {safe}"
    if cell.endpoint is not GOOD or claimed != {cell.pack.id.lower()}:
        return
    if is_banned(cell.pack):
        if safe is not None:
            yield f"safe version {safe} of a pack that is banned"
    elif (
        cell.form.name in ("zip", "unpacked")
        and _is_known(cell.pack)
        and safe != safe_version(cell.pack)
    ):
        yield f"safe version {safe}, not {safe_version(cell.pack)}"


def _is_known(pack: Pack) -> bool:
    """Return whether all is known of a pack that could be advised. Open: what is, of one that was deleted."""
    return pack.listing == "complete" and all(row.status == ACTIVE for row in pack.rows)
