"""The public record of bans, in the form of the OSV schema 1.7.5."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.support.factories import NOW, PACK, URL, known, minute, public, version
from watcher.model.snapshot import Ban
from watcher.publish.documents import documents


def record(bans: Mapping[str, Ban], text: str = "1") -> dict[str, Any]:
    """Return the only document of a pack with these bans, as JSON has it."""
    rows = [version(text, id=key.strip("=1")) for key in bans if key]
    (document,) = documents(public(known(*rows, bans=bans))).values()
    found: dict[str, Any] = json.loads(document)
    return found


def test_a_banned_version() -> None:
    """A banned version has a document that says which, since when, and why."""
    ban = Ban(since=NOW, changed=minute(1), reason="It stole *tokens*")
    node = known(version("1.0.2", "banned"), bans={"id-1.0.2": ban})
    ((name, text),) = documents(public(node)).items()
    place = hashlib.sha256(b"some-pack\x001.0.2").hexdigest()[:16]
    assert name == f"osv/x_COMFY-{place}.json"
    assert json.loads(text) == {
        "schema_version": "1.7.5",
        "id": f"x_COMFY-{place}",
        "modified": minute(1),
        "published": NOW,
        "summary": "Some-Pack 1.0.2 is banned from the Comfy Registry",
        "details": "The Comfy Registry banned this version of a node pack. Its reason:\n\n    It stole *tokens*",
        "affected": [
            {
                "versions": ["1.0.2"],
                "database_specific": {
                    "node": PACK,
                    "version": "1.0.2",
                    "version_id": "id-1.0.2",
                    "reason": "It stole *tokens*",
                },
            }
        ],
        "references": [{"type": "WEB", "url": URL}],
    }


def test_a_ban_that_ended() -> None:
    """A ban that is over stays in the record, and is withdrawn."""
    found = record({"a": Ban(since=NOW, until=minute(5), changed=minute(5))})
    assert found["withdrawn"] == found["modified"] == minute(5)
    assert found["summary"].startswith("Some-Pack 1 is no longer banned")


def test_a_pack_as_a_whole() -> None:
    """The ban of a whole pack has a name without a version, and every version is affected."""
    found = record({"": Ban(since=NOW, changed=NOW)})
    digest = hashlib.sha256(b"some-pack\x00").hexdigest()
    assert found["id"] == f"x_COMFY-{digest[:16]}"
    assert found["summary"].startswith("Some-Pack as a whole is banned")
    (affected,) = found["affected"]
    assert affected["ranges"][0]["events"] == [{"introduced": "0"}]
    facts = affected["database_specific"]
    assert (facts["version"], facts["version_id"]) == (None, None)


def test_two_versions_of_one_text() -> None:
    """Versions of one text share a document: it is that of one that is banned, and withdrawn when none of them is.

    It was modified when any of them was: who fetches only what is newer sees that it is about another one now.
    """
    begun = Ban(since=minute(2), changed=minute(2), reason="steals")
    ended = Ban(since=NOW, until=minute(5), changed=minute(5))
    first = record({"a": begun, "b": ended})
    assert "withdrawn" not in first
    assert (first["published"], first["modified"]) == (minute(2), minute(5))
    assert first["affected"][0]["database_specific"]["version_id"] == "a"
    assert first == record({"b": ended, "a": begun})


def test_what_has_no_document() -> None:
    """A flag has none, nor a version without a text: that would be the name of the pack as a whole."""
    bare = Ban(since=NOW, changed=NOW)
    node = known(version("1", "flagged"), version("", "banned"), bans={"id-": bare})
    assert documents(public(node)) == {}
    assert documents(public(known(version("1", "banned")))) == {}


@pytest.mark.parametrize("key", ["id", "=1"])
def test_only_the_registry_gives_ids(key: str) -> None:
    """A version that had no id of the registry's has none in its document."""
    found = record({key: Ban(since=NOW, changed=NOW)})
    facts = found["affected"][0]["database_specific"]
    assert facts["version_id"] == (None if key == "=1" else key)


def test_hostile_texts() -> None:
    """Nothing invisible is in a document, nor what makes a summary longer than one line or a reason more than text."""
    text = "\u202e1\ud800\n# a\n<b>"
    found = record({"a": Ban(since=NOW, changed=NOW, reason=text * 40)}, text)
    facts = found["affected"][0]["database_specific"]
    said = (found["summary"], found["details"], *map(str, facts.values()))
    assert not any("\u202e" in one or "\ud800" in one for one in said)
    assert found["summary"].startswith("Some-Pack 1 # a \u2039b> is banned")
    kinds = [token.type for token in MarkdownIt().parse(found["details"])]
    assert kinds == ["paragraph_open", "inline", "paragraph_close", "code_block"]
    assert facts["version"] == "\\u202e1\\ud800\\u000a# a\\u000a<b>"
