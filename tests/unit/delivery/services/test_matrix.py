"""Matrix: nothing is made that was not there, and nothing that has to be encrypted goes out in the open."""

from __future__ import annotations

import gc
import json
import signal
from typing import Any, cast

import pytest
import requests
from apprise import Apprise
from apprise.plugins.matrix.e2ee import MatrixMegOlmSession

from tests.proxied.scenes import hostile
from tests.unit.delivery.services.conftest import Answer, Service, content, event
from watcher.alerts.digest import compose
from watcher.delivery.services.service import Context, Plugin
from watcher.delivery.services.table import prepare
from watcher.delivery.urls import load
from watcher.model.channel import Cause

NOT_FOUND = (404, '{"errcode": "M_NOT_FOUND", "error": "not there"}')
URL = "matrixs://bot:secret@example.org"


class Homeserver:
    """Answers as a home server does; `missing` are paths that are not there."""

    def __init__(
        self,
        *missing: str,
        encrypted: int = 404,
        login: int = 200,
        profile: Answer = (200, "{}"),
    ) -> None:
        self.missing = missing
        self.encrypted = encrypted
        self.login = login
        self.profile = profile

    def __call__(self, request: requests.PreparedRequest) -> Answer:
        """Return the answer to a request."""
        path = str(request.path_url)
        if "/.well-known/" in path or any(name in path for name in self.missing):
            return NOT_FOUND
        if "/profile/" in path:
            return self.profile
        if path.endswith("/login"):
            said = {
                "access_token": "t",
                "user_id": "@bot:example.org",
                "home_server": "example.org",
                "device_id": "d",
            }
            return self.login, json.dumps(
                said if self.login == 200 else {"errcode": "M_FORBIDDEN"}
            )
        if "/state/m.room.encryption" in path:
            return (
                self.encrypted,
                '{"algorithm": "m.megolm.v1.aes-sha2"}'
                if self.encrypted == 200
                else "{}",
            )
        if "/join/" in path or path.endswith("/createRoom"):
            return 200, '{"room_id": "!room:example.org"}'
        return 200, "{}"


_NOT_ALLOWED = "not allowed: check the token or login, and what it may do"


def _tell(service: Service, target: str, answer: Any) -> tuple[str, list[str]]:
    service.answer = answer
    reason = service.tell(f"{URL}/{target}")
    return reason, [
        path
        for path in service.paths
        if "createRoom" in path or "register" in path or "/send/" in path
    ]


def test_a_room_that_is_there_gets_the_message(service: Service) -> None:
    """A message to an alias that exists is sent, nothing is made, and nobody is mentioned; code stays code."""
    reason, acts = _tell(service, "#room", Homeserver())
    assert reason == ""
    assert [path.partition("/send/")[2][:14] for path in acts] == ["m.room.message"]
    [message] = [
        content(one) for one in service.requests if "/send/" in str(one.path_url)
    ]
    assert message["m.mentions"] == {}
    assert "<code>it reads your keys</code>" in message["formatted_body"]
    assert "1.2.0\nReason: it reads your keys" in message["body"]


def test_a_mistyped_alias_makes_no_room(service: Service) -> None:
    """An alias that nobody has is an error that says so; beside one that took the message the URL is not gone."""
    service.answer = Homeserver("/join/%23rooom")
    for rooms, cause in (
        ("#rooom", Cause.GONE),
        ("#rooom/#room", Cause.OTHER),
        ("#room/#rooom", Cause.OTHER),
    ):
        outcome = service.outcome(f"{URL}/{rooms}")
        assert outcome.reason == "the Matrix room is not there: is its alias right?"
        assert outcome.cause is cause
    assert not [path for path in service.paths if "createRoom" in path]


def test_a_mistyped_user_makes_no_room(service: Service) -> None:
    """A user that nobody is gets no room either; one that is there does."""
    reason, acts = _tell(service, "@alicee", Homeserver("/profile/"))
    assert reason == "the Matrix user is not there: is the name right?"
    assert acts == []
    service.requests.clear()
    reason, acts = _tell(service, "@alice", Homeserver())
    assert reason == ""
    assert [path.rpartition("/v3/")[2].partition("/send/")[0] for path in acts] == [
        "createRoom",
        "rooms/%21room%3Aexample.org",
    ]


