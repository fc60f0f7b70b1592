"""Packs that nobody installed are reported: the real program, real folders, a registry and a webhook on loopback."""

from __future__ import annotations

import json

from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn


def test_every_pack_that_is_added(
    watch: Watcher, comfyui: LivedIn, webhook: Webhook
) -> None:
    """One message has all of them, also without an id; the registry may be down. A name from outside forges no line."""
    channel = {"name": "a", "url": webhook.apprise_url("/a"), "scope": "installed"}
    watch = watch.but(nodes="", installs=[str(comfyui.root)], channels=[channel])
    watch.check()
    comfyui.put("bravo", "2.0.0")
    comfyui.clone("Upscaler", "https://me:secret@github.com/x/y.git")
    comfyui.single("a\n::error::b\x1b[31m.py")
    comfyui.disable(comfyui.claimed("delta", "0.1"), "0.1")
    inflict(watch.registry, "status_404_json")
    document = watch.check("--fail-on", "appeared", code=3)
    keys = ("kind", "folder", "node", "version", "install")
    odd = "a\\u000a::error::b\\u001b[31m.py"
    assert [tuple(one[key] for key in keys) for one in document["events"]] == [
        ("appeared", odd, None, None, "studio"),
        ("appeared", "bravo", "bravo", "2.0.0", "studio"),
        ("appeared", "Upscaler", None, None, "studio"),
        ("appeared", ".disabled/delta@0_1", "delta", "0.1", "studio"),
    ]
    (message,) = webhook.messages()
    assert "Appeared `bravo` `2.0.0` on `studio`" in message.json["message"]
    assert "secret" not in json.dumps(message.json)
    shown = watch.run("history").out
    said = "if nobody installed it, stop ComfyUI"
    assert f'"a : :error::b[31m.py" on studio  {said}' in shown
    assert "\x1b" not in shown
    comfyui.remove("bravo")
    assert watch.reported(code=1) == []
