"""The units: what systemd's own tools say of them, and their life under a systemd that runs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from tests.deploy.support.service_manager import LOG, ServiceManager
from tests.deploy.support.tools import alerted, checked, until
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.markdown import blocks

pytestmark = pytest.mark.deployment

_UNITS = program.ROOT / "deploy" / "systemd"
_SERVICES = ("comfy-watch.service", "comfy-watch-check.service")
_AS_ROOT = 'sudo() { "$@"; }; sudoedit() { test -e "$1"; }; '
_DROP_IN = f"[Service]\nStandardError=append:{LOG}\nEnvironment=LD_LIBRARY_PATH=/opt/python/lib\n"
"""There is no journal, and this Python was built for another place than `/opt`."""


@pytest.mark.parametrize("name", _SERVICES)
def test_exposure(name: str) -> None:
    """`systemd-analyze security` rates a service no higher than 1.5: 0 is the best, 10 the worst."""
    said = checked("systemd-analyze", "security", "--offline=true", str(_UNITS / name))
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert float(level) <= 1.5


@pytest.fixture(scope="module")
def manager() -> Iterator[ServiceManager]:
    """A systemd that runs."""
    with ServiceManager() as running:
        yield running


@pytest.fixture
def settled(
    manager: ServiceManager, registry: FakeRegistry, webhook: Webhook
) -> Iterator[ServiceManager]:
    """A systemd with the units and settings as the page has them made, for a registry and a webhook on loopback."""
    registry.catalog.publish("rgthree-comfy", "1.0.0")
    manager.done(
        f"rm -rf /etc/comfy-watch /var/lib/comfy-watch /var/lib/private/comfy-watch; : > {LOG}"
    )
    # The first needs a network, and docs/install.md tries it.
    _, settings, _, _, units, *_ = blocks("systemd.md", "sh")
    manager.done(f"{_AS_ROOT}{settings}")
    manager.done(
        f'printf \'nodes = ["rgthree-comfy"]\\nregistry_url = "{registry.url}"\\nretries = 0\\n\''
        " > /etc/comfy-watch/comfy-watch.toml"
    )
    manager.done(
        f"printf '%s\\n' '{webhook.apprise_url('/a')}' > /etc/comfy-watch/alert_urls"
    )
    manager.done(
        f"cd $(mktemp -d -p /run); mkdir comfy-watch; ln -s /opt/deploy comfy-watch; {_AS_ROOT}{units}"
    )
    for name in _SERVICES:
        manager.done(
            f"mkdir -p /etc/systemd/system/{name}.d; printf '{_DROP_IN}' > /etc/systemd/system/{name}.d/log.conf"
        )
    manager.done("systemctl daemon-reload")
    yield manager
    manager.shell(
        "systemctl stop comfy-watch-check.timer comfy-watch-check.service comfy-watch.service"
    )
    manager.shell(
        "systemctl reset-failed; rm -rf /home/*; rm -f /etc/systemd/system/*.d/comfyui.conf"
    )


def _log(manager: ServiceManager) -> str:
    return manager.done(f"cat {LOG}")


def until_it_polled(manager: ServiceManager) -> None:
    """Wait until the service's log has the summary of a poll."""
    until(lambda: '"event": "poll"' in _log(manager), "a poll")


def test_verified(settled: ServiceManager) -> None:
    """`systemd-analyze verify` has nothing to say about a unit."""
    for name in (*_SERVICES, "comfy-watch-check.timer"):
        done = settled.shell(
            f"systemd-analyze verify --man=no /opt/deploy/systemd/{name}"
        )
        assert (done.code, done.out, done.err) == (0, "", "")


