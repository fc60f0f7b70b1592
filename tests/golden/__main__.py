"""`python -m tests.golden` rewrites the golden files."""

from __future__ import annotations

from tests.golden.renderers import RENDERERS, path_of, text_of

for name in RENDERERS:
    path_of(name).write_text(text_of(name), "utf-8", newline="\n")
