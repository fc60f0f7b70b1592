"""The setting `accept`: a list of findings, or tables with a reason and a last day."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.unit.settings.conftest import TOKEN, Loads
from watcher.cli.commands import config
from watcher.model.event import Grade
from watcher.model.finding import Acceptance
from watcher.settings.model import json_schema

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


def test_tables_in_the_environment(loads: Loads) -> None:
    """JSON has tables too."""
    table = {"finding": "pack@1.2.0", "reason": LONG.reason, "until": "2026-11-30"}
    found = accepted(loads, COMFY_WATCH_ACCEPT=json.dumps([table, "Pack=banned"]))
    assert found == (LONG, PACK)


def test_a_past_day_is_no_error(loads: Loads) -> None:
    """A table stays valid when its day is over."""
    (one,) = accepted(loads, f"{TABLE}until = 1999-01-01")
    assert one.until == date(1999, 1, 1)


FINDING = "accept, entry 1, finding: "


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("accept = ['a b@1']", "accept, entry 1: 'a b@1' is not a finding; give the"),
        ("accept = ['pack@']", "accept, entry 1: 'pack@' is not a finding"),
        ("accept = ['@1.0']", "accept, entry 1: '@1.0' is not a finding"),
        ("accept = ['pack@1.0@2']", None),
        ("accept = ['pack-*']", "accept, entry 1: 'pack-*' is not a finding"),
        ("accept = ['pack==1.0']", "accept, entry 1: 'pack==1.0' ends with no verdict"),
        ("accept = ['pack=ok']", "accept, entry 1: 'pack=ok' ends with no verdict"),
        ("accept = ['pack=']", "accept, entry 1: 'pack=' ends with no verdict; after"),
        ('accept = ["pack@1.0\\u200b"]', None),
        (f"accept = ['pack@{'1' * 101}']", "accept, entry 1: 'pack@111"),
        (
            "accept = 'pack 1.0.3'",
            "accept, entry 2: '1.0.3' is not a finding",
        ),
        ("accept = ['v1.0']", "accept, entry 1: 'v1.0' is not a finding"),
        (
            "accept = ['pack@abc12f']",
            "accept, entry 1: 'pack@abc12f' is not a finding",
        ),
        ("accept = [5]", "accept, entry 1: 5 is not a table; write [[accept]]"),
        ("accept = 5", "accept: the value is not a list of findings; write accept = ["),
        ("[accept]\nfinding = 'x'", "accept: the value is not a list of findings; "),
        ("[[accept]]\nreason = 'x'", f"{FINDING}is required"),
        ("[[accept]]\nfinding = 'a/b'", f"{FINDING}'a/b' is not a finding"),
        ("[[accept]]\nfinding = 5", f"{FINDING}5 is not a finding"),
        (
            f"{TABLE}untill = 2026-11-30",
            "accept, entry 1, untill: unknown setting; did",
        ),
        (
            f"{TABLE}nodes = ['x']",
            "accept, entry 1, nodes: unknown setting in a table; put it above",
        ),
        (f"{TABLE}reason = ''", "accept, entry 1, reason: '' is not a reason; give up"),
        (f"{TABLE}reason = 5", "accept, entry 1, reason: 5 is not a reason"),
        (f"{TABLE}reason = '{'x' * 201}'", "accept, entry 1, reason: 'xxx"),
        (f"{TABLE}reason = 'json://{TOKEN} {'x' * 201}'", "accept, entry 1, reason: "),
        *(
            (f"{TABLE}until = {until}", f"accept, entry 1, until: {shown} is not a day")
            for until, shown in (
                ("'soon'", "'soon'"),
                ("'2026-02-30'", "'2026-02-30'"),
                ("'2026-11-30T12:00:00Z'", "'2026-11-30T12:00:00Z'"),
                ("2026-11-30T12:00:00Z", "a datetime"),
                ("12:00:00", "a time"),
                ("20261130", "20261130"),
                ("''", "''"),
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


def test_the_schema_has_both_forms() -> None:
    """An editor takes a list, text and tables, and refuses a key or a day that is none."""
    check = Draft202012Validator(
        json_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    table = {"finding": "x", "until": "2026-11-30"}
    for good in (["x@1.0"], "x, y", [table, "y"]):
        assert check.is_valid({"accept": good})
    for bad in ([{"until": "2026-11-30"}], [table | {"day": 1}], 5):
        assert not check.is_valid({"accept": bad})
    assert not check.is_valid({"accept": [table | {"until": "soon"}]})
