"""Every way to each exit code, by the real program (docs/behaviour.md, Commands)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from tests.support.parameters import one_of, one_row_of
from watcher.fake_registry.server import FakeRegistry
from watcher.state import files

pytestmark = pytest.mark.measured


@pytest.fixture
def watch(tmp_path: Path, registry: FakeRegistry, fork_server: ForkServer) -> Watcher:
    """A watcher with a silent baseline, beside a registry with alpha 1.0.0."""
    registry.catalog.publish("alpha", "1.0.0")
    return Watcher(tmp_path, registry, fork_server=fork_server, baseline="silent")


def _after(code: str, watch: Watcher, *args: str) -> program.Completed:
    """Run the program in a process that ran some code before."""
    env = program.surroundings(watch.folder, watch.environment())
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            f"{code}; from watcher.cli import main; main.main()",
            *args,
        ],
        cwd=watch.folder,
        env={
            name: value
            for name, value in env.items()
            if not name.startswith(program.MEASURING)
        },
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return program.Completed(code=done.returncode, out=done.stdout, err=done.stderr)


def test_1_a_node_could_not_be_checked(watch: Watcher, registry: FakeRegistry) -> None:
    """1: some node could not be read, or not completely; all else was done and saved."""
    registry.catalog.publish("bravo", "1.0.0")
    both = watch.but(nodes="alpha bravo")
    both.check()
    registry.catalog.publish("alpha", "1.1.0")
    for fault in ("status_404_json", "missing_rows"):
        inflict(registry, fault, nodes={"bravo"})
        document = both.check(code=1)
        assert (
            document["nodes"]["failed"],
            [error["node"] for error in document["errors"]],
        ) == (1, ["bravo"])
    history = json.loads(watch.run("history", "--json").out)["events"]
    assert [(event["kind"], event["version"]) for event in history] == [
        ("new", "1.1.0")
    ]


def test_1_an_alert_is_undelivered(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """1: an alert failed, still waits for its next try, or was given up."""
    webhook.answer["/dead"] = 500
    channel = watch.but(alert_urls=webhook.apprise_url("/dead"))
    channel.check()
    registry.catalog.publish("alpha", "1.1.0")
    assert channel.check(code=1)["alerts"] == {
        "delivered": 0,
        "unconfirmed": 0,
        "pending": 1,
        "expired": 0,
    }
    assert channel.check(code=1)["alerts"] == {
        "delivered": 0,
        "unconfirmed": 0,
        "pending": 1,
        "expired": 0,
    }
    watch.end_backoffs()
    done = channel.but(alert_expiry="1ms").run("check")
    assert done.code == 1
    assert "1 alert expired" in done.out
    assert "not delivered within alert_expiry" in done.err
    channel.check()
    assert channel.run("test-alerts").code == 1


def test_1_a_channel_takes_too_long(
    run: Callable[..., program.Completed],
    watch: Watcher,
    registry: FakeRegistry,
    webhook: Webhook,
) -> None:
    """1: what a channel has not taken when its time is up is left to the next poll, so that the state is let go."""
    channel = watch.but(
        channels=[{"name": "slow", "url": webhook.apprise_url(), "grouping": "event"}]
    )
    channel.check()
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        registry.catalog.publish("alpha", version)
    seam = "from watcher.__main__ import main\nfrom watcher.cli.commands import check\ncheck.CHECK_BUDGET = 0\nmain()\n"
    (watch.folder / "hasty.py").write_text(seam)
    done = run("check", "--json", env=channel.environment(), module="hasty")
    assert (done.code, done.err) == (1, "")
    assert json.loads(done.out)["alerts"] == {
        "delivered": 1,
        "unconfirmed": 0,
        "pending": 2,
        "expired": 0,
    }
    assert channel.check()["alerts"] == {
        "delivered": 2,
        "unconfirmed": 0,
        "pending": 0,
        "expired": 0,
    }


WRONG: dict[str, tuple[list[str], dict[str, object], list[str]]] = {
    "no command": ([], {}, ["Usage: comfy-watch", "Commands:"]),
    "unknown command": (["chek"], {}, ["No such command 'chek'", "check"]),
    "option without its value": (
        ["check", "--fail-on"],
        {},
        ["--fail-on", "see comfy-watch check --help"],
    ),
    "unknown option": (
        ["check", "--nodes", "a"],
        {},
        ["--nodes", "see comfy-watch check --help"],
    ),
    "surplus argument": (["status", "alpha"], {}, ["alpha"]),
    "unknown kind": (
        ["check", "--fail-on", "bannd"],
        {},
        ["--fail-on", "'bannd'", "banned"],
    ),
    "no kind": (["check", "--fail-on", ""], {}, ["--fail-on"]),
    "bad since": (
        ["history", "--since", "yesterday"],
        {},
        ["--since", "'yesterday'", "7d"],
    ),
    "bad reference": (
        ["history", "--ref", "7d86b02"],
        {},
        ["--ref", "'7d86b02'", "at the end of a message"],
    ),
    "bad limit": (["history", "--limit", "0"], {}, ["--limit"]),
    "nothing to watch": (
        ["check"],
        {"nodes": ""},
        ["nothing to watch", "hint: ", "--node"],
    ),
    "nothing to show": (
        ["status", "--json"],
        {"nodes": ""},
        ["nothing to watch", "looked for ", "the state folder is"],
    ),
    "nothing recorded": (
        ["history"],
        {"nodes": ""},
        ["nothing to watch", "looked for ", "the state folder is"],
    ),
    "kinds of two options": (
        ["check", "--fail-on", "new", "--fail-on", "bannd"],
        {},
        ["--fail-on", "'bannd'"],
    ),
    "an author": (
        ["check", "--node", "kijai/x"],
        {},
        ["'kijai/x' is not a node id", "command line"],
    ),
    "an author's past": (
        ["history", "--node", "kijai/x"],
        {},
        ["--node: entry 1: 'kijai/x'"],
    ),
    "a pattern that matches nothing": (
        ["check"],
        {"nodes": "alpha a*:b"},
        ["nodes: entry 2: 'a*:b'", "pattern"],
    ),
    "only what to leave out": (
        ["check", "--node", "!b*"],
        {"nodes": "alpha"},
        ["nodes: '!b*'", "command line"],
    ),
    "a past of patterns": (
        ["history", "--node", "a*"],
        {},
        ["--node: entry 1: 'a*'", "pattern"],
    ),
    "a bare number": (
        ["history", "--since", "2026"],
        {},
        ["--since", "'2026'", "2026-01-31", "7d"],
    ),
    "a date far out": (
        ["history", "--since", "10000-01-01"],
        {},
        ["--since", "years go from 1 to 9999"],
    ),
    "an interval too short": (
        ["status", "--set", "interval=9s"],
        {},
        ["interval", "'9s'", "give 10s"],
    ),
    "nothing to run for": (["run"], {"nodes": ""}, ["nothing to watch"]),
    "bad setting": (
        ["run"],
        {"interval": "often"},
        ["interval", "'often'", "15m", "COMFY_WATCH_INTERVAL"],
    ),
    "unknown setting": (
        ["check"],
        {"intervall": "1m"},
        ["intervall", "did you mean interval?"],
    ),
    "bad --set": (
        ["check", "--set", "retries=many"],
        {},
        ["retries", "'many'", "command line"],
    ),
    "secret --set": (
        ["check", "--set", "alert_urls=json://u:S3cr3t@h"],
        {},
        ["alert_urls", "secret"],
    ),
    "no file": (
        ["config", "--config", "absent.toml"],
        {},
        ["absent.toml", "No such file"],
    ),
    "bad URL": (
        ["check"],
        {"alert_urls": "json://127.0.0.1 discord://S3cr3t"},
        ["alert_urls, entry 2: ", "COMFY_WATCH_ALERT_URLS"],
    ),
    "unknown service": (
        ["run"],
        {"alert_urls": "carrier://S3cr3t"},
        ["alert_urls, entry 1: "],
    ),
    "no channels": (["test-alerts"], {}, ["there are no channels", "hint: "]),
    "unknown channel": (
        ["test-alerts", "jason"],
        {"alert_urls": "json://127.0.0.1"},
        ["'jason'", "channels are json"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_2_wrong_usage_or_settings(
    watch: Watcher, registry: FakeRegistry, case: str
) -> None:
    """2: what is wrong is said on stderr without a traceback or a secret, and nothing was asked or written."""
    args, settings, said = WRONG[case]
    done = watch.but(**settings).run(*args)
    assert (done.code, done.out) == (2, "")
    assert not [part for part in said if part not in done.err]
    assert "S3cr3t" not in done.err
    assert case == "no command" or all(
        line.startswith(("error: ", "hint: ")) for line in done.err.splitlines()
    )
    assert registry.requests == []
    assert list(watch.folder.iterdir()) == []


def test_3_beats_1(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """3: an event of this poll is of a kind in `--fail-on`, also where a node failed and an alert is undelivered."""
    webhook.answer["/dead"] = 500
    both = watch.but(nodes="alpha bravo", alert_urls=webhook.apprise_url("/dead"))
    registry.catalog.publish("bravo", "1.0.0")
    both.check()
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    inflict(registry, "status_404_json", nodes={"bravo"})
    document = both.check("--fail-on", "Banned, FLAGGED", code=3)
    assert (document["nodes"]["failed"], document["alerts"]["pending"]) == (1, 1)
    assert [event["kind"] for event in document["events"]] == ["flagged"]
    both.check("--fail-on", "flagged", code=1)
    registry.catalog.set_status("alpha", "1.0.0", "active")
    both.check("--fail-on", "flagged", "--dry-run", code=1)


@pytest.mark.parametrize(
    ("file", "harm", "why"),
    one_row_of(
        ("outbox.json", lambda content: content[:-20], "cannot be used"),
        ("checks.json", lambda _: b"", "is empty"),
        (
            "snapshot.json",
            lambda content: content.replace(b'"format": ', b'"format": 9'),
            "newer version",
        ),
        ("snapshot.json", None, "is missing"),
        ("snapshot.json", lambda content: content[:-20], "cannot be used"),
        ("snapshot.json", lambda _: b"", "is empty"),
        fast=4,
    ),
    ids=["outbox", "checks", "newer", "missing", "cut", "empty"],
)
def test_4_damaged_state(
    watch: Watcher,
    registry: FakeRegistry,
    webhook: Webhook,
    file: str,
    harm: Callable[[bytes], bytes] | None,
    why: str,
) -> None:
    """4: a file that is corrupt, empty, newer or gone is named, with a hint, and left as it is; nothing is sent."""
    channel = watch.but(alert_urls=webhook.apprise_url("/dead"), baseline="summary")
    webhook.answer["/dead"] = 500
    channel.check(code=1)
    watch.end_backoffs()
    path = watch.state / file
    if harm is None:
        path.unlink()
    else:
        path.write_bytes(harm(path.read_bytes()))
    before = watch.contents(), len(registry.requests), len(webhook.messages())
    for command in ("check", "run", "status") if file == "outbox.json" else ("check",):
        done = channel.run(command)
        assert (done.code, done.out) == (4, "")
        assert not [part for part in (file, why, "hint: ") if part not in done.err]
    assert (watch.contents(), len(registry.requests), len(webhook.messages())) == before


def test_4_the_state_is_locked(watch: Watcher, registry: FakeRegistry) -> None:
    """4: another run holds the state; commands that only look are not kept from it."""
    watch.check()
    before = watch.contents(), len(registry.requests)
    with files.lock(watch.state / "lock"):
        for command in ("check", "run"):
            done = watch.run(command)
            assert (done.code, done.out) == (4, "")
            assert "is in use by another comfy-watch" in done.err
        assert watch.run("status").code == 0
    assert (watch.contents(), len(registry.requests)) == before


def test_4_who_holds_the_state_is_said(watch: Watcher) -> None:
    """4: the error names the command and the process that hold the state, and suggests no second state folder."""
    with watch.start("run") as started:
        started.until(lambda it: "poll" in it.err)
        done = watch.run("check")
        assert (done.code, done.out) == (4, "")
        assert (
            f"is in use by comfy-watch run (process {started.pid}, since 20" in done.err
        )
        assert "state_dir" not in done.err


@pytest.mark.parametrize(
    "content",
    one_of(b"\xff\x00\x1b[31m\n\n@everyone ##[error]\n" * 99, b"", b"\n"),
    ids=["garbled", "empty", "blank"],
)
def test_4_what_the_lock_says_is_only_shown(watch: Watcher, content: bytes) -> None:
    """4: a lock file with anything in it keeps nobody out, and breaks no line when somebody holds it."""
    watch.check()
    with files.lock(watch.state / "lock"):
        (watch.state / "lock").write_bytes(content)
        done = watch.run("check")
        assert done.code == 4
        assert len(done.err.splitlines()) == 2
        assert len(done.err) < 500
        assert "\x1b" not in done.err
    watch.check()


@pytest.mark.parametrize("place", ["file/state", "/proc/comfy-watch"])
def test_4_no_place_for_a_state(
    watch: Watcher, registry: FakeRegistry, place: str
) -> None:
    """4: the state folder can be neither made nor written, on a disk that takes nothing or below a file."""
    (watch.folder / "file").write_text("a file")
    done = watch.but(state_dir=place).run("check")
    assert (done.code, done.out) == (4, "")
    assert "error: state folder" in done.err
    assert "hint: " in done.err
    assert registry.requests == []
    assert [path.name for path in watch.folder.iterdir()] == ["file"]


def test_4_a_quiet_poll_that_can_keep_nothing(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """4: nothing was found and nothing could be written; the path is shown as the user wrote it, in a log too."""
    named = watch.but(state_dir="my.app", interval="1h")
    named.check()
    before = {
        path.name: path.read_bytes()
        for path in (watch.folder / "my.app").iterdir()
        if path.name != "lock"
    }
    no_room = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))"
    done = _after(no_room, named, "check")
    assert (done.code, done.out) == (4, ""), done
    assert done.err.startswith(
        f"error: state folder {watch.folder}/my.app cannot be written: File too large"
    )
    registry.catalog.publish("alpha", "1.1.0")
    assert _after(no_room, named, "check").code == 4
    after = {
        path.name: path.read_bytes()
        for path in (watch.folder / "my.app").iterdir()
        if path.name != "lock"
    }
    assert after == before
