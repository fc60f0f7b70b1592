"""Whatever the untrusted text, a message keeps its structure in every format and fits its limits."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.factories import event
from watcher.alerts.digest import compose
from watcher.alerts.render import SYMBOLS, TONES, Format, fitted, render
from watcher.model.event import Change, Event, Kind

CORPUS = [
    "@everyone @here <!channel> <!here|x> <@U123> <@&5> <#C1> @room",
    "[click](https://evil.example) ![img](https://evil.example/x.png) <https://evil.example|registry>",
    "https://evil.example www.evil.example evil.com/x https://registry.comfy.org@evil.example/",
    "**bold** __under__ ~~strike~~ ||spoiler|| *i* _i_ `code` ```\nfence\n``` ``x`y``",
    "# heading\n## two\n---\n===\n> quote\n- list\n1. one\n| a | b |\n|---|---|\n| 1 | 2 |",
    "<script>alert(1)</script><b>x</b></code></p><a href='https://evil.example'>x</a><!-- c --> &lt;b&gt; &#60;",
    "`</code>`` \\` \\\\` ends with \\",
    "::error file=x::boo\n##[error]boo\n\x1b]8;;https://evil.example\x07x\x1b]8;;\x07\x1b[2J",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200b\u200c\u200d\u2060\ufeff \U000e0041",
    "jane.reviewer@example.org",
    ':skull: <t:0:R> </cmd:1> <a:x:1> (met)all(met) <at user_id="all"></at>',
    "[^1]: x\n[ref]: https://evil.example\n[ref]",
    "",
    " ",
    "`",
    "\u200b",
]

_LINK = re.compile(r" https://registry\.comfy\.org[\w./%~-]*(?=:|$)", re.MULTILINE)

_HOSTILE = st.sampled_from(CORPUS) | st.text(
    alphabet=st.sampled_from("`*_~|<>[]()!#-=\\&;:@/. \n\tabe\u202e\u200b\u0301"), max_size=60
)


@st.composite
def _events(draw: st.DrawFn) -> tuple[Event, ...]:
    return tuple(
        Event(
            id=str(number),
            kind=draw(st.sampled_from(list(Kind))),
            node=draw(st.none() | _HOSTILE),
            version=draw(st.none() | _HOSTILE),
            before=draw(st.none() | _HOSTILE),
            after=draw(st.none() | _HOSTILE),
            reason=draw(_HOSTILE),
            changes=tuple(
                Change(field=draw(_HOSTILE), before=draw(_HOSTILE), after=draw(_HOSTILE))
                for _ in range(draw(st.integers(0, 2)))
            ),
            at="2026-01-01T00:00:00Z",
            url=draw(
                st.sampled_from(["", "https://registry.comfy.org/nodes/a%2Fb_c", "https://registry.comfy.org"])
                | _HOSTILE
            ),
        )
        for number in range(draw(st.integers(1, 6)))
    )


def _tokens(markdown: str) -> list[Token]:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    return tokens + [child for token in tokens for child in token.children or []]


def check_markdown(markdown: str) -> None:
    """Check that Markdown contains nothing but our structure and our links."""
    for token in _tokens(markdown):
        assert re.fullmatch(
            "inline|text|code_inline|softbreak|(paragraph|bullet_list|list_item|strong|link)_(open|close)", token.type
        ), token
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith("https://registry.comfy.org")
        if token.type == "text":
            assert not re.search(r"[`<>@*_\\#|~]|evil|reviewer", token.content), token


def _unquoted(quotation: re.Match[str]) -> str:
    """Read a quotation as Markdown, which has nothing in it but text, and take it out."""
    assert {token.type for token in _tokens(f"x {quotation[0]}")} <= {
        "paragraph_open",
        "inline",
        "text",
        "paragraph_close",
    }, quotation[0]
    return "quoted"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str | None] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"p", "ul", "li", "b", "code", "samp", "a"}
        assert set(dict(attrs)) == ({"href"} if tag == "a" else set())
        self.links += [value for _, value in attrs]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"code", "samp", "a"} & set(self.open):
            self.outside.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)


def check_html(html: str) -> None:
    """Check that HTML is balanced and contains nothing but our tags and our links."""
    tags = _Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    assert all(str(link).startswith("https://registry.comfy.org") for link in tags.links)
    assert not re.search("evil|reviewer|[<>@`*_]", "".join(tags.outside))


def check_any(text: str) -> None:
    """Check for what no format may have: a ping, a live address, an escape, a forged line."""
    for bad in ("@", "<!", "<#", "\x1b", "\u202e", "\u200b", "##[", "jane", "```"):
        assert bad not in text
    assert not re.search(r"://(?!registry\.comfy\.org)|www\.|evil\.|\n::", text)


@given(_events(), st.sampled_from(list(Format)), st.integers(100, 4000))
def test_no_structure_can_be_forged(events: tuple[Event, ...], form: Format, limit: int) -> None:
    """Parsed by real parsers, a message has only our structure, whatever the text."""
    message = render(compose(events), form, limit, 200)
    assert len(message.body.encode()) <= limit
    check_any(message.body)
    check_any(message.title)
    match form:
        case Format.HTML | Format.MAIL:
            check_html(message.body)
        case Format.MARKDOWN:
            check_markdown(message.body)
        case Format.CODELESS:
            check_markdown(re.sub(r"“[^”]*”", _unquoted, message.body))
        case Format.TEXT:
            check_markdown(_LINK.sub("", message.body))


@given(_events(), st.sampled_from(list(Format)), st.integers(1, 200), st.integers(0, 60))
def test_limits_hold_down_to_nothing(events: tuple[Event, ...], form: Format, limit: int, title_limit: int) -> None:
    """Even absurd limits are kept, and something is always said in the body."""
    message = render(compose(events), form, limit, title_limit)
    assert 1 <= len(message.body.encode()) <= limit
    assert len(message.title) <= title_limit


def _event(kind: Kind = Kind.BANNED, node: str = "ComfyUI_x_y", **fields: Any) -> Event:
    given = {"version": "1.0.3", "before": "flagged", "reason": "Malware `x` in *run.py*"}
    url = f"https://registry.comfy.org/nodes/{node}"
    return event(f"{node}{kind}", kind, **{"node": node, "url": url} | given | fields)


def test_markdown_reads_well() -> None:
    """A chat message has the node, its link once, and a line per event."""
    message = render(compose((_event(), _event(Kind.NEW, before=None, reason=""))), Format.MARKDOWN, 3000, 100)
    assert message.title == "Comfy Watch: ComfyUI_x_y: 1 banned, 1 new"
    assert message.body.splitlines()[:-2] == [
        "`ComfyUI_x_y` · [registry](https://registry.comfy.org/nodes/ComfyUI_x_y)",
        "",
        "- ⛔ **banned** `1.0.3` (was flagged): `Malware 'x' in *run.py*`",
        "- ✨ **new** `1.0.3`",
    ]
    assert re.fullmatch(r"ref [0-9a-f]{8}", message.body.splitlines()[-1])


def test_html_and_text_read_well() -> None:
    """A mail has the same in HTML; plain text has it without markup, with the whole link."""
    digest = compose((_event(),))
    assert render(digest, Format.HTML, 3000, 100).body.splitlines()[0] == (
        '<p><code>ComfyUI_x_y</code> · <a href="https://registry.comfy.org/nodes/ComfyUI_x_y">'
        "https://registry.comfy.org/nodes/ComfyUI_x_y</a></p>"
        "<ul><li>⛔ <b>banned</b> <code>1.0.3</code> (was flagged): <code>Malware &#x27;x&#x27; in *run.py*</code></li>"
        "</ul>"
    )
    assert render(digest, Format.TEXT, 3000, 100).body.splitlines()[:2] == [
        "`ComfyUI_x_y` https://registry.comfy.org/nodes/ComfyUI_x_y",
        "- ⛔ banned `1.0.3` (was flagged): `Malware 'x' in *run.py*`",
    ]


_WATCHED = tuple(_event(Kind.BASELINE, node=f"n{i}", version=None, reason="2 versions") for i in range(30))


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (Format.MARKDOWN, "- 👀 `n7` · [registry](https://registry.comfy.org/nodes/n7): `2 versions`"),
        (
            Format.HTML,
            '<code>n7</code> · <a href="https://registry.comfy.org/nodes/n7">https://registry.comfy.org/nodes/n7</a>: ',
        ),
        (Format.TEXT, "- 👀 `n7` https://registry.comfy.org/nodes/n7: `2 versions`"),
    ],
)
def test_each_of_many_first_listings_has_its_link(form: Format, line: str) -> None:
    """Where nodes share a group, each line links its own node behind the name, and limits hold all the same."""
    roomy = render(compose(_WATCHED), form, 10_000, 100).body
    assert line in roomy
    tight = render(compose(_WATCHED), form, 1000, 100).body
    assert len(tight.encode()) <= 1000
    assert "now watched" in tight
    assert roomy.count("👀") == 25 > tight.count("👀") > 2


_NODES = "https://registry.comfy.org/nodes/"


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://evil.example/nodes/x", False),
        ("https://registry.comfy.org.evil.example/", False),
        ("javascript:x", False),
        *((_NODES + node, False) for node in ("a)b", ".", "..", "a/..", "../x", quote("中" * 200))),
        *((_NODES + node, True) for node in ("..x", quote("中" * 50))),
    ],
)
def test_only_pages_of_the_registry_are_linked(url: str, *, linked: bool) -> None:
    """They are free of markup, lead to no other page, and may be as long as an id can make them."""
    body = render(compose((_event(url=url),)), Format.TEXT, 3000, 100).body
    assert body.startswith(f"`ComfyUI_x_y` {url}\n" if linked else "`ComfyUI_x_y`\n")


@given(_events(), st.integers(1, 12), st.integers(20, 4000))
def test_so_many_lines_and_no_more(events: tuple[Event, ...], lines: int, limit: int) -> None:
    """Where lines are few the message has no more, has no foreign markup, and says how many it does not show."""
    body = render(compose(events), Format.TEXT, limit, 200, lines).body
    assert len(body.encode()) <= limit
    shown = body.split("\n")
    assert len(shown) <= lines
    check_any(body)
    check_markdown(_LINK.sub("", body))
    if " · ref " in shown[-1]:
        hidden = re.findall(r"(?:\A… and |\A|, )(\d+) ", shown[-1].replace(": ", ":"))
        total = int(hidden[0]) if shown[-1].startswith("…") else sum(map(int, hidden))
        assert total + len(shown) - 1 == len(events)


def test_what_does_not_fit_gets_shorter_before_it_is_counted() -> None:
    """Long reasons give way first; only then lines become a count."""
    events = tuple(_event(node=f"n{i}", reason="long " * 100) for i in range(10))
    roomy = render(compose(events), Format.TEXT, 10_000, 100).body
    tight = render(compose(events), Format.TEXT, 1500, 100).body
    tiny = render(compose(events), Format.TEXT, 500, 100).body
    assert [body.count("⛔") for body in (roomy, tight, tiny)] == [10, 10, 3]
    assert "… and 7 more banned" in tiny


def test_without_room_for_a_line_the_counts_are_left() -> None:
    """The smallest message still says how many of what."""
    events = (_event(), _event(Kind.NEW, node="b"))
    assert render(compose(events), Format.TEXT, 40, 0).body.startswith("1 banned, 1 new\n\nref ")
    assert render(compose(events), Format.TEXT, 14, 0).body == "Comfy Watch"


def test_a_service_that_makes_messages_longer_gets_shorter_ones() -> None:
    """The limit counts what the service's dialect makes of the message."""
    digest = compose(tuple(_event(node=f"n{i}") for i in range(20)))
    message = fitted(digest, Format.MARKDOWN, 1000, 100, lambda message: 2 * len(message.body.encode()))
    assert 300 < len(message.body.encode()) <= 500


def test_every_kind_has_a_symbol_and_a_tone() -> None:
    """No kind is without its symbol, or its tone."""
    assert set(SYMBOLS) == set(TONES) == set(Kind)
