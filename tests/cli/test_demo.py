"""`demo`: the whole program at work on loopback, on any machine, leaving nothing behind."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import program
from tests.support.fakes.webhook import Webhook
from watcher.cli.commands.demo.acts import NEW_NODE, NODE, ONE_PACK, WHOLE_REGISTRY

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
    assert [act[0] for act in acts] == [act.title for act in ONE_PACK.acts]
    words = ("Now watched", "New", "Deprecated", "Flagged", "BANNED", "Reinstated")
    for act, word in zip(acts, words, strict=False):
        assert re.fullmatch(
            rf"    {word} {NODE}(?: 1\.2\.0| 1\.1\.0| 1\.0\.0)?", act[1]
        )
        assert len([line for line in act if "history --ref" in line]) == 1
    assert acts[-1][1] == "    (no alert)"
    assert "comfy-watch init" in acts[-1][-1]
    assert webhook.messages() == []
    assert list(temporary.iterdir()) == []
    assert [path.name for path in home.iterdir()] == ["comfy-watch"]
    _, _, command = acts[-1][-1].partition("Next: ")
    surroundings = program.surroundings(home, env)
    subprocess.run(
        command, shell=True, cwd=home, env=surroundings, capture_output=True, check=True
    )
    assert (home / "comfy-watch.toml").exists()


def test_the_demo_of_a_whole_registry(tmp_path: Path) -> None:
    """One baseline for all packs, then an alert for what is bad in any of them and one for a burst; no file is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = program.run(
        "demo", "--registry", cwd=tmp_path, env={"TMPDIR": str(temporary)}
    )
    assert (done.code, done.err) == (0, "")
    acts = _acts(done.out)
    assert [act[0] for act in acts] == [act.title for act in WHOLE_REGISTRY.acts]
    baseline, flag, ban, releases, newcomers, burst, deletion, quiet = (
        " ".join(act[1:]) for act in acts
    )
    assert "300 node packs with 1,800 versions" in baseline
    assert f"Flagged {NODE} 1.2.0" in flag
    assert f"BANNED {NODE} 1.2.0" in ban
    assert releases.split() == ["(no", "alert)"]
    assert f"Flagged {NEW_NODE} 0.1.0" in newcomers
    assert "sunrise" not in newcomers
    assert "and 59 more" in burst.partition("🚩")[0]
    assert "lines left out" in burst
    assert f"Deleted {NODE} 1.1.0" in deletion
    assert "(no alert)" in quiet
    references = [sum("ref " in line for line in act) for act in acts]
    assert references == [int(act.has_alert) for act in WHOLE_REGISTRY.acts]
    assert list(temporary.iterdir()) == []


def _acts(out: str) -> list[list[str]]:
    """Return the lines of each act."""
    return [block.splitlines() for block in out.split("\n▶ ")[1:]]
