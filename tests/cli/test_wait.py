"""`wait` by the real program: what it waits for, how it ends, and what it says meanwhile."""

from __future__ import annotations

import itertools
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry, Respond
from tests.support.fakes.faults import inflict
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher, write_settings
from tests.support.parameters import one_of
from tests.support.terminal import on_terminal
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
    """The environment of `wait`: nothing but the registry's address, and a long bound on a request."""
    return {
        "COMFY_WATCH_REGISTRY_URL": registry.url,
        "COMFY_WATCH_TIMEOUT": "60s",
        "COMFY_WATCH_RETRIES": "0",
    }


@pytest.fixture
def wait(run: Callable[..., program.Completed], env: dict[str, str]) -> Wait:
    """`wait` without settings, where two looks may be as close as a test likes."""

    def waited(*args: str, code: int, **more: str) -> program.Completed:
        done = run("wait", *args, env={**env, **more}, module="tests.support.eager")
        assert "Traceback" not in done.out + done.err, done.err
        assert done.code == code, done
        return done

    return waited


def at_looks(changes: dict[int, Callable[[], object]]) -> Respond:
    """Return what makes changes by the number of the request for versions, right before it is answered."""
    looks = itertools.count(1)

    async def respond(request: web.BaseRequest) -> None:
        if request.path.startswith("/versions"):
            changes.get(next(looks), lambda: None)()

    return respond


def document(done: program.Completed) -> dict[str, Any]:
    """Return the document, which is what its schema says."""
    read: dict[str, Any] = json.loads(done.out)
    Draft202012Validator(document_of("wait")).validate(read)
    return read


def project(folder: Path, text: str) -> None:
    """Write a pyproject."""
    (folder / "pyproject.toml").write_text(text, "utf-8")


def last(done: program.Completed) -> str:
    """Return the last line."""
    return done.out.splitlines()[-1]


# How it ends


@pytest.mark.parametrize(("status", "code"), [("active", 0), ("deleted", 3)])
def test_a_verdict_ends_it(
    wait: Wait, registry: FakeRegistry, status: str, code: int
) -> None:
    """Active is 0, anything worse is 3. The document has every key, and says the status."""
    number = registry.catalog.publish("Lamps", "1.0.0", status=status, reason=FINDINGS)
    found = document(wait("lamps", "1.0.0", "--json", code=code))
    assert list(found) == [
        *("started", "finished", "node", "version", "version_id", "status"),
        *("reason", "findings", "finding_count", "error", "url"),
    ]
    assert (found["node"], found["version"]) == ("Lamps", "1.0.0")
    assert found["version_id"] == number
    assert (found["status"], found["error"]) == (status, None)
    assert found["finding_count"] == (2 if code else None)
    assert found["url"] == "https://registry.comfy.org/nodes/Lamps"


def test_findings_without_a_table(wait: Wait, registry: FakeRegistry) -> None:
    """A reason that is no list of findings is the last line, and there are none."""
    reason = (
        '{"message": "Steals passwords, says bob@example.com", "by": "bob@example.com"}'
    )
    registry.catalog.publish("lamps", "1.0.0", status="banned", reason=reason)
    done = wait("lamps", "1.0.0", code=3)
    assert len(done.out.splitlines()) == 1
    assert last(done).endswith("banned: Steals passwords, says (address removed)")
    found = document(wait("lamps", "1.0.0", "--json", code=3))
    assert (found["findings"], found["finding_count"]) == ([], 0)


@pytest.mark.parametrize("by", ["403", "deleted"])
def test_a_refused_pack(wait: Wait, registry: FakeRegistry, by: str) -> None:
    """A pack that is banned or deleted as a whole is 3, whatever the version's row says; no finding was read."""
    registry.catalog.publish("lamps", "1.0.0", status="pending")
    if by == "403":
        registry.catalog.ban_node("lamps")
    else:
        registry.catalog.edit_pack("lamps", status="deleted")
    found = document(wait("lamps", "1.0.0", "--json", code=3))
    assert found["status"] == ("deleted" if by == "deleted" else "banned")
    assert found["reason"].startswith(f"the whole pack is {found['status']}")
    assert (found["findings"], found["finding_count"]) == (None, None)
    registry.catalog.set_status("lamps", "1.0.0", "active")
    done = wait("lamps", "1.0.0", code=3)
    assert last(done).startswith("exit 3: lamps 1.0.0 is refused: the whole pack is ")


