"""Services that wake people up: a message may open an incident, never resolve one, and each ban is one of its own."""

from __future__ import annotations

from typing import Any

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.asked import Asked
from tests.proxied.peer import Peer, says
from tests.proxied.schema import (
    ANYTHING,
    LINK,
    Schema,
    matching,
    one_of,
    record,
    several,
    words,
)
from tests.proxied.services.reading import titled

_KEY = f"{'a' * 8}-{'b' * 4}-{'c' * 4}-{'d' * 4}-{'e' * 12}"


# Opsgenie, and Jira with the same API: https://docs.opsgenie.com/docs/alert-api#create-alert

_ALERT: Schema = record(
    {"message": words(130, least=1)},
    alias=words(512, least=1),
    description=words(15000),
    responders=several(ANYTHING, 50),
    visibleTo=several(ANYTHING, 50),
    actions=several(words(50), 10),
    tags=several(words(50), 20),
    details={"type": "object", "additionalProperties": {"type": "string"}},
    entity=words(512),
    source=words(100),
    priority=one_of("P1", "P2", "P3", "P4", "P5"),
    user=words(100),
    note=words(25000),
)


def _details(asked: Asked) -> list[str]:
    size = sum(
        len(name) + len(value) for name, value in asked.said.get("details", {}).items()
    )
    return [f"{size} characters of details, at most 8000"] if size > 8000 else []


_TOOK = {"took": 0.302, "requestId": "43a29c5c-3dbf-4fa4-9c26-f4f71023e120"}

# PagerDuty: https://developer.pagerduty.com/docs/send-alert-event

_PAGERDUTY: Schema = record(
    {
        "routing_key": matching("[A-Za-z0-9]{32}"),
        "event_action": one_of("trigger"),
        "payload": record(
            {
                "summary": words(1024, least=1),
                "source": words(255, least=1),
                "severity": one_of("critical", "error", "warning", "info"),
            },
            timestamp=words(40),
            component=words(255),
            group=words(255),
            custom_details=record({"message": words(10_000, least=1)}),
            **{"class": words(255)},
        ),
    },
    dedup_key=words(255, least=1),
    client=words(255),
    client_url=LINK,
    links=several(record({"href": LINK}, text=words(255)), 50),
    images=several(record({"src": LINK}, href=LINK, alt=words(255)), 50),
)


def _on_pagerduty(said: Any) -> Shown:
    payload = said["payload"]
    whole = payload["custom_details"]["message"]
    return [(Dialect.TEXT, payload["summary"]), (Dialect.TEXT, whole)]


# incident.io: https://api-docs.incident.io/tag/Alert-Events-V2


ONCALL = (
    *(
        Peer(
            name=name,
            url=f"{name}://{_KEY}",
            host=host,
            path=path,
            schema=_ALERT,
            check=_details,
            shown=titled("message", "description"),
            taken=says({"result": "Request will be processed"} | _TOOK, 202),
        )
        for name, host, path in (
            ("opsgenie", "api.opsgenie.com", "/v2/alerts"),
            ("jira", "api.atlassian.com", "/jsm/ops/integration/v2/alerts"),
        )
    ),
    Peer(
        name="pagerduty",
        url=f"pagerduty://{'A' * 32}@{'b' * 32}",
        host="events.pagerduty.com",
        path="/v2/enqueue",
        schema=_PAGERDUTY,
        shown=_on_pagerduty,
        taken=says(
            {"status": "success", "message": "Event processed", "dedup_key": "srv01"},
            202,
        ),
    ),
    Peer(
        name="splunk",
        url=f"splunk://route@{_KEY}",
        host="alert.victorops.com",
        path=f"/integrations/generic/20131114/alert/{_KEY}/route",
        schema=record(
            {
                "message_type": one_of("CRITICAL", "WARNING", "INFO"),
                "entity_id": words(512, least=1),
            },
            entity_display_name=words(512),
            state_message=words(20480),
            monitoring_tool=words(100),
            state_start_time={"type": "integer"},
        ),
        shown=titled("entity_display_name", "state_message"),
        taken=says({"result": "success", "entity_id": "disk space/db01"}),
    ),
    Peer(
        name="ilert",
        url="ilert://il1api0123456789abcdef",
        host="api.ilert.com",
        path="/api/events/?",
        schema=record(
            {
                "integrationKey": words(100, least=1),
                "eventType": one_of("ALERT"),
                "summary": words(255, least=1),
            },
            details=words(),
            alertKey=words(255, least=1),
            priority=one_of("HIGH", "LOW"),
            severity=words(20),
            images=several(ANYTHING, 10),
            links=several(ANYTHING, 10),
            customDetails=ANYTHING,
            routingKey=words(255),
        ),
        shown=titled("summary", "details", Dialect.MARKDOWN),
        taken=says({"alertKey": "…", "status": "RECEIVED"}, 202),
    ),
)
