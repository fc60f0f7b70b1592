"""Desktop notifications: what is not the same for every service."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.services.operator import Operator

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    "address", ["", "unix:path=/nowhere/bus"], ids=["none", "of a session that ended"]
)
def test_no_desktop_session_is_a_failure(
    operator: Callable[..., Operator], address: str
) -> None:
    """Without a bus, as from cron or systemd, the alert stays owed."""
    pytest.importorskip("dbus")
    alerted = operator(
        "dbus://", surrounding={"DBUS_SESSION_BUS_ADDRESS": address}
    ).knows()
    alerted.ban()
    said = alerted.said("check")
    assert "1 alert still undelivered" in said
