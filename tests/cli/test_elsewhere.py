"""The program on Windows and macOS, as far as Linux can show it (`tests.support.elsewhere`).

Every process here takes the machine for the other system: it has no `fcntl`, `fork` or `SIGHUP` there, files open as
Windows opens them, and each job is an interpreter of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import program
from tests.support.comfyui import COMMIT, ComfyUI
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.harness import counts, write_settings

# Interpreters that load everything, one after the other.
pytestmark = pytest.mark.bounded

HERE = sys.platform
SYSTEMS = ("win32", "darwin") if HERE == "linux" else (HERE,)
"""On Windows and macOS the tests are about the system that they run on."""
_STOPS = {
    "linux": ("SIGINT", "SIGTERM"),
    "win32": ("SIGINT", "SIGQUIT")
    if HERE == "linux"
    else ("CTRL_BREAK_EVENT", "CTRL_BREAK_EVENT"),
    "darwin": ("SIGINT", "SIGTERM"),
}
"""What stops a run: Ctrl-C; Ctrl-Break, which is `SIGQUIT` here, or SIGTERM."""
_on_linux = pytest.mark.skipif(
    HERE != "linux", reason="it takes Linux for another system, or has signals of POSIX"
)


def _environment(system: str, folder: Path) -> dict[str, str]:
    support = program.ROOT / "tests" / "support"
    return {
        "ELSEWHERE": system if HERE == "linux" else "",
        "PYTHONPATH": os.pathsep.join(
            (
                str(support / ("elsewhere" if HERE == "linux" else "offline")),
                str(program.ROOT),
            )
        ),
        "APPDATA": str(folder / "Roaming"),
        "LOCALAPPDATA": str(folder / "Local"),
        "XDG_CONFIG_HOME": "",
        "NO_PROXY": "127.0.0.1",
    }


class Elsewhere:
    """Runs the program on a system, in a test's folder."""

    def __init__(self, system: str, folder: Path) -> None:
        self.system, self.folder = system, folder
        self.env = _environment(system, folder)

    def run(
        self, *args: str, env: Mapping[str, str] | None = None, module: str = "watcher"
    ) -> program.Completed:
        """Run a command to its end; there may be no traceback."""
        done = program.run(
            *args,
            cwd=self.folder,
            env={**self.env, **(env or {})},
            module=module,
            timeout=240,
        )
        assert "Traceback" not in done.out + done.err, done
        return done

    def check(self, code: int = 0) -> dict[str, Any]:
        """Poll once and return the document."""
        done = self.run("check", "--json")
        assert done.code == code, done
        document: dict[str, Any] = json.loads(done.out)
        return document

    def configure(self, registry: FakeRegistry, **urls: str) -> None:
        """Write settings with a channel for each URL, which has ten seconds."""
        channels = [{"name": name, "url": url} for name, url in urls.items()]
        more: dict[str, Any] = {"nodes": ["alpha"], "retries": 0, "timeout": "10s"}
        more |= {} if urls else {"alert_urls": "none"}
        write_settings(self.folder, channels, registry_url=registry.url, **more)


@pytest.fixture(params=SYSTEMS)
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Elsewhere:
    """The program on each system."""
    return Elsewhere(request.param, tmp_path)


_IMPORT_ALL = """
import importlib, pkgutil, sys, watcher
names = {module.name for module in pkgutil.walk_packages(watcher.__path__, "watcher.")} - {"watcher.__main__"}
for name in sorted(names):
    importlib.import_module(name)
from watcher.settings import places
found = places.user_folders({"HOME": "/h", "APPDATA": "/r", "LOCALAPPDATA": "/l"})
print(len(names) > 100, found)
"""


@_on_linux
@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_at_import_is_linux_only(system: str, tmp_path: Path) -> None:
    """Every module can be imported; settings and state have the system's own folders."""
    (tmp_path / "all_modules.py").write_text(_IMPORT_ALL)
    env = _environment(system, tmp_path)
    env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    done = program.run(cwd=tmp_path, env=env, module="all_modules")
    support = "/h/Library/Application Support/comfy-watch"
    settings, state = (
        ("/r/comfy-watch", "/l/comfy-watch/state")
        if system == "win32"
        else (support, f"{support}/state")
    )
    assert (
        done.out
        == f"True Folders(settings={Path(settings)!r}, state={Path(state)!r})\n"
    ), done.err


