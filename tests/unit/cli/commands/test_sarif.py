"""`audit --format sarif`, as a function of what was found. tests/deploy has it judged by SARIF's own validator."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.factories import accepted, version
from tests.unit.cli.commands.test_audit_report import finding
from watcher.cli.commands.sarif import sarif
from watcher.cli.loading import Took
from watcher.model.event import VERDICTS, Grade
from watcher.model.finding import Finding
from watcher.model.pack import Inventory, Pack, PackKind
from watcher.model.reading import Fault, ReadFailure
from watcher.polling.audit import Audit

TOOK = Took(started="2026-01-31T12:00:00.000Z", finished="2026-01-31T12:00:01.000Z")
FOLDER = Path("/repo")


def run_of(
    *findings: Finding, problems: tuple[ReadFailure, ...] = ()
) -> dict[str, Any]:
    """Return the only run of the document, as its reader has it."""
    done = Audit(
        inventories=(Inventory(install="here"),),
        findings=findings,
        problems=problems,
    )
    document: dict[str, Any] = json.loads(json.dumps(sarif(done, TOOK, FOLDER)))
    [run] = document["runs"]
    assert isinstance(run, dict)
    return run


def shown_in(own_file: str, **fields: Any) -> Finding:
    """Make a finding about a pack that has this file."""
    one = finding("evil", Grade.BANNED)
    return replace(one, pack=replace(one.pack, own_file=own_file, **fields))


def place(one: Finding) -> tuple[str, int]:
    """Return the file and the line of the only result."""
    [result] = run_of(one)["results"]
    [location] = result["locations"]
    physical = location["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def fingerprints(*findings: Finding) -> list[str]:
    """Return by what GitHub knows each result again."""
    return [
        result["partialFingerprints"]["primaryLocationLineHash"]
        for result in run_of(*findings)["results"]
    ]


def test_each_verdict_has_its_rule() -> None:
    """Each pack that is not ok is a result of the rule of its verdict; a flag that is info is a note."""
    run = run_of(
        *(finding(one, one) for one in VERDICTS if one is not Grade.FLAGGED_INFO)
    )
    [calm] = run_of(finding("odd", Grade.FLAGGED_INFO))["results"]
    assert (calm["ruleId"], calm["level"]) == ("comfy-watch/flagged", "note")
    rules = run["tool"]["driver"]["rules"]
    levels = {result["ruleId"]: result["level"] for result in run["results"]}
    assert levels == {
        "comfy-watch/banned": "error",
        "comfy-watch/flagged": "warning",
        "comfy-watch/deleted": "warning",
        "comfy-watch/delisted": "warning",
        "comfy-watch/pending": "note",
        "comfy-watch/deprecated": "warning",
        "comfy-watch/unknown": "warning",
        "comfy-watch/outdated": "note",
    }
    assert {
        rule["id"]: rule["defaultConfiguration"]["level"] for rule in rules
    } == levels
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_a_message_says_what_and_what_to_do_first() -> None:
    """GitHub may show only the first sentence. What SARIF would read as a link or a placeholder is only text."""
    reason = "see [1](https://evil.example) and {0} `x` \\[y]"
    one = finding("evil", Grade.BANNED, reason=reason, safe="0.9.0")
    [result] = run_of(one)["results"]
    text = result["message"]["text"]
    assert text.startswith(
        "evil 1.0.0 is banned: stop ComfyUI, remove it, read why. Why: not banned: 0.9.0; reason: "
    )
    assert not set(text) & set("[]{}\\`")
    assert "://" not in text


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("/repo/./b/../a/x.py", "a/x.py"),
        ("/repo/odd #1%/x y.py", "odd%20%231%25/x%20y.py"),
        ("/repo/a:b/ä.py", "a%3Ab/%C3%A4.py"),
        ("/repo/bytes\udcff.py", "bytes%FF.py"),
        ("/repo-2/x.py", "file:///repo-2/x.py"),
        ("/x y/z.py", "file:///x%20y/z.py"),
    ],
)
def test_where_a_copy_is_shown(file: str, uri: str) -> None:
    """On line 1 of its file, relative to the working folder if that has it, percent-encoded."""
    assert place(shown_in(file)) == (uri, 1)


def test_where_a_reference_is_shown() -> None:
    """Where it stands in the file that has it; on line 1 if that is not known."""
    one = shown_in("", file="/repo/docker/Dockerfile", line=12)
    assert place(one) == ("docker/Dockerfile", 12)
    unknown = replace(one, pack=replace(one.pack, line=None))
    assert place(unknown) == ("docker/Dockerfile", 1)


def test_an_alert_stays_one_alert() -> None:
    """Neither another reason or line, nor what else is found, makes another of it."""
    one = shown_in("", file="/repo/Dockerfile", line=3)
    moved = replace(one, pack=replace(one.pack, line=30), detail="Adware")
    [first] = fingerprints(one)
    assert fingerprints(finding("other", Grade.BANNED), moved)[1] == first


def test_another_alert_is_another() -> None:
    """Another pack in one line, another version, place or verdict, and a second copy, are alerts of their own."""
    one = shown_in("", file="/repo/Dockerfile", line=3)
    others = [
        replace(one, id="other"),
        replace(one, pack=replace(one.pack, version="2.0.0")),
        replace(one, pack=replace(one.pack, file="/repo/b/Dockerfile")),
        replace(one, grade=Grade.FLAGGED),
        one,
    ]
    assert len(set(fingerprints(one, *others))) == 6


def test_a_clone_is_told_by_the_version_that_was_judged() -> None:
    """A clone has no version of its own: another one in its file is another alert."""
    pack = Pack(folder="clone", kind=PackKind.GIT, id="clone", own_file="/repo/c/x")
    one = Finding(
        install="here",
        pack=pack,
        grade=Grade.FLAGGED,
        id="clone",
        row=version("1.0.0", "flagged"),
    )
    two = replace(one, row=version("1.1.0", "flagged"))
    assert fingerprints(one) != fingerprints(two)


@pytest.mark.parametrize(
    ("reason", "justification"),
    [("our fork", "our fork"), ("", "accepted until 2026-11-30")],
)
def test_what_is_accepted_is_suppressed(reason: str, justification: str) -> None:
    """It stays a result, as the standard has it."""
    now = accepted(reason, "2026-11-30")
    one = replace(finding("evil", Grade.BANNED), acceptance=now)
    [result] = run_of(one)["results"]
    assert result["suppressions"] == [
        {"kind": "external", "justification": justification}
    ]
    assert "evil 1.0.0 is banned (accepted until " in result["message"]["text"]


def test_what_could_not_be_read_is_said() -> None:
    """It is a notification, and the run was not successful; what the registry never says is a warning."""
    unread = ReadFailure(install="far", error="/far does not exist")
    run = run_of(problems=(unread,))
    [invocation] = run["invocations"]
    assert run["results"] == []
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"] == [
        {"level": "error", "message": {"text": "far: /far does not exist"}}
    ]
    limit = ReadFailure(error="bans were not looked at", fault=Fault.NOT_FOUND)
    [invocation] = run_of(problems=(limit,))["invocations"]
    assert invocation["executionSuccessful"] is True
    assert [one["level"] for one in invocation["toolExecutionNotifications"]] == [
        "warning"
    ]
