"""How `config` shows the settings in effect."""

from __future__ import annotations

from pathlib import Path

from watcher.cli.commands.config import rows
from watcher.settings.loading import load

_CHANNELS = """
[[channels]]
name = "usual"
url = "json://127.0.0.1:9/usual"
[[channels]]
name = "chosen"
url = "json://127.0.0.1:9/chosen"
kinds = ["new"]
"""


def test_what_a_channel_gets_of_packs_that_only_a_pattern_includes(
    tmp_path: Path,
) -> None:
    """With a glob in `nodes` a channel without kinds gets fewer of such packs, and one with kinds gets these."""
    for nodes, is_said in (("*", True), ("alpha", False)):
        (tmp_path / "comfy-watch.toml").write_text(
            f"nodes = ['{nodes}']\n{_CHANNELS}", "utf-8"
        )
        loaded = load(
            config=None,
            overrides={},
            environ={},
            cwd=tmp_path,
            container_secrets=None,
            system=None,
        )
        shown = {name: value for name, value, _ in rows(loaded)}
        kinds = "default (fewer of packs that only a pattern includes)"
        usual = f"kinds: {kinds if is_said else 'default'}; nodes"
        assert usual in shown["channels.usual"]
        assert "kinds: new; nodes" in shown["channels.chosen"]
        assert shown["interval"] == ('"1h"' if is_said else '"15m"')
