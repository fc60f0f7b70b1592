"""Matrix: nothing is made that was not there, and nothing that has to be encrypted goes out in the open."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
import requests

from tests.unit.delivery.services.conftest import Answer, Service
from watcher.model.outcome import Cause, Undelivered

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
        direct: str = "{}",
    ) -> None:
        self.missing = missing
        self.encrypted = encrypted
        self.login = login
        self.profile = profile
        self.direct = direct

    def __call__(self, request: requests.PreparedRequest) -> Answer:
        """Return the answer to a request."""
        path = str(request.path_url)
        if "/.well-known/" in path or any(name in path for name in self.missing):
            return NOT_FOUND
        if "/profile/" in path:
            return self.profile
        if path.endswith("/account_data/m.direct"):
            return 200, self.direct
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
    """A message to an alias that exists is sent, and nothing is made."""
    reason, acts = _tell(service, "#room", Homeserver())
    assert reason == ""
    assert [path.partition("/send/")[2][:14] for path in acts] == ["m.room.message"]


def test_a_mistyped_alias_makes_no_room(service: Service) -> None:
    """An alias that nobody has is an error that says so, and no room with only the bot in it."""
    reason, acts = _tell(service, "#rooom", Homeserver("/join/"))
    assert reason == "the Matrix room is not there: is its alias right?"
    assert acts == []


def test_a_room_that_took_the_message_says_that_the_url_is_not_gone(
    service: Service,
) -> None:
    """With one of two rooms missing the message goes to the other one, so not all that the URL names is gone."""
    service.answer = Homeserver("/join/%23rooom")
    for rooms, cause in (
        ("#rooom", Cause.GONE),
        ("#rooom/#room", Cause.OTHER),
        ("#room/#rooom", Cause.OTHER),
    ):
        outcome = service.outcome(f"{URL}/{rooms}")
        assert isinstance(outcome, Undelivered)
        assert (outcome.reason, outcome.cause) == (
            "the Matrix room is not there: is its alias right?",
            cause,
        )


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
            f"HTTP 403 (M_FORBIDDEN), {_NOT_ALLOWED}",
            Cause.OTHER,
        ),
        ((502, "{}"), "HTTP 502", Cause.OTHER),
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
    assert isinstance(outcome, Undelivered)
    assert (outcome.reason, outcome.cause) == (reason, cause)
    assert not [path for path in service.paths if "createRoom" in path]


def test_a_user_with_a_room_needs_no_profile(service: Service) -> None:
    """Direct messages go to the room that is there, whether the server shows the user's profile or not."""
    direct = '{"@alice:example.org": ["!direct:example.org"]}'
    reason, acts = _tell(
        service, "@alice", Homeserver(profile=(403, "{}"), direct=direct)
    )
    assert reason == ""
    assert [path for path in service.paths if "%21direct%3Aexample.org" in path]
    assert len(acts) == 1


def test_nothing_is_timed_after_the_logout(service: Service) -> None:
    """The logout is limited as any request, and then the process may wait for its next message as long as it likes."""
    reason, _ = _tell(service, "#room", Homeserver())
    assert reason == ""
    assert service.paths[-1].endswith("/logout")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_refused_login_makes_no_account(service: Service) -> None:
    """A wrong password is an error, and no new account of that name."""
    reason, acts = _tell(service, "#room", Homeserver(login=403))
    assert reason == f"HTTP 403 (M_FORBIDDEN), {_NOT_ALLOWED}"
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


def test_a_room_whose_state_cannot_be_read_gets_nothing(service: Service) -> None:
    """A server that does not say whether a room is encrypted gets no message to it."""
    reason, acts = _tell(service, "#room", Homeserver(encrypted=500))
    assert reason != ""
    assert acts == []


def test_a_url_may_send_plain_text_to_an_encrypted_room(service: Service) -> None:
    """With `e2ee=no` the room gets what the URL asks for."""
    reason, acts = _tell(service, "#room?e2ee=no", Homeserver(encrypted=200))
    assert reason == ""
    assert len(acts) == 1
