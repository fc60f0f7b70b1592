"""`comfy-watch installed ADDRESS` beside the Manager that answers there, with its new page and with its old one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installs.ours import Ours
from tests.installs.tools import Tools, program_of

pytestmark = pytest.mark.installs

_UNPLACED = {
    "echo",
    "golf",
    "romeo",
    "ComfyUI-Tango",
    "november.py",
    "oscar.py.disabled",
}
"""What the Manager cannot place: an odd version, packs without its mark, a `.git` that is a file, single files."""
_PACKED = "ComfyUI-Kilo"
"""A clone whose refs git has packed: the Manager does not find its commit."""


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
    """The address says what the Manager says there, which agrees with the folder as far as the Manager sees it.

    With the old page it lists a disabled copy beside one that runs, with the new page not. It names a folder without
    the `.disabled` that it is in.
    """
    with _serving(built, *words) as address:
        rows = installed(address)
        with urllib.request.urlopen(f"{address}/v2/customnode/installed") as answer:
            said = json.load(answer)
    ours = {(row.folder, row.id, row.version, row.commit, row.enabled) for row in rows}
    assert len(ours) == len(rows)
    assert ours == {_as_it_says(folder, pack) for folder, pack in said.items()}

    hidden = _UNPLACED | (set() if words else {"papa@1_0_0"})
    folder = {Path(row.folder).name: row for row in installed(built.root)}
    folder = {name: row for name, row in folder.items() if name not in hidden}
    assert {row.folder for row in rows} == folder.keys()
    for row in rows:
        there = folder[row.folder]
        assert (row.kind, row.enabled, row.version) == (
            there.kind,
            there.enabled,
            there.three,
        )
        assert row.commit == (None if row.folder == _PACKED else there.commit)
        # A clone's id is claimed by its pyproject in the folder, and here by what the Manager noted of it.
        if row.kind == "registry" or row.id is not None:
            assert str(row.id).lower() == str(there.id).lower()
