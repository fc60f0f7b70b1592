"""`versions` by the real program: what it shows of a registry, what it says of what it could not read, its document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from tests.cli.conftest import Versions
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked as query_of
from watcher.cli.commands.schema import document_of

pytestmark = pytest.mark.measured

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FINDING = '[{"issue_type": "Exfiltration", "severity": "critical", "file_path": "nodes.py", "code_snippet": "evil()"}]'
REASON = (
    '{"message": "Contains a stealer, says bob@example.com", "by": "bob@example.com"}'
)


def published(registry: FakeRegistry) -> None:
    """Publish versions of three packs, an hour apart, in an order that is neither theirs nor that of the texts."""
    for node, version, hour, fields in (
        ("Lamps", "1.10.0", 3, {"dependencies": ["numpy"]}),
        ("Lamps", "1.9.0", 0, {"deprecated": True}),
        ("tides", "0.1.0", 4, {"status": "flagged", "reason": FINDING}),
        ("tides", "0.2.0", 1, {"status": "pending"}),
        ("thief", "2.0.0", 2, {"status": "banned", "reason": REASON}),
    ):
        registry.catalog.publish(
            node, version, created_at=NOON + timedelta(hours=hour), **fields
        )


def found(done: program.Completed) -> list[str]:
    """Return the rows of the table, with single blanks."""
    rows = [" ".join(row.split()) for row in done.out.splitlines()]
    return (
        [row for row in rows[1 : rows.index("")] if not row.startswith("and ")]
        if "" in rows
        else []
    )


def names(done: program.Completed) -> list[str]:
    """Return what the table shows, as `node version`."""
    return [" ".join(row.split()[-2:]) for row in found(done)]


def summary(done: program.Completed) -> str:
    """Return the last line without how long it took."""
    return re.sub(r" \(\d+\.\d s\)", "", done.out.splitlines()[-1])


def document(done: program.Completed) -> dict[str, Any]:
    """Return the document, which is what its schema says."""
    read: dict[str, Any] = json.loads(done.out)
    Draft202012Validator(document_of("versions")).validate(read)
    return read


def altered(
    registry: FakeRegistry, alter: Callable[[dict[str, list[str]], dict[str, Any]], Any]
) -> None:
    """Answer with what `alter` makes of the parameters and the true document."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        query = query_of(request)
        made = alter(query, registry.catalog.answer(query)[1])
        return made if isinstance(made, web.StreamResponse) else web.json_response(made)

    registry.respond = respond


def test_all_versions_newest_first(
    versions: Versions, registry: FakeRegistry, tmp_path: Path
) -> None:
    """Without arguments every version is shown by its date, with a summary last, and nothing is written."""
    published(registry)
    done = versions()
    assert done.err == ""
    assert [" ".join(row.split()) for row in done.out.splitlines()[:-2]] == [
        "PUBLISHED STATUS PACK VERSION",
        "2026-03-02 16:00:00Z flagged tides 0.1.0",
        "2026-03-02 15:00:00Z active Lamps 1.10.0",
        "2026-03-02 14:00:00Z banned thief 2.0.0",
        "2026-03-02 13:00:00Z pending tides 0.2.0",
        "2026-03-02 12:00:00Z active, deprecated Lamps 1.9.0",
    ]
    assert (
        summary(done)
        == "5 versions of 3 packs: 1 banned, 1 flagged, 1 pending, 2 active; deprecated: 1"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--reason", "a STEALER"], ["thief 2.0.0"]),
        (["--reason", "exfil", "--status", "banned"], []),
        (["--deprecated"], ["Lamps 1.9.0"]),
        (
            ["--since", "2026-03-02T14:00Z"],
            ["tides 0.1.0", "Lamps 1.10.0", "thief 2.0.0"],
        ),
        (
            ["https://registry.comfy.org/nodes/tides", "LAMPS", "lamps"],
            ["tides 0.1.0", "Lamps 1.10.0", "tides 0.2.0", "Lamps 1.9.0"],
        ),
        (
            ["lamps", "tides", "--status", "Banned", "--status", "pending"],
            ["tides 0.2.0"],
        ),
    ],
    ids=" ".join,
)
def test_filters(
    versions: Versions, registry: FakeRegistry, options: list[str], shown: list[str]
) -> None:
    """Each option and id chooses, together they must all hold, and none that matches is no error."""
    published(registry)
    done = versions(*options)
    assert done.err == ""
    assert names(done) == shown
    assert shown or summary(done) == "no version found"


