"""Which alert URLs were accepted before: asked once, and nothing of them kept that tells them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.factories import channel
from watcher.alerts.channel_identity import FORMER_LIMIT, LINE_LIMIT, Addresses, Verdict, digest, follow, judge
from watcher.model.channel import Channel
from watcher.state import records

SALT = "ab" * 16
GOOD, BAD = channel("ops", url="json://127.0.0.1/s3cret"), channel("chat", url="nonsense://s3cret")


class Judge:
    """Says what apprise would, and remembers which URLs it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def refusal(self, url: str) -> str | None:
        self.asked.append(url)
        return "apprise does not know it" if url.startswith("nonsense") else None

    def of(self, *channels: Channel, known: Addresses | None = None, apprise: str = "2.3") -> Verdict:
        return judge(channels, known or Addresses(), apprise=apprise, refusal=self.refusal, new_salt=lambda: SALT)


def test_an_unknown_url_is_asked_about_and_remembered() -> None:
    """A URL that was never accepted is asked about; what is kept is the salt, apprise's version and a digest."""
    asked = Judge()
    verdict = asked.of(GOOD)
    assert (asked.asked, verdict.refused) == ([GOOD.url], {})
    assert verdict.digests == {"ops": digest(GOOD.url, SALT)}
    assert verdict.addresses == Addresses(salt=SALT, apprise="2.3", accepted={GOOD.name: digest(GOOD.url, SALT)})


def test_an_accepted_url_is_not_asked_about_again() -> None:
    """A quiet poll asks nothing, whatever name the URL goes by, and has nothing new to keep but the name."""
    known = Judge().of(GOOD).addresses
    asked = Judge()
    verdict = asked.of(channel("renamed", url=GOOD.url), known=known)
    assert (asked.asked, verdict.addresses) == ([], replace(known, accepted={"renamed": known.accepted["ops"]}))


def test_another_apprise_is_asked_anew() -> None:
    """What one version of apprise accepted says nothing of another's view; the salt stays."""
    known = Judge().of(GOOD).addresses
    asked = Judge()
    verdict = asked.of(GOOD, known=known, apprise="2.4")
    assert asked.asked == [GOOD.url]
    assert (verdict.addresses.salt, verdict.addresses.apprise) == (SALT, "2.4")


def test_a_changed_url_is_asked_about() -> None:
    """A channel that kept its name and got another URL is not trusted for its old one."""
    known = Judge().of(GOOD).addresses
    asked = Judge()
    assert asked.of(channel("ops", url=BAD.url), known=known).refused == {"ops": "apprise does not know it"}
    assert asked.asked == [BAD.url]


def test_every_refusal_is_a_line_that_names_the_channel() -> None:
    """All refused channels are told at once, by name, without their URLs."""
    verdict = Judge().of(BAD, GOOD, channel("mail", url="nonsense://other"))
    assert verdict.refused == {"chat": "apprise does not know it", "mail": "apprise does not know it"}


def test_without_channels_nothing_changes() -> None:
    """No channel means nothing to ask and nothing new to keep."""
    known = Judge().of(GOOD).addresses
    assert Judge().of(known=known) == Verdict(addresses=known, digests={}, refused={})


def test_a_url_that_is_gone_is_forgotten() -> None:
    """Only the digests of URLs that are configured are kept."""
    known = Judge().of(GOOD, channel("mail", url="json://127.0.0.1/other")).addresses
    assert Judge().of(GOOD, known=known).addresses.accepted == {GOOD.name: digest(GOOD.url, SALT)}


def test_no_part_of_a_url_is_kept() -> None:
    """The file of accepted URLs holds hexadecimal digests, which depend on the salt."""
    text = records.write_addresses(Judge().of(GOOD).addresses).decode()
    assert "s3cret" not in text
    assert "127.0.0.1" not in text
    assert all(set(one) <= set("0123456789abcdef") for one in json.loads(text)["accepted"].values())
    assert digest(GOOD.url, SALT) != digest(GOOD.url, "cd" * 16)


def test_a_url_that_is_no_text_has_a_digest() -> None:
    """A URL with bytes that no encoding explains is digested like any other."""
    assert len(digest("json://127.0.0.1/\udcff", SALT)) == 32


A, B, C, D = "aa", "bb", "cc", "dd"
"""Addresses."""

Channels = dict[str, str]


def lived(*polls: Channels, placed: bool = False) -> Addresses:
    """Give what is kept after polls with these channels, whose names are `placed` or their own."""
    known = Addresses()
    for channels in polls:
        known = follow(known, channels, channels if placed else ())
        assert follow(known, channels, channels if placed else ()) == known
        assert known.accepted == channels
    return known


