"""The one function of torchvision that the Manager calls."""

from __future__ import annotations

import urllib.request
from pathlib import Path


def download_url(url: str, root: str, filename: str) -> None:
    """Download a file into a folder."""
    with urllib.request.urlopen(url) as answer:
        Path(root, filename).write_bytes(answer.read())
