"""Holds what `audit` says against what the contract allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.audit_oracle.endpoint import Endpoint
from tests.audit_oracle.expected import (
    FAILING,
    SEVERITIES,
    WORST_FIRST,
    Outcome,
    Reading,
    expected,
    safe_version,
)
from tests.audit_oracle.forms import FORMS, Form
from tests.audit_oracle.situations import PACKS, WORLD, Pack

CODES = {"calm": {0}, "unanswered": {1}, "failing": {3}, "open": {0, 1, 3}}
"""The exit codes of runs of cells of one group."""


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
        """Which exit code it makes for certain when it is alone."""
        fails = {
            self.enabled and outcome.verdict in FAILING for outcome in self.outcomes
        }
        unanswered = {outcome.unanswered for outcome in self.outcomes}
        if fails == {True}:
            return "failing"
        if True in fails or len(unanswered) > 1:
            return "open"
        return "unanswered" if True in unanswered else "calm"

    def __str__(self) -> str:
        return f"{self.form.name} of {self.pack.id}, GET /nodes {self.endpoint.name}"


def cells(endpoint: Endpoint) -> Iterator[Cell]:
    """Yield the cells of an answer: every form with a good one, else the core."""
    for form in FORMS:
        if endpoint is Endpoint.GOOD or form.core:
            for pack in PACKS:
                yield Cell(form=form, pack=pack, endpoint=endpoint)


Said = Mapping[str, Any]
"""A pack of the document."""


def disagreements(cell: Cell, said: Said) -> Iterator[str]:
    """Yield what the contract does not allow of what is said of a cell."""
    verdict = _graded(said)
    allowed = {outcome.verdict for outcome in cell.outcomes}
    if verdict not in allowed:
        each = " or ".join(sorted(allowed, key=WORST_FIRST.index))
        yield f"{cell}: {verdict}, not {each} ({said['reason']})"
    yield from (f"{cell}: {wrong}" for wrong in _beside(cell, said, verdict))


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
    claimed = {
        claim.id.lower() for reading in cell.readings for claim in reading.claims
    }
    good = {None, *(safe_version(WORLD[name]) for name in claimed & WORLD.keys())}
    if said.get("safe_version") not in good:
        yield f"safe version {said['safe_version']}"
