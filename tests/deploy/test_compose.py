"""The compose file: checked against the published schema, and carried out by Compose itself, with podman below it."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.support.podman import Podman, alone
from tests.deploy.support.tools import checked, tool, until
from tests.support import program
from tests.support.fakes.webhook import Webhook
from watcher.fake_registry.server import FakeRegistry

pytestmark = pytest.mark.deployment

_FILE = program.ROOT / "deploy" / "compose.yaml"


class Project:
    """A folder with the compose file and what goes beside it, and Compose's command in it."""

    def __init__(self, folder: Path, reached: dict[str, str]) -> None:
        self.folder = folder
        self._reached = reached
        shutil.copy(_FILE, folder)
        # The registry of the tests is on this machine's loopback.
        (folder / "loopback.yaml").write_text(
            "services: {comfy-watch: {network_mode: host}}\n", "utf-8"
        )

    def __call__(self, *arguments: str) -> str:
        """Run `docker compose` with the arguments and return what it said."""
        files = ("--file=compose.yaml", "--file=loopback.yaml")
        env = {**self._reached, "HOME": str(self.folder)}
        return checked("docker-compose", *files, *arguments, cwd=self.folder, env=env)

    def inside(self, *command: str) -> str:
        """Run a command in the running container and return what it said."""
        return self("exec", "--no-TTY", "comfy-watch", *command)


@pytest.fixture
def project(podman: Podman, image: str, tmp_path: Path) -> Iterator[Project]:
    """An empty project, whose containers podman runs; everything of it is gone afterwards."""
    tool("docker-compose")
    with alone("compose"), podman.service() as reached:
        podman.says("tag", image, "localhost/comfy-watch:latest")
        begun = Project(tmp_path, reached)
        try:
            yield begun
        finally:
            begun("down", "--volumes", "--timeout=1")


def test_the_file_follows_the_specification() -> None:
    """It is valid by the schema of the Compose specification, and Compose has nothing to say about it."""
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(_FILE))
    assert checked("docker-compose", f"--file={_FILE}", "config", "--quiet") == ""


def test_it_lives(project: Project, registry: FakeRegistry, webhook: Webhook) -> None:
    """`up` starts it without rights on a read-only root; its alert arrives, and its state outlives it."""
    registry.catalog.publish("rgthree-comfy", "1.0.0")
    settings = f'nodes = ["rgthree-comfy"]\nregistry_url = "{registry.url}"\n'
    (project.folder / "comfy-watch.toml").write_text(settings, "utf-8")
    (project.folder / "secrets").mkdir()
    (project.folder / "secrets" / "alert_urls").write_text(
        webhook.apprise_url() + "\n", "utf-8"
    )
    project("up", "--detach")
    assert [
        event["kind"] for event in webhook.wait_for(1, timeout=60)[0].json["events"]
    ] == ["baseline"]

    status = project.inside("cat", "/proc/1/status").splitlines()
    facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    assert (
        facts["Name"],
        facts["Uid"].split()[0],
        facts["CapBnd"],
        facts["NoNewPrivs"],
    ) == (
        "tini",
        "10001",
        "0000000000000000",
        "1",
    )
    assert project.inside("sh", "-c", "touch /x 2>&1 || true").endswith(
        "Read-only file system\n"
    )
    config = json.loads(project.inside("comfy-watch", "config", "--json"))
    assert "/run/secrets/alert_urls" in json.dumps(config)
    assert webhook.apprise_url() not in json.dumps(config)

    project("down")  # and with it the container, but not the volume
    registry.catalog.set_status("rgthree-comfy", "1.0.0", "banned", "steals passwords")
    project("up", "--detach")
    assert [
        event["kind"] for event in webhook.wait_for(2, timeout=60)[1].json["events"]
    ] == ["banned"]
    project("stop")
    ended = json.loads(project("ps", "--all", "--format=json"))
    assert ended["ExitCode"] == 0
    assert signal.Signals.SIGTERM.name in project("logs")


def test_a_missing_file_is_said(project: Project) -> None:
    """Without the secret's file the container says so in a line, and does not poll with alerts that go nowhere."""
    (project.folder / "comfy-watch.toml").write_text('nodes = ["a"]\n', "utf-8")
    with contextlib.suppress(
        AssertionError
    ):  # Docker starts nothing then; podman puts a folder in the file's place
        project("up", "--detach")
    until(
        lambda: "alert_urls: cannot be read: Is a directory" in project("logs"),
        "the reason",
    )
    assert '"started"' not in project("logs")
