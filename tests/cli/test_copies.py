"""Several recipients of one mail channel, one of which is refused: the others have each alert once, over many polls."""

from __future__ import annotations

import itertools

import pytest

from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.smtp import Mailbox
from tests.support.harness import Watcher, counts
from tests.support.parameters import one_row_of

_REFUSALS = itertools.product(
    ("cc", "to", "bcc"),
    (
        ("DATA", "421 bye"),
        ("RCPT", "550 no"),
        ("RCPT", "450 later"),
        ("DATA", "554 no"),
    ),
)


@pytest.mark.parametrize(
    ("refused", "command", "reply"),
    one_row_of(*((kind, *refusal) for kind, refusal in _REFUSALS)),
)
def test_who_has_an_alert_does_not_get_it_again(
    watch: Watcher,
    registry: FakeRegistry,
    mailbox: Mailbox,
    refused: str,
    command: str,
    reply: str,
) -> None:
    """What one is refused for comes to the others once, whatever is tried again; then to that one, alone."""
    address = {kind: f"{kind}@example.org" for kind in ("to", "cc", "bcc")}
    url = mailbox.apprise_url(address["to"])
    url = f"{url}&cc={address['cc']}&bcc={address['bcc']}"
    watch = watch.but(alert_urls=url)
    watch.check()
    mailbox.replies = {(command, address[refused]): reply}
    registry.catalog.set_status("alpha", "1.0.0", "banned")
    for _ in range(3):
        assert watch.check(code=1)["alerts"] == counts(pending=1)
        assert len(mailbox.mails) == 2
        watch.end_backoffs()
    mailbox.replies = {}
    assert watch.check()["alerts"] == counts(delivered=1)
    *others, last = (one.recipients for one in mailbox.mails)
    assert last == (address.pop(refused),)
    assert sorted(others) == sorted((one,) for one in address.values())
