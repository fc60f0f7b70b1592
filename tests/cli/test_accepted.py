"""An accepted finding by the real program, from the settings to every output."""

from __future__ import annotations

import json

from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher, reported
from tests.support.lived_in import LivedIn

REASON = "known false alarm, see https://example.com/7\x1b[31m @everyone"
SHOWN = REASON.replace("\x1b", "\\u001b")
"""The reason as the program prints it."""


def test_what_is_accepted_is_shown_and_not_reported(
    watch: Watcher, registry: FakeRegistry, comfyui: LivedIn
) -> None:
    """`audit` shows the reason and the day on one safe line, `status` a mark; its end is reported once."""
    registry.catalog.set_status("alpha", "1.0.0", "flagged", "Odd")
    known = {"finding": "alpha@1.0.0", "reason": REASON, "until": "9999-12-31"}
    watch = watch.but(nodes="", installs=[str(comfyui.root)], accept=[known])
    assert watch.reported() == []
    audit = watch.run("audit")
    assert f"flagged (accepted until 9999-12-31: {SHOWN})" in audit.out
    assert audit.out.endswith(" 1 flagged; 1 pack accepted\n")
    (pack,) = json.loads(watch.run("audit", "--json").out)["packs"]
    assert pack["accepted"] == {"reason": SHOWN, "until": "9999-12-31"}
    assert "1.0.0 flagged (accepted)" in watch.run("status").out
    over = watch.but(accept=[known | {"until": "2026-01-01"}])
    events = over.check("--fail-on", "exposed", code=3)["events"]
    assert reported(events) == [("exposed", "alpha", "1.0.0")]
    assert over.reported() == []
    audit = over.run("audit")
    assert (audit.code, "accepted" in audit.out) == (3, False)
