"""Mail, with Postfix at the other end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.destinations import part
from tests.services.operator import Operator, counts
from tests.services.servers.ntfy import Ntfy
from tests.services.servers.postfix import PASSWORD, SENDER, Postfix
from tests.services.servers.server import until

pytestmark = pytest.mark.services

_CAME = "the whole of DATA came"
_NOTED = {
    "smtpd_end_of_data_restrictions": f"check_sender_access inline:{{ {{ {SENDER} = INFO {_CAME} }} }}, sleep 8"
}
"""The answer to DATA takes some seconds, and Postfix writes down when it begins to take them."""


def test_a_repeat_after_a_kill_has_the_same_message_id(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """Killed before the answer to DATA came, the program sends the mail again, so that its reader can tell it."""
    with Postfix(tmp_path / "server", **_NOTED) as server:
        alerted = operator(server.url()).knows()
        alerted.ban()
        with alerted.start("check") as poll:
            until(lambda: _CAME in server.maillog, "the mail")
            poll.process.kill()
            poll.process.wait()
        alerted.end_backoffs()
        assert alerted.check()["alerts"]["pending"] == 0
        mails = server.mails()
    assert len(mails) == 2
    assert len({mail["Message-ID"] for mail in mails}) == 1
    assert len({str(mail["Subject"]) for mail in mails}) == 1


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


def test_an_unknown_recipient_is_told_elsewhere(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """550 is named, and another channel reports the failure once, at the next poll."""
    with Postfix(tmp_path / "server") as server, Ntfy(tmp_path / "ntfy") as phone:
        channels = [
            {"name": "office", "url": server.url("nobody@example.org")},
            {"name": "phone", "url": phone.url()},
        ]
        alerted = operator(channels=channels, alert_urls=[]).knows()
        alerted.ban()
        assert "550" in alerted.said("check")
        for _ in range(3):
            alerted.run("check")
        reports = [one for one in phone.messages() if "office" in one.title + one.text]
        assert server.mails() == []
    assert len(reports) == 1


def test_an_untrusted_certificate_is_no_delivery(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """A mail server whose certificate does not verify gets no mail, and that is said in a line."""
    with Postfix(tmp_path / "server") as server:
        alerted = operator(server.url(tls=True)).knows()
        alerted.ban()
        assert "1 alert still undelivered" in alerted.said("check")
        assert server.mails() == []


def test_a_refused_login_says_so(
    tmp_path: Path, operator: Callable[..., Operator]
) -> None:
    """535 is named with what to do, and the password nowhere; with the right password the mail comes once."""
    with Postfix(tmp_path / "server", logins="yes") as server:
        trust = server.authority.trusted()
        channel = {
            "name": "office",
            "url": server.url(tls=True, password="wrong-s3cret"),
        }
        alerted = operator(channels=[channel], alert_urls=[], surrounding=trust).knows()
        alerted.ban()
        said = alerted.said("check")
        assert "SMTP 535, the login is refused: check the user and the password" in said
        assert "s3cret" not in said
        alerted = alerted.but(
            channels=[channel | {"url": server.url(tls=True, password=PASSWORD)}]
        )
        alerted.end_backoffs()
        assert alerted.check()["alerts"] == counts(delivered=1)
        assert len(server.mails()) == 1
