"""Which alert URLs were accepted before: each is checked once, and no part of it is kept."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.support.factories import channel
from watcher.alerts.queues.ownership import Addresses, digest, judge
from watcher.model.channel import Channel
from watcher.state import documents

SALT = "ab" * 16
GOOD, BAD = (
    channel("ops", url="json://127.0.0.1/s3cret"),
    channel("chat", url="nonsense://s3cret"),
)


Judged = tuple[Addresses, dict[str, str]]


class Judge:
    """Says what apprise would, and remembers which URLs it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def refusal(self, url: str) -> str | None:
        self.asked.append(url)
        return "apprise does not know it" if url.startswith("nonsense") else None

    def of(
        self, *channels: Channel, known: Addresses | None = None, apprise: str = "2.3"
    ) -> Judged:
        return judge(
            channels,
            known or Addresses(salt=SALT),
            apprise=apprise,
            refusal=self.refusal,
        )


def test_an_unknown_url_is_asked_about_and_remembered() -> None:
    """A URL that was never accepted is asked about; what is kept is the salt, apprise's version and a digest."""
    asked = Judge()
    addresses, refused = asked.of(GOOD)
    assert (asked.asked, refused) == ([GOOD.url], {})
    assert addresses == Addresses(
        salt=SALT, apprise="2.3", url_digests={GOOD.name: digest(GOOD.url, SALT)}
    )


def test_an_accepted_url_is_not_asked_about_again() -> None:
    """A quiet poll asks nothing, whatever name the URL goes by, and has nothing new to keep but the name."""
    known, _ = Judge().of(GOOD)
    asked = Judge()
    addresses, _ = asked.of(channel("renamed", url=GOOD.url), known=known)
    assert (asked.asked, addresses) == (
        [],
        replace(known, url_digests={"renamed": known.url_digests["ops"]}),
    )


def test_another_apprise_is_asked_anew() -> None:
    """What one version of apprise accepted says nothing of another's view; the salt stays."""
    known, _ = Judge().of(GOOD)
    asked = Judge()
    addresses, _ = asked.of(GOOD, known=known, apprise="2.4")
    assert asked.asked == [GOOD.url]
    assert (addresses.salt, addresses.apprise) == (SALT, "2.4")


def test_every_refusal_is_a_line_that_names_the_channel() -> None:
    """All refused channels are named at once, without their URLs."""
    _, refused = Judge().of(BAD, GOOD, channel("mail", url="nonsense://other"))
    assert refused == {
        "chat": "apprise does not know it",
        "mail": "apprise does not know it",
    }


def test_no_part_of_a_url_is_kept() -> None:
    """The file of accepted URLs holds hexadecimal digests, which depend on the salt."""
    text = documents.ADDRESSES.write(Judge().of(GOOD)[0]).decode()
    assert "s3cret" not in text
    assert "127.0.0.1" not in text
    assert all(
        set(one) <= set("0123456789abcdef")
        for one in json.loads(text)["url_digests"].values()
    )
    assert digest(GOOD.url, SALT) != digest(GOOD.url, "cd" * 16)


def test_a_url_that_is_no_text_has_a_digest() -> None:
    """A URL with bytes that no encoding explains is digested like any other."""
    assert len(digest("json://127.0.0.1/\udcff", SALT)) == 32
