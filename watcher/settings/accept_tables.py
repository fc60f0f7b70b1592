"""Known findings as people name them: `pack@1.2.0`, `pack@COMMIT`, `pack`, with `=VERDICT`; or a table. Pure.

Each function raises ValueError with what is wrong (docs/behaviour.md, Settings).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from watcher.model.finding import Acceptance, Grade
from watcher.model.precedence import normalised
from watcher.model.selection import NODE_ID
from watcher.settings import parsing
from watcher.text.mask import describe, is_visible

_VERDICTS = tuple(one for one in Grade if one is not Grade.OK)
"""What may be accepted, worst first."""
_LONGEST_VERSION, _LONGEST_REASON = 100, 200
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_VERSION = re.compile(r"[vV]?[0-9]+(?:\.[0-9]+)+")
"""What is a version, and hardly an id."""
_SHORT_COMMIT = re.compile(r"[0-9A-Fa-f]{1,6}")


def _finding(value: object) -> str:
    """Return a finding as it is written."""
    text = value.strip() if isinstance(value, str) else ""
    named, equals, verdict = text.partition("=")
    node, at, copy = named.partition("@")
    is_word = is_visible(copy) and not set(" @") & set(copy)
    is_copy = is_word and 0 < len(copy) <= _LONGEST_VERSION
    if not NODE_ID.fullmatch(node) or is_copy != bool(at):
        raise ValueError(
            f"{describe(value)} is not a finding; give the id of a pack, and a version or a clone's commit of it, e.g."
            " rgthree-comfy@1.0.3"
        )
    if not at and _VERSION.fullmatch(node):
        raise ValueError(
            f"{describe(value)} is a version without a pack; give both, e.g. rgthree-comfy@1.0.3"
        )
    if _SHORT_COMMIT.fullmatch(copy) and normalised(copy) is None:
        raise ValueError(
            f"{describe(value)} has too little of a commit; give at least 7 of its digits"
        )
    if equals and verdict not in _VERDICTS:
        raise ValueError(
            f"{describe(value)} ends with no verdict; after = give one of: {', '.join(_VERDICTS)}"
        )
    return text


def _reason(value: object) -> str:
    """Return a reason as one line."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST_REASON:
        raise ValueError(
            f"{describe(value)} is not a reason; give up to {_LONGEST_REASON} characters of text"
        )
    return text


def _until(value: object) -> date:
    """Return a day, of TOML or as text."""
    # In Python a moment is a date too.
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    text = str(value).strip() if is_day or isinstance(value, str) else ""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # no such day
    raise ValueError(
        f"{describe(value)} is not a day; give one such as 2026-11-30, without a time"
    )


class AcceptTable(BaseModel):
    """A known finding about an installed pack."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    finding: Annotated[str, BeforeValidator(_finding)] = Field(
        description="What is accepted, written as in the list: `pack@1.2.0`, `pack@COMMIT` or `pack`, maybe with"
        " `=VERDICT`."
    )
    reason: Annotated[str, BeforeValidator(_reason)] = Field(
        "", description="Why, in your own words. Every output shows it."
    )
    until: Annotated[
        date | None,
        BeforeValidator(_until),
        WithJsonSchema({"type": "string", "format": "date"}),
    ] = Field(
        None,
        description="The last day, such as `2026-11-30` (UTC). After it the finding is reported. Default: no end.",
    )

    @property
    def shown(self) -> str | dict[str, object]:
        """The entry as a settings file may have it."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        return self.finding if len(given) == 1 else given


def read_accept(value: object) -> list[object]:
    """Return the tables of a list, of JSON, or of words; a finding alone becomes a table too."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        raise ValueError("the value is one table of JSON; put it into a list, [{…}]")
    if not isinstance(value, (str, list, tuple)):
        raise ValueError(
            'the value is not a list of findings; write accept = ["rgthree-comfy@1.0.3"], or [[accept]] with two'
            " brackets"
        )
    return parsing.read_each(
        parsing.split_list(value),
        lambda item: _entry(item) if isinstance(item, str) else item,
    )


def read_findings(words: Iterable[object]) -> tuple[Acceptance, ...]:
    """Return what a command line accepts: findings without reason and end."""
    return acceptances(parsing.read_each(words, _entry))


def acceptances(tables: Iterable[AcceptTable]) -> tuple[Acceptance, ...]:
    """Return what the tables accept, each once."""
    return tuple(dict.fromkeys(map(_acceptance, tables)))


def _acceptance(table: AcceptTable) -> Acceptance:
    named, _, verdict = table.finding.partition("=")
    node, _, copy = named.partition("@")
    worst = Grade(verdict or Grade.FLAGGED)
    return Acceptance(
        node=node, copy=copy, worst=worst, reason=table.reason, until=table.until
    )


def _entry(item: object) -> AcceptTable:
    return AcceptTable.model_construct({"finding"}, finding=_finding(item))
