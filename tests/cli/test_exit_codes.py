"""Every way to each exit code, by the real program (docs/dev/behaviour.md, Commands)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher, counts
from watcher.state import files

pytestmark = pytest.mark.measured


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
    assert json.loads(done.out)["alerts"] == counts(1, pending=2)
    assert channel.check()["alerts"] == counts(2)


WRONG: dict[str, tuple[list[str], dict[str, object], list[str]]] = {
    "no command": ([], {}, ["Usage: comfy-watch", "Commands:"]),
    "unknown command": (["chek"], {}, ["no such command 'chek'", "check"]),
    "an option before the command": (
        ["--config", "x.toml", "check"],
        {},
        ["'--config'", "options come after the command; see comfy-watch check --help"],
    ),
    "option without its value": (
        ["check", "--fail-on"],
        {},
        ["--fail-on", "see comfy-watch check --help"],
    ),
    "no number": (
        ["versions", "--limit", "all"],
        {},
        ["error: --limit: 'all' is not a whole number; give 1 to "],
    ),
    "secret --set": (
        ["check", "--set", "alert_urls=json://u:S3cr3t@h"],
        {},
        ["alert_urls", "secret"],
    ),
    "no channels": (["test-alerts"], {}, ["there are no channels", "hint: "]),
    "no verdict": (["audit", "--fail-on", "baned"], {}, ["did you mean banned?"]),
    "no finding": (["audit", "--accept", "pack@"], {}, ["is not a finding"]),
    "unknown channel": (
        ["test-alerts", "jason"],
        {"alert_urls": "json://127.0.0.1"},
        ["'jason'", "did you mean json?"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_2_wrong_usage_or_settings(
    watch: Watcher, registry: FakeRegistry, case: str
) -> None:
    """2: what is wrong is said on stderr without a traceback or a secret, and nothing was asked or written."""
    args, settings, said = WRONG[case]
    done = watch.but(**settings).run(*args)
    assert (done.code, done.found) == (2, "")
    assert done.out.count("\n") == (0 if "--json" in args else 1)
    assert not [part for part in said if part not in done.err]
    assert "S3cr3t" not in done.err
    assert case == "no command" or all(
        line.startswith(("error: ", "hint: ")) for line in done.err.splitlines()
    )
    assert registry.requests == []
    assert list(watch.folder.iterdir()) == []


def test_4_damaged_state(watch: Watcher, registry: FakeRegistry) -> None:
    """4: a file that cannot be used is named, with a hint, and left as it is; nothing is asked."""
    watch.but(alert_urls="json://127.0.0.1:9", baseline="summary").check(code=1)
    (watch.state / "owed.jsonl").write_bytes(b"{}\n")
    before = watch.contents(), len(registry.requests)
    for command in ("check", "run", "status"):
        done = watch.run(command)
        assert (done.code, done.found) == (4, "")
        lead = "nothing was checked" if command == "check" else "exit 4"
        assert done.out.startswith(f"{lead}: {watch.state / 'owed.jsonl'} ")
        assert done.out.count("\n") == 1
        assert "\nhint: " in done.err
    assert (watch.contents(), len(registry.requests)) == before


def test_4_the_history_of_another_version(watch: Watcher) -> None:
    """4: a history that says nothing here is not taken for one without events."""
    watch.check()
    (watch.state / "history.jsonl").write_text('{"what": "another version wrote"}\n')
    with watch.edited("snapshot.json") as document:
        document["format"] = 4
    done = watch.run("history")
    assert (done.code, done.found, "before 0.3.0" in done.err) == (4, "", True)


def test_4_the_state_is_locked(watch: Watcher, registry: FakeRegistry) -> None:
    """4: another run holds the state, which is said; commands that only look are not kept from it."""
    with watch.start("run") as started:
        started.until_logged("poll")
        before = watch.contents(), len(registry.requests)
        for command in ("check", "run"):
            done = watch.run(command)
            assert (done.code, done.found) == (4, "")
            holder = f"comfy-watch run (process {started.pid}, since 20"
            assert f"is in use by {holder}" in done.err
        for command in ("status", "health"):
            assert watch.run(command).code == 0
        assert (watch.contents(), len(registry.requests)) == before


def test_4_what_the_lock_says_is_only_shown(watch: Watcher) -> None:
    """4: a lock file with anything in it keeps nobody out, and breaks no line when somebody holds it."""
    watch.check()
    with files.lock(watch.state / "lock"):
        said = b"\xff\x00\x1b[31m\n\n@everyone ##[error]\n" * 99
        (watch.state / "lock").write_bytes(said)
        done = watch.run("check")
        assert (done.code, len(done.err.splitlines())) == (4, 2)
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
    assert (done.code, done.found) == (4, "")
    assert "error: state folder" in done.err
    assert "hint: " in done.err
    assert registry.requests == []
    assert [path.name for path in watch.folder.iterdir()] == ["file"]


def test_4_a_poll_that_can_keep_nothing(watch: Watcher, registry: FakeRegistry) -> None:
    """4: nothing could be written, whether something was found or not; the path is shown as the user wrote it."""
    named = watch.but(state_dir="my.app")
    named.check()
    no_room = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))"
    for version in ("1.1.0", "1.2.0"):
        done = named.after(no_room, "check")
        assert (done.code, done.found) == (4, ""), done
        said = f"error: state folder {watch.folder}/my.app cannot be written: File too"
        assert done.err.startswith(said)
        registry.catalog.publish("alpha", version)
    assert [kind for kind, _, _ in named.reported()] == ["new", "new"]


@pytest.mark.parametrize("flag", ["--json", "--dry-run"])
def test_no_line_stands_in_the_place_of_a_document(watch: Watcher, flag: str) -> None:
    """Where stdout is to hold a document, a command that ends early leaves it empty; else it says why there too."""
    done = watch.run("check", flag, "--set", "interval=x")
    assert (done.code, bool(done.out)) == (2, flag != "--json")
