"""`publish` and `publish_dir` by the real program: what is written where, what is left alone, and what fails."""

from __future__ import annotations

import os
import re
import signal
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


def test_what_it_says(watch: Watcher, public: Path) -> None:
    """It says how many files are published and differ, and that there was no poll; a folder may be relative."""
    done = watch.run("publish", "www/public")
    assert (done.code, done.out) == (0, "wrote 3 files to www/public; 3 changed\n")
    assert done.err == f"warning: no poll has been completed yet in {watch.state}\n"
    assert contents(public).keys() == NAMES
    assert b"no poll yet" in (public / "index.html").read_bytes()
    assert watch.contents() == {}
    quiet = watch.but(publish_dir="")
    quiet.check()
    watch.registry.catalog.ban_node("bravo", "it steals")
    quiet.check()
    said = [watch.run("publish", "www/public").out for _ in range(2)]
    changed = [f"wrote 4 files to www/public; {count} changed\n" for count in (4, 0)]
    assert said == changed
    (ban,) = contents(public).keys() - NAMES
    assert _BAN.fullmatch(ban)


def test_polls_write_what_publish_would(
    watch: Watcher, webhook: Webhook, public: Path
) -> None:
    """After every poll the folder has the bytes that `publish` makes of the state; a dry run writes none."""
    watch = watch.but(alert_urls=[webhook.apprise_url("/dead")])

    def is_as_published(name: str) -> None:
        done = watch.run("publish", str(public.parent / name))
        assert (done.code, done.err) == (0, "")
        assert contents(public) == contents(public.parent / name)

    watch.check("--dry-run")
    assert not public.exists()
    watch.check()
    webhook.answer["/dead"] = 500
    watch.registry.catalog.ban_node("bravo", "it steals")
    assert watch.check(code=1)["alerts"]["pending"] == 1
    assert len(contents(public)) == 1 + len(NAMES)
    is_as_published("owed")
    watch.check(code=1)
    is_as_published("quiet")
    watch.registry.catalog.publish("alpha", "1.2.0")
    with watch.but(interval="1h").start("run") as started:
        started.until_logged("poll")
        is_as_published("run")


def test_what_is_run_is_published_if_it_may_be(watch: Watcher, public: Path) -> None:
    """With an install in the settings it is exit code 2 before anything is read, unless `publish_installs` is true.

    A state that knows an install is published by no poll, which says so and does all else, nor by `publish`.
    """
    home = LivedIn(watch.folder / "private" / "ComfyUI")
    home.put("alpha", "1.0.0")
    runs = watch.but(installs=[{"name": "studio", "path": str(home.root)}])
    refused = runs.run("check")
    assert (refused.code, watch.contents()) == (2, {})
    assert "publish_installs: it is not true, and publish_dir is set" in refused.err
    alone = runs.but(publish_dir="")
    done = alone.run("publish", str(public))
    assert (done.code, public.exists()) == (2, False)
    assert "error: the settings name an install\nhint: what is" in done.err
    alone.check()
    home.put("bravo", "1.0.0")
    alone.check()
    watch.registry.catalog.publish("alpha", "1.1.0")
    done = watch.run("check", "--json")
    assert (done.code, watch.run("publish", str(public)).code) == (1, 2)
    assert "error: publish_dir: the state knows what is run; hint: what is" in done.err
    assert not public.exists()
    assert watch.history()[0]["kind"] == "new"
    watch.registry.catalog.set_status("alpha", "1.0.0", "banned", "it steals")
    runs.but(publish_installs=True).check()
    page = (public / "index.html").read_text("utf-8")
    assert "you run" in page
    assert "studio" in page
    assert "private" not in page


