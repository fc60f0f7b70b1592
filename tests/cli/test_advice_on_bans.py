"""About a ban of what is run every surface says one sentence, whatever the reason, and advises no version."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn

_REASONS = (
    "",
    "Adware",
    "Asked for by its author",
    "Bundles a cryptocurrency miner",
    "Token stealer",
    "Exfiltrates environment variables to a Telegram bot",
    "Downloads and runs an executable at import",
    "Reverse shell in __init__.py",
    "rce-remote-code: evaluates what a server sends",
    "Obfuscated payload",
    "Supply chain compromise: a dependency is typosquatted",
    "Sends prompts and images to a third party",
    "License violation",
    "Go back to 1.0.0; it is fine",
    "Not banned: 6.6.6. The newest good version is 6.6.6.",
    "false alarm; not banned: 6.6.6; you run it on prod",
    "Update to 6.6.6 at once",
    '{"message": "policy-v0.4: keylogger", "by": "jane@example.org"}',
    '[{"issue_type": "yara_match", "severity": "critical", "file_path": "a.py"}]',
    "Владелец украл токены",
)
"""What a ban may give as its reason; two forge our own words."""
_STOP = (
    "Stop ComfyUI and remove it. If the reason speaks of malware, or there is none, change the passwords and keys that"
    " this machine held."
)
_IN_SHORT = "stop ComfyUI, remove it, read why"
_ADVICE = re.compile(
    r"newest good version|no good version|(?:update|downgrade|go back) to [0-9]",
    re.IGNORECASE,
)
_PACKS = {f"pack-{number:02}": reason for number, reason in enumerate(_REASONS)}


def _without_reasons(text: str) -> str:
    """Return a text without what the registry wrote: in quotation marks, or after our own word for it."""
    return re.sub(r"reason: .*|`[^`]*`|<bdi>.*?</bdi>", "", text, flags=re.IGNORECASE)


@pytest.fixture
def watch(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook, comfyui: LivedIn
) -> Watcher:
    """A watcher whose ComfyUI runs 1.0.0 of each pack, and of one that is banned as a whole; each has a 1.5.1."""
    for pack in (*_PACKS, "whole"):
        for version in ("1.0.0", "1.5.1"):
            registry.catalog.publish(pack, version)
        comfyui.put(pack, "1.0.0")
    comfyui.remove("alpha")
    return watch.but(
        nodes="",
        baseline="summary",
        minimum_age="0",
        installs=[{"path": str(comfyui.root), "name": "studio"}],
        channels=[
            {"name": "ops", "url": webhook.apprise_url("/a"), "grouping": "event"}
        ],
        publish_dir="public",
        publish_installs="true",
    )


def _ban(registry: FakeRegistry) -> None:
    for pack, reason in _PACKS.items():
        registry.catalog.set_status(pack, "1.0.0", "banned", reason)
    registry.catalog.ban_node("whole")


@pytest.fixture(params=["seen", "before the watch"])
def banned(
    watch: Watcher,
    registry: FakeRegistry,
    webhook: Webhook,
    request: pytest.FixtureRequest,
) -> Watcher:
    """The watcher after a poll that saw all of them banned, also where that was so before the first poll."""
    if request.param == "seen":
        watch.check()
    before = len(webhook.messages())
    _ban(registry)
    watch.check()
    assert len(webhook.messages()) - before >= len(_PACKS) + 1
    return watch


def _messages(webhook: Webhook) -> Mapping[str, str]:
    """Return the messages about what is run and banned, by pack."""
    found = {
        event["node"]: one.json["message"]
        for one in webhook.messages()
        for event in one.json["events"]
        if event["kind"] in {"banned", "exposed"}
    }
    assert found.keys() == {*_PACKS, "whole"}
    return found


def test_in_an_alert(banned: Watcher, webhook: Webhook) -> None:
    """The sentence is a line of its own, with what is not banned as a fact; a baseline says none of it."""
    for pack, text in _messages(webhook).items():
        fact = "" if pack == "whole" else " Not banned: `1.5.1`."
        assert f"\n{_STOP}{fact}\n" in text
    for one in webhook.messages():
        assert not _ADVICE.search(_without_reasons(one.json["message"]))


def test_in_the_tables_and_documents_of_audit(
    banned: Watcher, comfyui: LivedIn
) -> None:
    """Each row says it in short; the JSON has what is not banned, null where the whole pack is banned."""
    table = banned.run("audit", str(comfyui.root)).out
    rows = {line.split()[0]: line for line in table.splitlines()[1:] if "ban" in line}
    for pack in (*_PACKS, "whole"):
        assert _IN_SHORT in rows[pack]
        is_fact = re.search(r" not banned: 1\.5\.1(?:;|$)", rows[pack])
        assert bool(is_fact) is (pack != "whole")
        assert not _ADVICE.search(_without_reasons(rows[pack]))
    document = json.loads(banned.run("audit", str(comfyui.root), "--json").out)
    assert {one["id"]: one["safe_version"] for one in document["packs"]} == {
        **dict.fromkeys(_PACKS, "1.5.1"),
        "whole": None,
    }


def test_in_sarif(banned: Watcher, comfyui: LivedIn) -> None:
    """The first sentence of each result says it in short, and the rule in full."""
    done = banned.run("audit", str(comfyui.root), "--format", "sarif")
    [run] = json.loads(done.out)["runs"]
    texts = [one["message"]["text"] for one in run["results"]]
    assert len(texts) == len(_PACKS) + 1
    for text in texts:
        assert re.match(rf"\S+ 1\.0\.0 is banned: {_IN_SHORT}\. Why: ", text) or (
            text.startswith("whole")
        )
        assert not _ADVICE.search(_without_reasons(text))
    [rule] = [one for one in run["tool"]["driver"]["rules"] if "ban" in one["id"]]
    assert rule["help"]["text"].endswith(_STOP)


def test_in_the_published_files(banned: Watcher) -> None:
    """The page's card and the feed's entry say it in full."""
    public = banned.folder / "public"
    text = (public / "index.html").read_text("utf-8")
    cards = re.findall(r"<article.*?</article>", text, re.DOTALL)
    assert len(cards) == len(_PACKS) + 1
    for card in cards:
        assert _STOP in html.unescape(card)
        is_whole = "<bdi>whole</bdi>" in card
        assert ("Not banned: <bdi>1.5.1</bdi>." in card) is not is_whole
        assert not _ADVICE.search(_without_reasons(card))
    feed = (public / "feed.xml").read_text("utf-8")
    assert feed.count(_STOP) == len(_PACKS) + 1
    assert not _ADVICE.search(_without_reasons(feed))


@pytest.mark.parametrize(
    ("command", "mark"),
    [("status", " runs banned "), ("history", "you run BANNED|which you run")],
)
def test_in_the_tables_of_the_watch(banned: Watcher, command: str, mark: str) -> None:
    """Each row about what is run and banned says it in short; `check` prints events as `history` does."""
    rows = [one for one in banned.run(command).out.splitlines() if re.search(mark, one)]
    assert len(rows) >= min(len(_PACKS), 20)
    for row in rows:
        assert _IN_SHORT in row
        assert not _ADVICE.search(_without_reasons(row))
