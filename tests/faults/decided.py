"""What each fault means, decided once: for the reading of one node, and so for everything that a poll does with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Means(StrEnum):
    """What a reading that met a fault is."""

    COMPLETE = "complete"
    """No fault for the reader: the answer says what the registry holds, only unusually."""
    INCOMPLETE = "incomplete"
    """What was seen counts, what was not seen means nothing."""
    EMPTY = "empty"
    """Complete, and without any version: all that was known is gone if it comes twice."""
    UNREADABLE = "unreadable"
    """Nothing is known of the node."""
    REGISTRY = "registry"
    """Nothing is known of the node, and the fault lies with the registry or the way to it."""
    BANNED = "banned"
    """The spec's answer for a banned node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a fault means, and what is said of it to a person ("" where there is nothing to say)."""

    means: Means
    said: str = ""


def _of(means: Means, **said: str) -> dict[str, Decision]:
    return {name: Decision(means=means, said=text) for name, text in said.items()}


_TOLD = "It did not work out"
_REFUSED = "the registry, or something in front of it, refused access"

DECIDED: dict[str, Decision] = {
    **_of(
        Means.COMPLETE,
        bom="",
        fields_vanish="",
        findings_bomb="",
        huge_reason="",
        nulls="",
        redirect_same_origin="",
        small_pages="",
    ),
    **_of(
        Means.INCOMPLETE,
        claims_100k="the answer claims 100000 versions, more than any node has",
        duplicate_keys_in_rows="row 1 is unreadable on page 1",
        empty_later_pages="2 of 5 versions came",
        filter_ignored="the answer holds other nodes' versions, as if nodeId were ignored",
        large_pages="4 of 5 versions came, which are larger than max_response_mb",
        missing_rows="4 of 5 versions came",
        null_versions="0 of 3 versions came",
        repeated_rows="a version came twice",
        row_of_another="the answer holds other nodes' versions, as if nodeId were ignored",
        rows_no_objects="row 1 is unreadable on page 1",
        total_changes="the number of versions changed between pages",
        total_falls_short="the answer claims 2 versions on 3 pages, which does not fit",
        wrong_details="row 1 is unreadable on page 1",
        wrong_row_types="row 1 is unreadable on page 1",
    ),
    **_of(Means.EMPTY, nothing=""),
    **_of(
        Means.UNREADABLE,
        array="the answer has no list of versions",
        deep_nesting="the answer is nested too deeply",
        deep_nesting_inside="the answer is nested too deeply",
        duplicate_keys="the answer holds a key twice",
        empty_body="the answer is empty",
        empty_object="the answer has no list of versions",
        endless_number="the answer is no readable JSON",
        html_200="the answer is an HTML page",
        html_200_said_to_be_json="the answer is an HTML page",
        invalid_utf8="the answer is no readable JSON",
        nan="the answer is no readable JSON",
        null="the answer has no list of versions",
        number="the answer has no list of versions",
        row_bomb="the answer holds 6000 rows, far more than were requested",
        status_400_empty="the registry rejected the request (400)",
        status_400_json=f"the registry rejected the request (400): {_TOLD}",
        status_404_empty="the registry does not know it (404); is the id right?",
        status_404_json=f"the registry does not know it (404): {_TOLD}; is the id right?",
        endless_body="its answer is larger than 16 MB (max_response_mb)",
        gzip_bomb="its answer is larger than 16 MB (max_response_mb)",
        not_gzip="its answer is damaged (gzip)",
        value_bomb="the answer holds too many values to be a page of versions",
        value_bomb_in_a_row="the answer holds too many values to be a page of versions",
        wrong_types="the answer has no list of versions",
    ),
    **_of(
        Means.REGISTRY,
        closed_unanswered="the connection broke off",
        drip="it timed out",
        hang="it timed out",
        header_drip="it timed out",
        html_502="registry error (502)",
        no_http="the connection broke off",
        rate_limited_absurd="the registry asked to wait 1157d9h46m39s (429)",
        rate_limited_http_date=f"the registry asked to slow down (429): {_TOLD}",
        rate_limited_missing=f"the registry asked to slow down (429): {_TOLD}",
        rate_limited_negative=f"the registry asked to slow down (429): {_TOLD}",
        rate_limited_seconds=f"the registry asked to slow down (429): {_TOLD}",
        rate_limited_soon=f"the registry asked to slow down (429): {_TOLD}",
        redirect_elsewhere="it redirects to another host, which is not followed; check registry_url",
        redirect_loop="it redirects without end",
        reset_mid_body="the connection broke off",
        status_204="the registry gave an unexpected answer (204)",
        status_403_empty=f"{_REFUSED} (403)",
        status_403_html=f"{_REFUSED} (403)",
        status_403_json=f"{_REFUSED} (403): {_TOLD}",
        status_500_empty="registry error (500)",
        status_500_json=f"registry error (500): {_TOLD}",
        status_502_html="registry error (502)",
        status_503_empty="registry error (503)",
        status_503_json=f"registry error (503): {_TOLD}",
        truncated_body="the connection broke off",
        unavailable_absurd="the registry asked to wait 1157d9h46m39s (503)",
        unavailable_seconds=f"registry error (503): {_TOLD}",
    ),
    **_of(Means.BANNED, status_403_banned=_TOLD),
}
"""Every fault of `tests.support.fakes.faults`, as met by a node of five versions, with 16 MB allowed."""

