"""The JSON Schemas: strict, described, and true of what the program really writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from tests.support.factories import NOW, event, poll_report
from tests.support.parameters import examples
from tests.support.program import ROOT
from tests.support.strategies import (
    addresses,
    checks,
    events,
    installs,
    snapshots,
)
from watcher.alerts.queues.outbox import Change
from watcher.alerts.queues.ownership import Addresses
from watcher.cli import report
from watcher.cli.commands.schema import NAMES, document_of
from watcher.cli.terminal import to_json
from watcher.model.event import Event
from watcher.model.reading import ReadFailure
from watcher.model.snapshot import Snapshot
from watcher.state import documents
from watcher.state.codec import decode, line_of
from watcher.state.model import Checks
from watcher.state.store import StateFolder

pytestmark = pytest.mark.measured


def valid(name: str, text: bytes | str) -> None:
    """Assert that a document is what its schema says; ValidationError."""
    Draft202012Validator(
        document_of(name), format_checker=Draft202012Validator.FORMAT_CHECKER
    ).validate(json.loads(text))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "settings"])
def test_a_schema_is_strict_and_described(name: str) -> None:
    """No object may have other keys than those that are described."""
    given: dict[str, Any] = document_of(name)
    for part in (given, *given.get("$defs", {}).values()):
        assert part["description"]
        if part["type"] == "object":
            assert part["additionalProperties"] is False
        for key, about in part.get("properties", {}).items():
            assert about.get("description"), key


FILES: dict[
    str, tuple[st.SearchStrategy[Any], Callable[[Any], bytes], Callable[[bytes], Any]]
] = {
    "snapshot": (snapshots(), documents.write_snapshot, documents.read_snapshot),
    "checks": (checks(), documents.CHECKS.write, documents.CHECKS.read),
    "addresses": (addresses(), documents.ADDRESSES.write, documents.read_addresses),
    "installs": (
        installs(),
        lambda one: documents.INSTALLS.write(documents.LastScans(installs=one)),
        lambda text: documents.INSTALLS.read(text).installs,
    ),
    "history": (events(), line_of, partial(decode, Event)),
}


@pytest.mark.parametrize("name", FILES)
@examples(60)
@given(data=st.data())
def test_whatever_is_written_is_valid_and_reads_back(
    name: str, data: st.DataObject
) -> None:
    """Any value's document is what its schema says, if it has one, and is read as that value."""
    made_up, write, read = FILES[name]
    value = data.draw(made_up)
    text = write(value)
    if name in NAMES:
        valid(name, text)
    assert read(text) == value
    assert write(read(text)) == text


@given(one=events())
def test_what_check_prints_is_valid(one: Event) -> None:
    """Its schema holds for any event, and for everything that can fail.

    What `audit` and `versions` print, and a webhook gets, is held against its schema where it is made
    (`tests/cli/test_audit.py`, `test_versions.py`, `test_webhook.py`).
    """
    done = poll_report(
        one,
        watched=2,
        undelivered=1,
        errors=(("b", "x"), (None, "x")),
        unscanned=(ReadFailure(install="laptop", error="x"),),
    )
    valid("check", to_json(report.document(done)))


@pytest.mark.parametrize(
    ("old", "new"), [("flagged", "flogged"), (NOW, "yesterday"), ('"url"', '"urls"')]
)
def test_a_wrong_value_is_invalid(old: str, new: str) -> None:
    """A schema refuses what the program would never write: a word, a time or a key that is none."""
    text = line_of(event()).decode().replace(old, new)
    with pytest.raises(ValidationError):
        valid("history", text)


def test_the_readme_knows_every_file(state: Path) -> None:
    """Every file that the program keeps is in the state's README."""
    readme = (ROOT / "state" / "README.md").read_text()
    state.mkdir()
    folder = StateFolder(state)
    with folder.locked():
        folder.save_addresses(Addresses(salt="ab" * 16, apprise="2.3"))
        folder.prepare(Change())
        folder.commit(Snapshot(revision=1))
        folder.save_checks(Checks(), 1)
        folder.record((event(),))
        folder.save_installs({"studio": ()})
    rows = set(re.findall(r"^\| `([^`]+)`", readme, re.MULTILINE))
    assert rows == {path.name for path in state.iterdir()}
