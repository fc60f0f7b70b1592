"""When Python collects garbage while a command polls."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Collect garbage again, which `main` stopped, but rarely and without what the imports built.

    For a quiet poll of 1,000 nodes Python's own thresholds take 0.77 s of CPU instead of 0.70, and not freezing 0.73.
    """
    gc.freeze()
    gc.set_threshold(50_000, 1, 1)
    gc.enable()
