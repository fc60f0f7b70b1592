"""No verdict and no field lacks what each has to have; what a kind has, tests/golden and tests/cli/test_docs.py see."""

from __future__ import annotations

import re
from dataclasses import fields
from fnmatch import fnmatch
from typing import Any

import pytest

from tests.support.factories import BEFORE, compare, known, version
from tests.support.fake_registry.catalog import Catalog
from tests.support.program import ROOT
from watcher.alerts.words import FIELD_NAMES
from watcher.cli import terminal
from watcher.cli.documents import VersionForm
from watcher.model.event import VERDICTS, Grade
from watcher.model.version import WATCHED_FIELDS, Version
from watcher.registry.schema import VersionRow

_NO_NEWS = {Grade.FLAGGED_INFO, Grade.PENDING, Grade.OUTDATED}
"""The verdicts that say neither that something is wrong nor that all is well."""


@pytest.mark.parametrize("verdict", sorted(set(VERDICTS) - _NO_NEWS))
def test_a_verdict_has_a_colour(verdict: Grade) -> None:
    """A verdict that says what is wrong, or that nothing is, has a colour on a terminal."""
    assert terminal.colour(verdict) != verdict


@pytest.mark.parametrize("field", VersionRow.__annotations__)
def test_a_field_lacks_nothing(field: str) -> None:
    """A field that is read is described, and served by the fake registry."""
    assert f"`{field}`" in (ROOT / "docs/dev/registry.md").read_text("utf-8")
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
