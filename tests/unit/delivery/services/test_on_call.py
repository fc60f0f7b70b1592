"""On-call services: what is opened, under which key, and that nothing is ever closed."""

from __future__ import annotations

import pytest

from tests.unit.delivery.services.conftest import (
    FLAG,
    HARMLESS_FLAG,
    RELEASE,
    Service,
    content,
    event,
)
from watcher.model.event import Event, Kind

BACK = {"kind": Kind.REINSTATED, "before": "banned", "after": "active", "id": "id3"}
KEYED = {
    "opsgenie": (f"opsgenie://{'a' * 36}", "alias"),
    "jira": (f"jira://{'a' * 36}", "alias"),
    "pagerduty": (f"pagerduty://{'a' * 32}@{'b' * 20}", "dedup_key"),
    "splunk": (
        f"splunk://key@{'a' * 8}-{'b' * 4}-{'c' * 4}-{'d' * 4}-{'e' * 12}",
        "entity_id",
    ),
    "incident.io": (f"incidentio://{'a' * 26}/{'b' * 40}", "deduplication_key"),
    "squadcast": (f"squadcast://{'a' * 40}", "event_id"),
    "ilert": (f"ilert://{'a' * 40}", "alertKey"),
    "firehydrant": (f"firehydrant://{'a' * 40}", "idempotency_key"),
    "goalert": ("goalert://example.org/11111111-2222-4333-8444-555555555555", "dedup"),
    "signl4": (f"signl4://{'a' * 10}", "X-S4-ExternalID"),
    "pagertree": ("pagertree://int_abcdefgh", "id"),
    "opsimate": (f"opsimate://{'a' * 20}@example.org", "id"),
}
CLOSING = {
    "resolve",
    "resolved",
    "RESOLVE",
    "RECOVERY",
    "ACKNOWLEDGEMENT",
    "close",
    "CLOSED",
    "acknowledge",
    "ACCEPT",
}


