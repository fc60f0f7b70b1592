"""Push services and pop-ups: how loud a message is, where a tap leads, and that it stays a push."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from apprise.plugins.kodi import NotifyXBMC

from tests.hostile.dialects import Dialect
from tests.hostile.parsers import in_shown
from tests.proxied.scenes import hostile
from tests.support.fakes.webhook import Webhook
from tests.support.parameters import one_of
from tests.unit.delivery.services.conftest import (
    BY_SEVERITY,
    FLAG,
    HARMLESS_FLAG,
    RELEASE,
    Service,
    event,
)
from watcher.model.event import Event, FieldChange, Kind

pytestmark = pytest.mark.usefixtures("apprise_frozen")

LEVELS = {
    "gotify://example.org/abcdefghijklmno": ["8", "5", "3", "0"],
    f"pover://{'u' * 30}@{'t' * 30}": ["1", "0", "-1", "-2"],
}
"""The priorities of a ban, a flag and a release, and one that a URL may set, by URL."""


def _priority(service: Service) -> str:
    """Return the priority in the last request, which is a form or JSON."""
    [found] = re.findall(r"priority\W+?(-?\d)", str(service.requests[-1].body))
    return str(found)


@pytest.mark.parametrize("url", LEVELS)
def test_a_ban_is_loud_and_a_release_is_quiet(service: Service, url: str) -> None:
    """They have three priorities, none of which asks for an answer or shows nothing; that of the URL stays."""
    found = []
    for one in BY_SEVERITY[:3]:
        assert service.tell(url, one) == ""
        found.append(_priority(service))
    assert service.tell(f"{url}?priority=low") == ""
    assert [*found, _priority(service)] == LEVELS[url]


def _ntfy(webhook: Webhook, query: str, *events: Event) -> Any:
    assert (
        Service().tell(f"ntfy://127.0.0.1:{webhook.port}/topic{query}", *events) == ""
    )
    return webhook.messages()[-1]


def test_ntfy_shows_the_severity_and_opens_the_page(webhook: Webhook) -> None:
    """Ntfy gets a priority, and the page of the worst event's node to open."""
    ban = _ntfy(webhook, "", event(**RELEASE), event())
    assert ban.headers["X-Priority"] == "max"
    assert (
        ban.headers["X-Click"]
        == "https://registry.comfy.org/nodes/comfyui-night-lights"
    )
    for fields, priority in ((FLAG, None), (RELEASE, "low"), (HARMLESS_FLAG, "low")):
        assert _ntfy(webhook, "", event(**fields)).headers["X-Priority"] == priority


def test_ntfy_keeps_what_the_url_sets(webhook: Webhook) -> None:
    """Priority, tags, click and actions of the URL stay."""
    page = "https://example.org/"
    query = f"?priority=min&xtags=mine&click={page}&actions=view%2C%20Mine%2C%20{page}"
    headers = _ntfy(webhook, query, event()).headers
    said = [headers[f"X-{name}"] for name in ("Priority", "Tags", "Click", "Actions")]
    assert said == ["min", "mine", page, f"view, Mine, {page}"]


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "https://registry.comfy.org/nodes/..", ""]
)
def test_no_other_page_is_opened(webhook: Webhook, url: str) -> None:
    """A tap leads to the registry or nowhere."""
    assert "X-Click" not in _ntfy(webhook, "", event(url=url)).headers


@pytest.mark.parametrize(
    "text", one_of("😀" * 400, "\\" * 800, '"' * 800, "é" * 900, "中" * 900)
)
def test_ntfy_gets_a_push_whatever_its_json_takes(webhook: Webhook, text: str) -> None:
    """A text that JSON's escapes make three times as long stays below the size of which apprise makes a file."""
    changed = event(
        kind=Kind.CHANGED,
        reason=text,
        changes=(FieldChange(field="dependencies", before="", after=text),),
    )
    many = tuple(
        replace(changed, id=f"id{number}", version=f"1.{number}")
        for number in range(30)
    )
    for events in ((changed,), many):
        sent = _ntfy(webhook, "", *events)
        assert len(sent.body) <= 8000
        assert sent.json["topic"] == "topic"
        assert len(sent.json["message"].encode()) <= 4096
        assert "comfyui-night-lights" in sent.json["message"]


def test_what_was_to_be_encrypted_is_not_sent_in_the_open(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the library for it Pushover's encryption is an error that names the library, and no plain text."""
    url = f"pover://{'u' * 30}@{'t' * 30}?key={'a' * 64}"
    monkeypatch.setattr("apprise.plugins.pushover.PUSHOVER_E2EE_SUPPORT", False)
    assert "pipx inject comfy-watch cryptography" in service.tell(url)
    assert service.requests == []


_FOUR = tuple(event(id=f"e{i}", node=f"n{i}", url="") for i in range(4))


@pytest.mark.parametrize(
    ("lines", "shown", "last"),
    [
        (2, 1, ["+ 3 banned (3 follow), history --since 2026-11-25T17:32Z"]),
        (10, 4, []),
    ],
)
def test_a_pop_up_counts_what_its_lines_do_not_show(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    lines: int,
    shown: int,
    last: list[str],
) -> None:
    """Where apprise drops all lines but a few, each event takes one, and the last one counts the others."""
    assert NotifyXBMC.body_max_line_count == 2
    monkeypatch.setattr(NotifyXBMC, "body_max_line_count", lines)
    assert service.tell("kodi://127.0.0.1:9/?format=html", *_FOUR) == ""
    why = "" if last else " Reason: `it reads your keys`."
    assert service.last["params"]["message"].splitlines() == [
        *(f"⛔ BANNED `n{i}` `1.2.0`.{why}" for i in range(shown)),
        *last,
    ]


def test_no_line_is_dropped(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a title of its own or without one, apprise finds no line too many in what it gets for a pop-up."""
    lines = NotifyXBMC.body_max_line_count
    for title_maxlen in (250, 0):
        monkeypatch.setattr(NotifyXBMC, "title_maxlen", title_maxlen)
        assert service.tell("kodi://127.0.0.1:9/", *hostile(1), *_FOUR) == ""
        shown = service.last["params"]["message"].splitlines()
        assert len(shown) <= lines
        assert re.search(r"\+ \d+ .*, history --since \S+Z\Z", shown[-1])
        assert list(in_shown(Dialect.TEXT, "\n".join(shown))) == []
