"""About a ban of what is run all that shows a state says one sentence, and advises no version."""

from __future__ import annotations

import html
import re

from tests.support.fake_registry.server import FakeRegistry
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


def test_what_shows_a_state(
    watch: Watcher, registry: FakeRegistry, comfyui: LivedIn
) -> None:
    """`status`, the page and the feed say it, whatever the reason (messages and rows of events: tests/golden)."""
    for pack in _BANNED:
        for version in ("1.0.0", "1.5.1"):
            registry.catalog.publish(pack, version)
        comfyui.put(pack, "1.0.0")
    comfyui.remove("alpha")
    watch = watch.but(
        nodes="",
        minimum_age="0",
        installs=[str(comfyui.root)],
        publish_dir="public",
        publish_installs="true",
    )
    watch.check()
    for pack, reason in _BANNED.items():
        registry.catalog.set_status(pack, "1.0.0", "banned", reason)
    registry.catalog.ban_node("whole", _BANNED["whole"])
    watch.check()
    lines = watch.run("status").out.splitlines()
    _see([one for one in lines if " runs banned " in one], _IN_SHORT)
    page = (watch.folder / "public" / "index.html").read_text("utf-8")
    cards = re.findall(r"<article.*?</article>", page, re.DOTALL)
    _see([*map(html.unescape, cards)], _STOP)
    feed = (watch.folder / "public" / "feed.xml").read_text("utf-8")
    _see(feed.split("<entry>")[1:], _STOP)
