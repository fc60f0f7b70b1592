"""What is loaded when: a quiet poll does without most of the program, and `run` has all of it before it begins."""

from __future__ import annotations

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher

_UNNEEDED = (
    "apprise",
    "jinja2",
    "requests",
    "structlog",
    "watcher.alerts.phrasing",
    "watcher.delivery.process",
    "watcher.installs",
    "watcher.polling.audit",
    "watcher.polling.sending",
    "watcher.publish",
    "watcher.service",
    "yaml",
)
"""What takes long to load, and only scans, sends, publishes, logs or serves."""

_CHECK = """
import sys
from watcher.cli.main import cli

def check(*options):
    try:
        cli(["check", *options])
    except SystemExit as end:
        print(end.code)

def loaded(*starts):
    return {name for name in sys.modules if name.startswith(starts)}

"""


@pytest.fixture
def watch(watch: Watcher, registry: FakeRegistry, webhook: Webhook) -> Watcher:
    """A watcher of alpha with a baseline and a channel, which had an alert before."""
    one = watch.but(alert_urls=[webhook.apprise_url("/a")], installs=[])
    one.check()
    registry.catalog.publish("alpha", "1.1.0")
    assert one.check()["alerts"]["delivered"] == 1
    return one


def _script(watch: Watcher, code: str) -> list[str]:
    """Run code in a process of its own after `_CHECK`, and return its lines."""
    (watch.folder / "script.py").write_text(_CHECK + code)
    done = watch.shell('exec "$1" script.py')
    assert done.err == "", done
    return done.out.splitlines()


def test_a_quiet_check_loads_little(watch: Watcher) -> None:
    """It loads nothing that scans, sends, publishes or logs."""
    _, code, *names = _script(watch, "check()\nprint(*sys.modules, sep='\\n')")
    assert code == "0"
    assert [one for one in names if one.startswith(_UNNEEDED)] == []


def test_run_loads_early_what_a_change_needs(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """What `run` loads at its start is all that a poll needs later, since its installation may be replaced meanwhile.

    It is a node's first listing, a flag with its reason, and a ban.
    """
    registry.catalog.publish("bravo", "1.0.0", status="flagged", reason="it mines")
    registry.catalog.publish("charlie", "1.0.0")
    registry.catalog.ban_node("charlie", "it steals")
    names = _script(
        watch,
        "check()\nfrom watcher.polling.setup import preload\n"
        "preload(None, publishes=True)\nknown = {*sys.modules}\n"
        "nodes = '--node', 'bravo', '--node', 'charlie'\n"
        "check('--json', *nodes, '--set', 'baseline=summary', '--set', 'publish_dir=w')\n"
        "print(sorted(loaded('watcher', 'jinja2') - known))",
    )
    assert "bravo" in "".join(names)
    assert names[-1] == "[]"