def test_no_ban_by_mistake(wait: Wait, registry: FakeRegistry) -> None:
    """A 403 of a wall is asked again, ends with 1 and is said once."""
    registry.catalog.publish("lamps", "1.0.0")
    inflict(registry, "status_403_forbidden")
    done = wait("lamps", "1.0.0", "--for", "0.5", "--every", "0.1", code=1)
    assert "refused access (403): Forbidden" in last(done)
    assert done.err.count("refused access (403)") == 1


def test_a_registry_without_get_nodes(wait: Wait, registry: FakeRegistry) -> None:
    """Where the registry does not have GET /nodes, the version's row decides, and stderr says what was not asked."""
    registry.catalog.publish("lamps", "1.0.0", deprecated=True)
    registry.serves_nodes = False
    done = wait("lamps", "1.0.0", code=0)
    assert last(done) == "lamps 1.0.0 is active, deprecated"
    assert done.err.startswith("warning: bans of whole packs were not looked at: ")


# What it does meanwhile


def test_it_waits(wait: Wait, registry: FakeRegistry) -> None:
    """A version that is not there yet, is pending and then has a status that nobody knows is waited for."""
    catalog = registry.catalog
    catalog.publish("lamps", "0.9.0")
    registry.respond = at_looks(
        {
            2: lambda: catalog.publish("lamps", "1.0.0", status="pending"),
            4: lambda: catalog.set_status("lamps", "1.0.0", "NodeVersionStatusQueued"),
            6: lambda: catalog.set_status("lamps", "1.0.0", "active"),
        }
    )
    done = wait("lamps", "1.0.0", "--every", "0.1", code=0)
    said = [line.partition("Z  ")[2] for line in done.out.splitlines()]
    assert said[:-1] == [
        "lamps 1.0.0: it is not there yet",
        "lamps 1.0.0: it is pending",
        "lamps 1.0.0: its status is NodeVersionStatusQueued, which this program does not know",
    ]
    assert last(done) == "lamps 1.0.0 is active"
    assert done.err == ""


def test_not_judged_in_time(wait: Wait, registry: FakeRegistry) -> None:
    """If the time is over, the exit code is 1, and the last line and the document say why."""
    registry.catalog.publish("lamps", "1.0.0", status="pending")
    options = ("lamps", "1.0.0", "--for", "0.3", "--every", "0.1")
    done = wait(*options, code=1)
    why = "not judged within 300ms: it is pending"
    assert last(done) == f"exit 1: lamps 1.0.0 was {why}"
    found = document(wait(*options, "--json", code=1))
    assert (found["status"], found["error"]) == ("pending", why)
    assert (found["reason"], found["findings"]) == (None, None)
    never = document(wait("lamps", "2.0.0", "--for", "0", "--json", code=1))
    assert (never["version"], never["version_id"]) == ("2.0.0", None)
    assert never["status"] is None
    assert never["error"] == "not judged within 0s: it is not there yet"


@pytest.mark.parametrize("number", one_of(signal.SIGTERM, signal.SIGINT))
def test_a_signal_ends_it_at_once(
    env: dict[str, str], registry: FakeRegistry, tmp_path: Path, number: signal.Signals
) -> None:
    """A signal ends it with a line and the usual exit code, also while it waits for an answer; there is no document."""
    registry.catalog.publish("lamps", "1.0.0", status="pending")
    inflict(registry, "hang")
    words = ("wait", "lamps", "1.0.0", "--json")
    with program.start(*words, cwd=tmp_path, env=env) as started:
        started.until(lambda _: bool(registry.requests))
        started.signal(number)
        done = started.wait()
    assert done.code == 128 + number
    assert done.out == ""
    assert done.err == "stopped; the version is not judged yet\n"


