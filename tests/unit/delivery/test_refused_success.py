"""What services say in a success: that they have taken the message, or that they refuse it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from apprise.manager_plugins import NotificationManager

from watcher.delivery.refusal import NOTHING, is_page, refusal_in
from watcher.delivery.sender import known_to
from watcher.delivery.services.service import NO_RULES, Rules
from watcher.delivery.services.table import RULES
from watcher.delivery.urls import load

# Apprise's own, at its import.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Said = dict[str, object] | list[object] | str
"""JSON, or a text as it is."""

_ANSWERS = json.loads(Path(__file__).with_name("answers.json").read_text("utf-8"))
"""What services say, as apprise's plugins, its tests and the services' pages have it."""
TAKEN: dict[str, Said] = _ANSWERS["taken"]
"""What a service says when it takes a message."""
FURTHER: dict[str, Said] = _ANSWERS["further"]
"""Another answer of some, in another mode."""
WORDLESS = set[str](_ANSWERS["wordless"])
"""Those that say nothing with it, or what their owner has written."""
REFUSED: dict[str, tuple[Said, str]] = _ANSWERS["refused"]
"""What a service says in a success when it refuses, and which code of it is shown."""
_BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


def _written(said: Said) -> list[bytes]:
    """Return an answer in the ways in which a service may write it."""
    if isinstance(said, str):
        return [said.encode(), f"{_BOM}{said}".encode(), f"\r\n {said}\n".encode()]
    plain = json.dumps(said, separators=(",", ":"))
    texts = [
        plain,
        json.dumps(said),
        json.dumps(said, indent=4),
        json.dumps(said, separators=(" ,\t", " :\r\n ")),
    ]
    texts += [f"{_BOM}{plain}", f" \n{plain}\n"]
    return [text.encode() for text in texts]


def _refusal(name: str, body: bytes) -> str | None:
    return refusal_in(body, _rules(name).refuses)


def _rules(name: str) -> Rules:
    return RULES.get(name, NO_RULES)


def test_the_answer_of_every_service_is_known() -> None:
    """Every plugin that speaks HTTP is in one of the lists. What a new one is answered is looked up by a person."""
    load()
    plugins = set(NotificationManager().plugins())  # type: ignore[no-untyped-call]  # apprise's
    names = {
        str(
            getattr(plugin.service_name, "text", plugin.service_name)
        )  # some are translated
        for plugin in plugins
        if "requests" in known_to(plugin)
    }
    assert names == TAKEN.keys() | WORDLESS
    assert not TAKEN.keys() & WORDLESS


@pytest.mark.parametrize("name", sorted(TAKEN.keys() | WORDLESS))
def test_a_success_is_no_refusal(name: str) -> None:
    """No answer of a service that took the message is a refusal or a page, whole or cut."""
    answers = [said[name] for said in (TAKEN, FURTHER) if name in said]
    for body in (body for answer in answers for body in _written(answer)):
        for length in range(len(body) + 1):
            beginning = body[:length]
            assert _refusal(name, beginning) is None, beginning
            assert refusal_in(beginning) is None, beginning
            assert not is_page(beginning, _rules(name).page), beginning


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_a_page_is_no_answer_of_any_service(name: str) -> None:
    """Also where a service answers markup, a page is none of it."""
    pages = (b"<!DOCTYPE html>", b'<?xml version="1.0"?><html>', b"<script>", b"<META ")
    assert all(is_page(page, _rules(name).page) for page in pages)


def test_every_rule_has_a_refusal() -> None:
    """Every service with a rule of its own is answered a refusal here."""
    assert REFUSED.keys() >= {
        name for name, rules in RULES.items() if rules.refuses is not NOTHING
    }


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_in_a_success_is_seen(name: str) -> None:
    """A service that refuses in a success is heard, however it writes, with its own code."""
    answer, code = REFUSED[name]
    for body in _written(answer):
        assert _refusal(name, body) == code, body


@pytest.mark.parametrize("key", ["success", "ok", "accepted", "Success", "OK"])
@pytest.mark.parametrize("no", ["false", '"false"', '"False"'])
@pytest.mark.parametrize(
    "around", ["{%s}", '{"a": {"b": [1]}, %s}', '{%s, "a": "}"}', '{"a": "\\"{[", %s}']
)
def test_every_service_may_say_no(key: str, no: str, around: str) -> None:
    """Whoever answers, a verdict on the whole counts, wherever in the object it stands."""
    assert refusal_in((around % f'"{key}" : {no}').encode()) == ""


@pytest.mark.parametrize(
    "body",
    [
        '{"sent": {"ok": false}}',
        '{"options": [{"success": false}], "ok": true}',
        '[{"ok": false}]',
        '["ok", false]',
        '{"text": "{\\"ok\\": false}"}',
        '{"text": ",\\"ok\\":false,"}',
        '{"text": "told,", "not ok": false}',
        '{"ok": "false alarm"}',
        '{"ok": falsehood}',
        '{"okay": false, "is_ok": false, "success_url": false}',
        '{"ok": true} {"ok": false}',
        '{"ok": null}',
        '{"success": 0}',
        '"ok": false',
        'ok: false, {"ok": false}',
        "<!doctype html><script>window.state = {'ok': false}; more = {\"ok\": false}</script>",
        "\\",
        '"',
    ],
)
def test_what_only_looks_like_a_no_is_none(body: str) -> None:
    """What is inside of a value, a number, a name that only has the word, or no JSON, is no verdict."""
    assert refusal_in(body.encode()) is None
