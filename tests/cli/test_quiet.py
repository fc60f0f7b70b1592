"""What a poll imports that finds nothing new and has nothing to send: every module more is time that each one takes."""

from __future__ import annotations

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher

_UNNEEDED = (
    "watcher.alerts.phrasing",
    "watcher.delivery.process",
    "watcher.installs",
    "watcher.polling.audit",
    "watcher.polling.lookup",
    "watcher.polling.sending",
    "watcher.publish",
    "watcher.service",
    "jinja2",
)
_MOST = 132
"""Modules of our own that a quiet poll may load.

Each takes 0.1 ms, and each dataclass in it up to 0.4: every method of one is compiled then, which is why those that
nothing compares have `eq=False`.
"""

_CHECK = """
import sys
from watcher.cli.main import cli

def check(*options):
    try:
        cli(["check", *options])
    except SystemExit as end:
        print(end.code)

def loaded():
    return {name for name in sys.modules if name.startswith(("watcher", "jinja2"))}

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
    """It loads nothing that scans or sends, and few modules at all."""
    names = _script(watch, "check()\nprint(*loaded(), sep='\\n')")[1:]
    assert names[0] == "0"
    assert [one for one in names if one.startswith(_UNNEEDED)] == []
    assert len(names[1:]) <= _MOST, len(names[1:])


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
        "preload(None, publishes=True)\nknown = loaded()\n"
        "nodes = '--node', 'bravo', '--node', 'charlie'\n"
        "check('--json', *nodes, '--set', 'baseline=summary', '--set', 'publish_dir=w')\n"
        "print(sorted(loaded() - known))",
    )
    assert "bravo" in "".join(names)
    assert names[-1] == "[]"
