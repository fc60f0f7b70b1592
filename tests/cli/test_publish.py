"""`publish` and `publish_dir` by the real program: what is written where, what is left alone, and what fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.harness import Watcher
from watcher.publish.folder import MARK

FOREIGN = b"<!doctype html><title>a blog</title>"


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Where the files go; no folder yet."""
    return tmp_path / "www" / "public"


def test_a_page_of_somebody_else(watch: Watcher, public: Path) -> None:
    """A folder with another page, with a link for one, or that is none is refused, and stays as it is."""
    public.mkdir(parents=True)
    page = public / "index.html"
    page.write_bytes(FOREIGN)
    ours = public.parent / "ours.html"
    ours.write_bytes(MARK)
    for again in (False, True):
        refused = watch.run("publish", str(public))
        assert (refused.code, list(public.iterdir())) == (2, [page])
        assert "has an index.html that comfy-watch did not write" in refused.err
        if not again:
            assert page.read_bytes() == FOREIGN
            page.unlink()
            page.symlink_to(ours)
    refused = watch.run("publish", str(page))
    assert (refused.code, ours.read_bytes()) == (2, MARK)
    assert "is not a folder" in refused.err
