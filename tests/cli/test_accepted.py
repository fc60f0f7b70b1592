"""Accepted findings by the real program: settings files, a loopback registry and real polls."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

LAST_DAY = "9999-12-31"
REASON = "known false alarm, see https://example.com/7\x1b[31m @everyone"
SHOWN = REASON.replace("\x1b", "\\u001b")
"""The reason as the program prints it."""
KNOWN = {"finding": "alpha@1.0.0", "reason": REASON, "until": LAST_DAY}
OVER = {**KNOWN, "until": "2026-01-01"}


@pytest.fixture
def watch(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook, comfyui: LivedIn
) -> Watcher:
    """A watcher of that ComfyUI, which accepts the flag of alpha until a day."""
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "Odd")
    channel = {"name": "a", "url": webhook.apprise_url("/a"), "kinds": "all"}
    return watch.but(
        nodes="", installs=[str(comfyui.root)], channels=[channel], accept=[KNOWN]
    )


def _said(document: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(one["kind"], one["node"], one["after"]) for one in document["events"]]


def test_what_is_accepted_is_shown_and_not_reported(
    watch: Watcher, webhook: Webhook
) -> None:
    """`audit` and `config` show the reason and the day on one safe line, `status` a mark; its end is reported once."""
    assert _said(watch.check()) == []
    audit = watch.run("audit")
    assert f"flagged (accepted until {LAST_DAY}: {SHOWN})" in audit.out
    assert audit.out.endswith(" 1 flagged; 1 pack accepted\n")
    (pack,) = json.loads(watch.run("audit", "--json").out)["packs"]
    assert pack["accepted"] == {"reason": SHOWN, "until": LAST_DAY}
    assert "1.0.0 flagged (accepted)" in watch.run("status").out
    config = watch.run("config").out
    assert '{finding = "alpha@1.0.0", reason = "known false alarm' in config
    assert "\x1b" not in config
    over = watch.but(accept=[OVER])
    assert _said(over.check()) == [("exposed", "alpha", "flagged")]
    assert _said(over.check()) == []
    assert len(webhook.messages()) == 1
    audit = over.run("audit")
    assert (audit.code, "accepted" in audit.out) == (3, False)
    assert "accepted" not in over.run("status").out


def test_how_bad_it_may_be(watch: Watcher, registry: FakeRegistry) -> None:
    """A flag that became a ban is reported, unless the settings say that a ban is accepted, and so is its end then."""
    known = watch.but(accept="alpha@1.0.0")
    assert _said(known.check()) == []
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    assert _said(known.check()) == [("banned", "alpha", "banned")]
    assert "runs banned" in known.run("status").out
    banned = watch.but(accept="alpha@1.0.0=banned")
    assert _said(banned.check()) == []
    assert banned.run("audit").code == 0
    registry.catalog.set_status("alpha", "1.0.0", "active")
    assert _said(banned.check()) == [("reinstated", "alpha", "active")]


def test_what_is_accepted_hides_nothing_else(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """Of a copy that may be two packs, `audit` shows the bad one that is not accepted."""
    registry.catalog.publish("evil", "1.0.0", status="banned")
    comfyui.remove("alpha")
    comfyui.registry("alpha", "1.0.0", folder="evil")
    both = ["evil@1.0.0=banned", "alpha@1.0.0"]
    for accept, shown, code in (
        (both[1:], ("evil", "banned"), 3),
        (both[:1], ("alpha", "flagged"), 3),
        (both, ("evil", "banned"), 0),
    ):
        done = watch.but(accept=accept).run("audit", "--json")
        (pack,) = json.loads(done.out)["packs"]
        assert ((pack["id"], pack["verdict"]), done.code) == (shown, code)


def test_what_is_accepted_in_advance_is_news_once(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """Its flag is an event of the version, as ever; `--fail-on exposed`, which is about what is run, leaves it out."""
    registry.catalog.set_status("alpha", "1.0.0", "active")
    watch.check()
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "Odd")
    options = ("--dry-run", "--fail-on", "exposed")
    assert _said(watch.check(*options)) == [("flagged", "alpha", "flagged")]
    watch.check("--fail-on", "flagged", code=3)
    watch.check("--fail-on", "flagged")