_ALL = ("flagged", "new")
SHOWN: dict[str, tuple[str, ...]] = {
    "claims_100k": _ALL,
    "duplicate_keys_in_rows": (),
    "empty_later_pages": ("new",),
    "filter_ignored": _ALL,
    "large_pages": ("new",),
    "missing_rows": _ALL,
    "null_versions": (),
    "repeated_rows": _ALL,
    "row_of_another": ("flagged",),
    "rows_no_objects": (),
    "total_changes": _ALL,
    "total_falls_short": _ALL,
    "wrong_details": _ALL,
    "wrong_row_types": ("flagged",),
}
"""Of each incomplete listing: which of two changes its rows show, the first row being new and the last but one flagged.

Rows come by version, latest first: 2.1.0 is new, 1.4.0 to 1.2.0 are as they were, 1.1.0 is flagged, 1.0.0 is the last.
"""

EVERYBODYS = frozenset({"rate_limited_absurd"})
"""Faults that one node cannot have alone: a 429 speaks of who asks, and after this one nobody asks any more."""

UNREACHED = frozenset({"closed_unanswered", "drip", "hang", "header_drip", "no_http", "refused", "untrusted"})
"""Faults in which no HTTP answer comes, or none to its end in time: the registry may not be there at all."""

SLOW = frozenset({"drip", "hang", "header_drip"})
"""Faults that only the deadline ends."""

UNHURRIED = SLOW | {"reset_mid_body"}
"""Faults that take their time with each answer, so that one is enough."""

_BACKED_OFF = ((0.25, 0.5), (0.5, 1.0))
WAITS: dict[str, tuple[tuple[float, float], ...]] = {
    "closed_unanswered": _BACKED_OFF,
    "html_502": _BACKED_OFF,
    "no_http": _BACKED_OFF,
    "rate_limited_http_date": ((1.0, 3.0), (1.0, 3.0)),
    "rate_limited_missing": _BACKED_OFF,
    "rate_limited_negative": _BACKED_OFF,
    "rate_limited_seconds": ((1.0, 1.0), (1.0, 1.0)),
    "rate_limited_soon": _BACKED_OFF,
    "refused": _BACKED_OFF,
    "status_500_empty": _BACKED_OFF,
    "status_500_json": _BACKED_OFF,
    "status_502_html": _BACKED_OFF,
    "status_503_empty": _BACKED_OFF,
    "status_503_json": _BACKED_OFF,
    "truncated_body": _BACKED_OFF,
    "unavailable_seconds": ((3.0, 3.0), (3.0, 3.0)),
    "untrusted": _BACKED_OFF,
}
"""Between how many seconds a reader who may ask three times waits the first and the second time.

What the registry asks for is waited for, if it is no more than a minute; else half a second that doubles, less up to
half of it. After any other fault there is no sense in asking again.
"""

HELD: dict[str, tuple[float, float]] = {
    "rate_limited_http_date": (0.2, 3.0),
    "rate_limited_seconds": (0.2, 1.0),
}
"""Between how many seconds the next node waits after a 429 that ended the attempts of the one before."""
