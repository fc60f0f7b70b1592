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
    """With a glob in `nodes` a channel without kinds says which it gets of such packs; one with kinds gets these."""
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
        only = (
            "of packs that only a pattern includes: "
            "banned, flagged, deleted, failing, reinstated, recovered, baseline"
        )
        assert (only in shown["channels.usual"]) is is_said
        assert "kinds: new; nodes" in shown["channels.chosen"]
        assert shown["interval"] == ('"1h"' if is_said else '"15m"')
