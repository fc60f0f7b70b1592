"""A reason in any of its forms becomes one short line, without addresses and without code."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.text.sanitize import REDACTED_EMAIL, sanitize_line
from watcher.text.status_reason import summarize

_FINDINGS = [
    {
        "issue_type": "exec_call",
        "severity": "critical",
        "scanner": "s",
        "description": "runs code",
        "file_path": "nodes/run.py",
        "line_number": 12,
        "code_snippet": "exec(SECRET_SNIPPET)",
        "admin_tags": [],
    },
    {
        "type": "exec_call",
        "severity": "critical",
        "path": "nodes/other.py",
        "line": 3,
        "code_snippet": "SECRET_SNIPPET",
    },
    {
        "error_type": "network",
        "severity": "critical",
        "file": "net.py",
        "code_snippet": "SECRET_SNIPPET",
    },
    {"issue_type": "style", "severity": "info", "file_path": "a.py", "line_number": 1},
    {"issue_type": "odd", "severity": None},
]


def test_plain_text_is_shown() -> None:
    """A reason that is plain text is shown as it is, on one line."""
    assert summarize("Rejected\nby admin") == "Rejected by admin"
    assert summarize("") == summarize(" \n") == ""


def test_an_object_gives_its_message_without_the_reviewer() -> None:
    """Of an object only the message is said; who wrote it is not."""
    reason = {
        "message": "Obfuscated code, ask jane@example.org",
        "by": "jane@example.org",
        "statusHistory": [{"status": "x", "message": "older", "by": "joe@example.org"}],
        "batchId": "b",
    }
    assert summarize(json.dumps(reason)) == "Obfuscated code, ask (address removed)"


def test_an_object_without_message_gives_the_last_of_its_history() -> None:
    """The last message of the history stands in for an empty one."""
    reason = {
        "message": "",
        "statusHistory": [
            {"message": "first"},
            {"message": "last"},
            {"message": None},
            3,
        ],
    }
    assert summarize(json.dumps(reason)) == "last"


def test_a_message_that_is_itself_findings_is_summarised() -> None:
    """JSON inside the message is not shown as JSON."""
    assert summarize(json.dumps({"message": json.dumps(_FINDINGS[:1])})).startswith(
        "1 finding (1 critical): exec_call, in nodes/run.py:12"
    )


def test_findings_are_counted_and_placed() -> None:
    """Findings, under new and old names, give severities, the worst of each rule and its place, never code."""
    said = summarize(json.dumps(_FINDINGS))
    assert said == (
        "5 findings (3 critical, 1 unrated, 1 info): exec_call, in nodes/run.py:12; network, in net.py; odd"
    )
    assert "SNIPPET" not in said


def test_of_many_findings_some_are_named() -> None:
    """All are counted."""
    many = [
        {"issue_type": f"t{i}", "severity": "critical", "file_path": f"f{i}.py"}
        for i in range(10)
    ]
    assert summarize(json.dumps(many)) == (
        "10 findings (10 critical): t0, in f0.py; t1, in f1.py; t2, in f2.py"
    )


@pytest.mark.parametrize("blanks", [3980, 4990, 65_530, 99_990])
@pytest.mark.parametrize("begun", ["[", "{", '{"message": "'])
def test_no_half_address_is_left(begun: str, blanks: int) -> None:
    """Where a huge text that is no JSON is cut off, what is left is no part of an address."""
    assert "jan" not in summarize(f"{begun}{' ' * blanks}jane@comfy.example says")


def test_the_message_of_a_cut_object_is_read_as_json() -> None:
    """Escapes in a message mean what they mean in a whole object, so that an address behind them is found."""
    assert (
        summarize(
            '{"message": "by\\njane\\uff20comfy.example\\ud83d\\ude00", "by": "ja'
        )
        == f"by {REDACTED_EMAIL}😀"
    )
    assert summarize('{"message": "cut in an escape\\u00') == "cut in an…"


_BY = "jane.reviewer@comfy.example"


@pytest.mark.parametrize(
    "form",
    [
        {"message": f"rejected by {_BY}", "by": _BY, "statusHistory": [{"by": _BY}]},
        {"message": "", "statusHistory": [{"message": f"see {_BY}"}]},
        [_FINDINGS[0], {"type": "t", "code_snippet": "SNIPPET", "admin_tags": [_BY]}],
        [f"a {_BY}", [_BY]],
    ],
)
def test_no_cut_leaves_a_part_of_a_reviewer(form: object) -> None:
    """Wherever a reason in JSON is cut off, no code is said, nothing of a name before the @, nor half a domain."""
    text = json.dumps(form)
    for reason in (text, text.replace("@", "\\u0040")):
        said = [summarize(reason[:end]) for end in range(len(reason))]
        assert not [
            one for one in said if re.search("jan|review|comfy|SNIP|\uff20", one)
        ]


@pytest.mark.parametrize("reason", ["[auto] passed all checks", "{x} is banned"])
def test_what_only_begins_like_json_is_said_whole(reason: str) -> None:
    """Words in brackets are no JSON that was cut off: their last one stays."""
    assert summarize(reason) == reason


def test_of_findings_that_were_cut_off_there_are_at_least_so_many() -> None:
    """A count is never wrong: where the end is missing, what could be read is the least that there is."""
    whole = json.dumps(_FINDINGS)
    assert summarize(whole[:-1]).startswith(
        "at least 5 findings (3 critical, 1 unrated, 1 info): exec_call"
    )
    assert summarize(whole[: whole.index('{"error_type"') + 5]).startswith(
        "at least 2 findings (2 critical): exec_call"
    )


@pytest.mark.parametrize(
    "padding",
    [{"severity": "info"}, {"severity": "info", "at": [0] * 40}],
    ids=["many", "dense"],
)
def test_padding_hides_no_worse_finding(padding: dict[str, object]) -> None:
    """However many findings stand before the worst one, it is counted, and stands first."""
    worst = {"severity": "critical", "code_snippet": '"severity": "fatal"'}
    assert (
        summarize(json.dumps([*[padding] * 20_000, worst]))
        == "at least 20,001 findings (1 critical, 20,000 info)"
    )


def test_of_many_ratings_the_worst_are_named() -> None:
    """The number is that of all."""
    rated = [
        {"severity": name}
        for name in ("info", "low", "odd", "high", "critical", "medium", "low", "info")
    ]
    assert (
        summarize(json.dumps(rated))
        == "8 findings (1 critical, 1 high, 1 medium, 1 odd, 2 low)"
    )


@pytest.mark.parametrize(
    "reason",
    [
        "[" * 200_000,
        '{"message":' * 100_000,
        '[{"severity": NaN, "line_number": -Infinity, "issue_type": {"a": []}, "file_path": 7}]',
        '["\ud800"]',
        '[{"severity": ["critical"]}]' * 3,
        '{"message": "' + "\\" * 100_000,
        "[" + ", " * 500_000,
        json.dumps([{"code_snippet": "x" * 2_000_000, "severity": "critical"}]),
    ],
)
def test_anything_is_survived(reason: str) -> None:
    """Deep nesting, NaN, wrong types and megabytes give some short line."""
    assert len(summarize(reason)) <= 300


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "message",
                    "statusHistory",
                    "severity",
                    "type",
                    "line",
                    "path",
                    "issue_type",
                    "by",
                ]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_gives_plain_text(value: object) -> None:
    """Whatever JSON comes, the line is plain and within its limit."""
    said = summarize(json.dumps(value))
    assert said == sanitize_line(said, 300)


@given(st.text(max_size=300))
def test_any_text_gives_plain_text(text: str) -> None:
    """Whatever text comes, the line is plain."""
    assert summarize(text) == sanitize_line(summarize(text), 300)
