"""Mail: what programs read in its headers, and what people see."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest

from tests.support.fakes.smtp import Mailbox
from tests.unit.delivery.services.conftest import (
    FLAG,
    HARMLESS_FLAG,
    RELEASE,
    Service,
    event,
)
from watcher.delivery.services.mail import address_copies
from watcher.delivery.services.service import Plugin
from watcher.delivery.urls import load, service_of
from watcher.model.event import Event


def _mail(mailbox: Mailbox, query: str, *events: Event) -> EmailMessage:
    url = mailbox.apprise_url()
    assert (
        Service().tell(
            f"{url}{'&' if '?' in url else '?'}{query}" if query else url, *events
        )
        == ""
    )
    return mailbox.mails[-1].message


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_mail_has_the_priority_of_its_severity(mailbox: Mailbox) -> None:
    """A ban, a flag and a release have three priorities, which mail programs show."""
    for fields, priority, importance in (
        ({}, "1", "high"),
        (FLAG, "3", "normal"),
        (RELEASE, "5", "low"),
        (HARMLESS_FLAG, "5", "low"),
    ):
        mail = _mail(mailbox, "", event(**fields))
        assert (mail["X-Priority"], mail["Importance"]) == (priority, importance)


def test_a_mail_says_that_a_program_sent_it(mailbox: Mailbox) -> None:
    """Answering machines stay silent, and the sender has a name."""
    mail = _mail(mailbox, "")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert str(mail["From"]).startswith("Comfy Watch <")


def test_headers_and_names_of_the_url_stay(mailbox: Mailbox) -> None:
    """A header or a name that the URL sets is sent as it is, once."""
    copy = _mail(mailbox, "cc=Ann%3Cann@example.org%3E")
    assert copy["To"] == "Ann <ann@example.org>"
    mail = _mail(mailbox, "%2Bx-priority=2&name=Registry")
    assert mail.get_all("X-Priority") == ["2"]
    assert str(mail["From"]).startswith("Registry <")


def test_a_mail_is_known_by_the_domain_of_its_sender(mailbox: Mailbox) -> None:
    """Its id and its list are of the sender's domain, neither of the mail server nor of this machine."""
    mail = _mail(mailbox, "")
    assert re.fullmatch(r"<[^@<>]+@example\.org>", mail["Message-ID"])
    assert mail["List-Id"] == "Comfy Watch <comfy-watch.example.org>"


def test_both_parts_say_the_same(mailbox: Mailbox) -> None:
    """The text part has every line, link and empty line that the page shows, and nothing of its style."""
    mail = _mail(
        mailbox, "", event(), event(**FLAG), event(node="another", id="id7", url="")
    )
    text, page = _part(mail, "plain"), _part(mail, "html")
    shown = re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])
    assert [word for word in re.findall(r"[\w.:/-]+", shown) if word not in text] == []
    assert "https://registry.comfy.org/nodes/comfyui-night-lights" in text
    assert "\n\n" in text.strip()
    assert not re.search(r"[<>{}]", text)


@pytest.mark.parametrize(
    "word", ["viewport", "prefers-color-scheme:dark", "max-width", "overflow-wrap"]
)
def test_the_page_fits_narrow_and_dark_screens(mailbox: Mailbox, word: str) -> None:
    """The page says how it is shown on a telephone, and in the dark."""
    assert word in _part(_mail(mailbox, ""), "html")


def test_a_text_mail_has_no_page(mailbox: Mailbox) -> None:
    """With `?format=text` a mail is a text, without a tag."""
    mail = _mail(mailbox, "format=text")
    assert mail.get_content_type() == "text/plain"
    assert "<" not in mail.get_content()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"brevo://{'a' * 40}:user@example.com/to@example.com", "textContent"),
        ("mailersend://user:mlsn.abcdefgh1234@example.com/to@example.com", "text"),
        (f"groundmail://{'a' * 32}:user@example.com/to@example.com", "text"),
    ],
)
def test_a_text_cannot_be_a_line_of_a_mail(
    service: Service, url: str, name: str
) -> None:
    """The text that a mail service's plugin makes of the HTML keeps untrusted text in the line of its event."""
    assert service.tell(url, event(node="pack", version="- ⛔ banned other 1")) == ""
    lines = service.last[name].splitlines()
    whole = "⛔ BANNED pack - ⛔ banned other 1"
    assert any(line.startswith(whole) for line in lines)
    assert not [line for line in lines if line.startswith("- ")]


def test_what_goes_out_at_once_hides_its_blind_copies() -> None:
    """Where all have one request, none that is blind is addressed beside the others."""
    url = (
        "mailgun://user@example.org/key/to@example.org?batch=yes&bcc=blind@example.org"
    )
    load()
    service: Plugin = service_of(url)
    address_copies(service)
    assert (len(service.targets), service.bcc) == (1, {"blind@example.org"})
