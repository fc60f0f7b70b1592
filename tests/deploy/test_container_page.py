"""The page about containers and the compose files, carried out in an empty place by somebody with Docker's commands."""

from __future__ import annotations

import base64
import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deploy.support.person import Person
from tests.deploy.support.podman import Container, Podman, alone
from tests.deploy.support.tools import alerted, checked, tool, until
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.markdown import blocks

pytestmark = pytest.mark.deployment

_COMPOSE = program.ROOT / "deploy" / "compose.yaml"
_INSIDE = "docker compose exec --no-TTY comfy-watch "


class Reader:
    """Somebody whose shell is where the last block left it."""

    def __init__(self, person: Person, env: dict[str, str]) -> None:
        self.where = person.home
        self._person = person
        self._env = env

    def does(self, words: str) -> str:
        """Carry out a block and return what it said; AssertionError, with that, if one of its commands failed."""
        place = self._person.home / ".where"
        done = self._person.shell(
            f"{words}\npwd > {place}", cwd=self.where, env=self._env
        )
        assert done.code == 0, (
            f"{words}\nended with {done.code}:\n{done.out}\n{done.err}"
        )
        self.where = Path(place.read_text("utf-8").strip())
        return done.out + done.err

    def stays_on_loopback(self) -> None:
        """Have the container use the network that the tests' registry is on."""
        override = self.where / "compose.override.yaml"
        override.write_text("services: {comfy-watch: {network_mode: host}}\n", "utf-8")


@pytest.fixture
def reader(person: Person, podman: Podman, image: str) -> Iterator[Reader]:
    """Somebody with git, Docker's commands and nothing else; this repository is the published one."""
    assert image
    person.finds_the_repository()
    podman.stand_in(person.home / "bin" / "docker")
    tool("docker-compose")
    with alone("compose"), podman.service() as reached:
        begun = Reader(
            person,
            {**reached, "PATH": f"{person.home}/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        try:
            yield begun
        finally:
            begun.does(
                "docker compose down --volumes --timeout 1 || true; docker volume rm --force comfy-watch_once"
            )


def test_the_compose_file_follows_the_specification() -> None:
    """It is valid by the schema of the Compose specification, and Compose has nothing to say about it."""
    schema = "--builtin-schema=vendor.compose-spec"
    checked("check-jsonschema", schema, str(_COMPOSE))
    assert checked("docker-compose", f"--file={_COMPOSE}", "config", "--quiet") == ""


def test_a_missing_secret_is_said(reader: Reader) -> None:
    """Without the secret's file the container says so in a line, and does not poll with alerts that go nowhere."""
    build, _, _, up, *_ = blocks("container.md", "sh")
    reader.does(build)
    reader.does("cd deploy\necho 'nodes = [\"a\"]' > comfy-watch.toml")
    reader.stays_on_loopback()
    # Docker starts nothing then; podman puts a folder in the file's place.
    with contextlib.suppress(AssertionError):
        reader.does(up)
    until(
        lambda: (
            "alert_urls: cannot be read: Is a directory"
            in reader.does("docker compose logs")
        ),
        "the reason",
    )
    assert '"started"' not in reader.does("docker compose logs")


def test_the_page_leads_to_alerts(
    reader: Reader, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Each step works as it is written, from the clone to the upgrade, without rights and on a read-only root."""
    build, demo, settings, up, look, once, _, upgrade = blocks("container.md", "sh")
    reader.does(build)
    assert "Each alert came once" in reader.does(demo)

    registry.catalog.publish("rgthree-comfy", "1.0.0")
    reader.does(settings)
    with (reader.where / "comfy-watch.toml").open("a", encoding="utf-8") as file:
        file.write(f'registry_url = "{registry.url}"\n')
    (reader.where / "secrets" / "alert_urls").write_text(webhook.apprise_url(), "utf-8")
    reader.stays_on_loopback()
    reader.does(up)
    assert alerted(webhook) == ["baseline"]
    until(
        lambda: '"event": "poll"' in reader.does("docker compose logs"),
        "the end of the first poll",
    )
    status = reader.does(_INSIDE + "cat /proc/1/status")
    for fact in (
        "Name:\ttini",
        "Uid:\t10001",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
    ):
        assert fact in status
    touched = reader.does(_INSIDE + "sh -c 'touch /x 2>&1 || true'")
    assert "Read-only file system" in touched
    config = reader.does(_INSIDE + "comfy-watch config")
    assert "/run/secrets/alert_urls" in config
    assert webhook.apprise_url() not in config
    said = reader.does(look)
    assert "ok: last poll" in said
    assert "rgthree-comfy" in said
    assert len(webhook.wait_for(2)) == 2  # the sample

    assert "1 pack checked" in reader.does(once)
    assert len(webhook.wait_for(3)) == 3
    registry.catalog.set_status("rgthree-comfy", "1.0.0", "banned", "steals passwords")
    reader.does(upgrade)
    reader.does("docker compose restart")
    assert alerted(webhook, 4) == ["banned"]


def test_the_pod_of_the_cronjob(
    podman: Podman,
    image: str,
    registry: FakeRegistry,
    webhook: Webhook,
    tmp_path: Path,
) -> None:
    """It polls once, with the settings and the secret that the page's commands make, and ends with 0."""
    tool("catatonit")
    registry.catalog.publish("rgthree-comfy", "1.0.0")
    files = {
        "comfy-watch.toml": f'nodes = ["rgthree-comfy"]\nregistry_url = "{registry.url}"\n',
        "alert_urls": webhook.apprise_url(),
    }
    (commands,) = (one for one in blocks("container.md", "sh") if "kubectl" in one)
    given = []
    for command in commands.splitlines():
        _, _, kind, *_, name, source = shlex.split(command)
        file = Path(source.removeprefix("--from-file=")).name
        data = (
            {"kind": "ConfigMap", "data": {file: files[file]}}
            if kind == "configmap"
            else {
                "kind": "Secret",
                "data": {file: base64.b64encode(files[file].encode()).decode()},
            }
        )
        given.append({"apiVersion": "v1", "metadata": {"name": name}, **data})
    (text,) = (one for one in blocks("container.md", "yaml") if "CronJob" in one)
    claim, cronjob = yaml.safe_load_all(text)
    # Podman has no clock for it: this is what a cluster makes of it at its time.
    template = cronjob["spec"]["jobTemplate"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": cronjob["metadata"]}
    (container,) = template["spec"]["template"]["spec"]["containers"]
    podman.says("tag", image, container["image"])
    manifests = tmp_path / "manifests.yaml"
    manifests.write_text(yaml.safe_dump_all([*given, claim, job | template]), "utf-8")
    with alone("cluster"):
        try:
            podman.says("kube", "play", "--network=host", str(manifests))
            pods = ("ps", "--all", "--quiet", "--filter=name=-pod-comfy-watch")
            assert Container(podman, podman.says(*pods)).wait() == 0
            assert alerted(webhook) == ["baseline"]
        finally:
            podman("kube", "down", "--force", str(manifests))
            for one in (*given, claim):
                podman("volume", "rm", "--force", one["metadata"]["name"])
