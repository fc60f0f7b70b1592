"""Accepted findings by the real program: settings files, a loopback registry, real polls, and a clock that is moved."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.comfyui import COMMIT
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fault_points import Cut
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

LAST_DAY = "2026-11-30"
REASON = "known false alarm, see https://example.com/7\x1b[31m @everyone"
SHOWN = REASON.replace("\x1b", "\\u001b")
"""The reason as the program prints it."""
KNOWN = {"finding": "alpha@1.0.0", "reason": REASON, "until": LAST_DAY}
OVER = {**KNOWN, "until": "2026-01-01"}

At = Callable[..., Any]


@pytest.fixture
def comfyui(tmp_path: Path) -> LivedIn:
    """A ComfyUI that runs alpha 1.0.0."""
    installed = LivedIn(tmp_path / "studio")
    installed.put("alpha", "1.0.0")
    return installed


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


def at(moment: str, watch: Watcher, *args: str, code: int = 0) -> Any:
    """Run a command at a moment, and return its document."""
    clock = (
        "import datetime as dt\n"
        "class Moved(dt.datetime):\n"
        "    @classmethod\n"
        "    def now(cls, tz=None):\n"
        f"        return cls.fromisoformat({moment!r}).astimezone(tz)\n"
        "dt.datetime = Moved\n"
    )
    done = watch.after(clock, *args, "--json")
    assert done.code == code, done
    return json.loads(done.out)


def _said(document: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(one["kind"], one["node"], one["after"]) for one in document["events"]]


def test_the_day_after_is_news_once(watch: Watcher, webhook: Webhook) -> None:
    """A quiet poll on the day after reports it, with until when it was accepted and why; no later poll does."""
    for moment in ("2026-11-01T12:00:00+00:00", f"{LAST_DAY}T23:59:59+00:00"):
        assert _said(at(moment, watch, "check")) == []
        audit = at(moment, watch, "audit")
        assert audit["packs"][0]["accepted"] == {"reason": SHOWN, "until": LAST_DAY}
    assert webhook.messages() == []
    after = "2026-12-01T00:00:00+00:00"
    assert at(after, watch, "audit", code=3)["packs"][0]["accepted"] is None
    document = at(after, watch, "check")
    assert _said(document) == [("exposed", "alpha", "flagged")]
    (event,) = document["events"]
    assert event["accepted"] == {"reason": SHOWN, "until": LAST_DAY}
    (message,) = webhook.messages()
    text = message.json["message"]
    assert f"Was accepted until {LAST_DAY}: " in text
    assert "known false alarm" in text
    assert "\x1b" not in text
    assert "@everyone" not in text
    assert "https://example.com/7" not in text
    for moment in (after, "2027-01-01T00:00:00+00:00"):
        assert _said(at(moment, watch, "check")) == []
    assert len(webhook.messages()) == 1


@pytest.mark.parametrize(
    "label", ["rename state/outbox.json", "rename state/snapshot.json"]
)
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_poll_that_dies_reports_the_end_once(
    watch: Watcher, webhook: Webhook, label: str, cut: Cut
) -> None:
    """Killed at either file of the commit, the end is reported by the next poll if it was not before."""
    watch.check()
    over = watch.but(accept=[OVER])
    assert over.cut(label, cut).code == -signal.SIGKILL
    for _ in range(2):
        over.check()
    (message,) = webhook.messages()
    assert _said(message.json) == [("exposed", "alpha", "flagged")]


def test_what_is_accepted_is_shown(watch: Watcher, tmp_path: Path) -> None:
    """`audit`, `status` and `config` show the reason and the day on one safe line; `status` the end too."""
    forever = watch.but(accept=[{**KNOWN, "until": "9999-12-31"}])
    forever.check()
    mark = f"flagged (accepted until 9999-12-31: {SHOWN})"
    assert mark in forever.run("audit").out
    assert forever.run("audit").out.endswith(" 1 flagged; 1 accepted\n")
    assert f"1.0.0 {mark}" in forever.run("status").out
    (node,) = forever.document("status")["nodes"]
    form = {"reason": SHOWN, "until": "9999-12-31"}
    assert node["exposed"] == [
        {
            "version": "1.0.0",
            "verdict": "flagged",
            "accepted": form,
            "was_accepted": None,
        }
    ]
    config = forever.run("config").out
    assert '{finding = "alpha@1.0.0", reason = "known false alarm' in config
    assert "\x1b" not in config
    over = watch.but(accept=[OVER])
    over.check()
    ended = f"flagged (was accepted until 2026-01-01: {SHOWN})"
    assert f"1.0.0 {ended}" in over.run("status").out
    assert "runs flagged" in over.run("status").out
    audit = over.run("audit")
    assert (audit.code, ended in audit.out) == (3, True)
    (node,) = over.document("status")["nodes"]
    (exposed,) = node["exposed"]
    assert (exposed["accepted"], exposed["was_accepted"]["until"]) == (
        None,
        "2026-01-01",
    )


def test_status_knows_that_the_day_is_over(watch: Watcher) -> None:
    """Between the last day and the next poll `status` does not call it accepted."""
    at("2026-11-30T12:00:00+00:00", watch, "check")
    (node,) = at("2026-12-01T12:00:00+00:00", watch, "status")["nodes"]
    assert node["exposed"][0]["accepted"] is None


def test_a_clone_and_a_banned_pack(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """A clone is accepted by its commit, and the ban of a pack with the pack; `--accept` takes both."""
    comfyui.put_clone("alpha", "1.0.0")
    registry.catalog.publish("bravo", "1.0.0")
    registry.catalog.edit_pack("bravo", status="banned", status_detail="Odd")
    comfyui.put("bravo", "1.0.0")
    commit = f"alpha@{COMMIT[:7]}"
    nothing = watch.but(accept=[])
    assert nothing.run("audit").code == 3
    assert nothing.run("audit", "--accept", "alpha@1.0.0,bravo").code == 3
    assert nothing.run("audit", "--accept", f"{commit},bravo").code == 0
    assert nothing.run("audit", "--accept", "alpha", "--accept", "bravo").code == 0
    known = watch.but(accept=f"{commit} bravo")
    events = _said(known.check())
    assert ("exposed", "alpha", "flagged") not in events
    assert ("exposed", "bravo", "banned") not in events
    assert known.run("audit").code == 0
    # Another commit of the clone is not what was accepted.
    comfyui.remove("alpha")
    comfyui.clone(
        "alpha", "https://github.com/example/alpha", pack="alpha", commit="f" * 40
    )
    assert ("exposed", "alpha", "flagged") in _said(known.check())
    assert known.run("audit").code == 3


def test_each_clone_of_a_pack_has_to_be_accepted(
    watch: Watcher, comfyui: LivedIn
) -> None:
    """`audit` marks the clone that is accepted alone; the watch reports the pack."""
    comfyui.remove("alpha")
    address = "https://github.com/example/alpha"
    for folder, commit in (("alpha", COMMIT), ("alpha-2", "f" * 40)):
        comfyui.clone(folder, address, pack="alpha", commit=commit)
    known = watch.but(accept=f"alpha@{COMMIT[:7]}")
    assert _said(known.check()) == [("exposed", "alpha", "flagged")]
    packs = json.loads(known.run("audit", "--json").out)["packs"]
    assert {one["folder"]: one["accepted"] is not None for one in packs} == {
        "alpha": True,
        "alpha-2": False,
    }
    assert known.run("audit").code == 3
    both = watch.but(accept=f"alpha@{COMMIT[:7]} alpha@{'f' * 7}")
    assert _said(both.check()) == []
    assert both.run("audit").code == 0


def test_what_is_accepted_hides_nothing_else(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry
) -> None:
    """Of a copy that may be two packs, `audit` shows the bad one that is not accepted."""
    registry.catalog.publish("evil", "1.0.0", status="banned")
    comfyui.remove("alpha")
    comfyui.registry("alpha", "1.0.0", folder="evil")
    pack = json.loads(watch.run("audit", "--json").out)["packs"][0]
    assert (pack["id"], pack["accepted"]) == ("evil", None)
    other = watch.but(accept=["evil@1.0.0"])
    done = other.run("audit", "--json")
    (pack,) = json.loads(done.out)["packs"]
    assert (done.code, pack["id"], pack["verdict"]) == (3, "alpha", "flagged")
    both = watch.but(accept=["evil@1.0.0", "alpha@1.0.0"])
    done = both.run("audit", "--json")
    (pack,) = json.loads(done.out)["packs"]
    assert (done.code, pack["id"], pack["verdict"]) == (0, "evil", "banned")


def test_the_alert_says_as_what_it_was_accepted(
    watch: Watcher, comfyui: LivedIn, registry: FakeRegistry, webhook: Webhook
) -> None:
    """What has become worse without an event of its own says as what it was accepted."""
    registry.catalog.set_status("alpha", "1.0.0", "active")
    registry.catalog.edit("alpha", "1.0.0", deprecated=True)
    known = watch.but(accept=[{**KNOWN, "until": "9999-12-31"}])
    assert _said(known.check()) == []
    registry.catalog.edit_pack("alpha", status="deleted")
    with known.edited("checks.json") as checks:
        checks["polled_at"] = "2026-01-01T00:00:00.000Z"
    assert _said(known.check()) == [("exposed", "alpha", "deleted")]
    (message,) = webhook.messages()
    assert "Was accepted as deprecated: " in message.json["message"]
    assert "(was accepted as deprecated: known" in known.run("audit").out
