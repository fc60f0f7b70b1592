"""What a message says of the baseline of all nodes that globs choose."""

from __future__ import annotations

import pytest

from tests.support.factories import NOW, event
from watcher.alerts.digest import compose
from watcher.alerts.payload import event_objects
from watcher.alerts.render import Format, render
from watcher.cli.report import event_subject, what_happened
from watcher.model.event import SWEPT_KINDS, Event, Kind, Severity

PACKS = [f"comfyui-some-long-name-{number}" for number in range(10)]
REASON = "5,100 node packs with 30,600 versions; banned: 70; deprecated: 12; the latest of these: " + ", ".join(
    f"{pack} 1.0.{number} (banned)" for number, pack in enumerate(PACKS)
)


def baseline(after: str | None = "banned", **fields: object) -> Event:
    """Return the event of a registry with something bad, or with nothing."""
    given = {"node": None, "version": None, "version_id": None, "before": None, "reason": REASON, "at": NOW}
    return event("whole", Kind.BASELINE, **given | {"after": after} | fields)


@pytest.mark.parametrize("form", Format)
def test_nothing_of_it_is_cut(form: Format) -> None:
    """A message has every count and each pack that the reason names, and says what will follow for whom, how often."""
    body = render(compose((baseline(),)), form, 8000, 200).body
    for said in ("30,600 versions", "banned: 70", *PACKS, "1.0.9 (banned)", *SWEPT_KINDS, "every 1h"):
        assert said in body


def test_the_title_says_what_is_there() -> None:
    """The title has the worst status of the registry, if there is something wrong in it."""
    assert compose((baseline(),)).titles[0] == "Now watched: node packs of the registry, with BANNED versions"
    assert compose((baseline("flagged"),)).titles[0] == "Now watched: node packs of the registry, with flagged versions"
    assert compose((baseline(None),)).titles[0] == "Now watched: node packs of the registry"


def test_it_is_as_severe_as_what_it_reports() -> None:
    """A registry with a banned version makes it critical, one without anything wrong an information."""
    found = [compose((baseline(after),)).severity for after in ("banned", "flagged", "deprecated", None)]
    assert found == [Severity.CRITICAL, Severity.WARNING, Severity.WARNING, Severity.INFO]


def test_named_nodes_have_lines_of_their_own() -> None:
    """Beside the baselines of nodes that are named it is a block of its own, and not one of the node packs."""
    named = tuple(event(f"n{n}", Kind.BASELINE, node=f"n{n}", version=None, after=None) for n in range(4))
    digest = compose((baseline(None), *named))
    assert sorted((group.heading, len(group.lines)) for group in digest.groups) == [
        ("", 1),
        ("Now watched: 4 node packs", 4),
    ]
    assert digest.titles[0] == "Now watched: node packs of the registry and 4 more"


def test_programs_and_tables_get_all_of_the_reason() -> None:
    """A webhook's object has a null node and the whole reason, and so has the row that `check` and `history` print."""
    [shown] = event_objects([baseline()])
    assert isinstance(shown, dict)
    assert (shown["kind"], shown["node"], shown["after"], shown["reason"]) == ("baseline", None, "banned", REASON)
    assert what_happened(baseline()) == REASON
    assert event_subject(baseline()) == "(registry)"
