"""What stops a scan, in words for a person."""

from __future__ import annotations

from watcher.errors import WatchError


class Unscannable(WatchError):  # noqa: N818 - it says what the install is
    """An install cannot be scanned. `what` says what was looked for and what was found instead; no secret is in it.

    It says nothing about what is installed: a list that a scan gave before still holds.
    """

    exit_code = 2


class IsWorkflow(Unscannable):
    """The file is a workflow, or an image that may hold one: `workflow_file.named_by` reads it."""
