"""The step that checks the inputs and whether others can see this repository, before anything is installed or read.

Environment: `FAIL_ON_INCOMPLETE`, `PUBLIC_STATE`, `PUBLISH`, `STATE`, `STATE_NAME` as the inputs of action.yml;
`GITHUB_TOKEN` where the event does not say whether the repository is private (a schedule's does not); what the runner
sets.
Output: `folder`, the place of everything that belongs to this state.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from workflow_commands import annotate, refuse, set_output

_CHOICES = {
    "FAIL_ON_INCOMPLETE": ("alerts", "always", "never"),
    "PUBLIC_STATE": ("true", "false"),
    "PUBLISH": ("true", "false"),
    "STATE": ("branch", "cache"),
}
_NAME = re.compile(r"(?!.*(?:\.\.|\.lock\Z|\.\Z))[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ATTEMPTS = 3
_SECONDS = 10


def main() -> None:
    """Refuse what cannot work, with one line and exit code 2."""
    for variable, allowed in _CHOICES.items():
        if os.environ[variable] not in allowed:
            refuse(f"{_input(variable)}: give {' or '.join(allowed)}")
    name = os.environ["STATE_NAME"]
    if not _NAME.fullmatch(name):
        refuse(
            "state-name: give letters, digits, dots, hyphens and underscores, as in comfy-watch-state"
        )
    if name == os.environ.get("GITHUB_REF_NAME"):
        refuse(
            "state-name: this run is of that branch itself; give the state a branch of its own"
        )
    if os.environ["STATE"] == "branch" and shutil.which("git") is None:
        refuse(
            "state: the branch needs git, which is not installed here; install it in a step before, or give cache"
        )
    if os.environ["PUBLIC_STATE"] != "true" and (why := _why_others_may_see_it()):
        refuse(
            f"{why}, so others may see which node packs you watch and run, in the state, the log and the summary; "
            "use a private repository, or set public-state: true"
        )
    set_output("folder", str(Path(os.environ["RUNNER_TEMP"], f"comfy-watch-{name}")))


def _input(variable: str) -> str:
    return variable.lower().replace("_", "-")


def _why_others_may_see_it() -> str:
    """Return why others may see the repository; "" if it is known to be private."""
    try:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    except (KeyError, OSError, ValueError):
        event = {}
    private = _is_private(event.get("repository") if isinstance(event, dict) else None)
    if private is None:
        private = _is_private(_asked())
    if private is None:
        return "GitHub did not say whether this repository is private"
    return "" if private else "this repository is public"


def _is_private(repository: object) -> bool | None:
    private = repository.get("private") if isinstance(repository, dict) else None
    return private if isinstance(private, bool) else None


def _asked() -> object:
    """Return what GitHub's API says about the repository; None without a usable answer."""
    url = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
    }
    why = ""
    for attempt in range(_ATTEMPTS):
        time.sleep(attempt)
        try:
            request = urllib.request.Request(url, headers=headers)
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            why = f"HTTP {error.code}"
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = type(error).__name__
    annotate(
        "notice",
        "Comfy Watch",
        f"GitHub's API did not answer about this repository: {why}",
    )
    return None


if __name__ == "__main__":
    main()
