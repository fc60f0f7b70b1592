"""What was probably meant by a name that is not known."""

from __future__ import annotations

from watcher.text.mask import nearest


def test_a_name_that_is_near() -> None:
    """Names are compared letter by letter, whatever their case."""
    assert nearest("Slak", ["slack", "mail"]) == "slack"
    assert nearest("slak", ["Slack", "mail"]) == "Slack"
    assert nearest("pager", ["slack", "mail"]) == ""
    assert nearest("slak", []) == ""
