"""The step of audit/action.yml that looks: `comfy-watch audit`, whose exit code it ends with.

The program itself adds its table to the job's summary. Environment: `FAIL_ON`, `FORMAT` and `PATHS` as the inputs of
the action; what the runner sets. Outputs: `file`, what the program printed, and `exit-code`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from workflow_commands import set_output

_ENDINGS = {"table": ".txt", "json": ".json", "sarif": ".sarif"}


def main() -> int:
    """Audit, and return the exit code of that."""
    # A job may use the action more than once.
    folder = tempfile.mkdtemp(
        prefix="comfy-watch-audit-", dir=os.environ["RUNNER_TEMP"]
    )
    ending = _ENDINGS.get(os.environ["FORMAT"], "")
    file = Path(folder, f"audit{ending}")
    with file.open("wb") as out:
        code = subprocess.run(_command(), stdout=out, check=False).returncode
    set_output("exit-code", str(code))
    # Of a format that is none the program prints no more than why.
    set_output("file", str(file) if ending and file.stat().st_size else "")
    return code


def _command() -> list[str]:
    program = f"{os.environ['RUNNER_TEMP']}/comfy-watch-program/bin/comfy-watch"
    command = [program, "audit", f"--format={os.environ['FORMAT']}"]
    if fail_on := os.environ["FAIL_ON"].strip():
        command.append(f"--fail-on={fail_on}")
    paths = [line.strip() for line in os.environ["PATHS"].splitlines()]
    return [*command, "--", *filter(None, paths)]


if __name__ == "__main__":
    sys.exit(main())
