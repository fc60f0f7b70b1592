"""Hostile texts in every output of the real program, read by real parsers: a text stays a text.

The whole of it is `python -m tests.chaos.hostile`.
"""

from __future__ import annotations

import contextlib
import io
import json
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.hostile import parsers
from tests.hostile.corpus import (
    ADDRESSES,
    CANARY,
    HALVES,
    HOSTS,
    HTML,
    MARKDOWN,
    MENTIONS,
    NODE_IDS,
    REVIEWER,
    TERMINAL,
    TEXTS,
    UNSEEN,
    WORKFLOW,
    reasons,
)
from tests.hostile.dialects import Dialect
from tests.hostile.strategies import UNTRUSTED, events
from tests.hostile.world import APART, FIELDS, Account, World
from tests.support import factories
from tests.support.parameters import examples, one_of
from watcher import log
from watcher.alerts.payload import event_objects, public_form
from watcher.changes.health import FailureStreak
from watcher.cli import report
from watcher.cli.commands import history
from watcher.cli.commands.sarif import sarif
from watcher.cli.commands.status import Overview, document
from watcher.cli.commands.status import lines as status_lines
from watcher.cli.loading import Took
from watcher.cli.terminal import echo, to_json
from watcher.model.channel import Grouping
from watcher.model.event import About, Event, Grade
from watcher.model.finding import Finding
from watcher.model.pack import Pack, PackKind
from watcher.model.reading import ReadFailure
from watcher.model.snapshot import Snapshot
from watcher.model.version import SafeVersion
from watcher.polling.audit import Audit
from watcher.polling.problems import problems
from watcher.state.model import Checks, State
from watcher.text.status_reason import summarize


