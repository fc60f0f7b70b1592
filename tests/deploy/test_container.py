"""The container: what the Containerfile builds, and how it lives, as nobody in particular on a read-only root."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.deploy.support.podman import CONTAINERFILE, HARDENED, Podman, base
from tests.deploy.support.tools import alerted, checked, until
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.gate import Gate
from tests.support.fakes.webhook import Webhook

pytestmark = pytest.mark.deployment

_USER = 10001
_STATE = "/var/lib/comfy-watch"
_WATCHING = (
    *HARDENED,
    "--env=COMFY_WATCH_NODES=a",
    "--env=COMFY_WATCH_ALERT_URLS=none",
)
_CLOSURE = """
import importlib.metadata as metadata, json, re
def name(text): return re.sub("[-_.]+", "-", re.match("[A-Za-z0-9._-]+", text)[0]).lower()
needed, left = set(), ["comfy-watch"]
while left:
    if (one := left.pop()) not in needed:
        needed.add(one)
        left += [name(line) for line in metadata.requires(one) or () if ";" not in line]
print(json.dumps([sorted(needed), sorted(name(found.name) for found in metadata.distributions())]))
"""


def test_hadolint_finds_nothing() -> None:
    """The Containerfile is clean for its linter, but for what it says that it leaves out, with the reason."""
    assert checked("hadolint", "--failure-threshold=style", str(CONTAINERFILE)) == ""


def test_the_context_holds_no_state_and_no_secret(
    podman: Podman, tmp_path: Path
) -> None:
    """A build gets the files that it names, and nothing else of the folder: no settings, state or environment."""
    everything = tmp_path / "Containerfile"
    everything.write_text(f"FROM {base()}\nCOPY . /context\n", "utf-8")
    podman.says(
        "build",
        "--pull=never",
        f"--file={everything}",
        "--tag=localhost/context",
        str(program.ROOT),
    )
    found = podman.run(
        "localhost/context", "find", "/context", "-type", "f", "-printf", r"%P\n"
    ).out.split()
    assert {path.partition("/")[0] for path in found} == {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "requirements",
        "watcher",
    }
    assert not [path for path in found if "__pycache__" in path]


def test_the_image_has_the_program_and_no_more(podman: Podman, image: str) -> None:
    """Only what the program needs is installed, by hash: no pip, no build backend, no compiler."""
    needed, installed = json.loads(
        podman.run("--entrypoint=python", image, "-c", _CLOSURE).out
    )
    assert installed == needed
    for name in ("pip", "pip3", "gcc", "make", "git", "curl", "hatchling"):
        assert (
            podman.run("--entrypoint=/bin/sh", image, "-c", f"command -v {name}").code
            != 0
        )


def test_the_image_writes_to_one_folder(podman: Podman, image: str) -> None:
    """It runs as a numbered user without a name, who can write to the state, and what all may."""
    look = "id -u; find / -xdev -writable -type d ! -path '/proc/*' ! -path '/dev/*'"
    user, *writable = podman.run("--entrypoint=/bin/sh", image, "-c", look).out.split()
    assert int(user) == _USER
    assert set(writable) - {"/tmp", "/var/tmp", "/run/lock"} == {_STATE}


@pytest.mark.parametrize(
    "user", [str(_USER), "123456:0"], ids=["its own user", "any user"]
)
def test_the_demo_needs_nothing(
    podman: Podman, image: str, tmp_path: Path, user: str
) -> None:
    """`demo` plays to its end on a read-only root without a network, without rights, and with no temporary folder."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    os.chown(folder, int(user.partition(":")[0]), 0)
    played = podman.run(
        *HARDENED, f"--user={user}", f"--volume={folder}:{_STATE}", image, "demo"
    )
    assert (played.code, played.err) == (0, "")
    assert "Each alert came once" in played.out
    assert not list(folder.iterdir())


def test_a_poll_by_environment_and_secret(
    podman: Podman, image: str, registry: FakeRegistry, webhook: Webhook, tmp_path: Path
) -> None:
    """Settings come from the environment and /run/secrets, the alert arrives, and a new container knows what was."""
    registry.catalog.publish("rgthree-comfy", "1.0.0")
    secret = tmp_path / "alert_urls"
    secret.write_text(f"json://127.0.0.1:{webhook.port}/\n", "utf-8")
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, _USER, 0)
    poll = (
        *HARDENED, f"--volume={state}:{_STATE}",
        f"--volume={secret}:/run/secrets/alert_urls:ro", "--env=COMFY_WATCH_NODES=rgthree-comfy",
        f"--env=COMFY_WATCH_REGISTRY_URL={registry.url}",
        "--env=COMFY_WATCH_SERVICE_HOST=10.0.0.1", "--env=COMFY_WATCH_PORT_80_TCP_PORT=80",
        image, "check", "--json",
    )  # fmt: skip
    first = podman.run(*poll, network="host")
    registry.catalog.set_status("rgthree-comfy", "1.0.0", "banned", "steals passwords")
    second = podman.run(*poll, network="host")
    assert (first.code, second.code, second.err) == (0, 0, "")
    assert [alerted(webhook, count) for count in (1, 2)] == [["baseline"], ["banned"]]
    assert len(webhook.messages()) == 2


@pytest.mark.parametrize("milliseconds", [20, 60, 400])
def test_a_signal_counts_from_the_beginning(
    podman: Podman, image: str, milliseconds: int
) -> None:
    """SIGTERM so soon after the first process began ends the container at once, whatever has been loaded by then."""
    with podman.container(
        *_WATCHING, "--env=COMFY_WATCH_REGISTRY_URL=http://127.0.0.1:9", image
    ) as container:
        container.start_and_signal(signal.SIGTERM, after=milliseconds / 1000)
        began = time.monotonic()
        assert container.wait() in {0, 128 + signal.SIGTERM}
        assert time.monotonic() - began < 5


def test_health(podman: Podman, image: str, registry: FakeRegistry) -> None:
    """The image's health check fails until a poll has run to its end, then holds."""
    registry.catalog.publish("a", "1.0.0")
    gate = Gate(registry, "a")
    with podman.container(
        *_WATCHING, f"--env=COMFY_WATCH_REGISTRY_URL={registry.url}", image
    ) as container:
        container.start()
        assert gate.reached.wait(60)
        check = ("healthcheck", "run", container.identity)
        assert podman(*check).code == 1
        gate.open()
        until(lambda: podman(*check).code == 0, "a healthy container")
