"""What a flag says, from the registry to every output: the real program, a registry and a webhook on loopback."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fault_points import Cut
from tests.support.harness import Watcher

FFMPEG = {"issue_type": "python_command_injection_risk", "file_path": "video.py"}
PATHS = {"issue_type": "python_environment_manipulation", "file_path": "paths.py"}


def findings(*found: dict[str, str], **fields: object) -> str:
    """Return a reason with informational findings, each on a line of its own."""
    return json.dumps(
        [
            {"severity": "info", "line_number": number, **one, **fields}
            for number, one in enumerate(found, 1)
        ]
    )


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of a pack whose first version was flagged before it was watched."""
    catalog = registry.catalog
    catalog.set_status("alpha", "1.0.0", "flagged", findings(FFMPEG, PATHS))
    made = watch.but(alert_urls=[webhook.apprise_url("/a")])
    made.check()
    return made


def flagged(
    watch: Watcher, registry: FakeRegistry, text: str, reason: str, code: int = 0
) -> Any:
    """Publish a flagged version, and return the event of the poll that sees it."""
    registry.catalog.publish("alpha", text, status="flagged", reason=reason)
    [event] = watch.check(code=code)["events"]
    assert (event["kind"], event["version"]) == ("flagged", text)
    return event


def test_a_flag_of_what_is_known_is_info(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """The findings of the version before are in the same answer; in every output the event has its own."""
    event = flagged(watch, registry, "1.1.0", findings(FFMPEG))
    assert (event["severity"], event["finding_count"]) == ("info", 1)
    assert event["findings"] == [
        {
            "rule": "python_command_injection_risk",
            "severity": "info",
            "file": "video.py",
            "line": 1,
        }
    ]
    assert webhook.messages("/a")[-1].json["events"] == [event]
    assert json.loads(watch.run("history", "--json").out)["events"][0] == event
    registry.requests.clear()
    event = flagged(watch, registry, "1.2.0", findings(PATHS, FFMPEG))
    assert (event["severity"], event["finding_count"]) == ("info", 2)
    snapshot = json.loads((watch.state / "snapshot.json").read_bytes())
    kept = [one["scan"] for one in snapshot["nodes"]["alpha"]["versions"]]
    assert [len(one["items"]) for one in kept] == [2, 1, 2]
    quiet = watch.contents()
    assert watch.check()["events"] == []
    later = watch.contents()
    assert {name for name in quiet if quiet[name] != later[name]} == {"checks.json"}


def test_a_reason_that_is_too_large_is_a_warning(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A scan of megabytes is no reason to be late, and what was not read is never fine."""
    large = findings(FFMPEG, code_snippet="x" * 2**25)
    assert flagged(watch, registry, "1.1.0", large)["severity"] == "warning"
    many = findings(*[FFMPEG | {"file_path": f"{n}.py"} for n in range(150)])
    event = flagged(watch, registry, "1.2.0", many)
    assert (len(event["findings"]), event["finding_count"]) == (20, 150)
    assert event["severity"] == "warning"


def test_a_flag_that_waits_keeps_its_findings(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """What a channel is owed, also merged with later events, is sent with the findings that were read at first."""
    webhook.answer["/a"] = 500
    first = flagged(watch, registry, "1.1.0", findings(FFMPEG), code=1)
    low = findings(FFMPEG, severity="low")
    second = flagged(watch, registry, "1.2.0", low, code=1)
    registry.catalog.edit("alpha", "1.1.0", status_reason="")
    webhook.answer["/a"] = 200
    watch.end_backoffs()
    assert watch.check()["alerts"]["delivered"] == 2
    assert webhook.messages("/a")[-1].json["events"] == [second, first]
    assert [first["severity"], second["severity"]] == ["info", "warning"]


@pytest.mark.parametrize(
    "place", ["fsync state/owed.jsonl", "rename state/snapshot.json"]
)
def test_a_repeat_after_a_crash_says_the_same(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook, place: str
) -> None:
    """However a poll is killed, the event that is sent in the end has the same findings and severity."""
    registry.catalog.publish(
        "alpha", "1.1.0", status="flagged", reason=findings(FFMPEG)
    )
    assert watch.cut(place, Cut.AFTER).code == -signal.SIGKILL
    watch.check()
    events = [
        event for message in webhook.messages("/a") for event in message.json["events"]
    ]
    [event] = [one for one in events if one["version"] == "1.1.0"]
    assert (event["severity"], event["finding_count"]) == ("info", 1)
