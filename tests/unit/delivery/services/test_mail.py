"""Mail: what programs read in its headers, and what people see."""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest

from tests.hostile.parsers import in_shown
from tests.hostile.world import of_mail
from tests.proxied.scenes import hostile
from tests.support.fakes.smtp import Mailbox
from tests.unit.delivery.services.conftest import (
    BY_SEVERITY,
    Service,
    event,
)
from watcher.delivery.services.mail import address_copies
from watcher.delivery.services.service import Plugin
from watcher.delivery.urls import load, service_of
from watcher.model.event import Event


def _mail(mailbox: Mailbox, query: str, *events: Event) -> EmailMessage:
    assert Service().tell(f"{mailbox.apprise_url()}&{query}", *events) == ""
    return mailbox.mails[-1].message


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_a_mail_has_the_priority_of_its_severity(mailbox: Mailbox) -> None:
    """A ban, a flag and a release have three priorities, which mail programs show."""
    mails = [_mail(mailbox, "", one) for one in BY_SEVERITY]
    assert [(mail["X-Priority"], mail["Importance"]) for mail in mails] == [
        ("1", "high"),
        ("3", "normal"),
        ("5", "low"),
        ("5", "low"),
    ]


def test_headers_and_names_of_the_url_stay(mailbox: Mailbox) -> None:
    """A header or a name that the URL sets is sent as it is, once."""
    copy = _mail(mailbox, "cc=Ann%3Cann@example.org%3E")
    assert copy["To"] == "Ann <ann@example.org>"
    mail = _mail(mailbox, "%2Bx-priority=2&name=Registry")
    assert mail.get_all("X-Priority") == ["2"]
    assert str(mail["From"]).startswith("Registry <")


def test_a_mail_says_who_sent_it(mailbox: Mailbox) -> None:
    """Its id and its list are of the sender's domain; the sender has a name, and answering machines stay silent."""
    mail = _mail(mailbox, "")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert str(mail["From"]).startswith("Comfy Watch <")
    assert re.fullmatch(r"<[^@<>]+@example\.org>", mail["Message-ID"])
    assert mail["List-Id"] == "Comfy Watch <comfy-watch.example.org>"


def test_both_parts_say_the_same(mailbox: Mailbox) -> None:
    """The text part has every line, link and empty line that the page shows, and nothing of its style."""
    another = event(node="another", id="id7", url="")
    mail = _mail(mailbox, "", *BY_SEVERITY[:2], another)
    text, page = _part(mail, "plain"), _part(mail, "html")
    shown = re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])
    assert [word for word in re.findall(r"[\w.:/-]+", shown) if word not in text] == []
    assert event().url in text
    assert f'<a href="{event().url}">' in page
    assert "\n\n" in text.strip()
    assert not re.search(r"[<>{}]", text)


def test_no_untrusted_text_becomes_structure(mailbox: Mailbox) -> None:
    """Whatever the registry's texts hold, they are text in the title and in both parts."""
    _mail(mailbox, "", *hostile(1))
    shown = of_mail(mailbox.mails[-1])
    assert not [one for dialect, text in shown for one in in_shown(dialect, text)]


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
