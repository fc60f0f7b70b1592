"""The published page, as what people read it with finds it: Chromium, a strict parser of HTML, and axe-core."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.support.tools import ended, package, tool
from tests.hostile import corpus
from tests.support import chromium, page_picture
from tests.support.chromium import DARK, LIGHT, in_a_frame
from tests.support.factories import CHECKED, NOW, known, version
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.page_shape import Shape
from watcher.model.selection import Selection
from watcher.model.snapshot import Ban, Snapshot, SweepBaseline
from watcher.publish.page import page
from watcher.publish.public import Public, Terms, published
from watcher.state.model import Checks, State

pytestmark = pytest.mark.deployment

_EVERYTHING = Terms(selection=Selection(globs=("*",)), minimum_age=0.0)
_POLICY = re.compile(r"<meta http-equiv=.*\n")
_JUDGE = """<script>{axe}</script><script>
addEventListener("load", async () => {{
  const {{violations, passes}} = await axe.run();
  const found = violations.map(one => [one.id, one.nodes[0].html]);
  document.body.textContent = JSON.stringify({{found, passes: passes.map(one => one.id)}});
}});
</script>"""
_MEASURE = """<script>
addEventListener("load", () => {
  const of = document.querySelector("iframe").contentDocument.documentElement;
  document.body.textContent = `wide: ${of.scrollWidth}`;
});
</script>"""
_PARSE = """
import html5lib, sys
parser = html5lib.HTMLParser()
parser.parse(sys.stdin.read())
for place, error, values in parser.errors:
    print(place, error, values)
"""


def _hostile() -> Public:
    """Make what may be published of packs whose every text is hostile, or has no blank."""
    texts = [*corpus.TEXTS, "x" * 500, "…" * 500]
    nodes = {
        f"pack-{number}{text}".lower(): known(
            version(f"1.0 {text}", "banned", id=f"{number}"),
            version(f"1.1 {text}"),
            node=f"pack-{number}{text}",
            bans={f"{number}": Ban(since=NOW, changed=NOW, reason=text)},
        )
        for number, text in enumerate(texts)
    }
    swept = SweepBaseline(globs=("*",), baseline_at=CHECKED)
    state = State(
        snapshot=Snapshot(nodes=nodes, sweep_baseline=swept),
        checks=Checks(polled_at=NOW),
    )
    return published(state, (), _EVERYTHING, "1.0.0")


_STATES = {
    "watched": page_picture.public(),
    "hostile": _hostile(),
    "no poll": published(State(), (), _EVERYTHING, "1.0.0"),
}
_PAGES = {name: page(public) for name, public in _STATES.items()}


@pytest.fixture(autouse=True)
def _chromium() -> None:
    tool(chromium.PROGRAM)


@pytest.fixture(params=_PAGES)
def text(request: pytest.FixtureRequest) -> str:
    """The page of a state."""
    return _PAGES[request.param]


def test_valid(text: str, tmp_path: Path) -> None:
    """A strict parser of HTML finds no mistake in it."""
    path = tmp_path / "index.html"
    path.write_text(text, "utf-8")
    python = Path(tool("check-jsonschema")).with_name("python")
    with path.open("rb") as stdin:
        done = ended(python, "-c", _PARSE, env={"PYTHONUTF8": "1"}, stdin=stdin)
    assert (done.code, done.out) == (0, "")


@pytest.mark.parametrize(
    ("name", "scheme"), [*((name, LIGHT) for name in _PAGES), ("watched", DARK)]
)
def test_accessible(name: str, scheme: str) -> None:
    """axe-core finds nothing in it that hinders anybody, light and dark."""
    found = _judged(_PAGES[name], scheme)
    assert found["found"] == []
    assert "color-contrast" in found["passes"]


def _judged(text: str, scheme: str) -> dict[str, Any]:
    """Return what axe-core says of a page: what hinders, each with where, and the rules that hold."""
    axe = (package("axe-core") / "axe.min.js").read_text("utf-8")
    copy = _POLICY.sub("", text).replace("</head>", _JUDGE.format(axe=axe) + "</head>")
    found: dict[str, Any] = json.loads(html.unescape(_body(chromium.dom(copy, scheme))))
    return found


def _body(dom: str) -> str:
    _, _, body = dom.rpartition("<body>")
    return body.partition("</body>")[0]


def test_narrow(text: str) -> None:
    """On a telephone nothing of it is wider than the window."""
    shown = in_a_frame(text, 360)
    assert "wide: 360" in _body(chromium.dom(f"{shown}<body>{_MEASURE}"))


def test_texts_stay_texts() -> None:
    """Chromium makes no element, attribute, comment or link of a text, and shows each reason whole or cut."""
    usual = Shape(chromium.dom(_PAGES["watched"]))
    dom = chromium.dom(_PAGES["hostile"])
    found = Shape(dom)
    assert found.elements <= usual.elements
    assert found.others == []
    assert found.foreign_links == set()
    assert dom.count("<article") == _PAGES["hostile"].count("<article")
    assert dom.count("evil") == _PAGES["hostile"].count("evil")


def test_it_requests_nothing(webhook: Webhook) -> None:
    """A browser that opens it asks its host for the page alone, whatever the texts in it are."""
    shown = Answer(
        body=_PAGES["hostile"].encode(), headers={"Content-Type": "text/html"}
    )
    webhook.answer["/"] = shown
    assert "Comfy Watch" in chromium.dom(f"{webhook.url}/")
    assert [one.path for one in webhook.messages()] == ["/"]
