"""`demo`: the whole program at work on loopback, on any machine, leaving nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import program
from tests.support.fakes.webhook import Webhook
from watcher.cli.commands.demo import ACTS, NODE

pytestmark = pytest.mark.measured


def test_the_demo(tmp_path: Path, webhook: Webhook) -> None:
    """Each act shows its alert, once and in order, whatever the machine's proxy and settings are; no file is left."""
    temporary, home = tmp_path / "temporary", tmp_path / "home"
    temporary.mkdir()
    (home / "comfy-watch").mkdir(parents=True)
    settings = f'nodes = ["alpha"]\nalert_urls = ["{webhook.apprise_url()}"]\n'
    (home / "comfy-watch" / "comfy-watch.toml").write_text(settings, "utf-8")
    env = {
        "TMPDIR": str(temporary),
        "XDG_CONFIG_HOME": str(home),
        "COMFY_WATCH_ALERT_URLS": webhook.apprise_url("/environment"),
        **dict.fromkeys(
            ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1"
        ),
    }
    done = program.run("demo", cwd=home, env=env)
    assert (done.code, done.err) == (0, "")
    acts = _acts(done.out)
    assert [act[0] for act in acts] == [act.title for act in ACTS]
    words = ("Now watched:", "Flagged", "BANNED", "is active again", "New")
    for act, word in zip(acts, (*words, "Deprecated"), strict=False):
        assert NODE in act[1]
        assert word in act[1]
        assert len([line for line in act if line.startswith("    seen ")]) == 1
    assert acts[-1][1] == "    (no alert)"
    assert ["you run" in " ".join(act[1:]) for act in acts[1:3]] == [True, True]
    assert webhook.messages() == []
    assert list(temporary.iterdir()) == []
    assert [path.name for path in home.iterdir()] == ["comfy-watch"]
    assert acts[-1][-1] == "  comfy-watch init"


def _acts(out: str) -> list[list[str]]:
    """Return the lines of each act."""
    return [block.splitlines() for block in out.split("\n▶ ")[1:]]
