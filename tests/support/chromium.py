"""Chromium, as what draws a page or reads it: one process, with a new profile, that requests nothing by itself."""

from __future__ import annotations

import html
import subprocess
import tempfile
from pathlib import Path

PROGRAM = "chromium"
LIGHT, DARK = (f"--blink-settings=preferredColorScheme={scheme}" for scheme in "10")
"""Options for what the reader prefers."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def in_a_frame(page: str, width: int) -> str:
    """Return a page that shows another one so wide: Chromium has no window of less than 500."""
    style = "position:fixed;inset:0;border:0;height:100%"
    return f'<!doctype html><iframe style="{style}" width="{width}" srcdoc="{html.escape(page)}"></iframe>'


def draw(page: str, picture: Path, size: str, *options: str) -> None:
    """Draw a page of the size (`WIDTH,HEIGHT`) to a picture."""
    opened(page, f"--window-size={size}", f"--screenshot={picture}", *options)


def dom(page: str, *options: str) -> str:
    """Return a page as it is once its scripts have run."""
    return opened(page, "--dump-dom", "--virtual-time-budget=20000", *options)


def opened(page: str, *options: str) -> str:
    """Open a page, given by its text or its address, and return what Chromium writes to stdout."""
    with tempfile.TemporaryDirectory() as folder:
        address = page
        if "<" in page:
            source = Path(folder) / "page.html"
            source.write_text(page, "utf-8")
            address = source.as_uri()
        done = subprocess.run(
            [PROGRAM, *FLAGS, f"--user-data-dir={folder}/profile", *options, address],
            check=True,
            timeout=120,
            capture_output=True,
            encoding="utf-8",
        )
    return done.stdout
