"""`publish` and `publish_dir` by the real program: what is written where, what is left alone, and what fails."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program
from tests.support.fakes.webhook import Webhook
from tests.support.fault_points import Cut
from tests.support.fork_server import CrashPoint, ForkServer
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

FOREIGN = b"<!doctype html><title>a blog</title>"
NAMES = {"index.html", "feed.xml", "metrics.prom"}
_PROMISED = 5.0
"""Seconds in which a signal ends `run`."""
_BAN = re.compile(r"osv/x_COMFY-[0-9a-f]{16}\.json")


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Where the files go; no folder yet."""
    return tmp_path / "www" / "public"


@pytest.fixture
def watch(watch: Watcher, public: Path) -> Watcher:
    """A watcher of alpha and bravo whose polls write files."""
    watch.registry.catalog.publish("bravo", "1.0.0")
    return watch.but(nodes="alpha bravo", publish_dir=str(public))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by their names."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def published(watch: Watcher, folder: Path) -> dict[str, bytes]:
    """Return what `publish` writes into a new folder."""
    done = watch.run("publish", str(folder))
    assert (done.code, done.err) == (0, "")
    return contents(folder)


def test_without_a_poll(watch: Watcher, public: Path) -> None:
    """Before the first poll it says so, and writes files that say so."""
    done = watch.run("publish", str(public))
    assert (done.code, done.out) == (0, f"wrote 3 files to {public}; 3 changed\n")
    assert done.err == f"warning: no poll has been completed yet in {watch.state}\n"
    assert contents(public).keys() == NAMES
    assert b"no poll yet" in (public / "index.html").read_bytes()
    assert watch.contents() == {}


def test_what_it_says(watch: Watcher, public: Path) -> None:
    """It says how many files are published and how many differ, and a relative folder starts at the working folder."""
    watch.but(publish_dir="").check()
    watch.registry.catalog.ban_node("bravo", "it steals")
    watch.but(publish_dir="").check()
    first, again = (watch.run("publish", "www/public") for _ in range(2))
    assert first.out == "wrote 4 files to www/public; 4 changed\n"
    assert again.out == "wrote 4 files to www/public; 0 changed\n"
    (ban,) = contents(public).keys() - NAMES
    assert _BAN.fullmatch(ban)


def test_polls_write_what_publish_would(
    watch: Watcher, webhook: Webhook, public: Path
) -> None:
    """After every poll the folder has the bytes that `publish` makes of the state: the first, with a ban, with alerts
    that nobody took, quiet ones, and those of `run`.
    """
    webhook.answer["/dead"] = 500
    catalog = watch.registry.catalog
    watch = watch.but(
        installs=[], alert_urls=[webhook.apprise_url("/dead")], publish_installs=True
    )

    def is_as_published(name: str) -> None:
        assert contents(public) == published(watch, public.parent / name)

    watch.check()
    is_as_published("first")
    catalog.publish("alpha", "1.1.0", status="flagged", reason="it mines")
    catalog.ban_node("bravo", "it steals")
    assert watch.check(code=1)["alerts"]["pending"] == 2
    assert len(contents(public)) == 1 + len(NAMES)
    is_as_published("owed")
    watch.check(code=1)
    is_as_published("quiet")
    catalog.publish("alpha", "1.2.0")
    with watch.but(interval="1h", log_format="json").start("run") as started:
        started.until_logged("poll")
        is_as_published("run")
    webhook.answer.clear()
    watch.end_backoffs()
    watch.check()
    is_as_published("delivered")


def test_what_is_run_is_published_if_it_may_be(watch: Watcher, public: Path) -> None:
    """With an install in the settings it is exit code 2 before anything is read, unless `publish_installs` is true."""
    home = LivedIn(watch.folder / "private" / "ComfyUI")
    home.put("alpha", "1.0.0")
    installs = [{"name": "studio", "path": str(home.root)}]
    watch.registry.catalog.set_status("alpha", "1.0.0", "banned", "it steals")
    refused = watch.but(installs=installs).run("check")
    assert (refused.code, watch.contents()) == (2, {})
    assert "publish_installs: it is not true, and publish_dir is set" in refused.err
    alone = watch.but(installs=installs, publish_dir="")
    done = alone.run("publish", str(public))
    assert (done.code, public.exists()) == (2, False)
    assert "error: the settings name an install\nhint: what is" in done.err
    watch.but(installs=installs, publish_installs=True).check()
    page = (public / "index.html").read_text("utf-8")
    assert "you run" in page
    assert "studio" in page
    assert "private" not in page