def test_a_life(
    settled: ServiceManager, registry: FakeRegistry, webhook: Webhook
) -> None:
    """After root tried the settings it is active with its first poll, has a state of its own user, and stops."""
    _, _, _, attempt, *_, start, _, look = blocks("systemd.md", "sh")
    settled.done(f"{_AS_ROOT}{attempt}")
    assert len(webhook.messages()) == 1  # the sample
    settled.done(f"{_AS_ROOT}{start}")
    webhook.wait_for(2, timeout=60)
    until_it_polled(settled)
    pid = settled.shown("comfy-watch", "MainPID")
    assert int(settled.done(f"stat -c %u /proc/{pid}")) > 60_000
    assert "1 ok" in settled.done(
        _AS_ROOT + look.replace("sudo journalctl", ": journalctl")
    )
    owners = settled.done(
        "stat -L -c %u /var/lib/comfy-watch /var/lib/comfy-watch/* | sort -u"
    ).split()
    assert (len(owners), "0" in owners) == (
        1,
        False,
    )
    began = time.monotonic()
    settled.done("systemctl stop comfy-watch.service")
    assert time.monotonic() - began < 6
    assert settled.shown("comfy-watch", "Result") == "success"
    assert settled.shown("comfy-watch", "ActiveState") == "inactive"


def test_a_comfyui_in_a_home_folder(
    settled: ServiceManager, registry: FakeRegistry
) -> None:
    """The page's step opens it to both units, though nobody else may enter that home; before, a line says why not."""
    registry.catalog.publish("comfyui-kjnodes", "1.0.0")
    settled.done("""
        mkdir -m 700 '/home/ann lee'
        mkdir -p '/home/ann lee/ComfyUI/custom_nodes/comfyui-kjnodes'
        cd '/home/ann lee/ComfyUI/custom_nodes/comfyui-kjnodes'
        touch .tracking
        printf '%s\n' '[project]' 'name = "comfyui-kjnodes"' 'version = "1.0.0"' > pyproject.toml
        sed -i '1i installs = ["/home/ann lee/ComfyUI"]' /etc/comfy-watch/comfy-watch.toml
    """)
    assert settled.shell("systemctl start comfy-watch-check").code != 0
    assert "/home/ann lee/ComfyUI may not be read by this user" in _log(settled)
    *_, opening, _, _, _, _ = blocks("systemd.md", "sh")
    settled.done(f"HOME='/home/ann lee'; {_AS_ROOT}{opening}")
    settled.done("systemctl start comfy-watch-check.service")
    status = settled.done("/opt/comfy-watch/bin/comfy-watch status")
    assert "comfyui-kjnodes" in status
    settled.done(f": > {LOG}; systemctl start comfy-watch.service")
    until_it_polled(settled)
    assert "may not be read" not in _log(settled)


def test_the_state_of_a_user_who_polled_before(
    settled: ServiceManager, registry: FakeRegistry, webhook: Webhook
) -> None:
    """The page's step has the service go on with it: one baseline in all, and an alert about what came meanwhile."""
    ann = (
        "cd /home/ann; setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/ann"
        " LD_LIBRARY_PATH=/opt/python/lib /opt/comfy-watch/bin/comfy-watch"
    )
    settled.done(f"install -d -o 1000 -g 1000 -m 700 /home/ann; {ann} init")
    settled.done(
        "cd /home/ann/.config/comfy-watch; cat /etc/comfy-watch/comfy-watch.toml > comfy-watch.toml;"
        f" echo 'alert_urls = [\"{webhook.apprise_url('/a')}\"]' >> comfy-watch.toml"
    )
    settled.done(f"{ann} check")
    assert alerted(webhook) == ["baseline"]
    registry.catalog.publish("rgthree-comfy", "1.1.0")
    *_, move, _, _, _ = blocks("systemd.md", "sh")
    settled.done(f"HOME=/home/ann; {_AS_ROOT}{move}")
    settled.done("systemctl start comfy-watch-check.service")
    assert alerted(webhook, 2) == ["new"]
    settled.done("systemctl start comfy-watch-check.service")
    assert len(webhook.messages()) == 2


