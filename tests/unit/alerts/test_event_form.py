"""The public JSON form of an event: its keys, their order, and which are absent."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tests.support.factories import NOW, event
from watcher.alerts.payload import public_form
from watcher.model.event import Event, Kind
from watcher.model.pack import Copy
from watcher.model.scan import Scan, ScanFinding
from watcher.model.version import SafeVersion
from watcher.text.sanitize import escape_values


def _printed(one: Event) -> dict[str, Any]:
    """Return the form as commands print it."""
    return cast("dict[str, Any]", escape_values(public_form(one)))


_KEYS = "id kind node version version_id before after reason changes at published severity installed url"


def test_the_keys_have_an_order() -> None:
    """What is always there comes in the documented order."""
    assert list(_printed(event())) == _KEYS.split()


@pytest.mark.parametrize("safe", ["1.0.0", None])
def test_a_safe_version_is_there_where_it_is_known(safe: str | None) -> None:
    """Null says that there is none; where it is not known the key is absent."""
    assert _printed(event(safe_version=SafeVersion(safe)))["safe_version"] == safe
    assert "safe_version" not in _printed(event(safe_version=None))


@pytest.mark.parametrize("key", ["channel", "install"])
def test_what_failed_is_named_where_the_event_is_about_one(key: str) -> None:
    """Only an event about a channel or an install has the key."""
    failing = event(kind=Kind.FAILING, node=None, **{key: "ops"})
    assert _printed(failing)[key] == "ops"


def test_the_installed_copies_are_listed() -> None:
    """Each has its install, its version as written there, null for a clone, and whether it is run."""
    copies = (
        Copy(install="workstation", version="1.0", enabled=True),
        Copy(install="laptop", version=None, enabled=False, folder="p"),
    )
    assert _printed(event(installed=copies))["installed"] == [
        {"install": "workstation", "version": "1.0", "enabled": True},
        {"install": "laptop", "version": None, "enabled": False},
    ]


def test_findings_are_there_where_they_were_read() -> None:
    """At most 20 are shown, and all are counted; what a finding does not say is null. Else both keys are absent."""
    found = ScanFinding(rule="a", severity="info", file="a.py", line=7)
    silent = ScanFinding(rule="", severity="", file="", line=None)
    shown = _printed(event(scan=Scan(items=(found, *[silent] * 30), count=40)))
    assert (len(shown["findings"]), shown["finding_count"]) == (20, 40)
    assert shown["findings"][:2] == [
        {"rule": "a", "severity": "info", "file": "a.py", "line": 7},
        {"rule": None, "severity": None, "file": None, "line": None},
    ]
    assert not {"findings", "finding_count"} & _printed(event()).keys()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-01-01T02:00:00.5+02:00", "2026-01-01T00:00:00.500Z"),
        ("2025-11-05T06:36:41.98761Z", "2025-11-05T06:36:41.987Z"),
        (NOW, NOW),
        ("", None),
        ("yesterday", None),
        ("2026-01-01T00:00:00Z\u202e", None),
    ],
)
def test_a_time_of_the_registry_is_written_as_the_program_writes_times(
    given: str, shown: str | None
) -> None:
    """A reader finds RFC 3339 in UTC, or null for what is no time."""
    assert _printed(event(published=given))["published"] == shown
