"""Whatever an install holds, recognising it ends with packs that can be kept, or with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from watcher.installs.recognise import commands, folders, lists, texts, workflows
from watcher.model.pack import Pack

_WORDS = (
    "cnr_custom_nodes git_custom_nodes file_custom_nodes custom_nodes version type git file id enabled hash filename "
    "disabled nodes properties cnr_id aux_id ver definitions subgraphs extra groupNodes node_versions class_type "
    f"my-pack 1.2.0 a/b {'0' * 40}"
).split()
_WORD = st.one_of(st.sampled_from(_WORDS), st.text(max_size=8))
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-1, 4), st.floats(), _WORD),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_WORD, inner, max_size=5)
    ),
    max_leaves=20,
)


_Value = TypeVar("_Value")


def _or_reason(read: Callable[[], _Value]) -> _Value | None:
    """Return what is read; None if it is refused, with a reason that can be printed."""
    reason = ""
    try:
        return read()
    except ValueError as refusal:
        reason = str(refusal)
    assert reason.isprintable()
    return None


def _packs_or_reason(read: Callable[[], tuple[Pack, ...]]) -> None:
    """See that the packs are such that they can be written down, or that the reason can be printed."""
    packs = _or_reason(read) or ()
    for pack in packs:
        assert pack.id is None or texts.pack_id(pack.id) == pack.id
        assert pack.version is None or 0 < len(pack.version) <= 100
        assert pack.commit is None or set(pack.commit) <= set("0123456789abcdef")
        assert pack.evidence.isprintable()
        assert "hunter2" not in f"{pack.repository}"
        f"{pack.folder}{pack.version}{pack.repository}".encode()


@given(DOCUMENTS)
def test_any_document(document: object) -> None:
    """A list of the Manager, a snapshot and a workflow may be any JSON."""
    for read in (
        lists.of_answer,
        lists.of_snapshot,
        lambda document: workflows.read(document, ()),
    ):
        _packs_or_reason(lambda read=read: read(document))  # type: ignore[misc]  # the default binds the loop's value


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """A file may have any bytes."""
    folders.remote(b'[remote "origin"]\nurl = ' + data)
    folders.head(b"ref: " + data)
    folders.packed(data, "refs/heads/main")
    _packs_or_reason(
        lambda: commands.read(b"RUN comfy-node-install " + data, is_script=False)
    )
    for name in ("x.json", "x.yaml"):
        _or_reason(lambda name=name: texts.load(data, name))  # type: ignore[misc]  # as above


@given(st.text(max_size=60), st.text(alphabet="a:/@.[]?#%1", max_size=30))
def test_any_address(text: str, rest: str) -> None:
    """A repository's address never keeps a password."""
    for address in (
        text,
        f"https://me:hunter2@{rest}",
        f"me:hunter2@{rest.replace('/', '')}",
        f"{text}://u:hunter2@h",
    ):
        assert "hunter2" not in (texts.address(address) or "")