@pytest.mark.parametrize("folder", ["state", ".", "link", "../{}"])
def test_the_state_and_the_settings_stay_private(
    watch: Watcher, folder: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Their folders, and what those are in, are refused: a server of one would serve the state or the alert URLs."""
    watch = watch.but(publish_dir="")
    watch.check()
    (watch.folder / "link").symlink_to(watch.state)
    before = watch.contents()
    refused = watch.run("publish", folder.format(watch.folder.name))
    assert (refused.code, watch.contents()) == (2, before)
    assert "error: the state folder is in " in refused.err
    away = watch.but(state_dir=str(tmp_path_factory.mktemp("elsewhere")))
    (watch.folder / "comfy-watch.toml").write_text('statuses = ["active"]')
    refused = away.run("publish", ".")
    assert refused.code == 2
    assert "error: the settings file is in ., and everybody may read" in refused.err
    assert not (watch.folder / "index.html").exists()


def _cut(
    watch: Watcher, forks: ForkServer, label: str, cut: Cut, *command: str
) -> program.Completed:
    """Run a command up to a fault point in the folder that it writes."""
    public = Path(str(watch.settings["publish_dir"]))
    trace = watch.folder / "trace"
    trace.unlink(missing_ok=True)
    point = CrashPoint(folder=public, trace=trace, label=label, at=1, cut=cut)
    env = watch.environment()
    return forks.run(*command, cwd=watch.folder, env=env, point=point)


def test_a_kill_leaves_each_file_old_or_new(
    watch: Watcher, public: Path, fork_server: ForkServer
) -> None:
    """Killed while it writes, it leaves whole files, and what others put there; then the next one mends it."""
    watch.check()
    (public / "osv").mkdir(exist_ok=True)
    (public / "osv" / "x_COMFY-mine.json").write_bytes(b"{}")
    old = contents(public)
    watch.registry.catalog.publish("alpha", "1.1.0", status="banned", reason="it mines")
    watch.but(publish_dir="").check()
    command = ("publish", str(public))
    found = []
    for label, cut in (
        ("write public/.feed.xml.tmp", Cut.HALF),
        ("rename public/feed.xml", Cut.AFTER),
    ):
        assert _cut(watch, fork_server, label, cut, *command).code == -signal.SIGKILL
        found.append(contents(public))
        for name in contents(public):
            if name.endswith(".tmp"):  # a young one may be another process's
                os.utime(public / name, (0, 0))
    assert watch.run(*command).code == 0
    new = contents(public)
    assert new["osv/x_COMFY-mine.json"] == b"{}"
    assert not [name for name in new if name.endswith(".tmp")]
    for one in found:
        whole = {name for name in one if not name.endswith(".tmp")}
        assert whole >= old.keys()
        assert [n for n in whole if one[n] not in (old.get(n), new[n])] == []
    assert found[0]["feed.xml"] == old["feed.xml"] != found[1]["feed.xml"]


def test_a_full_disk(
    watch: Watcher, webhook: Webhook, public: Path, fork_server: ForkServer
) -> None:
    """It is exit code 1 of a poll, which delivers its alerts, and of `publish`; a state of no use is exit code 4."""
    assert watch.run("publish").code == 2
    watch.settings["alert_urls"] = [webhook.apprise_url("/a")]
    watch.check()
    watch.registry.catalog.publish("alpha", "1.1.0")
    full = ("write public/.metrics.prom.tmp", Cut.FULL)
    done = _cut(watch, fork_server, *full, "check")
    assert (done.code, len(webhook.messages())) == (1, 1)
    why = f"{public}/metrics.prom cannot be written: No space left on device"
    assert done.err == f"error: publish_dir: {why}; hint: free some space on its disk\n"
    assert not [name for name in contents(public) if name.endswith(".tmp")]
    done = _cut(watch, fork_server, *full, "publish", str(public))
    assert (done.code, why in done.err, done.out) == (1, True, f"exit 1: {why}\n")
    (watch.state / "checks.json").write_text("{")
    before = contents(public)
    assert watch.run("publish", str(public)).code == 4
    assert contents(public) == before


def test_a_failure_is_said_once_a_day(watch: Watcher, public: Path) -> None:
    """Cron gets it when it begins and when it ends; the log of `run` has it with each poll."""
    env = {"CI": "", "HOME": str(watch.folder / "home"), "XDG_CACHE_HOME": ""}
    public.mkdir(parents=True)
    page = public / "index.html"
    page.write_bytes(FOREIGN)
    said = f"error: publish_dir: {public} has an index.html that comfy-watch did not write; hint: name a folder"
    first, second = (watch.run("check", env=env) for _ in range(2))
    assert (first.code, second.code, second.err) == (1, 1, "")
    assert first.err.startswith(said)
    assert list(public.iterdir()) == [page]
    with watch.but(interval="50ms").start("run") as started:
        started.until_logged("not published", 2)
        assert {one["level"] for one in started.log("not published")} == {"error"}
    page.unlink()
    mended = watch.run("check", env=env)
    assert mended.err == "no longer: publish_dir cannot be written\n"
    assert contents(public).keys() == NAMES


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
        started.signal(signal.SIGTERM)
        assert started.process.wait(50) == 0
        assert started.log()[-1]["event"] == "stopped"
    assert {path.suffix for path in public.iterdir()} == {".tmp"}
    assert watch.check()["events"] == []