@pytest.mark.bounded
def test_no_text_escapes_from_any_output() -> None:
    """One life of a few nodes that carry the whole corpus leaves nothing to find, and it was seen everywhere."""
    account = Account()
    some = dict.fromkeys(
        ("evil_node", "evil__node", "x-_evil_-y", *NODE_IDS[:: len(NODE_IDS) // 12])
    )
    nodes = tuple(some)[: -(-len(TEXTS) // FIELDS) + APART]
    groupings = (Grouping.POLL, Grouping.POLL, Grouping.POLL, Grouping.EVENT)
    World(account, groupings=groupings).chapter(TEXTS, nodes)
    assert account.findings == []
    assert account.undelivered == 0
    assert account.silent == set()
    assert {(place, text[:80]) for place, text in account.lost} == set()


def _printed(*lines: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for line in lines:
            echo(line)
    return out.getvalue()


@examples(25)
@given(events(), UNTRUSTED, UNTRUSTED)
def test_any_text_in_any_line(events: list[Event], node: str, error: str) -> None:
    """Whatever the texts, `check` and `history` print as many lines as there are facts, and each is harmless."""
    done = factories.poll_report(
        *events, watched=3, errors=((node, error),), empty=(node,)
    )
    assert (
        list(
            parsers.in_lines(
                _printed(*report.lines(done, dry_run=False)), len(events) + 1
            )
        )
        == []
    )
    assert (
        list(parsers.in_lines(_printed(*(one.sentence for one in problems(done))), 2))
        == []
    )
    assert (
        list(parsers.in_lines(_printed(*history.lines(events)), len(events) + 1)) == []
    )
    assert (
        list(parsers.in_json(_printed(to_json(report.document(done))), printed=True))
        == []
    )
    recorded = to_json({"events": [public_form(event) for event in events]})
    assert list(parsers.in_json(_printed(recorded), printed=True)) == []
    assert list(parsers.in_json(json.dumps(event_objects(events)), printed=True)) == []


@examples(25)
@given(st.lists(UNTRUSTED, min_size=1, max_size=4), st.sampled_from(["a", ":", "::"]))
@example([":error::evil"], ":")
def test_any_text_in_any_status(texts: list[str], name: str) -> None:
    """Whatever nodes, versions and errors are called, `status` has a line for each node, with its error."""
    versions = [
        factories.version(text, f"{text}{number}", deprecated=True)
        for number, text in enumerate(texts)
    ]
    versions.append(factories.version(texts[0] + "!", "flagged"))
    node = factories.known(*versions, node=name)
    failing = FailureStreak(count=1, since=factories.NOW, error=f"{texts[0]}?")
    state = State(
        snapshot=Snapshot(nodes={name: node}),
        checks=Checks(streaks={About.NODE: {name: failing}}),
    )
    view = Overview(state=state, nodes=[name], now=factories.NOW, max_age=60)
    assert list(parsers.in_lines(_printed(*status_lines(view)), 4)) == []
    assert list(parsers.in_json(_printed(to_json(document(view))), printed=True)) == []


@examples(25)
@given(st.lists(UNTRUSTED, min_size=4, max_size=4))
def test_any_text_in_any_format(texts: list[str]) -> None:
    """Whatever packs, versions, files and reasons are, SARIF has a result for each."""
    name, version, file, reason = texts
    pack = Pack(
        folder=name,
        kind=PackKind.CLAIMED,
        id=name,
        version=version,
        file=f"/repo/{file}",
        line=3,
    )
    one = Finding(
        install="here",
        pack=pack,
        grade=Grade.BANNED,
        id=name,
        detail=reason,
        safe_version=SafeVersion(version),
        named=True,
    )
    problems = (ReadFailure(node=name, error=reason),)
    done = Audit(inventories=(), findings=(one, one), problems=problems)
    took = Took(started=factories.NOW, finished=factories.NOW)
    shown = _printed(to_json(sarif(done, took, Path("/repo"))))
    assert list(parsers.in_sarif(shown, 2)) == []


@examples(25)
@given(UNTRUSTED, UNTRUSTED)
def test_any_text_in_any_log(event: str, value: str) -> None:
    """Whatever is logged, a log is one harmless line for each event, in either format."""
    written = {style: io.StringIO() for style in ("json", "console")}
    try:
        for style, stream in written.items():
            log.configure("debug", style, stream)
            log.error(
                event,
                value=value,
                values=[value, {value: event}],
                error=ValueError(value),
            )
    finally:
        log.configure()
    assert list(parsers.in_json_log(written["json"].getvalue(), None)) == []
    assert list(parsers.in_console_log(written["console"].getvalue())) == []
    assert [stream.getvalue().count("\n") for stream in written.values()] == [1, 1]


@pytest.mark.parametrize("form", one_of(*range(len(reasons(""))), fast=2))
def test_no_reason_passes_an_address_on(form: int) -> None:
    """However a reviewer's address is written, in each form of a reason, whole or cut off, nothing of it is said."""
    said = [summarize(reasons(text)[form]) for text in (*ADDRESSES, *HALVES)]
    assert [
        line for line in said if any(word in line.lower() for word in REVIEWER)
    ] == []


# The parsers themselves


@pytest.mark.parametrize("dialect", Dialect)
def test_the_parsers_find_what_is_not_quoted(dialect: Dialect) -> None:
    """A text that went into a message as it is would be found, whatever the dialect."""
    for text in (
        text
        for text in (*MENTIONS, *MARKDOWN, *HTML)
        if CANARY in text and "`" not in text
    ):
        assert list(parsers.in_shown(dialect, f"x {text}\n")), text


def test_the_parsers_find_what_acts_unseen() -> None:
    """A text that went into a line as it is would be found."""
    for text in (*TERMINAL, *UNSEEN):
        assert list(parsers.in_any(text, controls="")), text
    for text in islice(WORKFLOW, 6):
        assert ("workflow_commands", text) in set(parsers.in_any(text)), text
    for text in (*ADDRESSES, *HALVES):
        assert "addresses" in {figure for figure, _ in parsers.in_any(text)}, text
    for text in (HOSTS[0], HOSTS[4], HOSTS[8]):
        assert "forged_links" in {figure for figure, _ in parsers.in_message(text)}, (
            text
        )
