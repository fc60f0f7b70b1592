"""Text from the registry in the summary, the annotations and the outputs: it stays text."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.deploy.github_actions.conftest import World
from tests.hostile import corpus
from tests.support import program

pytestmark = pytest.mark.deployment

_SCRIPTS = program.ROOT / "deploy" / "github-actions"
_MODULES = ("poll_document", "event_table")
_OURS = {"inline", "text", "code_inline", "softbreak"}
_OURS |= {
    f"{name}_{end}"
    for name in ("heading", "paragraph", "strong", "link")
    for end in ("open", "close")
}
_OURS |= {
    f"{name}_{end}"
    for name in ("table", "thead", "tbody", "tr", "th", "td")
    for end in ("open", "close")
}
_HOSTILE = (
    *corpus.MENTIONS,
    *corpus.MARKDOWN,
    *corpus.HTML,
    "evil\n::error::evil\n##[error]evil",
    "::set-output name=evil::evil",
    "::stop-commands::evil",
    "evil%0A::error::evil%0D%0Aevil",
    "evil | evil \\| evil \\\\| `evil | evil` \\",
    "| evil | evil |\n|---|---|\n| evil | evil |",
    "x\n\nevil | y\n--- | ---\n",
    "a,title=evil::evil",
)


@pytest.fixture(scope="module")
def summary() -> Iterator[Callable[[object], str]]:
    """What writes the summary of a document."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(_SCRIPTS))
        poll_document, event_table = map(importlib.import_module, _MODULES)
        yield lambda document: event_table.summary(poll_document.decoded(document))
        for name in _MODULES:
            sys.modules.pop(name)


def _document(*texts: str) -> dict[str, Any]:
    """Return a document of `check --json` in which every text that can be untrusted is one of these."""
    events = [
        {
            "kind": "flagged",
            "severity": "warning",
            "node": text,
            "version": text,
            "reason": text,
            "changes": [],
            "installed": [{"install": text, "version": text, "enabled": True}],
            "url": f"https://registry.comfy.org/nodes/{text}",
        }
        for text in texts
    ]
    return {
        "nodes": {"watched": 1, "checked": 0, "failed": 1},
        "events": events,
        "errors": [
            {sort: text, "error": text}
            for text in texts
            for sort in ("node", "install")
        ],
        "alerts": {"delivered": 0, "unconfirmed": 0, "pending": 0, "expired": 0},
    }


def test_a_table_of_hostile_text(summary: Callable[[object], str]) -> None:
    """Read as GitHub reads Markdown, the summary has our table and nothing else: each text is one cell of code."""
    markdown = summary(_document(*_HOSTILE))
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    tokens += [child for token in tokens for child in token.children or ()]
    assert {token.type for token in tokens} <= _OURS
    assert [token.attrs["href"] for token in tokens if token.type == "link_open"] == []
    assert [
        token.content
        for token in tokens
        if token.type == "text" and "evil" in token.content
    ] == []
    assert sum(token.type == "td_open" for token in tokens) == 10 * len(_HOSTILE)
    assert not [
        line
        for line in markdown.splitlines()
        if line.lstrip().startswith("::") or "##[" in line
    ]


def test_a_link_is_the_registrys(summary: Callable[[object], str]) -> None:
    """A link leads to a page of the registry or is not there."""
    document = _document("alpha", "../evil", "a)b", "a b", "")
    assert re.findall(r"\[registry\]\((.*)\)", summary(document)) == [
        "https://registry.comfy.org/nodes/alpha"
    ]


def test_hostile_text_in_a_run(world: World) -> None:
    """What anybody may write reaches log, annotations, summary and outputs as text, from the registry on."""
    world.use()
    texts = [text for text in _HOSTILE if "\0" not in text]
    for number, text in enumerate(texts):
        world.registry.catalog.publish("alpha", f"3.{number}.0")
        world.registry.catalog.set_status("alpha", f"3.{number}.0", "flagged", text)
    done = world.use()
    assert done.code == 0
    assert json.loads(done.outputs["counts"]) == {"flagged": len(texts)}
    assert len(done.annotations) == 9
    assert [
        one.title
        for one in done.annotations[:-1]
        if not one.title.startswith("flagged: alpha 3.")
    ] == []
    assert done.annotations[-1].text == f"{len(texts) - 8} more; the summary lists them"
    for one in done.annotations:
        assert "\n" not in one.text
        assert "@" not in one.text


def test_more_than_an_output_may_hold(world: World) -> None:
    """`events` has the worst events, as many as a variable of a later step can hold; the document has all."""
    world.use()
    for number in range(300):
        world.registry.catalog.publish(
            "alpha", f"3.{number}.0", changelog="long " * 200
        )
        world.registry.catalog.set_status(
            "alpha", f"3.{number}.0", "flagged", "long " * 200
        )
    world.registry.catalog.set_status("alpha", "1.0.0", "banned")
    done = world.use()
    events = json.loads(done.outputs["events"])
    assert len(done.outputs["events"]) <= 100_000
    assert events[0]["kind"] == "banned"
    assert len(events) + int(done.outputs["events-omitted"]) == 301
    assert int(done.outputs["events-omitted"]) > 0
    assert "And 101 more." in done.summary
    assert len(done.summary.encode()) < 1_000_000
