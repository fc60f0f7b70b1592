"""No event kind lacks what a kind has to have, and what was decided for each stands here once."""

from __future__ import annotations

import pytest

from tests.support.factories import channel, event
from tests.support.program import ROOT
from watcher.alerts.advice import Advice
from watcher.alerts.differences import FIELD_NAMES
from watcher.alerts.phrasing import SYMBOLS, phrasing
from watcher.cli import terminal
from watcher.delivery.services import mail, push, service
from watcher.fake_registry.catalog import Catalog
from watcher.model.channel import knowing, wants
from watcher.model.event import Kind, Severity, severity_of
from watcher.model.pack import Verdict
from watcher.model.version import WATCHED_FIELDS

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
    Kind.REINSTATED: ("info", _YES, _YES),
    Kind.CLEARED: ("info", _YES, _YES),
    Kind.UNDEPRECATED: ("info", _YES, _NO),
    Kind.RECOVERED: ("info", _YES, _YES),
    Kind.UPDATE: ("info", _NO, _NO),
    Kind.NEW: ("info", _YES, _NO),
    Kind.PENDING: ("info", _NO, _NO),
    Kind.BASELINE: ("info", _YES, _YES),
}


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_lacks_nothing(kind: Kind) -> None:
    """A kind has a severity, a symbol, words, a colour on a terminal, and channels that get it or do not."""
    severity, by_default, of_globs = _DECIDED[kind]
    named, chosen = (
        event(kind=kind, node=node, after=None) for node in ("ALPHA", "beta")
    )
    assert severity_of(named).value == severity
    assert SYMBOLS[kind]
    said = phrasing(named, Advice())
    assert said.what or said.about
    assert said.label.words
    assert terminal.colour(kind) != kind
    [default] = knowing([channel()], ["Alpha"])
    assert (wants(default, named), wants(default, chosen)) == (by_default, of_globs)
    assert wants(default, event(kind=kind, node=None)) is by_default


@pytest.mark.parametrize(
    "table", [mail._BARS, mail._PRIORITY, push._NTFY_TAGS, service._TONES]
)
def test_a_severity_lacks_nothing(table: dict[Severity, object]) -> None:
    """Every severity has a colour in mail, and a priority, tag and tone where services have these."""
    assert table.keys() == set(Severity)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_has_a_colour(verdict: Verdict) -> None:
    """A verdict has a colour on a terminal."""
    assert terminal.colour(verdict) != verdict


@pytest.mark.parametrize("field", WATCHED_FIELDS.values())
def test_a_watched_field_lacks_nothing(field: str) -> None:
    """A field whose difference is news has words, is described, and is served by the fake registry."""
    assert field in FIELD_NAMES
    assert f"`{field}`" in (ROOT / "docs/registry.md").read_text("utf-8")
    catalog = Catalog()
    catalog.publish("alpha", "1.0.0")
    _, document = catalog.answer({"nodeId": ["alpha"]})
    assert f"'{field}': " in str(document)
