"""Desktop notifications, XMPP and MQTT: what is not the same for every service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.operator import PACK, Operator
from tests.services.servers.dunst import Dunst
from tests.services.servers.prosody import Prosody

pytestmark = pytest.mark.services


def test_severity_is_the_urgency(tmp_path: Path, operator: Callable[..., Operator]) -> None:
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


def test_an_untrusted_certificate_is_no_delivery(tmp_path: Path, operator: Callable[..., Operator]) -> None:
    """An XMPP server whose certificate does not verify gets no message, and the alert stays owed."""
    with Prosody(tmp_path / "server") as server:
        alerted = operator(server.url(verify="yes")).knows()
        alerted.ban()
        assert "certificate" in alerted.said("check")
        assert server.messages() == []
