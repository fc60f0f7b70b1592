"""Every command with its options, by the real program: what it says, where it says it, and what it leaves alone."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support import terminal
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher, counts, reported
from watcher.cli.main import version_line
from watcher.settings.model import Settings
from watcher.state import files

pytestmark = pytest.mark.measured

SECRET = "S3cr3tT0k3n"


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry) -> Watcher:
    """A watcher with a summary for its baseline, beside a registry that has bravo too."""
    registry.catalog.publish("bravo", "1.0.0")
    return watch.but(baseline="summary")


def test_check(watch: Watcher, registry: FakeRegistry) -> None:
    """`--node` adds to the watched nodes, `--fail-on` to the kinds; `--json` is one document, whatever goes wrong."""
    nodes = [part for one in ("ALPHA", "bravo", "bravo") for part in ("--node", one)]
    document = watch.check(*nodes)
    assert reported(document["events"]) == [
        ("baseline", "alpha", None),
        ("baseline", "bravo", None),
    ]
    registry.catalog.publish("alpha", "1.1.0")
    inflict(registry, "status_404_json", nodes={"bravo"})
    kinds = ("--fail-on", "flagged,new", "--fail-on", "pending")
    done = watch.but(nodes="").run("check", "--json", *nodes, *kinds)
    document = json.loads(done.out)
    assert (done.code, reported(document["events"])) == (3, [("new", "alpha", "1.1.0")])
    assert document["nodes"] == {"watched": 2, "checked": 1, "failed": 1}
    assert document["alerts"] == counts()
    assert [error["node"] for error in document["errors"]] == ["bravo"]
    assert done.err.startswith("error: bravo: ")


def test_check_dry_run(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """`--dry-run` shows what a poll would find, writes nothing, not even a folder, sends nothing, and needs no lock."""
    channel = watch.but(alert_urls=webhook.apprise_url())
    done = channel.run("check", "--dry-run")
    assert (done.code, "baseline" in done.out) == (0, True)
    assert done.out.endswith("dry run: nothing saved or sent\n")
    assert not watch.state.exists()
    watch.check()
    registry.catalog.publish("alpha", "1.1.0")
    before = watch.contents()
    with files.lock(watch.state / "lock"):
        assert channel.reported("--dry-run") == [("new", "alpha", "1.1.0")]
    assert watch.contents() == before
    assert webhook.messages() == []


def test_status(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> None:
    """`status` shows every watched node and what each channel owes, from the state alone."""
    webhook.answer["/dead"] = 500
    channels = [
        {"name": name, "url": webhook.apprise_url(f"/{name}")} for name in ("a", "dead")
    ]
    watch = watch.but(channels=channels, nodes="alpha, bravo, charlie")
    inflict(registry, "status_404_json", nodes={"charlie"})
    watch.check(code=1)
    asked = len(registry.requests)
    document = watch.document("status")
    rows = [(row["node"], row["state"], row["newest"]) for row in document["nodes"]]
    assert rows == [
        ("alpha", "ok", "1.0.0"),
        ("bravo", "ok", "1.0.0"),
        ("charlie", "unread", None),
    ]
    owed = [(one["undelivered"], one["error"]) for one in document["channels"]]
    assert owed == [(0, None), (2, "HTTP 500")]
    first, *_ = watch.run("status").out.splitlines()
    assert first.startswith("2 ok, 1 unread · last poll ")
    assert first.endswith(" · 1 channel failing · 2 alerts undelivered")
    lines = watch.run("status", "--problems").out.splitlines()
    assert lines[3].split()[0] == "charlie"
    chosen = watch.document("status", "--node", "BRAVO", "--node", "alpha")["nodes"]
    assert [row["node"] for row in chosen] == ["alpha", "bravo"]
    refused = watch.run("status", "--node", "zulu", "--node", "alpha")
    assert (refused.code, refused.out) == (2, "exit 2: not watched: zulu\n")
    assert len(registry.requests) == asked


def test_history(watch: Watcher, registry: FakeRegistry) -> None:
    """`history` shows past events by node, kind, time and number, without any request."""
    assert watch.run("history").out == "No events.\n"
    both = watch.but(nodes="alpha bravo")
    both.check()
    registry.catalog.publish("alpha", "1.1.0")
    registry.catalog.set_status("bravo", "1.0.0", "flagged")
    second = both.check()
    asked = len(registry.requests)
    new, flagged = ("new", "alpha", "1.1.0"), ("flagged", "bravo", "1.0.0")
    for options, expected in (
        (("--limit", "9", "--limit", "2"), [flagged, new]),
        (("--node", "ALPHA"), [new, ("baseline", "alpha", None)]),
        (("--kind", "flagged", "--kind", "New,banned"), [flagged, new]),
        (("--since", second["started"]), [flagged, new]),
    ):
        assert reported(watch.history(*options)) == expected
    *_, row, rest = watch.run("history", "--limit", "1").out.splitlines()
    assert row.split()[2:5] == ["flagged", "bravo", "1.0.0"]
    assert rest == "and 3 older events; --limit 4 shows all"
    assert len(registry.requests) == asked


def test_test_alerts(watch: Watcher, webhook: Webhook) -> None:
    """`test-alerts` tries every channel, or those named, also after a failure, a line each; no state comes of it."""
    names = ("first", "second", "third")
    webhook.answer["/first"] = 500
    channels = [
        {"name": name, "url": webhook.apprise_url(f"/{name}")} for name in names
    ]
    watch = watch.but(channels=channels)
    done = watch.run("test-alerts")
    assert (done.code, done.err) == (1, "")
    assert sorted(done.out.splitlines()) == [
        "first: failed: HTTP 500",
        "second: delivered",
        "third: delivered",
    ]
    assert watch.run("test-alerts", "third", "second").code == 0
    assert [len(webhook.messages(f"/{name}")) for name in names] == [1, 2, 2]
    assert not watch.state.exists()


def test_config(watch: Watcher, registry: FakeRegistry) -> None:
    """`config` shows each effective setting with its origin, secrets masked, without any request."""
    file = watch.folder / "other.toml"
    file.write_text(
        f'interval = "1h"\nnodes = ["zulu"]\n[[channels]]\nname = "chat"\nurl = "discord://1234567890/{SECRET}"\n'
        'kinds = ["banned"]\nmin_severity = "warning"\n'
        f'[[installs]]\nname = "h"\nurl = "https://me:{SECRET}@h/x"\n',
        "utf-8",
    )
    file.chmod(0o600)
    watch = watch.but(alert_urls=f"json://user:{SECRET}@127.0.0.1/{SECRET}")
    done = watch.run("config", "--config", "other.toml", "--set", "timeout=90")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    shown = {line.split()[0]: line for line in lines[2:]}
    assert lines[0] == f"settings file: {file}"
    assert shown.keys() == {
        name for name in Settings.model_fields if name != "channels"
    } | {"channels.chat"}
    for name, value, origin in (
        ("nodes", '["alpha"]', "environment COMFY_WATCH_NODES"),
        ("interval", '"1h"', "settings file"),
        ("timeout", '"1m30s"', "command line"),
        ("alert_urls", "json (json://***)", "environment COMFY_WATCH_ALERT_URLS"),
        ("installs", '[{name = "h", url = "https://***"}]', "settings file"),
        (
            "channels.chat",
            '{url = "discord://***", kinds = ["banned"], min_severity = "warning"}',
            "settings file",
        ),
    ):
        assert shown[name].split(maxsplit=1)[1].startswith(value)
        assert shown[name].endswith(origin)
    assert SECRET not in done.out
    assert registry.requests == []


_ODD = """\
nodes = ["alpha", "lights-*"]
installs = [{name = "me@work", path = "/srv/my \\"own\\" UI"}]
accept = [{finding = "alpha@1.2.0"}]
alert_urls = "none"
interval = "1m30s"
retries = 2
state_dir = "/srv/a\u2800state"
"""


def test_config_can_be_pasted(watch: Watcher, fork_server: ForkServer) -> None:
    """What `config` shows of settings that are no secret is as a settings file has it; what nobody sees is escaped."""
    (watch.folder / "comfy-watch.toml").write_text(_ODD, "utf-8")
    done = fork_server.run("config", cwd=watch.folder)
    assert (done.code, done.err, "\u2800" in done.out) == (0, "", False)
    shown = [re.split(r" {2,}", line) for line in done.out.splitlines()[2:]]
    pasted = "".join(
        f"{name} = {value}\n"
        for name, value, origin in shown
        if origin == "settings file"
    )
    assert tomllib.loads(pasted) == tomllib.loads(_ODD)


def test_nowhere_for_alerts(watch: Watcher) -> None:
    """Without a channel `check`, `run` and `config` say that alerts go nowhere, unless that is intended."""
    said = "no channel is configured (alert_urls is empty: environment COMFY_WATCH_ALERT_URLS), so alerts go nowhere"
    unset = watch.but(alert_urls="")
    for command in ("check", "config"):
        done = unset.run(command)
        first = done.err.partition(";")[0]
        assert (done.code, first) == (0, f"warning: {said}")
        assert watch.but(alert_urls="None").run(command).err == ""
    with unset.start("run") as started:
        started.until_logged("poll")
        assert said in started.err.splitlines()[0]
        assert started.err.count(said) == 1


def test_warnings_of_settings(watch: Watcher, webhook: Webhook) -> None:
    """What is odd about the settings is said by `config`, `test-alerts`, `check` and a `run` that starts."""
    path = watch.folder / "comfy-watch.toml"
    path.write_text(
        f'[[channels]]\nname = "x"\nurl = "{webhook.apprise_url()}"\n', "utf-8"
    )
    path.chmod(0o644)
    (watch.folder / "alert_url").write_text("json://127.0.0.1")
    odd = [
        f"{path} holds secrets and can be read by others; try: chmod 600 {path}",
        "COMFY_WATCH_IMAGE: unknown setting, ignored",
        "alert_url: unknown setting, ignored; did you mean alert_urls?",
    ]
    env = {"COMFY_WATCH_IMAGE": SECRET, "CREDENTIALS_DIRECTORY": str(watch.folder)}
    for command in ("config", "test-alerts", "check"):
        done = watch.run(command, env=env)
        assert done.code == 0
        assert [part for part in odd if part not in done.err] == []
        assert SECRET not in done.err
    for command in ("status", "history"):
        assert watch.run(command, env=env).err == ""
    with watch.but(image="x").start("run") as started:
        started.until_logged("poll")
        assert [part for part in odd[:2] if started.err.count(part) != 1] == []


def test_without_settings_it_says_where_it_looked(
    watch: Watcher, fork_server: ForkServer
) -> None:
    """From a folder without settings or state, commands say where they looked, and end with 2."""
    here = watch.folder / "comfy-watch.toml"
    for command in ("check", "run", "status", "history", "test-alerts"):
        done = fork_server.run(command, cwd=watch.folder)
        assert (done.code, done.found) == (2, "")
        assert f"{here}" in done.err
        assert "/etc/comfy-watch/comfy-watch.toml" in done.err
        # Only these two would show a state without settings.
        would_show = command in ("status", "history")
        assert (f"there is no state in {watch.state}" in done.err) == would_show
    config = fork_server.run("config", cwd=watch.folder)
    assert f"looked for {here}, " in config.out
    watch.check()
    for command in ("status", "history"):
        assert fork_server.run(command, cwd=watch.folder).code == 0


def test_init(watch: Watcher, fork_server: ForkServer) -> None:
    """`init` writes a valid file in which `check` and `config` say what to set, and never overwrites anything."""
    done = watch.run("init", "--here")
    path = watch.folder / "comfy-watch.toml"
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[:2] == [
        f"Wrote {path}, which commands find in this folder alone.",
        f"The state will be in {watch.folder / 'state'}.",
    ]
    for command, code in (("config", 0), ("check", 2)):
        done = fork_server.run(command, cwd=watch.folder)
        first, hint = done.err.splitlines()[:2]
        assert (done.code, hint) == (
            code,
            f"hint: set installs (your ComfyUI), nodes or publishers in {path}",
        )
        assert "there is nothing to watch: " in first
    path.write_text("mine", "utf-8")
    done = watch.run("init", "--here")
    assert (done.code, done.found) == (2, "")
    assert done.err.startswith(
        f"error: {path} exists already, and was left as it is\nhint: "
    )
    assert path.read_text("utf-8") == "mine"
    done = watch.run("init", "--system", "--here")
    assert (done.code, done.err) == (
        2,
        "error: --here and --system are two places: leave one out\n",
    )


def test_init_for_every_folder(watch: Watcher) -> None:
    """Without an option it is found from any folder; a file that wins over it is named, and so then is the new one."""
    home = watch.folder / "home"
    path = home / ".config" / "comfy-watch" / "comfy-watch.toml"
    env = {"HOME": str(home), "XDG_CONFIG_HOME": ""}
    first, state, _, *steps = watch.run("init", env=env).out.splitlines()
    assert first == f"Wrote {path}, which commands find from any folder."
    assert state == f"The state will be in {home / '.local/state/comfy-watch'}."
    names = ("config", "test-alerts", "check")
    assert steps == [f"  comfy-watch {name}" for name in names]
    assert watch.run("config", env=env).out.startswith(f"settings file: {path}\n")
    path.unlink()
    done = watch.run("init", env=env | {"COMFY_WATCH_CONFIG": str(path)})
    assert "wins over" not in done.out
    path.unlink()
    here = watch.folder / "comfy-watch.toml"
    here.write_text("", "utf-8")
    lines = watch.run("init", env=env).out.splitlines()
    assert lines[2].startswith(f"But here {here} wins over it")
    assert lines[-1] == f"  comfy-watch check --config {path}"
    done = watch.run("init", env={"HOME": "", "XDG_CONFIG_HOME": ""})
    assert (done.code, done.found) == (2, "")
    assert done.err.endswith("this folder with comfy-watch init --here\n")


def test_help_and_version(watch: Watcher) -> None:
    """Help is on stdout when asked for; no command at all is a mistake: help is on stderr, and stdout has its line."""
    asked, short, none = watch.run("--help"), watch.real().run("-h"), watch.run()
    assert (asked.code, asked.err, asked.out) == (0, "", short.out)
    assert (none.code, none.out) == (2, "exit 2: no command was given\n")
    assert none.err == f"{asked.out.rstrip()}\nerror: no command was given\n"
    said = watch.run("--version").out
    assert said == f"{version_line()}\n"
    installed = shutil.which("comfy-watch", path=str(Path(sys.executable).parent))
    if installed:
        done = subprocess.run(
            [installed, "--version"], capture_output=True, text=True, check=True
        )
        assert done.stdout == said


def test_an_encoding_that_lacks_a_character(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """A character that the output's encoding lacks is replaced."""
    watch.check()
    registry.catalog.publish("alpha", "1.1.0-ü")
    done = watch.real().run(
        "check", env={"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    )
    assert (done.code, done.err) == (0, "")
    assert "1.1.0-?" in done.out


def test_colours(watch: Watcher, registry: FakeRegistry) -> None:
    """Colours are for terminals: none with `NO_COLOR` or on a dumb one, and in a pipe only with `FORCE_COLOR`."""
    watch.check()
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    red = "\x1b[31mbanned\x1b[0m"
    dry = ("check", "--dry-run")
    assert red in terminal.shown(watch, *dry)
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in terminal.shown(watch, *dry, **plain)
    assert "\x1b" not in watch.run(*dry).out
    forced = {"FORCE_COLOR": "1"}
    assert red in watch.run(*dry, env=forced).out
    assert "\x1b" not in watch.run(*dry, env={**forced, "NO_COLOR": "1"}).out
    json.loads(watch.run(*dry, "--json", env=forced).out)
    wrong = watch.run("check", "--set", "retries=many", env=forced).err
    assert wrong.startswith("\x1b[31m\x1b[1merror:\x1b[0m retries")
