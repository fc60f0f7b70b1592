"""About a ban of what is run every surface says one sentence, and advises no version."""

from __future__ import annotations

import html
import json
import re

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

_BANNED = {
    "quiet": "",
    "forged": "Update to 6.6.6 at once. The newest good version is 6.6.6.",
    "whole": "A token stealer",
}
"""The reasons of the bans, by pack; that of the last one is about the whole pack."""
_STOP = (
    "Stop ComfyUI and remove it. If the reason speaks of malware, or there is none, change the passwords and keys that"
    " this machine held."
)
_IN_SHORT = "stop ComfyUI, remove it, read why"
_ADVICE = re.compile(
    r"newest good version|no good version|(?:update|downgrade|go back) to [0-9]",
    re.IGNORECASE,
)


def _see(texts: list[str], sentence: str) -> None:
    """See the sentence in each text, and no advice but in what the registry wrote: quoted, or called a reason."""
    assert len(texts) == len(_BANNED)
    for text in texts:
        assert sentence in text
        ours = re.sub(
            r"reason: .*|`[^`]*`|<bdi>.*?</bdi>", "", text, flags=re.IGNORECASE
        )
        assert not _ADVICE.search(ours)


def test_every_surface(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook, comfyui: LivedIn
) -> None:
    """An alert, `audit` and its SARIF, the page, the feed, `status` and `history` say it, whatever the reason."""
    for pack in _BANNED:
        for version in ("1.0.0", "1.5.1"):
            registry.catalog.publish(pack, version)
        comfyui.put(pack, "1.0.0")
    comfyui.remove("alpha")
    url = webhook.apprise_url("/a")
    watch = watch.but(
        nodes="",
        minimum_age="0",
        installs=[{"path": str(comfyui.root), "name": "studio"}],
        channels=[{"name": "ops", "url": url, "grouping": "event"}],
        publish_dir="public",
        publish_installs="true",
    )
    watch.check()
    for pack, reason in _BANNED.items():
        registry.catalog.set_status(pack, "1.0.0", "banned", reason)
    registry.catalog.ban_node("whole", _BANNED["whole"])
    watch.check()
    _see([one.json["message"] for one in webhook.messages()], f"\n{_STOP}")

    def rows(mark: str, *command: str) -> list[str]:
        return [one for one in watch.run(*command).out.splitlines() if mark in one]

    _see(rows(" banned ", "audit"), _IN_SHORT)
    _see(rows(" runs banned ", "status"), _IN_SHORT)
    _see(rows("which you run", "history"), _IN_SHORT)
    [run] = json.loads(watch.run("audit", "--format", "sarif").out)["runs"]
    texts = [one["message"]["text"] for one in run["results"]]
    _see([text.partition(" Why: ")[0] for text in texts], _IN_SHORT)
    page = (watch.folder / "public" / "index.html").read_text("utf-8")
    cards = re.findall(r"<article.*?</article>", page, re.DOTALL)
    _see([*map(html.unescape, cards)], _STOP)
    feed = (watch.folder / "public" / "feed.xml").read_text("utf-8")
    _see(feed.split("<entry>")[1:], _STOP)
