"""What was probably meant by a name that is not known."""

from __future__ import annotations

import pytest

from watcher.text.near import meant, nearest, nearest_id, searches

KNOWN = ("rgthree-comfy", "ComfyUI-KJNodes", "comfyui-impact-pack", "was-ns")


@pytest.mark.parametrize(
    ("node", "found"),
    [
        ("KJNodes", "ComfyUI-KJNodes"),
        ("comfyui_kjnodez", "ComfyUI-KJNodes"),
        ("comfyui-rgthree", "rgthree-comfy"),
        ("rgthree-confy", "rgthree-comfy"),
        ("impact-pack", "comfyui-impact-pack"),
        ("RGTHREE-COMFY", ""),
        ("comfyui", ""),
        ("something-else", ""),
    ],
)
def test_an_id_that_is_near(node: str, found: str) -> None:
    """Case, separators and the words that most ids have do not count; an id is never near itself."""
    assert nearest_id(node, KNOWN) == found


def test_a_name_that_is_near() -> None:
    """Any other name is compared letter by letter."""
    assert nearest("slak", ["slack", "mail"]) == "slack"
    assert nearest("slak", []) == ""


def test_what_to_search_for() -> None:
    """The registry is asked for the id, and for the word that tells it from others."""
    assert list(searches("ComfyUI-KJNodez-fork")) == ["ComfyUI-KJNodez-fork", "kjnodez"]
    assert list(searches("kjnodez")) == ["kjnodez"]
    assert list(searches("comfyui")) == ["comfyui"]


def test_a_question_is_safe_to_print() -> None:
    """Each near id is said once, and cannot become a link."""
    assert meant(["evil.exampl", "evil.examplee"], ["evil.example"]) == (
        "did you mean evil[.]example?"
    )
    assert meant(["x"], KNOWN) == ""
