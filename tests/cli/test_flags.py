"""What a flag says, from the registry to every output: the real program, a registry and a webhook on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher

FFMPEG = {"issue_type": "python_command_injection_risk", "file_path": "video.py"}
PATHS = {"issue_type": "python_environment_manipulation", "file_path": "paths.py"}


def findings(*found: dict[str, str], severity: str = "info") -> str:
    """Return a reason with findings, each on a line of its own."""
    lines = enumerate(found, 1)
    return json.dumps(
        [{"severity": severity, "line_number": line, **one} for line, one in lines]
    )


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of a pack whose first version was flagged before it was watched."""
    reason = findings(FFMPEG, PATHS)
    registry.catalog.set_status("alpha", "1.0.0", "flagged", reason)
    made = watch.but(alert_urls=[webhook.apprise_url("/a")])
    made.check()
    return made


def flagged(watch: Watcher, text: str, reason: str, code: int = 0) -> Any:
    """Publish a flagged version, and return the event of the poll that sees it."""
    watch.registry.catalog.publish("alpha", text, status="flagged", reason=reason)
    [event] = watch.check(code=code)["events"]
    assert (event["kind"], event["version"]) == ("flagged", text)
    return event


def test_a_flag_of_what_is_known_is_info(watch: Watcher, webhook: Webhook) -> None:
    """The findings of the version before are in the same answer; in every output the event has its own."""
    event = flagged(watch, "1.1.0", findings(FFMPEG))
    assert (event["severity"], event["finding_count"]) == ("info", 1)
    finding = {"rule": FFMPEG["issue_type"], "severity": "info", "line": 1}
    assert event["findings"] == [finding | {"file": "video.py"}]
    assert webhook.messages("/a")[-1].json["events"] == [event]
    assert watch.history()[0] == event
    quiet = watch.contents()
    assert watch.check()["events"] == []
    later = watch.contents()
    assert {name for name in quiet if quiet[name] != later[name]} == {"checks.json"}
