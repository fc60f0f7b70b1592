"""What the program offers a shell for the tab key: from the settings and the state, never an error, never a secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher, write_settings
from watcher.fake_registry.server import FakeRegistry
from watcher.model.event import Kind
from watcher.model.version import STATUSES

pytestmark = pytest.mark.measured

SECRET = "json://127.0.0.1:9/hunter2"


@pytest.fixture
def watch(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Watcher:
    """A watcher whose settings file has two channels, and whose state has a node more than its settings."""
    registry.catalog.publish("alpha", "1.0.0")
    registry.catalog.publish("Charlie", "1.0.0")
    made = Watcher(
        tmp_path,
        registry,
        fork_server=fork_server,
        nodes="alpha Bravo",
        alert_urls="none",
    )
    made.check("--node", "Charlie", "--set", "baseline=silent")
    channels = [
        {"name": name, "url": f"{SECRET}/{name}"} for name in ("ops", "Security")
    ]
    write_settings(tmp_path, channels, nodes=["alpha", "Bravo"])
    made.settings = {}
    return made


def _offered(watch: Watcher, *words: str) -> list[str]:
    """Return what bash is offered for the last word, plain words only; the answer is quiet and without secrets."""
    line = " ".join(f"'{word}'" if word else "" for word in ("comfy-watch", *words))
    asked = {
        "_COMFY_WATCH_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
    }
    done = watch.run(env=asked)
    assert (done.code, done.err) == (0, "")
    assert "hunter2" not in done.out
    return [
        row.removeprefix("plain,")
        for row in done.out.splitlines()
        if row.startswith("plain,")
    ]


def test_node_ids(watch: Watcher) -> None:
    """An option that takes node ids offers those of the settings and of the state, in any case, each once."""
    for command in ("check", "run", "history"):
        assert _offered(watch, command, "--node", "") == ["alpha", "Bravo", "Charlie"]
    assert _offered(watch, "check", "--node", "b") == ["Bravo"]
    assert _offered(watch, "check", "--node", "x") == []


def test_channels(watch: Watcher) -> None:
    """`test-alerts` offers the channels by their names."""
    assert _offered(watch, "test-alerts", "") == ["ops", "Security"]
    assert _offered(watch, "test-alerts", "sec") == ["Security"]


def test_kinds(watch: Watcher) -> None:
    """Options for event kinds offer them all, also after a comma."""
    assert _offered(watch, "check", "--fail-on", "") == [*Kind]
    assert _offered(watch, "history", "--kind", "ba") == ["banned", "baseline"]
    assert _offered(watch, "check", "--fail-on", "banned,fl") == ["banned,flagged"]


def test_versions(watch: Watcher) -> None:
    """`versions` offers ids for its arguments, and statuses for its option."""
    assert _offered(watch, "versions", "") == ["alpha", "Bravo", "Charlie"]
    assert _offered(watch, "versions", "alpha", "b") == ["Bravo"]
    assert _offered(watch, "versions", "--status", "") == [*STATUSES]
    assert _offered(watch, "versions", "--status", "flagged,b") == ["flagged,banned"]


def test_words(watch: Watcher) -> None:
    """Commands, options, schemas, log levels and log formats are offered."""
    assert _offered(watch, "st") == ["status"]
    assert _offered(watch, "check", "--dry") == ["--dry-run"]
    assert _offered(watch, "schema", "s") == ["snapshot", "settings"]
    assert _offered(watch, "check", "--log-level", "w") == ["warning"]
    assert _offered(watch, "check", "--log-format", "") == ["auto", "console", "json"]


def test_the_line_so_far_counts(watch: Watcher, tmp_path: Path) -> None:
    """Options that choose settings and state choose them for the offers too."""
    other = tmp_path / "other"
    other.mkdir()
    write_settings(other, nodes=["delta"])
    config = str(other / "comfy-watch.toml")
    assert _offered(watch, "check", "--config", config, "--node", "") == ["delta"]
    state = ("--state-dir", str(watch.state))
    assert _offered(watch, "check", "--config", config, *state, "--node", "") == [
        "alpha",
        "Bravo",
        "Charlie",
        "delta",
    ]
    assert _offered(watch, "check", "--set", "nodes=echo", "--node", "e") == ["echo"]


@pytest.mark.parametrize(
    "text",
    [
        "nodes = [",
        "unknown = 1",
        f'alert_urls = "hunter2 {SECRET} x"',
        'nodes = ["$(touch x)"]',
    ],
)
def test_wrong_settings_offer_nothing(
    watch: Watcher, tmp_path: Path, text: str
) -> None:
    """Settings that a command would refuse are no error while a line is typed."""
    (tmp_path / "comfy-watch.toml").write_text(text)
    assert _offered(watch, "check", "--node", "") == []
    assert _offered(watch, "test-alerts", "") == []


def test_a_line_that_no_command_would_take(watch: Watcher) -> None:
    """Mistakes earlier in the line are left to the command."""
    for words in (
        ["check", "--fail-on", "x", "--unknown"],
        ["test-alerts", "--set", "x"],
        ["history", "--limit", "x"],
    ):
        assert isinstance(_offered(watch, *words, ""), list)
    assert _offered(watch, "check", "--set", f"alert_urls={SECRET}", "--node", "") == []


@pytest.mark.parametrize("name", ["snapshot.json", "outbox.json", "checks.json"])
def test_a_damaged_state(watch: Watcher, name: str) -> None:
    """Without a usable state the settings' ids are offered, and the state is left as it is."""
    (watch.state / name).write_text("{ damaged")
    before = watch.contents()
    assert _offered(watch, "check", "--node", "") == ["alpha", "Bravo"]
    assert watch.contents() == before


def test_an_id_that_a_shell_would_read_something_into(watch: Watcher) -> None:
    """What somebody wrote into the state is offered only where no shell gives it a meaning."""
    path = watch.state / "checks.json"
    checks = json.loads(path.read_text("utf-8"))
    checks["watched"] = ["$(reboot)", "a;b", "-rf", "\x1b[31m", "*", "foxtrot"]
    path.write_text(json.dumps(checks), "utf-8")
    assert _offered(watch, "check", "--node", "") == [
        "alpha",
        "Bravo",
        "charlie",
        "foxtrot",
    ]


def test_nothing_is_there(
    run: Callable[..., program.Completed], tmp_path: Path
) -> None:
    """In an empty place, and where the question itself is wrong, nothing is offered, said or made."""
    asked = {
        "_COMFY_WATCH_COMPLETE": "bash_complete",
        "COMP_WORDS": "comfy-watch check --node ",
        "COMP_CWORD": "3",
    }
    for env, code in (
        (asked, 0),
        ({**asked, "COMP_CWORD": "x"}, 1),
        ({"_COMFY_WATCH_COMPLETE": "x"}, 1),
    ):
        done = run(env=env)
        assert (done.code, done.out.strip(), done.err) == (code, "", "")
    assert list(tmp_path.iterdir()) == []
