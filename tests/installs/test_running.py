"""`comfy-watch installed ADDRESS` beside the Manager that answers there, with its new page and with its old one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.installs.ours import Ours
from tests.installs.tools import Tools, program_of

pytestmark = pytest.mark.installs


@contextlib.contextmanager
def _serving(built: Tools, *words: str) -> Iterator[str]:
    """Run the Manager as a part of the stand-in for ComfyUI, and give the address."""
    command = [
        program_of("python"),
        str(built.root / "main.py"),
        "--enable-manager",
        *words,
    ]
    process = subprocess.Popen(
        command,
        cwd=built.home,
        env=built.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            if line.startswith("serving on "):
                yield f"http://127.0.0.1:{int(line.split()[-1])}"
                return
            said += line
        pytest.fail(f"the Manager does not serve:\n{said}")
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _as_it_says(
    folder: str, pack: dict[str, Any]
) -> tuple[str, str | None, str | None, str | None, bool]:
    """Return folder, id, version, commit and state of a row of the Manager's."""
    is_clone = pack["aux_id"] is not None
    written = None if pack["ver"] == "unknown" else pack["ver"].strip()
    return (
        folder,
        pack["cnr_id"] or None,
        None if is_clone else written,
        written if is_clone else None,
        pack["enabled"],
    )


@pytest.mark.parametrize(
    "words", [(), ("--enable-manager-legacy-ui",)], ids=["new", "old"]
)
def test_running(built: Tools, installed: Ours, words: tuple[str, ...]) -> None:
    """The address says what the Manager says there, with the new page and with the old one."""
    with _serving(built, *words) as address:
        rows = installed(address)
        with urllib.request.urlopen(f"{address}/v2/customnode/installed") as answer:
            said = json.load(answer)
    ours = {(row.folder, row.id, row.version, row.commit, row.enabled) for row in rows}
    assert len(ours) == len(rows)
    assert ours == {_as_it_says(folder, pack) for folder, pack in said.items()}
