"""The feed, judged by a reader that refuses what is no feed: Ruby's validator of Atom."""

from __future__ import annotations

import subprocess

import pytest

from tests.deploy.support.tools import tool
from tests.hostile.corpus import TEXTS
from tests.support.factories import PACK, event, known, version
from watcher.model.event import Kind
from watcher.model.selection import Selection
from watcher.model.snapshot import Snapshot
from watcher.publish.documents import atom
from watcher.publish.public import Public, Terms, published
from watcher.state.model import State

pytestmark = pytest.mark.deployment

_TERMS = Terms(selection=Selection(names=(PACK,)), minimum_age=0.0)
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
    return published(state, history, _TERMS, "1.2.3")


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
    """The validator takes it, and reads the text of every entry, with and without entries."""
    done = _judged(atom(public))
    assert done.returncode == 0, done.stderr
    texts = done.stdout.strip().split("\0")
    assert len(texts) == atom(public).count("<entry>") > 30
    assert all(texts)
    nothing = published(State(), (), _TERMS, "1.2.3")
    assert _judged(atom(nothing)).returncode == 0
