"""Packs that nobody installed are reported: the real program, real folders, a registry and a webhook on loopback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn


@pytest.fixture
def watch(watch: Watcher, webhook: Webhook, comfyui: LivedIn) -> Watcher:
    """A watcher of that ComfyUI alone, whose channel is for what is installed."""
    channel = {"name": "a", "url": webhook.apprise_url("/a"), "scope": "installed"}
    return watch.but(nodes="", installs=[str(comfyui.root)], channels=[channel])


def _said(document: dict[str, Any]) -> list[str]:
    """Return the folders of what appeared."""
    return [one["folder"] for one in document["events"] if "folder" in one]


def test_every_pack_that_somebody_adds_is_told(
    watch: Watcher, comfyui: LivedIn, webhook: Webhook
) -> None:
    """One message has all of them, also without an id; the registry may be down."""
    watch.check()
    comfyui.put("bravo", "2.0.0")
    comfyui.clone("Upscaler", "https://me:secret@github.com/x/y.git")
    comfyui.plain("loose")
    comfyui.single("evil.py")
    comfyui.disable(comfyui.claimed("delta", "0.1"), "0.1")
    inflict(watch.registry, "status_404_json")
    document = watch.check(code=1)
    keys = ("kind", "folder", "node", "version", "install")
    assert [tuple(one[key] for key in keys) for one in document["events"]] == [
        ("appeared", "bravo", "bravo", "2.0.0", "studio"),
        ("appeared", "evil.py", None, None, "studio"),
        ("appeared", "loose", None, None, "studio"),
        ("appeared", "Upscaler", None, None, "studio"),
        ("appeared", ".disabled/delta@0_1", "delta", "0.1", "studio"),
    ]
    (message,) = webhook.messages()
    text = message.json["message"]
    assert "Appeared `evil.py` on `studio`" in text
    assert "secret" not in json.dumps(message.json)
    assert _said(watch.check(code=1)) == []


def test_who_asks_is_told_what_appeared(watch: Watcher, comfyui: LivedIn) -> None:
    """`check`, `history` and `--fail-on` know it; a name from outside can neither forge a line nor send an escape."""
    watch.check()
    comfyui.single("a\n::error::b\x1b[31m.py")
    done = watch.run("check", "--fail-on", "appeared")
    assert done.code == 3
    [row, last] = done.out.splitlines()
    said = "if nobody installed it, stop ComfyUI"
    assert row == f'appeared  "a : :error::b[31m.py" on studio  {said}'
    assert "exit 3: 1 appeared" in last
    (event,) = watch.history("--kind", "appeared")
    assert event["folder"] == "a\\u000a::error::b\\u001b[31m.py"
    assert "\x1b" not in watch.run("history").out