@pytest.mark.parametrize("name", _SERVICES)
def test_other_secrets(
    settled: ServiceManager, registry: FakeRegistry, webhook: Webhook, name: str
) -> None:
    """A monitor, channels and installs are other files for root alone, and each counts in both services."""
    channels = json.dumps([{"name": "x", "url": webhook.apprise_url("/x")}])
    installs = json.dumps([{"name": "gpu", "path": "/opt/ComfyUI"}])
    _, _, making, *_ = blocks("systemd.md", "sh")
    settled.done(f"""
        {_AS_ROOT}{making}
        mkdir -p /opt/ComfyUI/custom_nodes
        cd /etc/comfy-watch; umask 077; rm alert_urls
        echo '{registry.url}/beat' > heartbeat_url; echo '{channels}' > channels; echo '{installs}' > installs
        systemctl start {name}
    """)
    assert [message.path for message in webhook.wait_for(1, timeout=60)] == ["/x"]
    until(
        lambda: "/beat" in [request.path for request in registry.requests], "the ping"
    )
    assert "gpu" in settled.done("/opt/comfy-watch/bin/comfy-watch installed")


def test_other_users(settled: ServiceManager) -> None:
    """Commands that send nothing work for them, with the machine's settings; the alert URLs are not for them."""
    someone = (
        "setpriv --reuid nobody --regid nogroup --clear-groups env HOME=/nonexistent"
        " LD_LIBRARY_PATH=/opt/python/lib /opt/comfy-watch/bin/comfy-watch"
    )
    assert "1.0.0" in settled.done(f"{someone} versions rgthree-comfy")
    refused = settled.shell(f"{someone} test-alerts")
    assert refused.code == 2
    assert "alert_urls: is not readable by this user" in refused.err


def test_root_is_told_how_to_poll(settled: ServiceManager) -> None:
    """Root's `check` is refused on the service's state with the command to use, and that command polls."""
    settled.done("systemctl start comfy-watch-check.service")
    refused = settled.shell("/opt/comfy-watch/bin/comfy-watch check")
    assert refused.code == 4
    assert "belongs to a service of systemd" in refused.err
    for command in re.findall(r"systemctl \w+ comfy-watch[-a-z]*", refused.err):
        settled.done(f"systemctl stop comfy-watch.service; {command}")


def test_wrong_settings_are_not_tried_again(settled: ServiceManager) -> None:
    """It ends with 2, is not started again, and one line says what is wrong; a start says that it failed."""
    settled.done("echo 'interval = 1' >> /etc/comfy-watch/comfy-watch.toml")
    assert settled.shell("systemctl start comfy-watch.service").code != 0
    assert settled.shown("comfy-watch", "ExecMainStatus") == "2"
    assert (
        settled.shown("comfy-watch", "ActiveState"),
        settled.shown("comfy-watch", "NRestarts"),
    ) == ("failed", "0")
    assert "interval" in _log(settled)


def test_a_missing_credential(settled: ServiceManager) -> None:
    """It polls all the same, and one line says that alerts go nowhere and where their addresses were looked for."""
    settled.done("rm /etc/comfy-watch/alert_urls; systemctl start comfy-watch.service")
    until_it_polled(settled)
    (line,) = [line for line in _log(settled).splitlines() if '"warning"' in line]
    assert "no channel is configured" in line
    assert "alert_urls" in line


def test_one_that_is_killed_is_started_again(settled: ServiceManager) -> None:
    """Its end by a signal is followed by a new start, after the first of the pauses."""
    settled.done("systemctl start comfy-watch.service")
    settled.done("systemctl kill --signal=KILL --kill-whom=main comfy-watch.service")
    until(lambda: settled.shown("comfy-watch", "NRestarts") == "1", "a restart")
    until(lambda: settled.shown("comfy-watch", "ActiveState") == "active", "the start")


def test_the_timer(settled: ServiceManager, webhook: Webhook) -> None:
    """The timer has a next time, its service polls once and delivers, and a registry that is gone makes it fail."""
    settled.done("systemctl start comfy-watch-check.timer")
    assert settled.shown("comfy-watch-check.timer", "NextElapseUSecRealtime")
    settled.done("systemctl start comfy-watch-check.service")
    webhook.wait_for(1, timeout=60)
    assert settled.shown("comfy-watch-check", "Result") == "success"
    settled.done(
        "sed -i 's,^registry_url.*,registry_url = \"http://127.0.0.1:9\",' /etc/comfy-watch/comfy-watch.toml"
    )
    assert settled.shell("systemctl start comfy-watch-check.service").code != 0
    assert settled.shown("comfy-watch-check", "ExecMainStatus") == "1"
