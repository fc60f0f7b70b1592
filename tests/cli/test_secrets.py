"""No part of an alert URL gets out, however it was given and whatever goes wrong; what is written is its owner's only.

The whole of it is `python -m tests.chaos.hostile`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.hostile.leaks import SECRET, SOURCES, Search, Trial, modes, refusals
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from watcher.cli.options import masked


@pytest.mark.bounded
def test_failing_deliveries_reveal_nothing(tmp_path: Path) -> None:
    """Every way for a delivery to fail, seen through every command and the service, shows no part of a URL."""
    search = Search()
    Trial(search, tmp_path).deliveries("file")
    assert search.leaks == []
    assert search.places > 40


@pytest.mark.bounded
@pytest.mark.parametrize("by", SOURCES)
def test_wherever_the_urls_came_from(tmp_path: Path, by: str) -> None:
    """A poll and `test-alerts` show no part of a URL from a file, the environment or a secrets folder."""
    search = Search()
    Trial(search, tmp_path).deliveries(by, brief=True)
    assert search.leaks == []


@pytest.mark.bounded
def test_a_crash_inside_a_delivery_reveals_nothing(tmp_path: Path) -> None:
    """Of what a service raises, with the request in its message, only the type is shown, without a traceback."""
    search = Search()
    Trial(search, tmp_path).deliveries("environment", explosion="KeyboardInterrupt")
    assert search.leaks == []


@pytest.mark.parametrize("share", range(2))
def test_refused_settings_reveal_nothing(
    tmp_path: Path, fork_server: ForkServer, share: int
) -> None:
    """Settings and commands that are refused are explained without what was in them.

    A fork hears of no variable of the interpreter, such as those of its development mode; the whole of it does.
    """

    def run(*args: str, cwd: Path, env: Mapping[str, str]) -> program.Completed:
        heard = {
            name: value for name, value in env.items() if not name.startswith("PYTHON")
        }
        return fork_server.run(*args, cwd=cwd, env=heard)

    search = Search()
    refusals(search, tmp_path, share=share, shares=8, run=run)
    assert search.leaks == []


@pytest.mark.parametrize(
    "command",
    [
        ("check", "--node", "x", "--set", "state_dir=json://u:s3cr3t@h/s3cr3t"),
        ("config", "--config", "json://u:s3cr3t@h/s3cr3t"),
    ],
)
def test_a_url_in_the_place_of_a_path_reveals_nothing(
    run: Callable[..., program.Completed], tmp_path: Path, command: tuple[str, ...]
) -> None:
    """An alert URL that was given for a file or folder is refused, of it no more than the scheme is shown or kept."""
    search = Search()
    done = run(*command)
    search.look_at("run", done)
    assert (done.code, search.leaks, list(tmp_path.iterdir())) == (2, [], [])
    assert "'json://***' is a URL, not a path" in done.err


@pytest.mark.parametrize("slashes", ["/", "//", "///"])
@pytest.mark.parametrize(
    "words",
    [
        "x (discord:{}",
        "--set 'discord:{}",
        "discord:{}",
        "url=discord:{}",
        "é://discord:{}",
    ],
)
@pytest.mark.parametrize(
    "secret",
    ["u:it's-s3cr3t@h", 'u:"s3cr3t" s3cr3t@h', "u:p\ns3cr3t@h/s3cr3t) is wrong"],
)
def test_what_may_be_a_url_is_masked_to_its_end(
    words: str, secret: str, slashes: str
) -> None:
    """Neither a quote nor a blank nor a newline in a password ends what is not shown; what stands before it is."""
    said = masked(words.format(slashes) + secret)
    assert SECRET not in said
    assert (
        said == words.partition("discord" if "é" not in words else "é")[0] + "***://***"
    )


def test_the_search_finds(tmp_path: Path) -> None:
    """A secret is found in any case, encoded as a login is, in a file, and in a file's name."""
    search = Search()
    tmp_path.joinpath(SECRET).write_text("S3CR3T")
    search.look_into("folder", tmp_path)
    search.look("header", "Basic dXNyLXMzY3IzdDpwd2QtczNjcjN0")
    search.look_at("run", program.Completed(code=1, out=SECRET, err="Traceback"))
    assert len(search.leaks) == 5


def test_files_are_their_owners_only(
    tmp_path: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> None:
    """Whatever the umask, files are created with mode 0600 and folders, missing parents too, with 0700."""
    registry.catalog.publish("alpha", "1.0.0")
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    webhook.answer["/dead"] = 500
    urls = [webhook.apprise_url(), webhook.apprise_url("/dead")]
    env = {
        "COMFY_WATCH_ALERT_URLS": json.dumps(urls),
        "COMFY_WATCH_NODES": "alpha",
        "COMFY_WATCH_REGISTRY_URL": registry.url,
        "COMFY_WATCH_STATE_DIR": "deep/er/state",
    }
    codes = []
    with Path(os.devnull).open("r+b") as nowhere:
        streams = (nowhere.fileno(),) * 3
        for command in (
            ["check"],
            ["init", "--here"],
            ["test-alerts"],
            ["check"],
        ):
            begun = fork_server.launch(
                *command, cwd=work, env=env, streams=streams, home=home, umask=0
            )
            codes.append(begun.wait(60))
            begun.wait_for_all()
    assert codes == [1, 0, 1, 1]
    created = modes(work)
    assert {
        f"deep/er/state/{name}"
        for name in ("snapshot.json", "owed.jsonl", "checks.json", "addresses.json")
    } < created.keys()
    assert created.pop("comfy-watch.toml") == 0o600
    assert {
        path: mode
        for path, mode in created.items()
        if mode != (0o700 if (work / path).is_dir() else 0o600)
    } == {}
    assert list(home.iterdir()) == []
