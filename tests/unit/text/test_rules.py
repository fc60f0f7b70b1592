"""The scanner's rules in plain words."""

from __future__ import annotations

import re

import pytest

from watcher.text.status_reason import RULES, in_words

ACCUSES = re.compile(r"attack|malicious|injection|exfiltrat|steal|risk|danger|suspic")


@pytest.mark.parametrize(("rule", "words"), RULES.items())
def test_words_are_a_phrase(rule: str, words: str) -> None:
    """Each rule has a short verb phrase that goes on from "this version", needs no quoting and accuses nobody."""
    assert rule == rule.lower()
    assert re.fullmatch(r"[a-z]+s [A-Za-z -]{4,40}", words), words
    assert not ACCUSES.search(words)


def test_no_two_rules_read_alike() -> None:
    """A reader can tell the rules apart by their words."""
    assert len(set(RULES.values())) == len(RULES)


def test_known_and_unknown_rules() -> None:
    """A rule is known in any case and with the scanner's own `info_`; an unknown one stays as it is written."""
    assert in_words("python_command_injection_risk") == "starts other programs"
    assert in_words("INFO_python_network_operations") == "uses the network"
    assert in_words("Odd_Rule ") == "Odd_Rule "
