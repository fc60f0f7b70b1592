"""Mail, with Postfix at the other end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.destinations import part
from tests.services.operator import Operator
from tests.services.servers.postfix import PASSWORD, Postfix
from tests.support.harness import counts

pytestmark = pytest.mark.services


def test_too_big_a_mail_goes_out_plain(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """What was refused for its size goes out in its plainest form, and is taken."""
    with Postfix(tmp_path / "server", message_size_limit="2500") as server:
        alerted = operator(server.url()).knows()
        alerted.ban()
        assert alerted.check()["alerts"]["pending"] == 0
        [mail] = server.mails()
    assert "1.2.0" in str(mail["Subject"]) + part(mail, "plain")


def test_who_is_not_trusted_or_not_known_is_owed_the_mail(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """A server whose certificate does not verify gets nothing; a refused login is named, and the password nowhere.

    With both mended the mail comes once.
    """
    with Postfix(tmp_path / "server", logins="yes") as server:
        url = server.url(tls=True, password="wrong-s3cret")
        channel = {"name": "office", "url": url}
        alerted = operator(channels=[channel], alert_urls=[]).knows()
        alerted.ban()
        assert "the certificate does not verify" in alerted.said()
        alerted = alerted.but(surrounding=server.authority.trusted())
        alerted.end_backoffs()
        said = alerted.said()
        assert "SMTP 535, the login is refused: check the user and the password" in said
        assert "s3cret" not in said
        channel["url"] = server.url(tls=True, password=PASSWORD)
        alerted = alerted.but(channels=[channel])
        assert alerted.check()["alerts"] == counts(1)
        assert len(server.mails()) == 1