def test_every_parameter_of_the_endpoint_is_used(
    versions: Versions, registry: FakeRegistry
) -> None:
    """The six parameters of `GET /versions` go out as the API names them; those that are not needed do not."""
    published(registry)
    versions("tides", "--status", "flagged", "--reason", "exfil", "--reasons")
    sent = [asked.query for asked in registry.requests]
    assert {name for query in sent for name in query} == {
        *(
            "nodeId",
            "statuses",
            "include_status_reason",
            "page",
            "pageSize",
            "status_reason",
        )
    }
    assert {asked.path for asked in registry.requests} == {"/versions"}
    registry.requests.clear()
    versions()
    assert [asked.query for asked in registry.requests] == [
        {"page": ["1"], "pageSize": ["100"]}
    ]


def test_many_pages(versions: Versions, registry: FakeRegistry) -> None:
    """All pages of a hundred are read, the newest are shown, and how many are not."""
    for number in range(150):
        moment = NOON + timedelta(minutes=number)
        registry.catalog.publish(
            f"pack-{number % 90}", f"1.{number}", created_at=moment
        )
    done = versions()
    newest = [f"pack-{number % 90} 1.{number}" for number in range(149, 99, -1)]
    assert names(done) == newest
    assert done.out.splitlines()[-3] == "and 100 older versions; --limit 150 shows all"
    assert summary(done) == "150 versions of 90 packs: 150 active"
    pages = sorted(asked.query["page"][0] for asked in registry.requests)
    assert pages == ["1", "2"]
    assert names(versions("--limit", "1")) == newest[:1]


def test_a_page_that_fails_is_said(versions: Versions, registry: FakeRegistry) -> None:
    """How many pages failed, and why, is an error; the other pages are shown."""
    for number in range(150):
        registry.catalog.publish("pack", f"1.{number}.0")

    def alter(query: dict[str, list[str]], true: dict[str, Any]) -> Any:
        failure = web.json_response({"message": "busy \x1b[31m"}, status=500)
        return failure if query["page"] == ["2"] else true

    altered(registry, alter)
    done = versions("--json", code=1)
    said = "1 page could not be read: registry error (500): busy [31m"
    assert done.err == f"error: {said}\n"
    assert document(done)["total"] == 100
    assert document(done)["errors"] == [{"node": None, "error": said}]


def test_a_row_that_cannot_be_read_is_said(
    versions: Versions, registry: FakeRegistry
) -> None:
    """How many rows of the answer cannot be read is an error; the others are shown."""
    published(registry)

    def alter(_: dict[str, list[str]], true: dict[str, Any]) -> Any:
        return true | {"versions": [*true["versions"], {"nodeId": "lamps"}]}

    altered(registry, alter)
    done = versions("lamps", code=1)
    assert done.err == "error: lamps: 1 version could not be read\n"
    assert names(done) == ["Lamps 1.10.0", "Lamps 1.9.0"]


def test_no_answer(versions: Versions, registry: FakeRegistry) -> None:
    """A registry that cannot be reached, or refuses the search in reasons, is one line, and a document all the same."""
    away = "http://127.0.0.1:9"
    refused = "cannot reach 127.0.0.1:9: the connection was refused; check the address and the firewall"
    done = versions("--json", code=1, COMFY_WATCH_REGISTRY_URL=away)
    assert done.err == f"error: {refused}\n"
    assert document(done)["versions"] == []
    why = {"message": "status_reason is for administrators"}
    altered(registry, lambda _query, _true: web.json_response(why, status=400))
    done = versions("one", "two", "--reason", "exfil", code=1)
    said = (
        "the registry rejected the request (400): status_reason is for administrators"
    )
    assert done.err == f"error: 2 packs: {said}\n"
    assert summary(done) == "no version found; not all could be read"


