"""The findings of a reason as values: all of them, or it is said that they are not all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.work import TOO_FAST, growth
from watcher.model.scan import Scan, ScanFinding
from watcher.text.status_reason import read_reason

INFO: dict[str, Any] = {
    "issue_type": "runs_ffmpeg",
    "severity": "info",
    "scanner": "yara_scan",
    "description": "d",
    "file_path": "nodes/video.py",
    "line_number": 7,
    "code_snippet": "subprocess.run(SECRET_SNIPPET)",
    "admin_tags": [],
    "recommendation": None,
}
CRITICAL = INFO | {"issue_type": "steals", "severity": "critical"}


def read(reason: object) -> Scan | None:
    """Return the findings of a reason, which is JSON unless it is text."""
    text = reason if isinstance(reason, str) else json.dumps(reason)
    return read_reason(text).scan


def only(finding: dict[str, Any]) -> ScanFinding:
    """Return the value of a finding that stands alone."""
    scan = read([finding])
    assert scan is not None
    [one] = scan.items
    return one


def is_sure(scan: Scan | None) -> bool:
    """Return whether a scan would be harmless if an earlier version had the same."""
    if scan is None:
        return False
    known = Scan(
        items=scan.items, count=scan.count, is_whole=scan.is_whole, is_known=True
    )
    return known.is_harmless


def test_a_finding_is_a_value() -> None:
    """It has its rule, severity, file and line, and nothing else of it."""
    expected = ScanFinding(
        rule="runs_ffmpeg", severity="info", file="nodes/video.py", line=7
    )
    assert only(INFO) == expected
    assert read([INFO]) == Scan(items=(expected,), count=1, is_whole=True)
    older = {"type": "runs_ffmpeg", "severity": "info", "path": "nodes/video.py"}
    assert only(older | {"line": 7}) == expected


@pytest.mark.parametrize(
    ("severity", "kept"),
    [
        ("INFO", "info"),
        (" info ", "info"),
        ("Critical", "critical"),
        (None, ""),
        ("", ""),
        (1, "1"),
        (True, ""),
        (["info"], ""),
        ("informational", "informational"),
    ],
)
def test_a_severity_is_info_only_if_it_says_so(severity: object, kept: str) -> None:
    """Capitals and blanks do not count; any other text, and what is no text, is not info."""
    found = INFO | {"severity": severity}
    assert only(found).severity == kept
    assert is_sure(read([found])) is (kept == "info")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (42, 42),
        ("17", 17),
        (-1, None),
        ("4-7", None),
        ("٤٢", None),
        (True, None),
        (10**9, None),
        ("0" * 20 + "9" * 5000, None),
    ],
)
def test_a_line_is_a_number(line: object, kept: int | None) -> None:
    """What is no number of a line is left out."""
    assert only(INFO | {"line_number": line}).line == kept


@pytest.mark.parametrize("name", ["issue_type", "file_path"])
@pytest.mark.parametrize("value", [None, "", " ", [], {}])
def test_what_does_not_say_what_and_where_is_not_harmless(
    name: str, value: object
) -> None:
    """Without a rule or a file nothing can be known from an earlier version."""
    assert not is_sure(read([INFO | {name: value}]))
    assert not is_sure(read([INFO, INFO | {name: value}]))


@pytest.mark.parametrize("name", ["issue_type", "file_path"])
@pytest.mark.parametrize("other", ["a.py ", " a.py", "a.py\u3000", "A.py", "./a.py"])
def test_what_is_written_otherwise_is_another(name: str, other: str) -> None:
    """A file may be called almost as another one, which is no reason to take it for that."""
    one, another = (only(INFO | {name: text}) for text in ("a.py", other))
    assert one != another


def test_a_rule_and_file_stand_once_with_the_worst() -> None:
    """Each call has a finding of its own; all are counted, and the worst of a file stands for them."""
    findings = [INFO | {"line_number": line} for line in (1, 2, 3)]
    scan = read([*findings, INFO | {"severity": "critical", "line_number": 9}])
    assert scan is not None
    assert scan.count == 4
    assert scan.items == (
        ScanFinding(
            rule="runs_ffmpeg", severity="critical", file="nodes/video.py", line=9
        ),
    )


def test_the_worst_come_first() -> None:
    """A severity that is unknown stands before those that are harmless."""
    words = ("info", "low", None, "odd", "critical")
    found = [INFO | {"severity": word, "file_path": f"{word}.py"} for word in words]
    scan = read(found)
    assert scan is not None
    assert [one.severity for one in scan.items] == [
        "critical",
        "odd",
        "low",
        "",
        "info",
    ]


@pytest.mark.parametrize(
    "reason",
    ["", "Passed automated checks", "[]", "{}", "[1, 2]", '["info"]', "[[]]"],
)
def test_without_findings_there_is_no_scan(reason: str) -> None:
    """Nothing is made up: a reason without findings has none."""
    assert read(reason) is None


_WHOLE = json.dumps([INFO, INFO | {"issue_type": "b"}])
_NOT_WHOLE: dict[str, object] = {
    "cut off": _WHOLE[:-1],
    "something that is no finding": [INFO, "and more"],
    "too many": [INFO] * 20_001,
    "too many files": [INFO | {"file_path": f"{n}.py"} for n in range(501)],
    "too dense": [INFO, {"at": [0] * 300_000}],
    "too large": json.dumps([INFO, {"code_snippet": "x" * 8_000_000}]),
    "a person's words": {
        "message": "It sends tokens",
        "statusHistory": [{"message": _WHOLE}],
    },
    "words around findings": {
        "message": _WHOLE,
        "statusHistory": [{"message": f"policy: {_WHOLE}"}],
    },
    "findings elsewhere in it": {"message": _WHOLE, "findings": [CRITICAL]},
    "a message that is no text": {
        "message": [CRITICAL],
        "statusHistory": [{"message": _WHOLE}],
    },
    "a cut-off history": {
        "message": _WHOLE,
        "statusHistory": [{"message": _WHOLE[:-1]}],
    },
    "deep findings": {
        "message": _WHOLE,
        "statusHistory": [
            {"message": json.dumps({"message": json.dumps({"message": '{"a": 1}'})})}
        ],
    },
    "a long history": {
        "message": _WHOLE,
        "statusHistory": [{"message": _WHOLE}] * 51,
    },
}


@pytest.mark.parametrize("why", _NOT_WHOLE)
def test_what_was_not_read_in_full_is_not_whole(why: str) -> None:
    """Whatever is cut off, too much, or no finding makes a scan uncertain."""
    scan = read(_NOT_WHOLE[why])
    assert scan is not None
    assert not scan.is_whole


@pytest.mark.parametrize("size", [0, 1, 3])
def test_an_object_has_the_findings_of_its_messages(size: int) -> None:
    """Findings are found in the message and in every one of the history; what two have is one finding."""
    history = [{"status": "x", "message": _WHOLE}, {"message": None}, None] * size
    scan = read(
        {"message": _WHOLE, "by": "jane@comfy.example", "statusHistory": history}
    )
    assert scan is not None
    assert (scan.count, scan.is_whole, is_sure(scan)) == (2, True, True)


_DEEP = {"message": _WHOLE, "statusHistory": [{"message": json.dumps([CRITICAL])}]}


@pytest.mark.parametrize(
    "history",
    [
        json.dumps([CRITICAL]),
        [json.dumps([CRITICAL])],
        {"message": json.dumps([CRITICAL])},
        [{"message": json.dumps(_DEEP)}],
    ],
)
def test_findings_of_a_history_in_any_form_count(history: object) -> None:
    """However a history is written, and however deep, a critical finding in it comes first."""
    scan = read({"message": _WHOLE, "statusHistory": history})
    assert scan is not None
    assert (scan.items[0].severity, scan.count) == ("critical", 3)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 201,
        "jane@comfy.example",
        "x/jane%40comfy.example/y.py",
        "a\u202eb",
        "a\nb",
        "\ud800",
        "é@x.xx " * 700,
    ],
)
@pytest.mark.parametrize("name", ["issue_type", "file_path", "severity"])
def test_a_long_or_odd_text_is_kept_apart(name: str, text: str) -> None:
    """It is bounded, without addresses and surrogates, and another text of the same beginning stays another."""
    one, other = (only(INFO | {name: value}) for value in (text, text + "x"))
    assert one != other
    for kept in (one.rule, one.file, one.severity):
        assert len(kept) <= 250
        assert "jane" not in kept
        assert kept.isprintable()


def test_ordinary_paths_are_kept_as_they_came() -> None:
    """Files are named as they stand in the archive."""
    for path in (
        "./a/b.toml",
        "node_modules/@scope/x.min.js",
        "C:\\x.py",
        "données/é.py",
    ):
        assert only(INFO | {"file_path": path}).file == path


@pytest.mark.parametrize("text", ["a@b.cc", "é@x.xx " * 30, "\u202e" * 200, "@" * 200])
@pytest.mark.parametrize("is_history", [False, True])
def test_no_reason_takes_long(text: str, is_history: bool) -> None:
    """However odd its texts are, the time to read it grows no faster than the reason."""

    def read_many(size: int) -> None:
        names = [f"{text}{number}" for number in range(size)]
        many = [
            {"issue_type": one, "file_path": one, "severity": text} for one in names
        ]
        history = {"statusHistory": [{"message": json.dumps([one])} for one in many]}
        read(history if is_history else many)

    assert growth(read_many, 10) < TOO_FAST


_TEXTS = st.sampled_from(
    ["info", "INFO", " info", "critical", "", "a", "b.py", "\u202e"]
)
_VALUES = _TEXTS | st.none() | st.integers(-1, 3) | st.lists(_TEXTS, max_size=1)
_ITEMS = st.fixed_dictionaries(
    {"severity": st.just("info") | _VALUES},
    optional=dict.fromkeys(
        ("issue_type", "type", "file_path", "path", "line", "line_number"), _VALUES
    ),
)
_LISTS = st.lists(_ITEMS | st.none() | _TEXTS, max_size=4)
_MESSAGES = (
    _TEXTS
    | _LISTS.map(json.dumps)
    | _LISTS.map(lambda one: json.dumps({"message": json.dumps(one)}))
    | _LISTS
    | st.none()
)
_OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "message": _MESSAGES,
        "statusHistory": st.lists(
            st.fixed_dictionaries({"message": _MESSAGES}) | st.none(), max_size=3
        ),
    },
)


def _findings(value: object) -> list[dict[str, Any]]:
    """Return every object that has a severity, wherever it stands, also in a text of JSON."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return []
        return [] if isinstance(inner, str) else _findings(inner)
    if isinstance(value, list):
        return [one for item in value for one in _findings(item)]
    if isinstance(value, dict):
        own = [value] if "severity" in value else []
        return own + [one for item in value.values() for one in _findings(item)]
    return []


@given(_LISTS | _OBJECTS, st.data())
def test_nothing_is_harmless_by_mistake(value: object, data: st.DataObject) -> None:
    """A scan is sure only if every finding in any text of the reason says that it is informational."""
    text = json.dumps(value)
    cut = data.draw(
        st.sampled_from([len(text), *range(max(0, len(text) - 3), len(text))])
    )
    scan = read_reason(text[:cut]).scan
    if scan is None:
        return
    every = _findings(value)
    assert scan.count <= len(every)
    if scan.is_whole:
        places = {(one.rule, one.file) for one in scan.items}
        assert cut == len(text)
        assert every
        for one in every:
            rule = _first(one, "issue_type", "type", "error_type")
            file = _first(one, "file_path", "path", "file")
            if rule.isprintable() and file.isprintable():
                assert (rule, file) in places
    if is_sure(scan):
        assert {str(one["severity"]).strip().lower() for one in every} == {"info"}


def _first(one: dict[str, Any], *names: str) -> str:
    texts = (one.get(name) for name in names)
    kept = (
        str(text).strip()
        for text in texts
        if isinstance(text, str | int) and not isinstance(text, bool)
    )
    return next(filter(None, kept), "")
