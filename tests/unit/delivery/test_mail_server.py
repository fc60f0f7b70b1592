"""Mail servers that are slow, refuse, or get a mail twice."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from tests.support.fakes.smtp import Mailbox
from tests.support.parameters import one_of, one_row_of
from tests.support.worker import WORKER, job
from watcher.alerts.digest import sample
from watcher.model.channel import Cause, Outcome


def _deliver(
    url: str,
    timeout: float = 5.0,
    at: str = "2026-01-01T00:00:00Z",
    stopped: float = 60.0,
) -> Outcome:
    """Send a mail; `stopped` is after how many seconds the program is stopped."""

    async def send() -> Outcome:
        delivery = asyncio.create_task(
            WORKER.deliver(job(url, timeout, events=sample(at)))
        )
        await asyncio.wait({delivery}, timeout=stopped)
        WORKER.stop_within(0.0)
        return await delivery

    return asyncio.run(send())


def test_a_repeat_has_the_same_id(mailbox: Mailbox) -> None:
    """A mail that is sent again is the same mail to its readers; another recipient's is not."""
    url = mailbox.apprise_url("a@example.org,b@example.org")
    for at in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"):
        assert _deliver(url, at=at) == Outcome(taken=True)
    ids = [str(one.message["Message-ID"]) for one in mailbox.mails]
    assert ids[:2] == ids[2:4]
    assert len(set(ids)) == 4


@pytest.mark.bounded
def test_a_mail_without_an_answer_may_have_been_taken(mailbox: Mailbox) -> None:
    """A server that says nothing to a mail may have it; one that says nothing before that has not."""
    mailbox.slow = None
    outcome = _deliver(mailbox.apprise_url(), timeout=2.0, stopped=3.0)
    assert not outcome.taken
    assert outcome.unanswered
    assert len(mailbox.mails) == 1


def test_a_server_that_leaves_after_a_mail_has_it(mailbox: Mailbox) -> None:
    """A farewell that is lost after the reply to the mail is no failure."""
    mailbox.leaves = True
    assert _deliver(mailbox.apprise_url()) == Outcome(taken=True)


def test_an_unknown_recipient_is_gone(mailbox: Mailbox) -> None:
    """With every recipient unknown the channel's address is wrong."""
    mailbox.unknown = {"a@example.org", "b@example.org"}
    outcome = _deliver(mailbox.apprise_url("a@example.org,b@example.org"))
    assert outcome == Outcome(
        reason="SMTP 550, the mailbox is gone: correct the address", cause=Cause.GONE
    )
    mailbox.unknown = {"a@example.org"}
    outcome = _deliver(mailbox.apprise_url("a@example.org,b@example.org"))
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
            outcome = asyncio.run(WORKER.deliver(job(url, reached=reached)))
            assert not outcome.taken
            assert outcome.reason.startswith(f"SMTP {reply[:3]}")
            assert not outcome.unanswered
            reached = outcome.reached
            others = [(one,) for one in everybody if one != refused]
            assert sorted(one.recipients for one in mailbox.mails) == sorted(others)
        mailbox.replies = {}
        assert asyncio.run(WORKER.deliver(job(url, reached=reached))) == Outcome(
            taken=True
        )
        assert mailbox.mails[4].recipients == (refused,)
        assert len(mailbox.mails) == 5


@pytest.mark.parametrize("command", one_of("DATA", "RCPT"))
def test_a_copy_that_hangs_holds_up_no_other(mailbox: Mailbox, command: str) -> None:
    """The others have their mail in the same attempt; what hangs may have it only once its mail went out."""
    mailbox.replies = {(command, "to@example.org"): ""}
    url = f"{mailbox.apprise_url('to@example.org')}&cc=cc@example.org"
    outcome = _deliver(url, timeout=1.5)
    assert not outcome.taken
    assert (outcome.reason, outcome.unanswered) == ("timed out", command == "DATA")
    assert [one.recipients for one in mailbox.mails] == [("cc@example.org",)]
    assert len(outcome.reached) == 1
