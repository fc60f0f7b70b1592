"""A running ComfyUI's packs, asked of its Manager over HTTP: both APIs, and what is said where there is no list."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.support.comfyui import COMMIT, refused, scanned
from tests.support.fakes.manager import LISTS, FakeManager, installed
from tests.support.fakes.webhook import Answer
from watcher.installs import manager
from watcher.installs.recognise import texts
from watcher.model.pack import Pack, PackKind, SourceKind

PACKS = {
    "my-pack": installed("my-pack", "1.2.0"),
    "ComfyUI-Foo": installed("foo", COMMIT, repository="ann/ComfyUI-Foo"),
    "my-pack@1_1_0": installed("my-pack", "1.1.0", enabled=False),
    "odd": installed("", "unknown"),
    "clone": installed("", COMMIT, repository="bob/clone"),
    "night": installed("night", "nightly"),
}
SAID = "the Manager's list"


@pytest.fixture
def comfyui() -> Iterator[FakeManager]:
    """A running ComfyUI with the newest Manager."""
    with FakeManager(4, PACKS) as served:
        yield served


def _scan(address: str) -> tuple[Pack, ...]:
    return scanned(address, SourceKind.URL).packs


def _refused(address: str, timeout: float = 10) -> str:
    why = refused(address, SourceKind.URL, timeout=timeout)
    assert "hunter2" not in why
    assert "127.0.0.1" not in why
    return why


@pytest.mark.parametrize("generation", LISTS)
def test_both_apis(comfyui: FakeManager, generation: int) -> None:
    """The list of either generation gives kinds, versions, commits, repositories and what is disabled."""
    comfyui.generation = generation
    assert _scan(comfyui.url) == (
        Pack(
            folder="clone",
            kind=PackKind.GIT,
            commit=COMMIT,
            repository="https://github.com/bob/clone",
            evidence=SAID,
        ),
        Pack(
            folder="ComfyUI-Foo",
            kind=PackKind.GIT,
            id="foo",
            commit=COMMIT,
            repository="https://github.com/ann/ComfyUI-Foo",
            evidence=SAID,
        ),
        Pack(
            folder="my-pack",
            kind=PackKind.REGISTRY,
            id="my-pack",
            version="1.2.0",
            evidence=SAID,
        ),
        Pack(folder="night", kind=PackKind.GIT, id="night", evidence=SAID),
        Pack(
            folder="odd",
            kind=PackKind.UNKNOWN,
            evidence=f"{SAID} has neither id nor repository",
        ),
        Pack(
            folder="my-pack@1_1_0",
            kind=PackKind.REGISTRY,
            id="my-pack",
            version="1.1.0",
            enabled=False,
            evidence=SAID,
        ),
    )


def test_below_a_path_with_a_login(comfyui: FakeManager) -> None:
    """A path, a query and a login of the address are kept, and the login goes to no other address."""
    comfyui.answer = {
        f"/box{LISTS[4]}": Answer(
            status=302, headers={"Location": "http://127.0.0.1:9/"}
        )
    }
    address = comfyui.url.replace("://", "://me:hunter2@") + "/box/?k=v"
    assert f": {LISTS[4]} answers HTTP 302, " in _refused(address)
    asked, _ = comfyui.messages()
    assert (asked.path, asked.query) == (f"/box{LISTS[4]}", "k=v")
    assert (
        asked.headers["Authorization"]
        == f"Basic {base64.b64encode(b'me:hunter2').decode()}"
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            Answer(status=401),
            f"no list of packs from a Manager: {LISTS[4]} answers HTTP 401, {LISTS[3]} answers HTTP 404",
        ),
        (
            Answer(body=b"<html>hello</html>"),
            f"no list of packs from a Manager: {LISTS[4]} answers HTTP 200, {LISTS[3]} answers HTTP 404",
        ),
        (
            Answer(body=b"[1]"),
            "the answer to /v2/customnode/installed is not a list of packs",
        ),
        (
            Answer(body=b'{"a": 1}'),
            "the answer to /v2/customnode/installed is not a list of packs",
        ),
        (
            Answer(reset=True),
            "it cannot be asked: the connection broke off; check the network and the firewall",
        ),
        (
            Answer(body=b"x" * 65_536, endless=0.0),
            "the answer to /v2/customnode/installed has more than 0 MB",
        ),
    ],
)
def test_odd_answers(
    comfyui: FakeManager, monkeypatch: pytest.MonkeyPatch, answer: Answer, why: str
) -> None:
    """What is no list of packs is said, and no answer fills the memory."""
    monkeypatch.setattr(manager, "LIMIT", 200_000)
    comfyui.answer = {LISTS[4]: answer}
    assert _refused(comfyui.url.replace("://", "://me:hunter2@")) == why


def test_a_list_that_is_too_long(comfyui: FakeManager) -> None:
    """A list of more packs than anybody has fails the scan."""
    comfyui.packs = {str(number): {} for number in range(texts.MOST + 1)}
    assert _refused(comfyui.url).endswith("has more than 5,000 packs")


def test_no_answer(comfyui: FakeManager) -> None:
    """An address where nobody listens, and one that never answers, end the scan in time."""
    assert (
        _refused("http://me:hunter2@127.0.0.1:9")
        == "it cannot be asked: the connection was refused; check the address and the firewall"
    )
    comfyui.answer = {LISTS[4]: Answer(hang=True)}
    assert _refused(comfyui.url, timeout=0.1) == "there was no answer within 100ms"


def test_a_proxy_is_not_asked_for_this_machine(
    comfyui: FakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ComfyUI on this machine is reached although the environment names a proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert len(_scan(comfyui.url)) == len(PACKS)