@pytest.mark.parametrize(
    ("polls", "earlier"),
    [
        ([{"ops": A}, {"ops": B}], {"ops": (A,)}),
        ([{"ops": A}, {"ops": B}, {"ops": C}], {"ops": (A, B)}),
        ([{"ops": A}, {"ops": B}, {"ops": A}], {"ops": (B,)}),
        ([{"ops": A}, {"ops": B}, {"ops": C}, {"ops": A}], {"ops": (B, C)}),
        ([{"ops": A}, {"ops": B}, {"duty": B}], {"duty": (A,)}),
        ([{"ops": A, "mail": B}, {"ops": C, "mail": D}], {"ops": (A,), "mail": (B,)}),
        ([{"ops": A, "mail": B}, {"ops": C, "mail": C}, {"ops": A, "mail": B}], {"ops": (C,), "mail": (C,)}),
        ([{"ops": A, "two": A}, {"ops": B, "two": C}], {"ops": (A,), "two": (A,)}),
    ],
    ids=["edit", "two", "back", "two-back", "renamed-since", "both", "together-and-apart", "twins"],
)
def test_a_channel_that_is_edited_goes_on(polls: list[Channels], earlier: dict[str, tuple[str, ...]]) -> None:
    """A URL that nobody had, or that this very channel had before, takes the place of the one of the last poll."""
    assert lived(*polls).earlier == earlier


@pytest.mark.parametrize(
    "polls",
    [
        [{"ops": A, "mail": B}, {"ops": B}],
        [{"ops": A, "mail": B}, {"ops": A}, {"ops": B}],
        [{"ops": A}, {"mail": B}, {"ops": C}],
        [{"ops": A}, {}, {"ops": B}],
        [{"ops": A}, {"duty": B}],
        [{"ops": A}, {"duty": A, "ops": B}],
        [{"ops": A, "mail": B}, {"mail": B}, {"ops": B}, {"ops": A}],
    ],
    ids=["other's", "former", "absent", "none", "renamed", "name-reused", "own-name-former-url"],
)
def test_any_other_url_begins_anew(polls: list[Channels]) -> None:
    """A URL that was another channel's, or comes under a name that was free in between, takes nothing over."""
    assert lived(*polls).earlier == {}


def test_an_earlier_url_that_is_used_elsewhere_is_no_longer_the_channels() -> None:
    """Once a channel of its own, a URL takes nothing over from the channel that had it before."""
    known = lived({"ops": A}, {"ops": B}, {"ops": B, "mail": A}, {"ops": B}, {"ops": A})
    assert (known.earlier, known.former) == ({}, (B,))


@pytest.mark.parametrize(
    ("polls", "earlier"),
    [
        ([{"json": A, "json-2": B}, {"json": A, "json-2": C}], {"json-2": (B,)}),
        ([{"json": A, "json-2": B}, {"json": C, "json-2": A}], {"json": (B,)}),
        ([{"json": A}, {"discord": B}, {"json": A}], {"json": (B,)}),
        ([{"json": A, "json-2": B}, {"json": B}], {}),
        ([{"json": A, "json-2": B}, {"json": B}, {"json": B, "json-2": C}], {}),
        ([{"json": A, "json-2": B}, {"json": C, "json-2": D}], {}),
        ([{"json": A, "json-2": B}, {"json": C}], {}),
        ([{"json": A}, {"json": C, "json-2": D}], {}),
        ([{"json": A, "json-2": B}, {"json": A}, {"json": B}], {}),
    ],
    ids=["edit", "moved", "back", "removed", "added", "two", "fewer", "more", "former"],
)
def test_a_place_in_a_list_is_no_name(polls: list[Channels], earlier: dict[str, tuple[str, ...]]) -> None:
    """In `alert_urls` a URL takes another's place only if it alone came and the other alone went."""
    assert lived(*polls, placed=True).earlier == earlier


def test_a_name_that_became_a_channels_own_says_nothing_yet() -> None:
    """What had a name from its place in `alert_urls` is another channel than a table of that name."""
    assert follow(lived({"json": A}, placed=True), {"json": B}, ()).earlier == {}


def test_what_is_remembered_of_urls_is_bounded() -> None:
    """Of earlier and of former URLs the latest are kept."""
    edited = lived(*({"ops": f"{number:02x}"} for number in range(LINE_LIMIT + 3)))
    assert [len(line) for line in edited.earlier.values()] == [LINE_LIMIT]
    assert edited.former == ("00", "01")
    former = lived(*({f"c{number}": f"{number:03x}"} for number in range(FORMER_LIMIT + 9)))
    assert len(former.former) == FORMER_LIMIT
    assert former.former[-1] == f"{FORMER_LIMIT + 7:03x}"
