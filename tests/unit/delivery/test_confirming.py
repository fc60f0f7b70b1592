"""Which channels are unconfirmed: the table by scheme, against all plugins of apprise."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from apprise import NotifyBase
from apprise.manager_plugins import NotificationManager

from watcher.delivery.confirming import WITHOUT_ANSWERS, protocol_without_answers
from watcher.delivery.urls import load

_WAITING = {
    "amqp": "the broker confirms each message, or settles it (AMQP 1.0)",
    "amqps": "as above",
    "dbus": "the call returns once the notification has a number",
    "gio": "as above",
    "glib": "as above",
    "gnome": "as above",
    "kde": "as above",
    "macosx": "the program ends with a code",
    "nostr": "the relay answers each event with OK and whether it takes it",
    "qt": "as above",
    "windows": "the call fails where no taskbar takes it",
}
"""What goes by neither HTTP nor SMTP, and whose answer apprise waits for and reads; with the answer."""
_ANSWERED = {"requests", "smtplib"}
_OTHER_WAYS = {"SocketTransport", "socket", "subprocess", "syslog"}


@pytest.fixture(scope="module")
def plugins() -> dict[str, type[NotifyBase]]:
    """All plugins by scheme."""
    load()
    manager = NotificationManager()  # type: ignore[no-untyped-call]  # apprise's
    return {scheme: manager[scheme] for scheme in manager.schemas()}  # type: ignore[no-untyped-call]  # as above


def test_every_plugin_is_looked_at(plugins: dict[str, type[NotifyBase]]) -> None:
    """All that apprise sends by neither HTTP nor SMTP is in one of the tables. A new one is looked at by a person."""
    other_ways = {
        scheme for scheme, plugin in plugins.items() if _uses_other_ways(plugin)
    }
    assert other_ways == {*WITHOUT_ANSWERS, *_WAITING}


def test_the_scheme_alone_decides() -> None:
    """It may be in any case, and what else is in the URL does not count."""
    assert protocol_without_answers("IRCs://user:password@host/#room") == "IRC"
    for scheme in ("ntfy", "json", "mailtos", *_WAITING):
        assert protocol_without_answers(f"{scheme}://irc://host/") == ""


def _uses_other_ways(plugin: type[NotifyBase]) -> bool:
    """Return whether a plugin, or a module beside it in its package, knows a way that is neither HTTP nor SMTP."""
    known = {name for module in _modules(plugin) for name in vars(sys.modules[module])}
    return not _ANSWERED & known or bool(_OTHER_WAYS & known)


def _modules(plugin: type[NotifyBase]) -> Iterator[str]:
    for of in plugin.__mro__:
        package = ".".join(of.__module__.split(".")[:3])  # apprise.plugins.NAME
        if package.startswith("apprise.plugins.") and package != "apprise.plugins.base":
            yield from (
                name
                for name in sys.modules
                if name == package or name.startswith(f"{package}.")
            )
