"""The loopback fakes do what they are named for: a fault that plays no fault would prove nothing."""

from __future__ import annotations

import json
import smtplib
import time
from collections import Counter
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from tests.support.fakes.faults import FAULTS, inflict
from tests.support.fakes.pages import UnsteadyPages
from tests.support.fakes.ports import Refused, Untrusted
from tests.support.fakes.smtp import Mailbox
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.parameters import one_of
from watcher.fake_registry.catalog import Catalog
from watcher.fake_registry.server import FakeRegistry

UNBOUNDED = {"gzip_bomb", "endless_body"}
THE_SAME = {
    "claims_100k",
    "empty_later_pages",
    "small_pages",
    "total_changes",
    "total_falls_short",
    "repeated_rows",
    "redirect_same_origin",
    "redirect_elsewhere",
    "age_that_lies",
    "age_unreadable",
    "no_date",
}
"""Those that show themselves on a later page or in a header, or lead to the ordinary answer."""


@pytest.fixture
def client(registry: FakeRegistry) -> httpx.Client:
    """Two nodes of two versions each, and a client that asks for them."""
    for node in ("good", "bad"):
        for version in ("1.0.0", "1.1.0"):
            registry.catalog.publish(
                node, version, tags=["x"], changelog=f"{node} changes"
            )
    return httpx.Client(base_url=registry.url, follow_redirects=True, trust_env=False)


@pytest.mark.parametrize("name", one_of(*sorted(FAULTS.keys() - UNBOUNDED), fast=12))
def test_a_fault_stays_with_its_node(
    registry: FakeRegistry, client: httpx.Client, name: str
) -> None:
    """Every fault changes the answer for its node, or leaves none, and no answer for another node."""
    with client:
        before = {
            node: client.get("/versions", params={"nodeId": node}).text
            for node in ("good", "bad")
        }
        inflict(registry, name, nodes={"BAD"})
        try:
            answer = client.get(
                "/versions",
                params={"nodeId": "bad"},
                timeout=0.1 if FAULTS[name].slow else 5,
            )
            same = answer.status_code == 200 and rows(answer.text) == rows(
                before["bad"]
            )
        except httpx.HTTPError:
            same = False
        assert same == (name in THE_SAME)
        assert client.get("/versions", params={"nodeId": "good"}).text == before["good"]


