"""Which channels can confirm that a message arrived, by the scheme of their URL. Pure, and without apprise.

What apprise sends by HTTP or SMTP is answered. So is what else waits for its peer's answer, and fails for a refusal:
AMQP (publisher confirms), Nostr (the relay's OK), D-Bus, GLib and GNOME (the reply to the call), macOS (the exit code
of the program) and Windows (the result of the call). What is here is sent, and nobody says whether it arrived.
"""

from __future__ import annotations

from collections.abc import Mapping

from watcher.text import mask

WITHOUT_ANSWERS: Mapping[str, str] = {
    "aprs": "APRS",  # the server answers the login and nothing after it
    "blink1": "blink(1)",  # a light
    "growl": "Growl",  # apprise reads a refusal and calls it a success
    "irc": "IRC",  # a server says nothing of what it takes
    "ircs": "IRC",
    "mqtt": "MQTT",  # MQTT 3.1.1 acknowledges a message that the access list denies, and apprise reads no reason
    "mqtts": "MQTT",
    "rsyslog": "syslog",  # a datagram
    "smpp": "SMPP",  # apprise does not read the answer to a message
    "smpps": "SMPP",
    "syslog": "syslog",  # a datagram, on this machine
    "xmpp": "XMPP",  # a server says nothing of what it takes, and what it returns comes after apprise has left
    "xmpps": "XMPP",
}
"""The name of the protocol, by scheme."""


def protocol_without_answers(url: str) -> str:
    """Return the name of the protocol if a channel with this URL is unconfirmed; "" if it is confirmed."""
    return WITHOUT_ANSWERS.get(mask.scheme(url), "")
