"""The picture on top of the README: what `audit` writes on a terminal of 96 columns, drawn as an SVG.

The program is a real process; the registry and the ComfyUI that it looks at are made up.
`python -m tests.cli.test_docs` renews the picture.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry
from tests.support.terminal import Terminal

PICTURE = program.ROOT / "docs" / "images" / "audit.svg"
COMMAND = "comfy-watch audit ~/ComfyUI"

_COLUMNS = 96
_LONG_AGO = "2026-01-31T12:00:00Z"
_FINDING = """[{
    "issue_type": "downloads_and_executes", "severity": "critical", "scanner": "yara_scan",
    "file_path": "install.py", "line_number": 12
}]"""

_COLOURS = {
    "1": 'font-weight="bold"',
    "2": 'opacity="0.65"',
    "31": 'fill="#ff7b72"',
    "32": 'fill="#7ee787"',
    "33": 'fill="#e3b341"',
    "34": 'fill="#79c0ff"',
    "35": 'fill="#d2a8ff"',
    "36": 'fill="#56d4dd"',
}
"""What becomes of the codes that colour a terminal."""

_CODES = re.compile(r"\x1b\[([\d;]*)m")
_WIDE, _HIGH = 10, 22
"""A character's pixels."""
_LEFT, _TOP = 16, 44
"""Where the text begins."""

# Bright on dark, with a background of its own: it can be read on a light page and on a dark one. The fonts are those
# that a system has, because a picture must not fetch one; each text is stretched to its columns, whatever its font.
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{title}</title>
<rect x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="8" fill="#161b22" stroke="#57606a"/>
<circle cx="22" cy="20" r="6" fill="#ff5f57"/>
<circle cx="42" cy="20" r="6" fill="#febc2e"/>
<circle cx="62" cy="20" r="6" fill="#28c840"/>
<g fill="#e6edf3" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="16">
{texts}
</g>
</svg>
"""


def draw() -> str:
    """Return the picture, which is the same for the same output."""
    screen = f"\x1b[2m$\x1b[0m \x1b[1m{COMMAND}\x1b[0m\n{_output()}"
    lines = screen.splitlines()
    texts = [text for row, line in enumerate(lines) for text in _texts(line, row)]
    width, height = 2 * _LEFT + _COLUMNS * _WIDE, _TOP + len(lines) * _HIGH + 12
    return _SVG.format(
        title=COMMAND,
        width=width,
        height=height,
        inner_width=width - 1,
        inner_height=height - 1,
        texts="\n".join(texts),
    )


def _texts(line: str, row: int) -> Iterator[str]:
    """Yield an element for each part of a line that has one colour."""
    column = 0
    colours: list[str] = []
    for place, part in enumerate(_CODES.split(line)):
        if place % 2:  # codes, between two texts
            if part == "0":
                colours = []
            else:
                colours += [_COLOURS[code] for code in part.split(";")]
            continue
        # Blanks are left out at both ends: some programs that show pictures drop them.
        words = part.strip(" ")
        if words:
            start = column + len(part) - len(part.lstrip(" "))
            at = f'x="{_LEFT + start * _WIDE}" y="{_TOP + row * _HIGH + 16}" textLength="{len(words) * _WIDE}"'
            yield f'<text {" ".join([at, *colours])} xml:space="preserve">{escape(words)}</text>'
        column += len(part)
    assert column <= _COLUMNS, line


def _output() -> str:
    """Return what the command writes to a terminal, colours included."""
    _, *args = COMMAND.split()
    with tempfile.TemporaryDirectory() as folder, FakeRegistry() as registry:
        home = Path(folder)
        _fill(ComfyUI(home / "ComfyUI"), registry.catalog)
        env = {
            "COLUMNS": str(_COLUMNS),
            "COMFY_WATCH_REGISTRY_URL": registry.url,
            "TERM": "xterm",
        }
        ours, theirs = pty.openpty()
        # What a slow machine says while it waits goes to stderr.
        process = subprocess.Popen(
            [sys.executable, "-m", "watcher", *args],
            cwd=home,
            env=program.surroundings(home, env),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        terminal = Terminal(process, ours)
        code = terminal.end()
        os.close(ours)
    assert code == 3, terminal.said
    # How long it took is the machine's.
    return re.sub(r"\(\d+\.\d s\)", "(0.6 s)", terminal.said).replace("\r\n", "\n")


def _fill(comfyui: ComfyUI, catalog: Catalog) -> None:
    """Install packs of four kinds that are worth a line, and some that are fine."""

    def publish(pack: str, *versions: str) -> None:
        for version in versions:
            catalog.publish(pack, version, created_at=_LONG_AGO)

    publish("comfyui-night-lights", "1.1.0", "1.2.0")
    catalog.set_status("comfyui-night-lights", "1.2.0", "banned", "Steals passwords")
    comfyui.registry("comfyui-night-lights", "1.2.0")

    publish("comfyui-tide-tables", "2.2.1", "2.3.0")
    catalog.set_status("comfyui-tide-tables", "2.3.0", "flagged", _FINDING)
    comfyui.registry("comfyui-tide-tables", "2.3.0")

    publish("comfyui-lanterns", "0.9.0", "1.0.0")
    catalog.deprecate("comfyui-lanterns", "0.9.0")
    comfyui.registry("comfyui-lanterns", "0.9.0")

    publish("comfyui-harbour-kit", "3.1.0", "3.2.0")
    comfyui.registry("comfyui-harbour-kit", "3.1.0")

    for number in range(20):
        publish(f"comfyui-fine-{number}", "1.0.0")
        comfyui.registry(f"comfyui-fine-{number}", "1.0.0")