def rows(text: str) -> object:
    """Return the rows of a document, or the text of what is none."""
    try:
        return json.loads(text)["versions"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return text


@pytest.mark.parametrize("name", sorted(UNBOUNDED))
def test_a_body_without_bounds(
    registry: FakeRegistry, client: httpx.Client, name: str
) -> None:
    """A bomb and a flood pass any bound that a reader may set, from little or no announced length."""
    inflict(registry, name)
    with client, client.stream("GET", "/versions", timeout=5) as answer:
        assert int(answer.headers.get("Content-Length", "0")) < 2**20
        read = 0
        for block in answer.iter_bytes():
            read += len(block)
            if read > 40 * 2**20:
                break
        assert read > 40 * 2**20


@pytest.mark.parametrize(
    "name", ["total_changes", "repeated_rows", "empty_later_pages"]
)
def test_later_pages_show_the_fault(
    registry: FakeRegistry, client: httpx.Client, name: str
) -> None:
    """A fault between pages shows once the second page is read."""
    registry.catalog.publish("bad", "1.2.0")
    inflict(registry, name)
    with client:
        first, second = (
            client.get("/versions", params={"nodeId": "bad", "page": page}).json()
            for page in (1, 2)
        )
    seen = [row["version"] for page in (first, second) for row in page["versions"]]
    wrong = {
        "total_changes": first["total"] != second["total"],
        "repeated_rows": seen == ["1.2.0", "1.1.0", "1.1.0"],
        "empty_later_pages": seen == ["1.2.0", "1.1.0"],
    }
    assert wrong[name]


def test_a_redirect_elsewhere_is_noticed(
    registry: FakeRegistry, client: httpx.Client
) -> None:
    """Whoever follows a redirect to another host is seen to have asked that host."""
    inflict(registry, "redirect_elsewhere")
    with client:
        client.get("/versions")
    assert [asked.headers["Host"].partition(":")[0] for asked in registry.requests] == [
        "127.0.0.1",
        "localhost",
    ]


def test_addresses_that_cannot_be_talked_to() -> None:
    """One port refuses; one has a certificate that no client trusts, and counts those that would."""
    with Refused() as refused, pytest.raises(httpx.ConnectError, match="refused"):
        httpx.get(refused.url, trust_env=False)
    with Untrusted() as untrusted:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(untrusted.url, trust_env=False)
        assert untrusted.handshakes == 0
        with pytest.raises(httpx.TransportError):
            httpx.get(untrusted.url, verify=False, trust_env=False)
        assert untrusted.handshakes == 1


def test_the_webhook_remembers_and_answers_as_set(webhook: Webhook) -> None:
    """A message is remembered with its body, and its path's answer is given: a status, a delay, a reset."""
    assert (
        httpx.post(f"{webhook.url}/a?b=c", json={"x": 1}, trust_env=False).status_code
        == 200
    )
    webhook.answer = {
        "/a": 503,
        "/slow": Answer(delay=0.1, status=202),
        "/reset": Answer(reset=True),
    }
    webhook.answer["/wait"] = Answer(
        status=429, headers={"Retry-After": "7"}, body=b"no"
    )
    assert (
        httpx.post(f"{webhook.url}/a", content=b"no json", trust_env=False).status_code
        == 503
    )
    began = time.monotonic()
    assert httpx.post(f"{webhook.url}/slow", trust_env=False).status_code == 202
    assert time.monotonic() - began >= 0.1
    waiting = httpx.post(f"{webhook.url}/wait", trust_env=False)
    assert (waiting.status_code, waiting.headers["retry-after"], waiting.content) == (
        429,
        "7",
        b"no",
    )
    with pytest.raises(httpx.ReadError):
        httpx.post(f"{webhook.url}/reset", trust_env=False)
    assert [message.path for message in webhook.messages()] == [
        "/a",
        "/a",
        "/slow",
        "/wait",
        "/reset",
    ]
    first, second = webhook.messages("/a")
    assert (first.json, first.query, second.json, second.body) == (
        {"x": 1},
        "b=c",
        None,
        b"no json",
    )
    assert first.headers["content-type"] == "application/json"


def test_a_hanging_webhook_lets_go_when_it_closes() -> None:
    """A hanging answer never comes, its message is remembered, and closing does not wait for anybody."""
    with Webhook() as webhook:
        webhook.answer["/a"] = Answer(hang=True)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{webhook.url}/a", timeout=0.1, trust_env=False)
        webhook.wait_for(1, "/a")
        with pytest.raises(AssertionError, match="1 of 2 messages"):
            webhook.wait_for(2, timeout=0.01)
    assert [message.path for message in webhook.messages()] == ["/a"]


def test_the_mailbox_takes_and_refuses_mail(mailbox: Mailbox) -> None:
    """Mail is kept with its envelope, or refused with the reply set."""
    mail = EmailMessage()
    mail["Subject"] = "Grüße"
    mail.set_content("text\n")
    with smtplib.SMTP("127.0.0.1", mailbox.port, local_hostname="localhost") as smtp:
        smtp.send_message(mail, "a@example.org", ["b@example.org"])
        mailbox.refuse = "550 no such reader"
        with pytest.raises(smtplib.SMTPDataError, match="no such reader"):
            smtp.send_message(mail, "a@example.org", ["b@example.org"])
    (kept,) = mailbox.mails
    assert (kept.sender, kept.recipients) == ("a@example.org", ("b@example.org",))
    assert (kept.message["Subject"], kept.message.get_content().strip()) == (
        "Grüße",
        "text",
    )


class TestUnsteadyPages:
    """What can be wrong with the pages of all nodes, and that a single node is answered honestly."""

    @pytest.fixture
    def sweep(self, registry: FakeRegistry) -> Sweep:
        """Ten packs of one version, all with the same text, in pages of four."""
        for number in range(10):
            registry.catalog.publish(f"pack-{number}", "1.0.0")
        return Sweep(registry)

    def test_ties(self, sweep: Sweep) -> None:
        """At each end of a page one row comes twice and one not at all; another page size shows those that did not."""
        sweep.pages.tied = True
        assert sweep.nodes() == ["0 1 2 4", "4 5 6 8", "8 9"]
        assert sweep.nodes(size=6) == ["0 1 2 3 4 6", "6 7 8 9"]
        assert [answer["total"] for answer in sweep.answers()] == [10, 10, 10]

    def test_repeated_and_missing_rows(self, sweep: Sweep) -> None:
        """A page begins with the last row of the one before, another ends early; both totals are the true one."""
        sweep.pages.repeating, sweep.pages.missing = {2}, {3}
        assert sweep.nodes() == ["0 1 2 3", "3 4 5 6", "8"]
        assert [answer["total"] for answer in sweep.answers()] == [10, 10, 10]

    def test_rows_shift(self, sweep: Sweep) -> None:
        """A row that goes, or comes, between two pages moves the rows behind it, once."""

        def add(catalog: Catalog) -> None:
            catalog.publish("pack-10", "2.0.0")

        sweep.pages.changes = {
            2: lambda catalog: catalog.remove("pack-0", "1.0.0"),
            3: add,
        }
        assert sweep.nodes() == ["0 1 2 3", "5 6 7 8", "8 9"]
        assert sweep.nodes() == ["10 1 2 3", "4 5 6 7", "8 9"]

    def test_a_total_that_moves(self, sweep: Sweep) -> None:
        """Each page may claim another total."""
        sweep.pages.total = lambda page, total: total + page
        assert [answer["total"] for answer in sweep.answers()] == [11, 12, 13]

    def test_a_page_that_fails(self, sweep: Sweep) -> None:
        """A fault of the catalogue meets the page that it is for, so often as it should, and no other request."""
        sweep.pages.faults, sweep.pages.times = (
            {2: "status_500_json", 3: "truncated_json"},
            1,
        )
        assert [sweep.ask(page=page).status_code for page in (1, 2, 2)] == [
            200,
            500,
            200,
        ]
        assert sweep.pages.served == Counter({2: 2, 1: 1})
        assert sweep.ask(nodeId="pack-2", page=2).status_code == 200

    @pytest.mark.parametrize("status", [400, 403])
    def test_a_refusal(self, sweep: Sweep, status: int) -> None:
        """Only questions about one node are answered, and those about packs."""
        sweep.pages.refused = status
        assert sweep.ask().status_code == sweep.ask(page=2).status_code == status
        assert sweep.ask(nodeId="pack-2").status_code == 200
        assert (
            httpx.get(f"{sweep.registry.url}/nodes", trust_env=False).status_code == 200
        )


class Sweep:
    """Asks for all nodes, page by page."""

    def __init__(self, registry: FakeRegistry) -> None:
        self.registry = registry
        self.pages = UnsteadyPages(registry)

    def ask(self, **query: int | str) -> httpx.Response:
        return httpx.get(
            f"{self.registry.url}/versions",
            params={"pageSize": 4, **query},
            trust_env=False,
        )

    def answers(self, size: int = 4) -> list[Any]:
        return [
            self.ask(page=page, pageSize=size).json()
            for page in range(1, -(-10 // size) + 1)
        ]

    def nodes(self, size: int = 4) -> list[str]:
        """Return the numbers of the packs of each page."""
        return [
            " ".join(row["node_id"].removeprefix("pack-") for row in answer["versions"])
            for answer in self.answers(size)
        ]