def _parts(value: object) -> set[str]:
    """Return every text in a document, however deep."""
    if isinstance(value, dict):
        return set().union(*(_parts(one) for one in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(_parts(one) for one in value)) if value else set()
    return {str(value)}


@pytest.mark.parametrize("name", KEYED)
def test_two_messages_never_share_a_key(service: Service, name: str) -> None:
    """Two bans of one pack have the same title and other keys; a repeat has the key of its first try."""
    url, field = KEYED[name]
    keys = []
    for one in (event(), event(id="id9"), event()):
        assert service.tell(url, one) == "", name
        keys.append(service.last[field])
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


@pytest.mark.parametrize("name", KEYED)
def test_nothing_closes_an_incident(service: Service, name: str) -> None:
    """Good news, bad news and a URL that asks for it: each message opens something, and none closes anything."""
    url, _ = KEYED[name]
    asked = (
        "",
        "?action=map",
        "?action=resolve",
        "?action=close",
        "?action=acknowledge",
        "?action=recovery",
    )
    reasons = [service.tell(url + action, event(**BACK)) for action in asked]
    assert reasons[:2] == ["", ""]
    assert set(reasons) <= {"", "apprise cannot use this URL"}
    assert len(service.requests) == reasons.count("")
    for request in service.requests:
        assert request.method == "POST"
        assert not _parts(content(request)) & CLOSING
        assert not CLOSING & set(str(request.path_url).strip("/").split("/"))


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


@pytest.mark.parametrize(
    ("url", "path", "levels"),
    [
        (KEYED["opsgenie"][0], ["priority"], ["P1", "P3", "P5"]),
        (KEYED["jira"][0], ["priority"], ["P1", "P3", "P5"]),
        (
            KEYED["pagerduty"][0],
            ["payload", "severity"],
            ["critical", "warning", "info"],
        ),
        (KEYED["squadcast"][0], ["priority"], ["P1", "P3", "P5"]),
        (KEYED["splunk"][0], ["message_type"], ["CRITICAL", "WARNING", "INFO"]),
        (KEYED["ilert"][0], ["priority"], ["HIGH", "HIGH", "LOW"]),
        (KEYED["firehydrant"][0], ["level"], ["ERROR", "WARN", "INFO"]),
        (KEYED["pagertree"][0], ["urgency"], ["critical", "medium", "low"]),
        (KEYED["opsimate"][0], ["severity"], ["critical", "warning", "info"]),
    ],
    ids=str,
)
def test_the_severity_is_the_services_own(
    service: Service, url: str, path: list[str], levels: list[str]
) -> None:
    """A ban, a flag and a release are critical, warning and info in the service's words; so is a harmless flag."""
    found = []
    for one in (event(), event(**FLAG), event(**RELEASE), event(**HARMLESS_FLAG)):
        assert service.tell(url, one) == ""
        value = service.last
        for name in path:
            value = value[name]
        found.append(value)
    assert found == [*levels, levels[-1]]


@pytest.mark.parametrize(
    ("url", "name", "kept"),
    [
        (KEYED["opsgenie"][0] + "?priority=high", "priority", "P4"),
        (KEYED["squadcast"][0] + "?priority=P2", "priority", "P2"),
        (KEYED["splunk"][0] + "?action=warning", "message_type", "WARNING"),
    ],
    ids=str,
)
def test_the_url_decides(service: Service, url: str, name: str, kept: str) -> None:
    """A priority in the URL stays, whatever the message is."""
    assert service.tell(url) == ""
    assert service.last[name] == kept


def test_a_key_of_the_url_stays_above_ours(service: Service) -> None:
    """Who names an entity finds all incidents below it."""
    assert service.tell(KEYED["splunk"][0] + "?entity_id=comfy") == ""
    assert service.last["entity_id"].startswith("comfy/")


def test_splunk_takes_no_mapping_that_closes(service: Service) -> None:
    """A mapping in the URL may choose another word that opens, and no word that closes."""
    url = KEYED["splunk"][0] + "?:failure=recovery&:warning=critical"
    for one, word in ((event(), "CRITICAL"), (event(**FLAG), "CRITICAL")):
        assert service.tell(url, one) == ""
        assert service.last["message_type"] == word


def test_a_reference_is_the_same_for_the_same_events(service: Service) -> None:
    """The key begins with the reference that the message shows, so a person finds one by the other."""
    both: tuple[Event, ...] = (event(), event(**FLAG))
    assert service.tell(KEYED["pagerduty"][0], *both) == ""
    reference, _, more = (
        service.last["dedup_key"].removeprefix("comfy-watch/").partition("-")
    )
    assert f"ref {reference}" in service.last["payload"]["summary"]
    assert len(more) == 16


def test_a_pagerduty_incident_is_one_sentence_with_all_in_its_details(
    service: Service,
) -> None:
    """The summary names the worst in one line, the details have every event, and a link leads to the page."""
    both = (event(), event(**FLAG))
    assert service.tell(KEYED["pagerduty"][0], *both) == ""
    payload = service.last["payload"]
    assert "BANNED `comfyui-night-lights` `1.2.0`" in payload["summary"]
    assert payload["summary"].count("\n") == 0
    assert "1.1.0" in payload["custom_details"]["message"]
    [link] = service.last["links"]
    assert link["href"] == "https://registry.comfy.org/nodes/comfyui-night-lights"


def test_details_and_a_link_of_the_url_stay(service: Service) -> None:
    """What the URL says of an incident is not changed."""
    query = "?click=https://example.org/&%2Bmessage=ours&%2Bteam=us"
    assert service.tell(KEYED["pagerduty"][0] + query) == ""
    details = service.last["payload"]["custom_details"]
    assert details == {"message": "ours", "team": "us"}
    assert service.last["links"] == [{"href": "https://example.org/"}]


def test_a_plain_incident_has_no_details(service: Service) -> None:
    """What PagerDuty has refused goes out without a text that a person wrote."""
    assert service.tell(KEYED["pagerduty"][0], plain=True) == ""
    assert "custom_details" not in service.last["payload"]