def test_on_a_terminal(
    env: dict[str, str], registry: FakeRegistry, tmp_path: Path, fork_server: ForkServer
) -> None:
    """A line says what is waited for and for how long at most; it is wiped in the end."""
    registry.catalog.publish("lamps", "1.0.0", status="pending")
    settings = {"registry_url": registry.url, "interval": "10s"}
    watch = Watcher(tmp_path, registry, fork_server=fork_server, **settings)
    options = ("lamps", "1.0.0", "--for", "5m", "--every", "2")
    with on_terminal(watch, "wait", *options) as terminal:
        terminal.until("\r\x1b[Klamps 1.0.0: it is pending; waiting for at most 5m (")
        registry.catalog.set_status("lamps", "1.0.0", "active")
        assert terminal.end() == 0
    assert "waiting" not in terminal.said.rpartition("\r\x1b[K")[2]


# What it waits for


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no pyproject.toml in this folder"),
        ("project = 3", "pyproject.toml: it has no [project] name"),
        (
            '[project]\nname = ["x"]\nversion = "1"',
            "its [project] name cannot be an id",
        ),
        ('[project]\nname = "x"', "pyproject.toml: it has no version"),
        ('[project]\nname = "x"\ndynamic = ["version"]', "its version is dynamic"),
        ('[project]\nname = "x"\nversion = "1\\u202e2"', "its version is not valid"),
        ("a" * 300_000, "pyproject.toml is larger than 256 KB, which is not read"),
    ],
)
def test_a_project_that_does_not_say_it(
    wait: Wait, registry: FakeRegistry, tmp_path: Path, text: str | None, said: str
) -> None:
    """Without a name and a version the exit code is 2, with a hint what to type; no registry is asked."""
    if text is not None:
        project(tmp_path, text)
    done = wait(code=2)
    assert said in done.err.splitlines()[0]
    assert done.err.splitlines()[1].startswith("hint: name the pack and the version: ")
    assert done.out == f"exit 2: {done.err.splitlines()[0].removeprefix('error: ')}\n"
    assert registry.requests == []


def test_nothing_is_pending(wait: Wait, registry: FakeRegistry, tmp_path: Path) -> None:
    """An ID without a pending version is exit 2 with a hint, whatever the pyproject says; so is an unknown one."""
    project(tmp_path, '[project]\nname = "lamps"\nversion = "1.2.0"\n')
    registry.catalog.publish("lamps", "1.2.0")
    done = wait("lamps", "--json", code=2)
    assert done.out == ""
    assert done.err == (
        "error: no version of lamps is pending; the newest is 1.2.0 (active)\n"
        "hint: name the version: comfy-watch wait lamps VERSION\n"
    )
    assert "the registry has no version of nobody" in wait("nobody", code=2).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lamps*", "1.0"), "ID: 'lamps*' is a pattern"),
        (("lamps", "\u202e1"), "VERSION: '\\u202e1' is no version"),
    ],
)
def test_a_wrong_use(
    wait: Wait, registry: FakeRegistry, words: tuple[str, ...], said: str
) -> None:
    """What cannot be meant is exit 2, and no registry is asked."""
    assert said in wait(*words, code=2).err
    assert registry.requests == []


def test_the_shortest_pause(
    run: Callable[..., program.Completed], env: dict[str, str]
) -> None:
    """Two looks are at least ten seconds apart, as two polls are."""
    done = run("wait", "lamps", "1.0", "--every", "9s", env=env)
    assert done.code == 2
    assert "--every: '9s' is out of range; give 10s to " in done.err


# Settings


def test_settings_where_there_are_any(
    run: Callable[..., program.Completed], registry: FakeRegistry, tmp_path: Path
) -> None:
    """It needs no settings, writes nothing, and takes the registry's address from where other commands do."""
    registry.catalog.publish("lamps", "1.0.0")
    options = ("--set", f"registry_url={registry.url}")
    assert run("wait", "lamps", "1.0.0", *options).code == 0
    assert list(tmp_path.iterdir()) == []
    write_settings(tmp_path, registry_url=registry.url, timeout="5s")
    assert run("wait", "lamps", "1.0.0").code == 0
    (tmp_path / "comfy-watch.toml").write_text("timeout = 0\n", "utf-8")
    assert run("wait", "lamps", "1.0.0").code == 2
