"""`wait` by the real program: what it waits for, how it ends, and what it says meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from watcher.cli.commands.schema import document_of

pytestmark = pytest.mark.measured

Wait = Callable[..., program.Completed]

FINDINGS = json.dumps(
    [
        {
            "issue_type": "python_command_injection_risk",
            "severity": "info",
            "file_path": "nodes/video.py",
            "line_number": 3,
        },
        {
            "issue_type": "contains_btc_address",
            "severity": "critical",
            "file_path": "nodes/glow.py",
            "line_number": 42,
        },
    ]
)


@pytest.fixture
def env(registry: FakeRegistry) -> dict[str, str]:
    """The environment of `wait`: nothing but the registry's address, and a short bound on a request."""
    return {"COMFY_WATCH_REGISTRY_URL": registry.url, "COMFY_WATCH_TIMEOUT": "5s"}


@pytest.fixture
def wait(run: Callable[..., program.Completed], env: dict[str, str]) -> Wait:
    """`wait` without settings, where two looks may be as close as a test likes."""

    def waited(*args: str, code: int, **more: str) -> program.Completed:
        done = run("wait", *args, env={**env, **more}, module="tests.support.eager")
        assert "Traceback" not in done.out + done.err, done.err
        assert done.code == code, done
        return done

    return waited


def document(done: program.Completed) -> dict[str, Any]:
    """Return the document, which is what its schema says."""
    read: dict[str, Any] = json.loads(done.out)
    Draft202012Validator(document_of("wait")).validate(read)
    return read


def project(folder: Path, text: str) -> None:
    """Write a pyproject."""
    (folder / "pyproject.toml").write_text(text, "utf-8")


def last(done: program.Completed) -> str:
    """Return the last line, without how long it took."""
    return re.sub(r" \(\d+ \w+\)", "", done.out.splitlines()[-1])


# How it ends


@pytest.mark.parametrize(
    ("status", "code"), [("active", 0), ("flagged", 3), ("banned", 3), ("deleted", 3)]
)
def test_a_verdict_ends_it(
    wait: Wait, registry: FakeRegistry, status: str, code: int
) -> None:
    """Active is 0; flagged, banned and deleted are 3. The document has every key, and says the status."""
    number = registry.catalog.publish("Lamps", "1.0.0", status=status, reason=FINDINGS)
    found = document(wait("lamps", "1.0.0", "--json", code=code))
    assert list(found) == [
        *("started", "finished", "node", "version", "version_id", "status"),
        *("reason", "findings", "finding_count", "error", "url"),
    ]
    assert found["node"] == "Lamps"
    assert (found["version"], found["version_id"]) == ("1.0.0", number)
    assert (found["status"], found["error"]) == (status, None)
    assert found["finding_count"] == 2
    assert found["url"] == "https://registry.comfy.org/nodes/Lamps"
    shown = wait("lamps", "1.0.0", code=code)
    lead = "exit 3: " if code else ""
    assert last(shown).startswith(f"{lead}Lamps 1.0.0 is {status}")


def test_findings_are_shown(wait: Wait, registry: FakeRegistry) -> None:
    """A flag shows each finding: how bad, the rule in plain words, the file and the line, worst first."""
    registry.catalog.publish("lamps", "1.0.0", status="flagged", reason=FINDINGS)
    rows = [
        re.split(r"  +", row) for row in wait("lamps", "1.0.0", code=3).out.splitlines()
    ]
    assert rows[:3] == [
        ["SEVERITY", "FINDING", "WHERE"],
        ["critical", "contains a Bitcoin address", "nodes/glow.py:42"],
        ["info", "starts other programs", "nodes/video.py:3"],
    ]


def test_it_waits(wait: Wait, registry: FakeRegistry) -> None:
    """A version that is not there yet, is pending and then has a status that nobody knows is waited for."""
    looks = 0

    async def respond(request: web.BaseRequest) -> None:
        nonlocal looks
        if not request.path.startswith("/versions"):
            return
        looks += 1
        if looks == 2:
            registry.catalog.publish("lamps", "1.0.0", status="pending")
        if looks == 4:
            registry.catalog.set_status("lamps", "1.0.0", "NodeVersionStatusQueued")
        if looks == 6:
            registry.catalog.set_status("lamps", "1.0.0", "active")

    registry.catalog.publish("lamps", "0.9.0")
    registry.respond = respond
    done = wait("lamps", "1.0.0", "--every", "0.1", code=0)
    said = [line.partition("Z  ")[2] for line in done.out.splitlines()]
    assert said[:-1] == [
        "lamps 1.0.0: it is not there yet",
        "lamps 1.0.0: it is pending",
        "lamps 1.0.0: its status is NodeVersionStatusQueued, which this program does not know",
    ]
    assert last(done) == "lamps 1.0.0 is active"
    assert done.err == ""
