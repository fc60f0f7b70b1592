"""Which nodes the entries of the setting `nodes` choose."""

from __future__ import annotations

from itertools import permutations

import pytest

from watcher.model.selection import split


@pytest.mark.parametrize(
    ("globs", "chosen", "left_out"),
    [
        (["*"], ["a", "ComfyUI-KJNodes", "x.y_z-1"], []),
        (["ComfyUI-*"], ["comfyui-x", "COMFYUI-X"], ["my-comfyui-x", "comfyui"]),
        (["*", "!comfyui-test-*"], ["comfyui-x"], ["ComfyUI-Test-1"]),
        (["*", "!exact"], ["exactly"], ["exact", "EXACT"]),
        (["a?", "[x-z]*"], ["ab", "y", "zebra"], ["a", "abc", "w"]),
        (["a*", "b*", "!*-old", "!ab"], ["a", "b", "aba"], ["a-old", "ab", "c"]),
        (["!a*"], [], ["a", "b"]),
        ([], [], ["a"]),
    ],
)
def test_globs(globs: list[str], chosen: list[str], left_out: list[str]) -> None:
    """A node is chosen if a glob matches its id, in any case, and none with `!` does, in whatever order they stand."""
    for order in permutations(globs):
        selection = split(order)
        assert all(map(selection.matches, chosen))
        assert not any(map(selection.matches, left_out))


def test_names_and_globs_are_apart() -> None:
    """Ids stay as they are written and in order; globs are in lower case, each once."""
    selection = split(["B", "Comfy-*", "a", "!C", "comfy-*"])
    assert (selection.names, selection.globs) == (("B", "a"), ("comfy-*", "!c"))


@pytest.mark.parametrize(
    ("entries", "chooses", "everything"),
    [
        (["*"], True, True),
        (["*", "!a"], True, False),
        (["a*"], True, False),
        (["a", "!b"], False, False),
    ],
)
def test_what_kind_of_selection(
    entries: list[str], chooses: bool, everything: bool
) -> None:
    """Only a glob without `!` chooses nodes, and only `*` without exceptions chooses all."""
    selection = split(entries)
    assert (selection.chooses, selection.is_everything) == (chooses, everything)
