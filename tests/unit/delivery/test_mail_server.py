"""Mail servers that are slow, refuse, or get a mail twice."""

from __future__ import annotations

from itertools import product

import pytest

from tests.support.fakes.smtp import Mailbox
from tests.support.parameters import one_of, one_row_of
from tests.support.worker import deliver
from watcher.alerts.digest import sample
from watcher.model.channel import Cause, Outcome


def test_a_repeat_has_the_same_id(mailbox: Mailbox) -> None:
    """A mail that is sent again is the same mail to its readers; another recipient's is not."""
    url = mailbox.apprise_url("a@example.org,b@example.org")
    for at in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"):
        assert deliver(url, events=sample(at)) == Outcome(taken=True)
    ids = [str(one.message["Message-ID"]) for one in mailbox.mails]
    assert ids[:2] == ids[2:4]
    assert len(set(ids)) == 4


def test_a_server_that_leaves_after_a_mail_has_it(mailbox: Mailbox) -> None:
    """A farewell that is lost after the reply to the mail is no failure."""
    mailbox.leaves = True
    assert deliver(mailbox.apprise_url()) == Outcome(taken=True)


def test_an_unknown_recipient_is_gone(mailbox: Mailbox) -> None:
    """With every recipient unknown the channel's address is wrong."""
    unknown = {("RCPT", f"{name}@example.org"): "550 no" for name in "ab"}
    mailbox.replies = unknown
    outcome = deliver(mailbox.apprise_url("a@example.org,b@example.org"))
    assert outcome == Outcome(
        reason="SMTP 550, the mailbox is gone: correct the address", cause=Cause.GONE
    )
    del unknown["RCPT", "a@example.org"]
    outcome = deliver(mailbox.apprise_url("a@example.org,b@example.org"))
    assert not outcome.taken
    assert (outcome.cause, len(outcome.reached)) == (Cause.OTHER, 1)


_REPLIES = ("421 bye", "550 no", "450 later", "552 too big", "554 no")


@pytest.mark.parametrize(
    ("command", "reply"), one_row_of(*product(("RCPT", "DATA"), _REPLIES))
)
def test_a_copy_is_a_target_of_its_own(
    mailbox: Mailbox, command: str, reply: str
) -> None:
    """A recipient who has the mail does not get it again because another is refused; each gets it once in the end."""
    everybody = [f"{name}@example.org" for name in ("to1", "to2", "cc1", "cc2", "bcc")]
    to1, to2, cc1, cc2, bcc = everybody
    url = f"{mailbox.apprise_url(f'{to1},{to2}')}&cc={cc1},{cc2}&bcc={bcc}"
    for refused in everybody:
        mailbox.mails.clear()
        mailbox.replies = {(command, refused): reply}
        reached = frozenset[str]()
        for _ in range(2):
            outcome = deliver(url, reached=reached)
            assert not outcome.taken
            assert outcome.reason.startswith(f"SMTP {reply[:3]}")
            assert not outcome.unanswered
            reached = outcome.reached
            others = [(one,) for one in everybody if one != refused]
            assert sorted(one.recipients for one in mailbox.mails) == sorted(others)
        mailbox.replies = {}
        assert deliver(url, reached=reached) == Outcome(taken=True)
        assert mailbox.mails[4].recipients == (refused,)
        assert len(mailbox.mails) == 5


@pytest.mark.parametrize("command", one_of("DATA", "RCPT"))
def test_a_copy_that_hangs_holds_up_no_other(mailbox: Mailbox, command: str) -> None:
    """The others have their mail in the same attempt; what hangs may have it only once its mail went out."""
    mailbox.replies = {(command, "to@example.org"): ""}
    url = f"{mailbox.apprise_url('to@example.org')}&cc=cc@example.org"
    outcome = deliver(url, timeout=1.5)
    assert not outcome.taken
    assert (outcome.reason, outcome.unanswered) == ("timed out", command == "DATA")
    assert [one.recipients for one in mailbox.mails] == [("cc@example.org",)]
    assert len(outcome.reached) == 1