def test_what_was_run_is_not_published(watch: Watcher, public: Path) -> None:
    """A state that knows an install is published by no poll, which says so and does all else, nor by `publish`."""
    home = LivedIn(watch.folder / "ComfyUI")
    home.put("alpha", "1.0.0")
    watch.but(installs=[str(home.root)], publish_dir="").check()
    home.put("bravo", "1.0.0")
    watch.but(installs=[str(home.root)], publish_dir="").check()
    watch.registry.catalog.publish("alpha", "1.1.0")
    done = watch.run("check", "--json")
    assert (done.code, public.exists()) == (1, False)
    assert "error: publish_dir: the state knows what is run; hint: what is" in done.err
    assert [one["kind"] for one in watch.history()][:1] == ["new"]
    assert watch.run("publish", str(public)).code == 2
    assert not public.exists()


@pytest.mark.parametrize("folder", ["state", ".", "link", "../{}"])
def test_the_state_stays_private(watch: Watcher, folder: str) -> None:
    """The state folder, and what it is in, are refused: a server of it would serve the state."""
    watch.but(publish_dir="").check()
    (watch.folder / "link").symlink_to(watch.state)
    before = watch.contents()
    refused = watch.run("publish", folder.format(watch.folder.name))
    assert (refused.code, watch.contents()) == (2, before)
    assert "error: the state folder is in " in refused.err
    assert not (watch.folder / "index.html").exists()


