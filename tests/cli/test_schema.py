"""`schema`: a JSON Schema on stdout, by name; needs no settings and no state."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.support import program
from watcher.cli.commands.schema import NAMES

pytestmark = pytest.mark.measured


def test_each_schema(run: Callable[..., program.Completed], tmp_path: Path) -> None:
    """What is printed is one schema of draft 2020-12, and nothing is created; `--help` names each."""
    text = run("schema", "--help").out
    for name in NAMES:
        done = run("schema", name)
        assert (done.code, done.err, name in text) == (0, "", True)
        Draft202012Validator.check_schema(json.loads(done.out))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_schema_is_a_usage_error_with_the_known_names(
    run: Callable[..., program.Completed],
) -> None:
    """The error names what was given, made harmless, and what there is."""
    assert run("schema", "snap").err.endswith("hint: did you mean snapshot?\n")
    done = run("schema", "nothing\x1b")
    assert (done.code, done.out, "\x1b" in done.err) == (2, "", False)
    assert f"hint: schemas: {', '.join(NAMES)}\n" in done.err


def test_the_sample_settings_are_valid(
    run: Callable[..., program.Completed], tmp_path: Path
) -> None:
    """What `init` writes is what the schema of the settings says, and an unknown setting is not."""
    assert run("init", "--here").code == 0
    sample = tomllib.loads((tmp_path / "comfy-watch.toml").read_text("utf-8"))
    validator = Draft202012Validator(json.loads(run("schema", "settings").out))
    validator.validate(sample | {"nodes": ["comfyui-kjnodes"], "interval": "15m"})
    assert not validator.is_valid(sample | {"nods": []})
