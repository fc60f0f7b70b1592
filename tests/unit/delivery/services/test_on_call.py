"""On-call services: what is opened, under which key, and that nothing is ever closed."""

from __future__ import annotations

import re

import pytest

from tests.unit.delivery.services.conftest import (
    BY_SEVERITY,
    RELEASE,
    Service,
    content,
    event,
)
from watcher.model.event import Kind

BACK = {"kind": Kind.REINSTATED, "before": "banned", "after": "active", "id": "id3"}
PAGERDUTY = f"pagerduty://{'a' * 32}@{'b' * 20}"
OPENING = {
    "opsgenie": f"opsgenie://{'a' * 36}",
    "jira": f"jira://{'a' * 36}",
    "pagerduty": f"{PAGERDUTY}?action=resolve",
    "splunk": f"splunk://key@{'a' * 8}-{'b' * 4}-{'c' * 4}-{'d' * 4}-{'e' * 12}",
    "incident.io": f"incidentio://{'a' * 26}/{'b' * 40}",
    "ilert": f"ilert://{'a' * 40}",
}
CLOSING = re.compile(
    r"[/\"](resolved?|close|closed|acknowledge|recovery|acknowledgement|accept)[/\"]",
    re.IGNORECASE,
)
"""As a whole text in JSON, or a part of a path."""


def test_two_messages_never_share_a_key(service: Service) -> None:
    """Two bans of one pack have the same title and other keys; a repeat has the key of its first try."""
    keys = []
    for one in (event(), event(id="id9"), event()):
        assert service.tell(PAGERDUTY, one) == ""
        keys.append(service.last["dedup_key"])
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


@pytest.mark.parametrize("name", OPENING)
def test_nothing_closes_an_incident(service: Service, name: str) -> None:
    """Bad news and good news each open something, and nothing closes anything."""
    for one in (event(), event(**RELEASE), event(**BACK)):
        assert service.tell(OPENING[name], one) == ""
    assert len(service.requests) == 3
    for request in service.requests:
        assert request.method == "POST"
        assert not CLOSING.search(f"{request.path_url}/{request.body!r}")


@pytest.mark.parametrize("scheme", ["opsgenie", "jira"])
def test_all_responders_are_in_one_alert(service: Service, scheme: str) -> None:
    """A second alert with the same alias would be dropped, and its responder never told."""
    assert service.tell(f"{scheme}://{'a' * 36}/@one/@two/@three") == ""
    [request] = service.requests
    assert {one["username"] for one in content(request)["responders"]} == {
        "one",
        "two",
        "three",
    }


def test_the_severity_is_the_services_own(service: Service) -> None:
    """A ban, a flag and a release are critical, warning and info in PagerDuty's words; so is a harmless flag."""
    found = []
    for one in BY_SEVERITY:
        assert service.tell(PAGERDUTY, one) == ""
        found.append(service.last["payload"]["severity"])
    assert found == ["critical", "warning", "info", "info"]


def test_a_pagerduty_incident_is_one_sentence_with_all_in_its_details(
    service: Service,
) -> None:
    """The summary names the worst in one line, the details have every event, and a link leads to the page."""
    assert service.tell(PAGERDUTY, *BY_SEVERITY[:2]) == ""
    payload = service.last["payload"]
    assert "BANNED `comfyui-night-lights` `1.2.0`" in payload["summary"]
    assert payload["summary"].count("\n") == 0
    assert "1.1.0" in payload["custom_details"]["message"]
    [link] = service.last["links"]
    assert link["href"] == "https://registry.comfy.org/nodes/comfyui-night-lights"


def test_many_bans_are_one_incident(service: Service) -> None:
    """What its details name needs no incident of its own; what they have no room for, or may not say, does."""
    bans = [event(id=f"ban {n}", node=f"pack-{n:03}") for n in range(60)]
    found = service.outcome(PAGERDUTY, *bans)
    assert found.taken
    payload = service.last["payload"]
    named = re.findall(r"BANNED `(.*?)`", payload["custom_details"]["message"])
    assert (len(named), found.left) == (60, ())
    assert "+ 59 banned, history" in payload["summary"]
    ours = service.outcome(f"{PAGERDUTY}?%2Bmessage=ours", *bans)
    assert ours.taken
    assert len(ours.left) == 59


def test_details_and_a_link_of_the_url_stay(service: Service) -> None:
    """What the URL says of an incident is not changed."""
    query = "?click=https://example.org/&%2Bmessage=ours&%2Bteam=us"
    assert service.tell(PAGERDUTY + query) == ""
    details = service.last["payload"]["custom_details"]
    assert details == {"message": "ours", "team": "us"}
    assert service.last["links"] == [{"href": "https://example.org/"}]


def test_a_plain_incident_has_no_details(service: Service) -> None:
    """What PagerDuty has refused goes out without a text that a person wrote."""
    assert service.tell(PAGERDUTY, plain=True) == ""
    assert "custom_details" not in service.last["payload"]
