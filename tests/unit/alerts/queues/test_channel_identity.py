"""Which alert URLs were accepted before: each is checked once, and no part of it is kept."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.support.factories import channel
from watcher.alerts.queues.ownership import Addresses, digest, judge
from watcher.model.channel import Channel
from watcher.state import documents

NONE = Addresses(salt="ab" * 16)
GOOD = channel("ops", url="json://127.0.0.1/s3cret")
BAD = channel("chat", url="nonsense://s3cret")


def judged(
    *channels: Channel, known: Addresses = NONE, apprise: str = "2.3"
) -> tuple[Addresses, dict[str, str], list[str]]:
    """Return the addresses, what is refused by channel, and which URLs apprise was asked about."""
    asked: list[str] = []

    def refusal(url: str) -> str | None:
        asked.append(url)
        return "unknown" if url.startswith("nonsense") else None

    return *judge(channels, known, apprise=apprise, refusal=refusal), asked


def test_an_accepted_url_is_not_asked_about_again() -> None:
    """Whatever name it goes by; another version of apprise is asked anew, and the salt stays."""
    known, refused, asked = judged(GOOD)
    accepted = digest(GOOD.url, NONE.salt)
    assert known == replace(NONE, apprise="2.3", url_digests={"ops": accepted})
    assert (refused, asked) == ({}, [GOOD.url])
    renamed, _, asked = judged(channel("renamed", url=GOOD.url), known=known)
    assert (renamed.url_digests, asked) == ({"renamed": accepted}, [])
    anew, _, asked = judged(GOOD, known=known, apprise="2.4")
    assert (anew.salt, anew.apprise, asked) == (NONE.salt, "2.4", [GOOD.url])


def test_every_refusal_names_its_channel() -> None:
    """All refused channels are named at once, without their URLs."""
    _, refused, _ = judged(BAD, GOOD, channel("mail", url="nonsense://other"))
    assert refused == {"chat": "unknown", "mail": "unknown"}


def test_no_part_of_a_url_is_kept() -> None:
    """The file of accepted URLs holds hexadecimal digests, which depend on the salt, also of what is no text."""
    document = json.loads(documents.ADDRESSES.write(judged(GOOD)[0]))
    [kept] = document["url_digests"].values()
    assert set(kept) <= set("0123456789abcdef")
    assert kept != digest(GOOD.url, "cd" * 16)
    assert len(digest("json://127.0.0.1/\udcff", NONE.salt)) == len(kept) == 32
