"""Ids that the registry does not know: which one was probably meant."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.faults import inflict
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher

DOUBT = "no versions found: is the id right?"


def _searches(registry: FakeRegistry) -> list[str]:
    return [
        request.query["search"][0]
        for request in registry.requests
        if request.path == "/nodes/search"
    ]


def test_an_id_that_is_wrong(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """The first poll, `status` and the alert say which id was meant; it is searched for once, and not of known ids."""
    registry.catalog.publish("comfyui-kjnodes", "1.0.0")
    wrong = watch.but(
        nodes=["alpha", "alpah", "KJNodes"], alert_urls=webhook.apprise_url("/a")
    )
    first = wrong.run("check")
    assert first.code == 0
    assert f"KJNodes: {DOUBT} Did you mean comfyui-kjnodes?" in first.err
    assert f"alpah: {DOUBT} Did you mean alpha?" in first.err
    assert "3 packs checked, 2 without versions, " in first.out
    shown = wrong.run("status").out
    assert f"{DOUBT} Did you mean comfyui-kjnodes?" in shown
    for _ in range(2):
        wrong.run("check")
    assert _searches(registry) == ["KJNodes"]
    said = webhook.messages("/a")[-1].body.decode()
    assert "Did you mean comfyui-kjnodes?" in said
    registry.catalog.publish("KJNodes", "1.0.0")
    assert DOUBT + " Did you mean comfyui" not in wrong.run("check").err


@pytest.mark.parametrize(("status", "searches"), [(404, 1), (500, 2), (200, 2)])
def test_a_search_that_fails(
    watch: Watcher, registry: FakeRegistry, status: int, searches: int
) -> None:
    """Nothing is said of a search that fails, and the next poll asks again, unless the registry has none."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path != "/nodes/search":
            return None
        return web.Response(status=status, body=b"{")

    registry.respond = respond
    wrong = watch.but(nodes=["unheard-of"])
    for _ in range(2):
        done = wrong.run("check")
        assert (done.code, done.err) == (0, f"warning: unheard-of: {DOUBT}\n")
    assert len(_searches(registry)) == searches


def test_two_ids_without_versions(watch: Watcher, registry: FakeRegistry) -> None:
    """None of them is suggested for the other, though the search finds both."""
    nodes = ["good-a", "good-b"]
    for node in nodes:
        registry.catalog.publish(node, "1.0.0")
    inflict(registry, "nothing", nodes=nodes)
    said = watch.but(nodes=nodes).run("check").err
    assert DOUBT in said
    assert "Did you mean" not in said


def test_a_suggestion_is_of_a_stranger(watch: Watcher, registry: FakeRegistry) -> None:
    """Only an active pack with an id that can be one is suggested, and it cannot become a link."""
    for node in ("bad-one", "bad one", "bad.example"):
        registry.catalog.publish(node, "1.0.0")
    registry.catalog.edit_pack("bad-one", status="banned")
    said = watch.but(nodes=["bad"]).run("check").err
    assert "bad-one" not in said
    assert "bad one" not in said
    assert "https" not in said
    registry.catalog.publish("evil.example", "1.0.0")
    said = watch.but(nodes=["evil.exampl"]).run("check").err
    assert said.endswith("Did you mean evil[.]example?\n")


def test_a_node_that_is_not_found(watch: Watcher, registry: FakeRegistry) -> None:
    """Where the registry answers 404 the error says which id was meant."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        is_node = request.path == "/versions" and "alphha" in request.path_qs
        return web.Response(status=404) if is_node else None

    registry.respond = respond
    done = watch.but(nodes=["alphha", "alpha"]).run("check")
    assert done.code == 1
    assert done.err.endswith("is the id right? Did you mean alpha?\n")


def test_other_commands(watch: Watcher, webhook: Webhook) -> None:
    """`versions`, `status`, `history` and `test-alerts` say which id, or which channel, was meant."""
    named = watch.but(
        channels=[{"name": "slack", "url": webhook.apprise_url("/a")}],
        baseline="summary",
    )
    named.check()
    asked = {
        ("versions", "alph"): "Did you mean alpha?",
        ("status", "--node", "alphaa"): "did you mean alpha?",
        ("history", "--node", "alphaa"): "did you mean alpha?",
        ("test-alerts", "slak"): "did you mean slack?",
    }
    for args, said in asked.items():
        assert said in named.run(*args).err


def test_a_file_that_names_an_unknown_pack(
    watch: Watcher, registry: FakeRegistry
) -> None:
    """`audit` says of an id in a workflow which one was meant."""
    registry.catalog.publish("comfyui-kjnodes", "1.0.0")
    (watch.folder / "flow.json").write_text(
        '{"nodes": [{"id": 1, "type": "X", "properties": {"cnr_id": "kjnodes", "ver": "1.0.0"}}]}'
    )
    assert "did you mean comfyui-kjnodes?" in watch.run("audit", "flow.json").out


def test_what_a_search_is_told(watch: Watcher, registry: FakeRegistry) -> None:
    """A search that is told to slow down delays nothing else of its poll: the reason of a flag is read."""
    catalog = registry.catalog
    wrong = watch.but(nodes=["alpha", "unheard-of"])
    wrong.run("check")

    async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
        if request.path != "/nodes/search":
            return None
        return web.Response(status=429, headers={"Retry-After": "3600"})

    registry.respond = respond
    catalog.set_status("alpha", "1.0.0", "flagged", "Rejected by admin")
    (event,) = wrong.but(nodes=["alpha", "unheard-of", "another"]).check()["events"]
    assert event["reason"] == "Rejected by admin"


def test_ids_that_are_many(watch: Watcher, registry: FakeRegistry) -> None:
    """Each poll searches for a few of many unknown ids, and a poll after them for none."""
    nodes = [f"unheard-of-{number}" for number in range(20)]
    wrong = watch.but(nodes=nodes)
    counts = []
    for _ in range(4):
        wrong.run("check")
        counts.append(len(set(_searches(registry)).intersection(nodes)))
    assert counts == [8, 16, 20, 20]
