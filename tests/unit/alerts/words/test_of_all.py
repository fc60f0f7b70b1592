"""What a message says of the baseline of all nodes that globs choose."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.support.factories import NOW, event
from watcher.alerts.digest import compose
from watcher.alerts.payload import event_objects
from watcher.alerts.render import Format, render
from watcher.cli.report import event_subject, what_happened
from watcher.model.event import SWEPT_KINDS, BadVersion, Event, Kind, Severity

PACKS = [f"comfyui-some-long-name-{number}" for number in range(10)]
REASON = "5,100 node packs with 30,600 versions; banned: 70; deprecated: 12"
BAD = tuple(
    BadVersion(node=pack, version=f"1.0.{number}", status="banned")
    for number, pack in enumerate(PACKS)
)
FORGED = BadVersion(
    node="evil", version="1 (flagged), rgthree-comfy 1.0.0; banned: 9", status="flagged"
)


def baseline(after: str | None = "banned", **fields: object) -> Event:
    """Return the event of a registry with something bad, or with nothing."""
    nothing = dict.fromkeys(("node", "version", "version_id", "before"))
    given = {"reason": REASON, "at": NOW, "bad_versions": BAD, "after": after}
    return event("whole", Kind.BASELINE, **nothing | given | fields)


@pytest.mark.parametrize("form", Format)
def test_nothing_of_it_is_cut(form: Format) -> None:
    """A message has every count and each pack that it names, and says what will follow for whom, how often."""
    body = render(compose((baseline(),)), form, 8000, 200).body
    for said in (
        "30,600 versions",
        "banned: 70",
        *PACKS,
        "1.0.9",
        " (banned)",
        *SWEPT_KINDS,
        "every 1h",
    ):
        assert said in body


@pytest.mark.parametrize("form", Format)
def test_a_version_text_makes_no_other_finding(form: Format) -> None:
    """A version whose text looks like several findings is quoted as the one that it is."""
    body = render(compose((baseline(bad_versions=(FORGED,)),)), form, 8000, 200).body
    end = dict(zip(Format, ("`", "”", "</code>", "</samp>", "`", "'"), strict=True))[
        form
    ]
    assert f"1 (flagged), rgthree-comfy 1.0.0; banned: 9{end} (flagged)" in body
    assert what_happened(baseline(bad_versions=(FORGED,))).endswith(
        'the latest of these: evil "1 (flagged), rgthree-comfy 1.0.0; banned: 9" (flagged)'
    )


def test_the_title_says_what_is_there() -> None:
    """The title has the worst status of the registry, if there is something wrong in it."""
    assert (
        compose((baseline(),)).titles[0]
        == "Now watched: node packs of the registry, with BANNED versions"
    )
    assert (
        compose((baseline("flagged"),)).titles[0]
        == "Now watched: node packs of the registry, with flagged versions"
    )
    assert (
        compose((baseline(None),)).titles[0]
        == "Now watched: node packs of the registry"
    )


def test_it_is_as_severe_as_what_it_reports() -> None:
    """A registry with a banned version makes it critical, one without anything wrong an information."""
    found = [
        compose((baseline(after),)).severity
        for after in ("banned", "flagged", "deprecated", None)
    ]
    assert found == [
        Severity.CRITICAL,
        Severity.WARNING,
        Severity.WARNING,
        Severity.INFO,
    ]


def test_named_nodes_have_lines_of_their_own() -> None:
    """Beside the baselines of nodes that are named it is a block of its own, and not one of the node packs."""
    named = tuple(
        event(f"n{n}", Kind.BASELINE, node=f"n{n}", version=None, after=None)
        for n in range(4)
    )
    digest = compose((baseline(None), *named))
    assert sorted((group.heading, len(group.lines)) for group in digest.groups) == [
        ("", 1),
        ("Now watched: 4 node packs", 4),
    ]
    assert digest.titles[0] == "Now watched: node packs of the registry and 4 more"


def test_programs_and_tables_get_all_of_it() -> None:
    """A webhook's object has a null node, the reason and each bad version; so has what `check` and `history` print."""
    [shown] = event_objects([baseline()])
    assert isinstance(shown, dict)
    assert (shown["kind"], shown["node"], shown["after"], shown["reason"]) == (
        "baseline",
        None,
        "banned",
        REASON,
    )
    assert shown["bad_versions"] == [asdict(one) for one in BAD]
    named = ", ".join(
        f"{pack} 1.0.{number} (banned)" for number, pack in enumerate(PACKS)
    )
    assert what_happened(baseline()) == f"{REASON}; the latest of these: {named}"
    assert event_subject(baseline()) == "(registry)"