def test_the_settings_stay_private(
    watch: Watcher, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The folder of the settings file is refused: a server of it would serve the alert URLs."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    away = watch.but(publish_dir="", state_dir=str(elsewhere))
    (watch.folder / "comfy-watch.toml").write_text('statuses = ["active"]')
    refused = away.run("publish", ".")
    assert refused.code == 2
    assert "error: the settings file is in ., and everybody may read" in refused.err
    assert not (watch.folder / "index.html").exists()
    again = away.but(publish_dir=".").run("config")
    assert again.code == 2
    assert "publish_dir: the settings file is in it, and" in again.err


def test_exit_codes(watch: Watcher, public: Path) -> None:
    """4: the state cannot be used; 1: the folder cannot be written; 2: no folder was given. Nothing else is touched."""
    assert watch.run("publish").code == 2
    assert "DIR: '' is not a folder; give" in watch.run("publish", "").err
    watch.check()
    before = contents(public)
    (public / "feed.xml").unlink()
    (public / "feed.xml").mkdir()
    done = watch.run("publish", str(public))
    assert (done.code, done.out.count("\n")) == (1, 1)
    assert f"error: {public}/feed.xml cannot be written: Is a directory" in done.err
    (public / "feed.xml").rmdir()
    (watch.state / "checks.json").write_text("{")
    assert watch.run("publish", str(public)).code == 4
    assert contents(public).items() <= before.items()


@pytest.fixture
def cut(
    watch: Watcher, public: Path, fork_server: ForkServer
) -> Callable[..., program.Completed]:
    """Run a command up to a fault point in the folder that it writes."""

    def cut(
        label: str,
        cut: Cut,
        *command: str,
        at: int = 1,
    ) -> program.Completed:
        trace = watch.folder / "trace"
        trace.unlink(missing_ok=True)
        point = CrashPoint(folder=public, trace=trace, label=label, at=at, cut=cut)
        return fork_server.run(
            *command, cwd=watch.folder, env=watch.environment(), point=point
        )

    return cut


def test_a_kill_leaves_each_file_old_or_new(
    watch: Watcher, public: Path, cut: Callable[..., program.Completed]
) -> None:
    """Killed at any step of writing, it leaves whole files, and what others put there; then the next one mends it."""
    kept = {"notes.txt": b"mine", "osv/x_COMFY-mine.json": b"{}"}
    (public / "osv").mkdir(parents=True)
    for name, content in kept.items():
        (public / name).write_bytes(content)
    command = ("publish", str(public))
    catalog = watch.registry.catalog
    quiet = watch.but(publish_dir="")
    quiet.check()
    assert watch.run(*command).code == 0
    old = contents(public)
    catalog.publish("alpha", "1.1.0", status="banned", reason="it mines")
    catalog.ban_node("bravo", "it steals")
    quiet.check()
    new = published(quiet, public.parent / "new") | kept
    assert cut("", Cut.AFTER, *command).code == 0
    assert contents(public) == new
    points = (watch.folder / "trace").read_text().splitlines()
    ways = {"write": Cut.HALF, "rename": Cut.AFTER}
    kills = [
        (label, points[: place + 1].count(label), ways[label.split()[0]])
        for place, label in enumerate(points)
        if label.startswith(tuple(ways))
    ]
    assert len(kills) >= 2 * 4
    for label, at, way in kills:
        for name in contents(public):
            (public / name).unlink()
        for name, content in old.items():
            (public / name).write_bytes(content)
        assert cut(label, way, *command, at=at).code == -signal.SIGKILL
        found = contents(public)
        assert found.keys() >= old.keys()
        leftovers = {name for name in found if name.endswith(".tmp")}
        assert len(leftovers) == (way is Cut.HALF)
        for name in found.keys() - leftovers:
            assert found[name] in (old.get(name), new.get(name)), (label, name)
        for name in leftovers:  # a young one may be another process's
            os.utime(public / name, (0, 0))
            assert watch.run(*command).code == 0
            assert contents(public) == new, label


def test_a_full_disk(
    watch: Watcher,
    webhook: Webhook,
    public: Path,
    cut: Callable[..., program.Completed],
) -> None:
    """It is exit code 1 of a poll, which delivers its alerts, and of `publish`."""
    watch.settings["alert_urls"] = [webhook.apprise_url("/a")]
    watch.check()
    watch.registry.catalog.publish("alpha", "1.1.0")
    full = ("write public/.metrics.prom.tmp", Cut.FULL)
    done = cut(*full, "check")
    assert (done.code, len(webhook.messages())) == (1, 1)
    why = f"{public}/metrics.prom cannot be written: No space left on device"
    assert done.err == f"error: publish_dir: {why}; hint: free some space on its disk\n"
    assert "1 alert delivered" in done.out
    assert not [name for name in contents(public) if name.endswith(".tmp")]
    done = cut(*full, "publish", str(public))
    assert (done.code, why in done.err, done.out) == (1, True, f"exit 1: {why}\n")
    assert watch.run("publish", str(public)).code == 0


def test_a_failure_is_said_once_a_day(watch: Watcher, public: Path) -> None:
    """Cron gets it when it begins and when it ends, and not with each poll."""
    env = {"CI": "", "HOME": str(watch.folder / "home"), "XDG_CACHE_HOME": ""}
    public.mkdir(parents=True)
    page = public / "index.html"
    page.write_bytes(FOREIGN)
    said = f"error: publish_dir: {public} has an index.html that comfy-watch did not write; hint: name a folder"
    first, second = (watch.run("check", env=env) for _ in range(2))
    assert (first.code, second.code, second.err) == (1, 1, "")
    assert first.err.startswith(said)
    assert list(public.iterdir()) == [page]
    page.unlink()
    mended = watch.run("check", env=env)
    assert mended.err == "no longer: publish_dir cannot be written\n"
    assert contents(public).keys() == NAMES


def test_run_says_it_with_each_poll(watch: Watcher, public: Path) -> None:
    """The log of `run` has the error, and the poll is as good as any."""
    public.mkdir(parents=True)
    (public / "index.html").write_bytes(FOREIGN)
    with watch.but(interval="50ms").start("run") as started:
        started.until_logged("poll", 2)
        first, second, *_ = started.log("not published")
    assert first["level"] == second["level"] == "error"
    assert f"{public} has an index.html that" in first["message"]
    assert watch.run("health").code == 0


def test_a_dry_run_writes_nothing(watch: Watcher, public: Path) -> None:
    """What is not saved is not published."""
    assert watch.run("check", "--dry-run").code == 0
    assert not public.parent.exists()


def test_several_at_once(watch: Watcher, public: Path) -> None:
    """Those that write one folder at the same time do not disturb each other."""
    watch.but(publish_dir="").check()
    starts = [watch.start("publish", str(public)) for _ in range(4)]
    begun = [start.__enter__() for start in starts]
    try:
        assert [one.process.wait(30) for one in begun] == [0] * 4
    finally:
        for start in starts:
            start.__exit__(None, None, None)
    assert contents(public) == published(watch, public.parent / "alone")


_SLOW = """
import os, pathlib, time
from watcher.cli.main import main

replace = os.replace

def slowly(source, target, **options):
    if str(target).endswith("feed.xml"):
        pathlib.Path("writing").touch()
        time.sleep(60)  # longer than a stop may take, as a disk that hangs
    replace(source, target, **options)

os.replace = slowly
main()
"""
"""A program whose disk hangs."""


def test_a_disk_that_hangs(watch: Watcher, public: Path) -> None:
    """`run` ends in time all the same, with what it has seen saved; the files are as they were."""
    (watch.folder / "slow.py").write_text(_SLOW)
    env = watch.but(interval="1h").environment()
    with program.start("run", cwd=watch.folder, env=env, module="slow") as started:
        started.until(lambda _: (watch.folder / "writing").exists())
        began = time.monotonic()
        started.signal(signal.SIGTERM)
        assert started.process.wait(20) == 0
        assert time.monotonic() - began < _PROMISED
        assert len(started.log("stopping")) == 1
        assert started.log()[-1]["event"] == "stopped"
    assert {path.suffix for path in public.iterdir()} == {".tmp"}
    assert watch.document("status")["nodes"]
    assert watch.check()["events"] == []
