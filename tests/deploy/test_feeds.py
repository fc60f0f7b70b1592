"""The feeds, judged by readers that refuse what is no feed: Ruby's validator of Atom, and a schema of JSON Feed."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from tests.deploy.support.tools import package, tool
from tests.hostile.corpus import TEXTS
from tests.support.factories import PACK, event, known, version
from watcher.model.event import Kind
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot
from watcher.publish.feeds import atom, json_feed
from watcher.publish.public import Public, Terms, published
from watcher.state.model import State

pytestmark = pytest.mark.deployment

_VALIDATOR = """
require "rss"
begin
  puts RSS::Parser.parse(STDIN.read, true, false).entries.map { |one| one.content.content }.join("\\0")
rescue RSS::Error => error
  abort error.message
end
"""
"""Prints the texts of the entries of a valid feed, and else what is wrong."""


@pytest.fixture
def public() -> Public:
    """A history in which every text is hostile, and every kind of event is."""
    kinds = [*Kind]
    history = [
        event(
            f"e{number}",
            kinds[number % len(kinds)],
            version=text,
            reason=text,
            node=PACK if number % 3 else None,
        )
        for number, text in enumerate(TEXTS)
    ]
    state = State(snapshot=Snapshot(nodes={PACK.lower(): known(version())}))
    terms = Terms(selection=Selection(names=(PACK,)), minimum_age=0.0)
    return published(state, history, terms, "1.2.3")


def _judged(feed: str) -> subprocess.CompletedProcess[str]:
    """Return what the validator says of an Atom feed."""
    return subprocess.run(
        [tool("ruby"), "-e", _VALIDATOR],
        input=feed,
        capture_output=True,
        encoding="utf-8",
        env={"LANG": "C.UTF-8"},
        timeout=60,
        check=False,
    )


def test_the_atom_feed_is_valid(public: Public) -> None:
    """The validator takes it, and reads the texts that the other feed has, with and without entries."""
    done = _judged(atom(public))
    assert done.returncode == 0, done.stderr
    items = json.loads(json_feed(public))["items"]
    assert done.stdout.strip().split("\0") == [one["content_text"] for one in items]
    assert len(items) > 30
    assert _judged(atom(published_nothing())).returncode == 0


@pytest.mark.parametrize(
    "mistake",
    [
        r"<id>urn:comfy-watch:feed:\w+</id>",
        r"<title>.*</title>",
        r"<updated>.*</updated>",
        r"<name>.*</name>",
        r' term="\w+"',
        r'(?<=rel="alternate") href="[^"]*"',
        r"(?s)<author>.*?</author>",
    ],
)
def test_the_validator_of_atom_finds_mistakes(public: Public, mistake: str) -> None:
    """A feed that lacks what the standard demands is refused."""
    broken, count = re.subn(mistake, "", atom(public), count=1)
    assert count == 1
    done = _judged(broken)
    assert (done.returncode, bool(done.stderr)) == (1, True)


def _mistakes(feed: Any) -> list[str]:
    """Return what the schema says of a JSON Feed."""
    schema = (package("jsonfeed-schema") / "schema-v1.1.json").read_text("utf-8")
    validator = Draft7Validator(json.loads(schema), format_checker=FormatChecker())
    return [one.json_path for one in validator.iter_errors(feed)]


def test_the_json_feed_is_valid(public: Public) -> None:
    """It is what the schema describes, with and without entries."""
    assert _mistakes(json.loads(json_feed(public))) == []
    assert _mistakes(json.loads(json_feed(published_nothing()))) == []


@pytest.mark.parametrize("name", ["version", "title", "items"])
def test_the_schema_of_json_feed_finds_mistakes(public: Public, name: str) -> None:
    """A feed that lacks what is demanded is refused, and an entry likewise."""
    feed = json.loads(json_feed(public))
    del feed["items"][0]["id"], feed["items"][1]["content_text"]
    assert _mistakes(feed) == ["$.items[0]", "$.items[1]"]
    del feed[name]
    assert "$" in _mistakes(feed)


def published_nothing() -> Public:
    """Return what may be published before the first poll."""
    return published(
        State(), (), Terms(selection=Selection(), minimum_age=0.0), "1.2.3"
    )
