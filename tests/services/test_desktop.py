"""Desktop notifications: what is not the same for every service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.operator import PACK, Operator
from tests.services.servers.dunst import Dunst

pytestmark = pytest.mark.services


def test_severity_is_the_urgency(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """A ban is critical, a deprecation normal, a release low."""
    with Dunst(tmp_path / "server") as server:
        alerted = operator("dbus://", surrounding=server.bus()).knows()
        alerted.ban()
        alerted.check()
        alerted.registry.catalog.deprecate(PACK, "1.1.0")
        alerted.check()
        alerted.registry.catalog.publish(PACK, "1.3.0")
        alerted.check()
        assert [one.urgency for one in server.shown()] == ["CRITICAL", "NORMAL", "LOW"]


@pytest.mark.parametrize(
    "address", ["", "unix:path=/nowhere/bus"], ids=["none", "of a session that ended"]
)
def test_no_desktop_session_is_a_failure(
    operator: Callable[..., Operator], address: str
) -> None:
    """Without a bus, as from cron or systemd, the alert stays owed, and the reason says what to do."""
    pytest.importorskip("dbus")
    alerted = operator(
        "dbus://", surrounding={"DBUS_SESSION_BUS_ADDRESS": address}
    ).knows()
    alerted.ban()
    said = alerted.said("check")
    assert (
        "no desktop session shows notifications here: run comfy-watch as the user who is logged in"
        in said
    )
    assert "1 alert still undelivered" in said
