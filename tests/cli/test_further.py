"""Critical events are named, not only counted: what one message has no room for goes into further ones."""

from __future__ import annotations

import re

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher, counts
from tests.support.lived_in import LivedIn

_RUN = [f"mine-{number:03}" for number in range(10)]
_BANNED = [*_RUN, *(f"bad-{number:03}-{'x' * 30}" for number in range(60))]
_OTHERS = [f"other-{number:03}" for number in range(74)]
_BAN = re.compile(r"BANNED `([^`]*)` `1\.0\.0`")


def test_a_backlog_names_every_ban_once(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook, comfyui: LivedIn
) -> None:
    """What is run comes first; the first message says how many follow, and the next one that it is a further one."""
    for node in (*_BANNED, *_OTHERS):
        registry.catalog.publish(node, "1.0.0")
    for node in _RUN:
        comfyui.put(node, "1.0.0")
    many = watch.but(
        nodes=[*_BANNED, *_OTHERS],
        installs=[str(comfyui.root)],
        alert_urls=[webhook.apprise_url("/ops")],
    )
    many.check()
    webhook.answer["/ops"] = 503
    for node in _BANNED:
        registry.catalog.set_status(node, "1.0.0", "banned", "A stealer")
    for node in _OTHERS:
        registry.catalog.publish(node, "1.1.0")
    many.check(code=1)
    many.end_backoffs()
    webhook.answer.clear()
    assert many.check()["alerts"] == counts(144)
    many.check()
    _, first, second = (message.json for message in webhook.messages())
    named = [_BAN.findall(one["message"]) for one in (first, second)]
    assert sorted(named[0][:10]) == _RUN
    assert sorted(named[0] + named[1]) == sorted(_BANNED)
    assert f"({len(named[1])} follow)" in first["message"]
    assert second["title"].startswith("Part 2: BANNED bad-")
    [since] = re.findall(r"history --since (\S+Z)", first["message"])
    assert len(many.history("--since", since, "--limit", "999")) >= 144
