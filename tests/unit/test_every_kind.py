"""No event kind lacks what a kind has to have, and what was decided for each stands here once."""

from __future__ import annotations

import re
from dataclasses import fields
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.support.factories import BEFORE, channel, compare, event, known, version
from tests.support.fake_registry.catalog import Catalog
from tests.support.program import ROOT
from watcher.alerts.phrasing import SYMBOLS, counted_as, phrasing
from watcher.alerts.words import FIELD_NAMES
from watcher.cli import terminal
from watcher.cli.documents import VersionForm
from watcher.delivery.services import mail, service
from watcher.model.channel import knowing, wants
from watcher.model.event import VERDICTS, Grade, Kind, Severity
from watcher.model.version import WATCHED_FIELDS, Version
from watcher.registry.schema import VersionRow

_YES, _NO = True, False
_DECIDED = {
    # Its severity where nothing makes it worse; whether a channel without kinds gets it; and that of what only a glob
    # chooses.
    Kind.BANNED: ("critical", _YES, _YES),
    Kind.EXPOSED: ("warning", _YES, _YES),
    Kind.FLAGGED: ("warning", _YES, _YES),
    Kind.DELETED: ("warning", _YES, _YES),
    Kind.REMOVED: ("warning", _YES, _NO),
    Kind.FAILING: ("warning", _YES, _YES),
    Kind.DEPRECATED: ("warning", _YES, _NO),
    Kind.CHANGED: ("warning", _YES, _NO),
    Kind.APPEARED: ("info", _YES, _YES),
    Kind.REINSTATED: ("info", _YES, _YES),
    Kind.CLEARED: ("info", _YES, _YES),
    Kind.UNDEPRECATED: ("info", _YES, _NO),
    Kind.RECOVERED: ("info", _YES, _YES),
    Kind.NEW: ("info", _YES, _NO),
    Kind.PENDING: ("info", _NO, _NO),
    Kind.BASELINE: ("info", _YES, _YES),
}

_NO_NEWS = {Grade.FLAGGED_INFO, Grade.PENDING, Grade.OUTDATED}
"""The verdicts that say neither that something is wrong nor that all is well."""


_ENDS = {Kind.REINSTATED, Kind.CLEARED, Kind.UNDEPRECATED, Kind.RECOVERED}
"""The kinds that end something, of which `ends` says how bad it was."""


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_lacks_nothing(kind: Kind) -> None:
    """A kind has a severity, which is its colour on a terminal, a symbol, words, and channels that get it or do not."""
    severity, by_default, of_globs = _DECIDED[kind]
    ends = Severity.WARNING if kind in _ENDS else None
    named, chosen = (
        event(kind=kind, node=node, after=None, ends=ends) for node in ("ALPHA", "beta")
    )
    assert named.severity.value == severity
    assert SYMBOLS[kind]
    said = phrasing([named])
    assert said.what or said.about
    assert counted_as(named)
    [default] = knowing([channel()], ["Alpha"])
    assert (wants(default, named), wants(default, chosen)) == (by_default, of_globs)
    assert wants(default, event(kind=kind, node=None)) is by_default


@pytest.mark.parametrize("table", [mail._BARS, mail._PRIORITY, service._TONES])
def test_a_severity_lacks_nothing(table: service.Levels) -> None:
    """Every severity has a colour and a priority in mail, and a tone where services have one."""
    assert len(table) == len(Severity)


@pytest.mark.parametrize("verdict", sorted(set(VERDICTS) - _NO_NEWS))
def test_a_verdict_has_a_colour(verdict: Grade) -> None:
    """A verdict that says what is wrong, or that nothing is, has a colour on a terminal."""
    assert terminal.colour(verdict) != verdict


@pytest.mark.parametrize("field", VersionRow.__annotations__)
def test_a_field_lacks_nothing(field: str) -> None:
    """A field that is read is described, tested, and served by the fake registry."""
    assert f"`{field}`" in (ROOT / "docs/dev/registry.md").read_text("utf-8")
    tested = (ROOT / "tests/unit/registry/test_schema.py").read_text("utf-8")
    assert f'"{field}": ' in tested
    catalog = Catalog()
    catalog.publish("alpha", "1.0.0")
    _, document = catalog.answer({"nodeId": ["alpha"]})
    assert f"'{field}': " in str(document)


def test_versions_shows_every_field() -> None:
    """`versions --json` has every field of a version, two of them by other names."""
    names = {"id": "version_id", "created_at": "published"}
    shown = {one.name for one in fields(VersionForm)}
    assert {names.get(one.name, one.name) for one in fields(Version)} <= shown


@pytest.mark.parametrize("attribute", WATCHED_FIELDS)
def test_a_watched_field_lacks_nothing(attribute: str) -> None:
    """A field whose difference is news has words and a rule."""
    field = WATCHED_FIELDS[attribute]
    assert field in FIELD_NAMES
    rules = (ROOT / "docs/dev/behaviour.md").read_text("utf-8")
    [rule] = re.findall(r"^\| `changed` \|.*", rules, re.MULTILINE)
    assert any(fnmatch(field, name) for name in re.findall("`(.+?)`", rule))
    empty = version("1.0")
    several = isinstance(getattr(empty, attribute), tuple)
    value: Any = ("x",) if several else "x"
    filled = version("1.0", **{attribute: value})
    state = known(empty, baseline_at=BEFORE)
    assert bool(compare(state, filled).events)