def test_a_banned_pack_and_an_unknown_one(
    versions: Versions, registry: FakeRegistry
) -> None:
    """A pack that is banned as a whole is said to be, with the reason, and an unknown id is said; others are shown."""
    published(registry)
    registry.catalog.ban_node("thief", "Stole keys")
    done = versions("THIEF", "typo", "lamps", code=1)
    assert done.err.splitlines() == [
        "error: THIEF: the whole pack is banned: Stole keys",
        "error: typo: the registry has no version of it: is the id right?",
    ]
    assert names(done) == ["Lamps 1.10.0", "Lamps 1.9.0"]
    assert summary(done).endswith("; not all could be read")


def test_an_id_with_other_versions_is_known(
    versions: Versions, registry: FakeRegistry
) -> None:
    """What filters leave nothing of is not called unknown."""
    published(registry)
    assert summary(versions("lamps", "--status", "banned")) == "no version found"
    altered(registry, lambda _query, _true: web.Response(status=404))
    assert "the registry does not know it (404)" in versions("typo", code=1).err


def test_a_registry_that_ignores_the_id(
    versions: Versions, registry: FakeRegistry
) -> None:
    """Versions of other packs are not shown as what was asked for."""
    published(registry)
    everything = registry.catalog.answer({"pageSize": ["100"]})[1]
    altered(registry, lambda _query, _true: everything)
    done = versions("lamps", code=1)
    said = "the answer holds other nodes' versions, as if nodeId were ignored"
    assert done.err == f"error: lamps: {said}\n"
    assert set(names(done)) <= {"Lamps 1.10.0", "Lamps 1.9.0"}


def test_reasons(versions: Versions, registry: FakeRegistry) -> None:
    """Reasons are summarized, without code and addresses, and asked for only of what is shown."""
    published(registry)
    done = versions("--reasons", "--limit", "3")
    assert [" ".join(row.split()[2:]) for row in done.out.splitlines()[1:4]] == [
        "flagged tides 0.1.0 1 finding (1 critical): Exfiltration, in nodes.py",
        "active Lamps 1.10.0 -",
        "banned thief 2.0.0 Contains a stealer, says (address removed)",
    ]
    asked = [
        one.query for one in registry.requests if "include_status_reason" in one.query
    ]
    assert {query["nodeId"][0] for query in asked} == {"tides", "Lamps", "thief"}
    assert all(query["statuses"] for query in asked)
    assert document(versions("thief", "--json"))["versions"][0]["reason"] is None


def test_reasons_that_cannot_be_read(
    versions: Versions, registry: FakeRegistry
) -> None:
    """A reason that does not come is said to be missing; its version is shown."""
    published(registry)
    altered(
        registry,
        lambda query, true: (
            web.Response(status=500) if "include_status_reason" in query else true
        ),
    )
    done = versions("thief", "--reasons", code=1)
    assert done.err == "error: 1 reason could not be read\n"
    assert found(done) == [
        "2026-03-02 14:00:00Z banned thief 2.0.0 (could not be read)"
    ]
    assert summary(done) == "1 version of 1 pack: 1 banned; not all could be read"


def test_the_document(versions: Versions, registry: FakeRegistry) -> None:
    """It has every field of a version, and the counts of all that match."""
    published(registry)
    done = versions(
        "lamps", "--json", "--since", "2026-03-02", "--limit", "1", "--reasons"
    )
    assert done.err == ""
    read = document(done)
    counts = read["total"], read["packs"], read["by_status"]
    assert counts == (2, 1, {"active": 2})
    assert read["errors"] == []
    [one] = read["versions"]
    assert one.pop("version_id")
    assert one == {
        "node": "Lamps",
        "version": "1.10.0",
        "status": "active",
        "deprecated": False,
        "published": "2026-03-02T15:00:00.000Z",
        "reason": "",
        "download_url": "https://cdn.example/Lamps/1.10.0/node.zip",
        "dependencies": ["numpy"],
        "url": "https://registry.comfy.org/nodes/Lamps",
    }


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--status", "bannd"], "did you mean banned?"),
        (["comfyui-*"], "comfyui-*"),
    ],
    ids=" ".join,
)
def test_usage_errors(
    versions: Versions, registry: FakeRegistry, args: list[str], said: str
) -> None:
    """What cannot be meant is refused with exit code 2, in words, before anything is asked."""
    done = versions(*args, code=2)
    assert said in done.err
    assert (done.found, registry.requests) == ("", [])
