"""`--version`: the version, and the commit if the installer was given a git repository (PEP 610)."""

from __future__ import annotations

import json
from importlib import metadata

from watcher import __version__

_LENGTH = 12
"""Characters of a commit, which name it in a repository of any size."""


def line(distribution: str = "comfy-watch") -> str:
    """Return what `--version` prints."""
    commit = _commit(distribution)[:_LENGTH]
    suffix = f" (commit {commit})" if commit else ""
    return f"comfy-watch, version {__version__}{suffix}"


def homepage() -> str:
    """Return the address of this program's page, as its package has it."""
    urls = metadata.metadata("comfy-watch").get_all("Project-URL") or ()
    named = dict(str(one).split(", ", 1) for one in urls)
    return named["Homepage"]


def _commit(distribution: str) -> str:
    """Return the commit that was installed; "" where the installer wrote down none."""
    try:
        written = metadata.distribution(distribution).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    origin = json.loads(written or "{}")
    return str(origin.get("vcs_info", {}).get("commit_id", ""))
