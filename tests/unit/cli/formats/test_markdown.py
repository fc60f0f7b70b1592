"""`audit --format markdown`, as a function of what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from tests.support.factories import accepted
from tests.unit.cli.commands.test_audit_report import finding
from watcher.cli.formats.markdown import markdown
from watcher.model.failure import ReadFailure
from watcher.model.finding import Finding
from watcher.model.pack import Verdict
from watcher.polling.audit import Audit

COMMENT = 65_536
"""Characters that a comment on GitHub may have."""


def text_of(*findings: Finding, **fields: Any) -> str:
    """Return the text about these findings."""
    given = {"inventories": (), "problems": (), **fields}
    return markdown(Audit(findings=findings, **given), Path("/repo"))


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of all tables as GitHub shows them, without the markup."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows and token.level:
            parts = token.children or ()
            rows[-1].append("".join(part.content for part in parts))
    return rows


def test_the_worst_first_and_the_rest_counted() -> None:
    """What is ok is only counted, in the heading, which says all in one line."""
    text = text_of(
        finding("evil", Verdict.BANNED, reason="Adware", safe="0.9.0"),
        finding("old", Verdict.OUTDATED),
        finding("fine", Verdict.OK),
    )
    assert text.splitlines()[0] == (
        "### Comfy Watch: 3 packs: 1 banned, 1 outdated, 1 ok"
    )
    assert rows_of(text) == [
        ["pack", "version", "verdict", "what to do", "why"],
        [
            *("evil", "1.0.0", "banned"),
            "stop ComfyUI, remove it, read why",
            "Adware; not banned: 0.9.0",
        ],
        [
            *("old", "1.0.0", "outdated"),
            "the newest good version is 1.1.0",
            "-",
        ],
    ]


def test_nothing_wrong_is_one_line() -> None:
    """Without a pack that is not ok there is no table."""
    assert text_of(finding("fine", Verdict.OK)) == "### Comfy Watch: 1 pack: 1 ok"
    assert text_of() == "### Comfy Watch: no pack was found"


def test_where_a_pack_is() -> None:
    """A reference has its file and line, relative to the working folder; of several installs each is named."""
    one = finding("evil", Verdict.BANNED)
    named = replace(
        one, pack=replace(one.pack, file="/repo/a/Dockerfile.gpu", line=12), named=True
    )
    assert rows_of(text_of(named))[1][0] == "a/Dockerfile.gpu:12"
    two = replace(one, install="there")
    assert [row[0] for row in rows_of(text_of(one, two))] == ["where", "here", "there"]
    assert rows_of(text_of(two))[0][0] == "pack"


def test_what_could_not_be_checked() -> None:
    """It has a table of its own."""
    problems = (
        ReadFailure(install="far", error="/far does not exist"),
        ReadFailure(node="pack", error="it timed out"),
        ReadFailure(error="no answer"),
    )
    assert rows_of(text_of(problems=problems)) == [
        ["could not be checked", "why"],
        ["far", "/far does not exist"],
        ["pack", "it timed out"],
        ["the registry", "no answer"],
    ]


def test_it_fits_a_comment() -> None:
    """However many packs and problems there are, and however long their texts, it fits and counts the others."""
    reason = "\U0001f4a3" * 400
    findings = [finding("evil", Verdict.BANNED, reason=reason)] * 3_000
    problems = tuple(ReadFailure(node="x" * 100, error=reason) for _ in range(3_000))
    text = text_of(*findings, problems=problems)
    assert len(text) < COMMENT
    assert len(text.encode()) < COMMENT
    shown = sum(row[0] == "evil" for row in rows_of(text))
    assert f"And {3_000 - shown:,} more." in text
    assert text.count("And ") == 2


def test_the_name_of_an_install() -> None:
    """It may have markup, and stands in code."""
    one = replace(finding("evil", Verdict.BANNED), install="a|b `c` [d](e)")
    two = finding("old", Verdict.OUTDATED)
    text = text_of(one, two)
    assert rows_of(text)[1][0] == "a\uff5cb 'c' [d](e)"


def test_what_is_accepted_is_marked() -> None:
    """The reason, which may have markup, stands in code beside the verdict."""
    mark = accepted("banned", "evil", "see **us** | [x](y)")
    text = text_of(replace(finding("evil", Verdict.BANNED), acceptance=mark))
    assert rows_of(text)[1][2] == "banned (accepted: see **us** \uff5c [x](y))"
