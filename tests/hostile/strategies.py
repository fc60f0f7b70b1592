"""Hostile texts, and events made of them, for Hypothesis."""

from __future__ import annotations

import json
import random
from typing import TypeVar

from hypothesis import strategies as st

from tests.hostile.corpus import TEXTS, made_up
from tests.support import factories
from watcher.model.event import Event, FieldChange, Kind
from watcher.model.pack import Copy
from watcher.model.scan import INFO, Scan, ScanFinding
from watcher.model.version import FLAGGED, SafeVersion
from watcher.text.status_reason import RULES

UNTRUSTED = (
    st.sampled_from([text for text in TEXTS if len(text) < 5000])
    | st.integers(0, 2**32).map(lambda seed: next(made_up(random.Random(seed))))
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
)

_FIELDS = st.sampled_from(["downloadUrl", "dependencies", "status"])
_VALUES = UNTRUSTED | st.lists(UNTRUSTED, max_size=4).map(json.dumps)


_FINDINGS = st.builds(
    ScanFinding,
    rule=UNTRUSTED | st.sampled_from([*RULES]),
    severity=UNTRUSTED | st.sampled_from([INFO, "critical"]),
    file=UNTRUSTED,
    line=st.none() | st.integers(0, 10**9),
)
_SCANS = st.builds(
    Scan,
    items=st.lists(_FINDINGS, min_size=1, max_size=4).map(tuple),
    count=st.integers(4, 200),
    is_whole=st.booleans(),
    is_known=st.booleans(),
)

T = TypeVar("T")

_WITHOUT_A_NODE = (Kind.FAILING, Kind.RECOVERED, Kind.BASELINE, Kind.APPEARED)
"""What may be about the registry, about all packs, or about a folder; every other event is about one
(docs/dev/behaviour.md, Events).
"""


@st.composite
def _subject(draw: st.DrawFn) -> tuple[Kind, str | None]:
    """Make up a kind, and the node that it is about."""
    kind = draw(st.sampled_from(Kind))
    nodes = st.none() | UNTRUSTED if kind in _WITHOUT_A_NODE else UNTRUSTED
    return kind, draw(nodes)


def _only_of_packs(
    kind: Kind, drawn: st.SearchStrategy[T]
) -> st.SearchStrategy[T | None]:
    """Return what only an event about a pack that appears has."""
    return drawn if kind is Kind.APPEARED else st.none()


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Make up events in which all that can be untrusted is hostile."""
    return [
        Event(
            id=str(number),
            kind=kind,
            node=node,
            version=draw(st.none() | UNTRUSTED),
            version_id=draw(st.none() | UNTRUSTED),
            before=draw(st.none() | UNTRUSTED),
            after=draw(st.none() | UNTRUSTED | st.just(FLAGGED)),
            reason=draw(UNTRUSTED),
            changes=tuple(
                FieldChange(
                    field=draw(_FIELDS), before=draw(_VALUES), after=draw(_VALUES)
                )
                for _ in range(number)
            ),
            at=factories.NOW,
            url=factories.URL,
            published=draw(st.just(factories.BEFORE) | UNTRUSTED),
            safe_version=draw(
                st.none() | st.builds(SafeVersion, st.none() | UNTRUSTED)
            ),
            channel=draw(st.none() | UNTRUSTED),
            install=draw(st.none() | UNTRUSTED),
            folder=draw(_only_of_packs(kind, UNTRUSTED)),
            installed=tuple(
                Copy(
                    install=draw(UNTRUSTED),
                    version=draw(st.none() | UNTRUSTED),
                    enabled=draw(st.booleans()),
                    folder=draw(st.none() | UNTRUSTED),
                )
                for _ in range(number)
            ),
            scan=draw(st.none() | _SCANS),
        )
        for number, (kind, node) in enumerate(
            draw(st.lists(_subject(), min_size=1, max_size=3))
        )
    ]