def test_a_life(elsewhere: Elsewhere, registry: FakeRegistry, webhook: Webhook) -> None:
    """Settings are written and read; a flag is found, sent, remembered and shown, and nothing of it twice."""
    registry.catalog.publish("alpha", "1.0.0")
    home = {"HOME": str(elsewhere.folder / "home")}
    wrote = elsewhere.run("init", env=home).out.partition(
        ", which commands find from any"
    )[0]
    own = wrote.removeprefix("Wrote ")
    assert b"\r" not in Path(own).read_bytes()
    config = elsewhere.run("config", env=home)
    assert config.out.startswith(f"settings file: {own}\n")
    if elsewhere.system == "win32":
        assert "leave --system out" in elsewhere.run("init", "--system").err
    elsewhere.configure(registry, hook=webhook.apprise_url("/hook"))
    assert "comfy-watch.toml" in elsewhere.run("config").out
    assert elsewhere.check()["alerts"] == counts(1)
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "malware")
    found = elsewhere.check()
    assert [event["kind"] for event in found["events"]] == ["flagged"]
    assert (found["alerts"]["delivered"], elsewhere.check()["events"]) == (1, [])
    titles = [message.json["title"] for message in webhook.messages("/hook")]
    assert [title.split()[0] for title in titles] == ["Now", "Flagged"]
    assert "flagged" in elsewhere.run("history").out
    assert "1.0.0" in elsewhere.run("status").out
    assert elsewhere.run("test-alerts").out == "hook: delivered\n"
    assert len(webhook.messages("/hook")) == 3
    assert b"\r" not in b"".join(
        file.read_bytes() for file in (elsewhere.folder / "state").iterdir()
    )


def test_installed(elsewhere: Elsewhere) -> None:
    """What is installed is read there too: files as they are, clones by their text, and no link to a file."""
    comfyui = ComfyUI(elsewhere.folder / "ComfyUI")
    comfyui.registry("my-pack", "1.2.0")
    comfyui.clone("Foo", "https://github.com/ann/foo", pack="foo")
    if HERE != "win32":  # where only some users may make links
        (comfyui.plain("link") / "pyproject.toml").symlink_to(
            comfyui.nodes / "my-pack" / "pyproject.toml"
        )
    done = elsewhere.run("installed", "ComfyUI", "--json")
    assert done.code == 0, done
    packs = {
        pack["folder"]: pack for pack in json.loads(done.out)["installs"][0]["packs"]
    }
    assert (packs["my-pack"]["kind"], packs["my-pack"]["version"]) == (
        "registry",
        "1.2.0",
    )
    assert (packs["Foo"]["id"], packs["Foo"]["commit"]) == ("foo", COMMIT)
    if HERE != "win32":
        assert (
            packs["link"]["evidence"]
            == "pyproject.toml is a link, which is not followed"
        )


@_on_linux
def test_a_file_that_another_program_holds(
    tmp_path: Path, registry: FakeRegistry
) -> None:
    """Windows replaces no file that is open. A poll tries for a moment; then it ends, and the next one has its news."""
    windows = Elsewhere("win32", tmp_path)
    registry.catalog.publish("alpha", "1.0.0")
    windows.configure(registry)
    held = windows.folder / "state" / "snapshot.json.held"
    held.parent.mkdir()
    held.write_text("3")
    windows.check()
    assert not held.exists()
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "malware")
    held.write_text("99999")
    refused = windows.run("check")
    assert (refused.code, "Permission denied (snapshot.json)" in refused.err) == (
        4,
        True,
    ), refused
    held.unlink()
    assert [event["kind"] for event in windows.check()["events"]] == ["flagged"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_run(
    elsewhere: Elsewhere, registry: FakeRegistry, webhook: Webhook, which: int
) -> None:
    """A run holds the state, polls and delivers, and ends by itself when it is asked to."""
    registry.catalog.publish("alpha", "1.0.0")
    elsewhere.configure(registry, hook=webhook.apprise_url("/hook"))
    with program.start("run", cwd=elsewhere.folder, env=elsewhere.env) as run:
        webhook.wait_for(1, timeout=30)
        run.until(lambda _: '"poll"' in run.err, 30)
        refused = elsewhere.run("check")
        assert (
            refused.code,
            f"comfy-watch run (process {run.pid}, since" in refused.err,
        ) == (4, True), refused
        run.signal(getattr(signal, _STOPS[elsewhere.system][which]))
        done = run.wait()
    assert (done.code, "Traceback" in done.err, '"stopped"' in done.err) == (
        0,
        False,
        True,
    ), done


def test_what_takes_too_long_is_cut_off(
    elsewhere: Elsewhere, registry: FakeRegistry, webhook: Webhook
) -> None:
    """An answer that does not come costs its own channel only; one whose head came counts, though it never ends."""
    webhook.answer = {
        "/hang": Answer(hang=True),
        "/drip": Answer(endless=0.02),
        "/flood": Answer(endless=0, body=bytes(2**16)),
    }
    elsewhere.configure(
        registry,
        **{
            path: webhook.apprise_url(f"/{path}")
            for path in ("hang", "drip", "flood", "ok")
        },
    )
    done = elsewhere.run("test-alerts")
    assert sorted(done.out.splitlines()) == [
        "drip: delivered",
        "flood: delivered",
        "hang: failed: timed out",
        "ok: delivered",
    ]


@_on_linux
def test_jobs_end_with_the_program(
    elsewhere: Elsewhere, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A program that is killed leaves no process, whatever its jobs wait for."""
    registry.catalog.publish("alpha", "1.0.0")
    webhook.answer["/hang"] = Answer(hang=True)
    elsewhere.configure(registry, hook=webhook.apprise_url("/hang?rto=60"))
    with program.start("check", cwd=elsewhere.folder, env=elsewhere.env) as check:
        webhook.wait_for(1, timeout=30)
        check.signal(signal.SIGKILL)
        assert check.wait().code == -signal.SIGKILL
