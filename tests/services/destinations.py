"""Where a channel's messages end: a real server, the URL that leads there, and what a reader finds in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import cast

from tests.hostile.dialects import Dialect, Shown
from tests.proxied.services.reading import split
from tests.services.servers.mosquitto import Mosquitto
from tests.services.servers.ntfy import Ntfy
from tests.services.servers.postfix import Postfix
from tests.services.servers.prosody import Prosody
from tests.services.servers.rsyslog import Rsyslog
from tests.services.servers.server import Server
from tests.services.servers.synapse import Synapse


@dataclass(slots=True, kw_only=True)
class Destination:
    """One channel's end."""

    server: Server
    url: str
    read: Callable[[], list[Shown]]
    """Returns all the messages so far, each as the texts that it shows and how its reader reads them."""
    refused: str = ""
    """A URL with a password that the server refuses; empty where it asks for none."""
    surrounding: Mapping[str, str] = field(default_factory=dict)
    """Variables that the program needs to come there."""
    answers: bool = True
    """The server can be seen to be away. syslog's datagrams are not answered."""
    confirmed: bool = True
    """The channel can say that a message was taken."""

    def texts(self) -> list[str]:
        """Return all the messages so far, each as one text."""
        return ["\n".join(text for _, text in message) for message in self.read()]


def ntfy(server: Ntfy) -> Destination:
    """Read a topic as ntfy keeps it for its apps."""
    return Destination(
        server=server,
        url=server.url(),
        refused=server.url(token="tk_wrongs3cretwrongs3cretwrongs3"),
        read=lambda: [
            [(Dialect.TITLE, one.title), (Dialect.TEXT, one.text)]
            for one in server.messages()
        ],
    )


def mosquitto(server: Mosquitto) -> Destination:
    """Read a topic as a subscriber does."""
    seen: list[str] = []

    def read() -> list[Shown]:
        seen.extend(server.payloads())
        return [split(_lines(text)) for text in seen]

    return Destination(
        server=server,
        url=server.url(),
        refused=server.url("wrong-s3cret"),
        read=read,
        confirmed=False,
    )


def postfix(server: Postfix) -> Destination:
    """Read a mailbox: each mail's subject, page and text."""
    return Destination(
        server=server,
        url=server.url(tls=True),
        surrounding=server.authority.trusted(),
        read=lambda: [
            [
                (Dialect.TITLE, str(mail["Subject"])),
                (Dialect.HTML, _inside(part(mail, "html"))),
                (Dialect.BARE, part(mail, "plain")),
            ]
            for mail in server.mails()
        ],
    )


def part(mail: EmailMessage, kind: str) -> str:
    """Return one of a mail's forms."""
    found = mail.get_body((kind,))
    assert found is not None, kind
    return _lines(cast("str", found.get_content()))


def prosody(server: Prosody) -> Destination:
    """Read what is kept for a user who is away."""
    return Destination(
        server=server,
        url=server.url(),
        refused=server.url("wrong-s3cret"),
        read=lambda: [split(_lines(text)) for text in server.messages()],
        confirmed=False,
    )


def synapse(server: Synapse, name: str) -> Destination:
    """Read a room of its own as its members do, with and without formats."""
    reader, writer = server.member(f"{name}-reader"), server.member(f"{name}-writer")
    room = reader.room(name)

    def read() -> list[Shown]:
        shown: list[Shown] = []
        for message in reader.messages(room):
            heading, _, page = message["formatted_body"].rpartition("</h1>")
            plain = [
                (dialect, text)
                for dialect, text in split(_lines(message["body"]), Dialect.BARE)
            ]
            shown.append(
                [
                    (Dialect.TITLE, heading.removeprefix("<h1>")),
                    (Dialect.HTML, page),
                    *plain,
                ]
            )
        return shown

    return Destination(
        server=server,
        url=server.url(writer, f"#{name}:localhost", tls=True),
        refused=server.url(
            writer, f"#{name}:localhost", tls=True, password="wrong-s3cret"
        ),
        surrounding=server.authority.trusted(),
        read=read,
    )


def rsyslog(server: Rsyslog) -> Destination:
    """Read a log's lines."""
    return Destination(
        server=server,
        url=server.url(),
        read=lambda: [
            [(Dialect.TEXT, line.split(" - ", 1)[1])] for line in server.lines()
        ],
        answers=False,
        confirmed=False,
    )


def _inside(page: str) -> str:
    """Return what a mail's page says, without the frame that is the same in each."""
    _, _, rest = page.partition("<body><div style=")
    return (
        rest.partition(">")[2].rpartition("</div>")[0].replace('<br class="gap">', "")
    )


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
