"""The step that polls: `comfy-watch check --json` with the inputs as settings. It ends with 0 whatever the poll did.

Environment: `FOLDER` (an output of prepare.py); as the inputs of action.yml `ALERT_URLS`, `FAIL_ON`, `HEARTBEAT_URL`,
`NODES`, `PUBLISH` and `SETTINGS`; what the runner sets. Outputs: `code`, the exit code; `document`, the file with what
it printed; `publish-dir`, the folder with the published files, "" if there are none; `refusal`, why it was not started.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

from workflow_commands import set_output

_LONGEST = 600
"""Seconds for the poll. It has limits of its own, but a job that is cancelled would save nothing."""
_LAST_WORDS = 30
_SETTINGS = {
    "ALERT_URLS": "alert_urls",
    "HEARTBEAT_URL": "heartbeat_url",
    "NODES": "nodes",
}
_CONFIGURATION = 2
_NO_ALERT_URLS = (
    "alert-urls is empty: is the secret set, and its name spelled as in the workflow? "
    "If you want no alerts, give none"
)


def main() -> None:
    """Poll, unless it is not said where alerts go."""
    document = Path(os.environ["FOLDER"], "check.json")
    published = Path(os.environ["FOLDER"], "published")
    given = {
        name: value
        for variable, name in _SETTINGS.items()
        if (value := os.environ.pop(variable).strip())
    }
    if os.environ["PUBLISH"] == "true":
        given["publish_dir"] = str(published)
    code, refusal = _CONFIGURATION, _NO_ALERT_URLS
    if "alert_urls" in given:
        try:
            code, refusal = _polled(document, given), ""
        except OSError as error:
            code, refusal = 1, f"the program could not be started: {error}"
    set_output("code", str(code))
    set_output("document", str(document))
    # The page is written last: where it is, the rest is whole.
    is_whole = (published / "index.html").is_file()
    set_output("publish-dir", str(published) if is_whole else "")
    set_output("refusal", " ".join(refusal.split()))


def _polled(document: Path, given: dict[str, str]) -> int:
    command = [
        f"{os.environ['RUNNER_TEMP']}/comfy-watch-program/bin/comfy-watch",
        "check",
        "--json",
    ]
    command.append(f"--set=state_dir={Path(os.environ['FOLDER'], 'state')}")
    if settings := os.environ["SETTINGS"]:
        command.append(f"--config={settings}")
    if fail_on := os.environ["FAIL_ON"]:
        command.append(f"--fail-on={fail_on}")
    environment = os.environ | {
        f"COMFY_WATCH_{name.upper()}": value for name, value in given.items()
    }
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    try:
        with (
            document.open("wb") as out,
            subprocess.Popen(command, stdout=out, env=environment) as process,
        ):
            return _ended(process)
    finally:
        print(f"::{token}::", flush=True)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of the poll and return its exit code; past its time it is asked to end, then made to."""
    for patience, end in ((_LONGEST, process.terminate), (_LAST_WORDS, process.kill)):
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            end()
    return process.wait()


if __name__ == "__main__":
    os.umask(0o077)
    main()
