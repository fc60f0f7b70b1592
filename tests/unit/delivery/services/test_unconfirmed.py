"""Services that cannot confirm a message: what is known not to have been sent is a failure."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.delivery.test_sender import sent
from watcher.delivery.services.unconfirmed import has_listener
from watcher.model.outcome import Delivered, Undelivered, decoded, encoded


@contextmanager
def _daemon(path: Path, kind: socket.SocketKind) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, kind) as end:
        end.bind(str(path))
        if kind is socket.SOCK_STREAM:
            end.listen()
        yield


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_daemon_listens_to_datagrams_or_a_stream(
    tmp_path: Path, kind: socket.SocketKind
) -> None:
    """A syslog daemon of either kind is one, until it has ended; a path where nothing is has none."""
    path = tmp_path / "log"
    assert not has_listener(str(path))
    with _daemon(path, kind):
        assert has_listener(str(path))
    assert path.exists()
    assert not has_listener(str(path))


@pytest.mark.skipif(has_listener("/dev/log"), reason="a syslog daemon listens here")
def test_syslog_without_a_daemon_is_a_failure() -> None:
    """The C library drops a message to nobody without a word: the reason says that there is no daemon."""
    outcome = sent("syslog://")
    assert isinstance(outcome, Undelivered)
    assert outcome.reason.startswith(
        "no syslog daemon listens on /dev/log here: start one, or use rsyslog://"
    )
    assert not outcome.unanswered


@pytest.mark.parametrize(
    "outcome", [Delivered(), Delivered(confirmed=False), Undelivered(reason="HTTP 500")]
)
def test_an_outcome_survives_its_way_to_the_program(
    outcome: Delivered | Undelivered,
) -> None:
    """What the process says is what the program reads."""
    assert decoded(encoded(outcome), frozenset()) == outcome
