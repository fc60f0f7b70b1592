"""A newcomer's first minute: the README's four steps, taken as they are written, lead to an alert."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook

pytestmark = pytest.mark.measured

_STEP = re.compile(
    r"^<!-- step -->\n```(sh|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def _edited(sample: str, lines: list[str]) -> str:
    """Put each line in the place of the sample's line for the same setting, a comment or not."""
    for line in lines:
        name = line.partition(" = ")[0]
        sample, found = re.subn(
            rf"^#?{name} = .*$", line, sample, count=1, flags=re.MULTILINE
        )
        assert found == 1, name
    return sample


def test_the_four_steps(
    run: Callable[..., program.Completed],
    tmp_path: Path,
    registry: FakeRegistry,
    webhook: Webhook,
) -> None:
    """`init`, an edit, `config` and `test-alerts`, `check`: after them the next flag arrives at the channel."""
    steps = _STEP.findall((program.ROOT / "README.md").read_text("utf-8"))
    assert [language for language, _ in steps] == ["sh", "toml", "sh", "sh"]
    home = tmp_path / "home"
    env = {
        "COMFY_WATCH_REGISTRY_URL": registry.url,
        "HOME": str(home),
        "XDG_CONFIG_HOME": "",
    }
    ComfyUI(home / "ComfyUI").registry("comfyui-impact-pack", "1.0.0")
    for node in ("rgthree-comfy", "comfyui-kjnodes", "comfyui-impact-pack"):
        registry.catalog.publish(node, "1.0.0")
    said: dict[str, str] = {}
    for language, text in steps:
        if language == "toml":
            path = home / ".config" / "comfy-watch" / "comfy-watch.toml"
            mine = re.sub(
                r'"https://discord\.com/[^"]*"', f'"{webhook.apprise_url()}"', text
            )
            path.write_text(
                _edited(path.read_text("utf-8"), mine.splitlines()), "utf-8"
            )
            continue
        for line in text.splitlines():
            command, *args = line.split()
            assert command == "comfy-watch"
            done = run(*args, env=env)
            assert (done.code, done.err) == (0, ""), line
            said[args[0]] = done.out
    assert list(said) == ["init", "config", "test-alerts", "check"]
    assert '["rgthree-comfy", "comfyui-kjnodes"]' in said["config"]
    assert said["test-alerts"] == "json: delivered\n"
    sample, baseline = webhook.messages()
    assert "only a test" in sample.json["message"].replace("-", " ")
    assert baseline.json["title"] == "Now watched: 3 packs"
    registry.catalog.set_status("comfyui-impact-pack", "1.0.0", "flagged")
    assert run("check", env=env).code == 0
    title = webhook.messages()[2].json["title"]
    assert "lagged comfyui-impact-pack 1.0.0" in title