@pytest.mark.parametrize(
    ("answer", "reason", "cause"),
    [
        (
            (403, '{"errcode": "M_FORBIDDEN"}'),
            f"HTTP 403, {_NOT_ALLOWED}",
            Cause.OTHER,
        ),
        (
            (400, '{"errcode": "M_NOT_FOUND"}'),
            "the Matrix user is not there: is the name right?",
            Cause.GONE,
        ),
    ],
)
def test_a_profile_that_cannot_be_read_is_not_a_user_who_is_gone(
    service: Service, answer: Answer, reason: str, cause: Cause
) -> None:
    """A server that shows no profiles, or cannot just now, does not say that nobody has the name."""
    service.answer = Homeserver(profile=answer)
    outcome = service.outcome(f"{URL}/@alice")
    assert not outcome.taken
    assert (outcome.reason, outcome.cause) == (reason, cause)
    assert not [path for path in service.paths if "createRoom" in path]


def test_nothing_is_timed_after_the_logout(service: Service) -> None:
    """The logout is limited as any request, and then the process may wait for its next message as long as it likes."""
    reason, _ = _tell(service, "#room", Homeserver())
    assert reason == ""
    assert service.paths[-1].endswith("/logout")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_refused_login_makes_no_account(service: Service) -> None:
    """A wrong password is an error, and no new account of that name."""
    reason, acts = _tell(service, "#room", Homeserver(login=403))
    assert reason == f"HTTP 403, {_NOT_ALLOWED}"
    assert acts == []


def test_an_encrypted_room_gets_no_plain_text_without_the_library(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the library for it a message to an encrypted room is an error that names the library."""
    monkeypatch.setattr("apprise.plugins.matrix.base.MATRIX_E2EE_SUPPORT", False)
    reason, acts = _tell(service, "#room", Homeserver(encrypted=200))
    assert "pipx inject comfy-watch cryptography" in reason
    assert acts == []


def test_an_encrypted_room_gets_no_plain_text_if_encrypting_fails(
    service: Service,
) -> None:
    """Where the keys cannot be uploaded the message is not sent; apprise would send it unencrypted."""
    reason, acts = _tell(service, "#room", Homeserver("/keys/", encrypted=200))
    assert reason == "the Matrix room is encrypted, and encrypting the message failed"
    assert acts == []
    # Nor where the server does not say whether it is.
    reason, acts = _tell(service, "#room", Homeserver(encrypted=500))
    assert reason != ""
    assert acts == []


def test_a_url_may_send_plain_text_to_an_encrypted_room(service: Service) -> None:
    """With `e2ee=no` the room gets what the URL asks for."""
    reason, acts = _tell(service, "#room?e2ee=no", Homeserver(encrypted=200))
    assert reason == ""
    assert len(acts) == 1


@pytest.mark.parametrize("mode", ["matrix", "slack"])
def test_a_webhook_mentions_nobody(service: Service, mode: str) -> None:
    """In whatever form a bridge takes it, neither the HTML nor its plain fallback names a room or a user."""
    service.tell(f"matrix://user:token@127.0.0.1:9/?mode={mode}", *hostile(1), event())
    messages = [content(request) for request in service.requests if request.body]
    assert messages
    for message in messages:
        text = json.dumps(message, ensure_ascii=False)
        assert "it reads your keys" in text
        assert "@" not in text


def test_an_encrypted_message_mentions_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without saying so it would be looked through for names; what is no message is left as it is."""
    encrypted: list[dict[str, Any]] = []
    monkeypatch.setattr(
        MatrixMegOlmSession, "encrypt", lambda _, event: encrypted.append(event)
    )
    load()
    matrix = Apprise.instantiate("matrixs://token@127.0.0.1:9/!r:x")
    prepare(
        cast("Plugin", matrix),
        Context(events=(event(),), digest=compose((event(),))),
    )
    for one in ({"msgtype": "m.text"}, {"other": 1}):
        matrix._e2ee_get_megolm("!r:x").encrypt({"type": "t", "content": one})  # type: ignore[union-attr]  # untyped
    assert [event["content"] for event in encrypted] == [
        {"msgtype": "m.text", "m.mentions": {}},
        {"other": 1},
    ]


def test_a_service_ends_with_its_message(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It logs out when it ends, which is before its message is over: its process ends then."""
    gc.collect()  # those of other tests
    ended: list[str] = []
    monkeypatch.setattr(
        "apprise.plugins.matrix.base.NotifyMatrix.__del__",
        lambda _: ended.append("ended"),
    )
    service.answer = Homeserver()
    service.tell("matrix://user:pass@127.0.0.1:9/!r:x")
    assert ended == ["ended"]
