"""The setting `accept`: a list of findings, or tables with a reason and a last day."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.unit.settings.conftest import TOKEN, Loads
from watcher.cli.commands import config
from watcher.model.event import Grade
from watcher.model.finding import Acceptance

DAY = date(2026, 11, 30)
PACK = Acceptance(node="Pack", worst=Grade.BANNED)
SHORT = (
    Acceptance(node="pack", copy="1.2.0"),
    Acceptance(node="pack", copy="0123abc"),
    PACK,
)
LONG = replace(SHORT[0], reason="known false alarm", until=DAY)
TABLE = '[[accept]]\nfinding = "pack@1.2.0"\n'


def accepted(loads: Loads, toml: str | None = None, **given: Any) -> Any:
    """Return what is accepted with these settings."""
    return loads(toml, **given).settings.all_accepted()


@pytest.mark.parametrize(
    "text",
    [
        "pack@1.2.0, pack@0123abc Pack=banned",
        "pack@1.2.0\npack@0123abc\nPack=banned, Pack=banned\n",
        '["pack@1.2.0", " pack@0123abc ", "Pack=banned"]',
        '[{"finding": "pack@1.2.0"}, "pack@0123abc", {"finding": "Pack=banned"}]',
    ],
)
def test_the_short_form(loads: Loads, text: str) -> None:
    """Findings alone may be words, or JSON; each is there once."""
    assert accepted(loads, COMFY_WATCH_ACCEPT=text) == SHORT
    assert accepted(loads, f"accept = {json.dumps(text)}") == SHORT
    assert accepted(loads, overrides={"accept": text}) == SHORT


@pytest.mark.parametrize("until", ["2026-11-30", '"2026-11-30"', '" 2026-11-30 "'])
def test_tables(loads: Loads, until: str) -> None:
    """A day may be TOML's or a text, and a reason has one line."""
    reason = '"""\nknown\n  false alarm\n"""'
    toml = f"{TABLE}reason = {reason}\nuntil = {until}\n[[accept]]\nfinding = 'Pack=banned'"
    assert accepted(loads, toml) == (LONG, PACK)


FINDING = "accept, entry 1, finding: "


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("accept = ['a b@1']", "accept, entry 1: 'a b@1' is not a finding; give the"),
        ("accept = ['pack@1.0@2']", None),
        ("accept = ['pack-*']", "accept, entry 1: 'pack-*' is not a finding"),
        ("accept = ['pack==1.0']", "accept, entry 1: 'pack==1.0' ends with no verdict"),
        ("accept = ['pack=ok']", "accept, entry 1: 'pack=ok' ends with no verdict"),
        ('accept = ["pack@1.0\\u200b"]', None),
        (f"accept = ['pack@{'1' * 101}']", "accept, entry 1: 'pack@111"),
        ("accept = ['v1.0']", "accept, entry 1: 'v1.0' is not a finding"),
        (
            "accept = ['pack@abc12f']",
            "accept, entry 1: 'pack@abc12f' is not a finding",
        ),
        ("accept = 5", "accept: the value is not a list of findings; write accept = ["),
        ("[[accept]]\nreason = 'x'", f"{FINDING}is required"),
        ("[[accept]]\nfinding = 'a/b'", f"{FINDING}'a/b' is not a finding"),
        (
            f"{TABLE}untill = 2026-11-30",
            "accept, entry 1, untill: unknown setting; did",
        ),
        (
            f"{TABLE}nodes = ['x']",
            "accept, entry 1, nodes: unknown setting in a table; put it above",
        ),
        (f"{TABLE}reason = ''", "accept, entry 1, reason: '' is not a reason; give up"),
        (f"{TABLE}reason = '{'x' * 201}'", "accept, entry 1, reason: 'xxx"),
        (f"{TABLE}reason = 'json://{TOKEN} {'x' * 201}'", "accept, entry 1, reason: "),
        *(
            (f"{TABLE}until = {until}", f"accept, entry 1, until: {shown} is not a day")
            for until, shown in (
                ("'soon'", "'soon'"),
                ("'2026-02-30'", "'2026-02-30'"),
                ("'2026-11-30T12:00:00Z'", "'2026-11-30T12:00:00Z'"),
                ("2026-11-30T12:00:00Z", "a datetime"),
                ("20261130", "20261130"),
            )
        ),
    ],
)
def test_a_mistyped_entry_is_one_line(
    loads: Loads, toml: str, line: str | None
) -> None:
    """It names the entry, what is wrong and where it came from."""
    (problem,) = loads.problems(toml)
    assert problem.startswith(line or "accept, entry 1: ")
    assert problem.endswith(f"({loads.file})")


def test_config_shows_what_can_be_pasted(loads: Loads) -> None:
    """`config` shows each finding as a table of TOML."""
    toml = f"{TABLE}reason = '{LONG.reason}'\nuntil = 2026-11-30\n[[accept]]\nfinding = 'Pack=banned'"
    loaded = loads(toml)
    (shown,) = [row[1] for row in config.rows(loaded) if row[0] == "accept"]
    assert {"finding": "Pack=banned"} in tomllib.loads(f"accept = {shown}")["accept"]
    assert accepted(loads, f"accept = {shown}") == loaded.settings.all_accepted()
