"""What is refused at start, and what is said of it."""

from __future__ import annotations

import pytest

from tests.support.worker import WORKER
from watcher.delivery.urls import caution, load, refusal, service_of
from watcher.settings import tables

SECRETS = ("s3cr3t-user", "s3cr3t-pass", "s3cr3t-token", "s3cr3t-query")


_NATIVE = (
    f"https://api.flock.com/hooks/sendMessage/{'a' * 24}",
    "https://api.incident.io/v2/alert_events/http/ABC?token=t",
    "https://api.squadcast.com/v2/incidents/api/abc",
    "https://chat.googleapis.com/v1/spaces/a/messages?key=b&token=c",
    f"https://api.ciscospark.com/v1/webhooks/incoming/{'a' * 80}",
    "https://discord.com/api/webhooks/1/t",
    "https://discordapp.com/api/webhooks/1/t",
    "https://hooks.slack-gov.com/services/T1/B1/c1",
    "https://hooks.slack.com/services/T1/B1/c1",
    "https://inbots.zoom.us/incoming/hook/abc?token=t",
    "https://prod-1.westus.logic.azure.com:443/workflows/a/triggers/manual/paths/invoke?sig=b",
    "https://maker.ifttt.com/use/abc/event",
    "https://ntfy.sh/topic",
    "https://open.larksuite.com/open-apis/bot/v2/hook/abc",
    "https://a.api.powerplatform.com/powerautomate/automations/direct/workflows/a/triggers/manual/paths/invoke?sig=b",
    "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=abc",
    f"https://webexapis.com/v1/webhooks/incoming/{'a' * 80}",
    f"https://webhooks.t2bot.io/api/v1/matrix/hook/{'a' * 64}",
)
"""The address that each service of `channel_tables` gives out."""


@pytest.mark.parametrize("url", _NATIVE)
def test_a_native_address_has_the_name_of_the_scheme(url: str) -> None:
    """What names a channel by its host is what apprise makes of the address, a scheme of the same service."""
    load()
    found = service_of(url)
    [name] = tables.names([url], ()).values()
    assert found is not None
    schemes = [found.protocol, found.secure_protocol]
    assert name.rstrip("s") in {
        scheme.rstrip("s")
        for one in schemes
        for scheme in ([one] if isinstance(one, str) else one or ())
    }


def test_every_host_that_names_a_channel_is_tried() -> None:
    """Each host of the table is that of an address above."""
    assert not [
        host
        for host in tables.NATIVE
        if not any(f"{host}{end}" in url for url in _NATIVE for end in ":/")
    ]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3cr3t-token", "has to begin with a scheme"),
        ("", "has to begin with a scheme"),
        (
            "foo://s3cr3t-user:s3cr3t-pass@h/s3cr3t-token?q=s3cr3t-query",
            "does not know a service by this URL's scheme",
        ),
        ("s3cr3t-token://h", "does not know a service by this URL's scheme"),
        ("dscord://s3cr3t-token", "did you mean discord://?"),
        (
            "https://s3cr3t-user.example/s3cr3t-token",
            "a webhook of your own is json:// or jsons://",
        ),
        ("discord://s3cr3t-token", "discord:// needs the address of a webhook"),
        (
            "https://discord.com/api/webhooks/s3cr3t-token",
            "discord:// needs the address",
        ),
        ("https://hooks.slack.com/services/s3cr3t-token", "slack:// needs the address"),
        ("tgram://s3cr3t-token", "tgram:// needs the token of a bot"),
        ("mailto://s3cr3t-user:s3cr3t-pass@", "mailto:// needs a user, a password"),
        ("ntfy://", "ntfy:// needs a host and a topic"),
        ("pover://s3cr3t-token", "pover:// needs user key and access token"),
        ("json://s3cr3t-user, json://s3cr3t-token", "more than one URL"),
        ("json://[s3cr3t-token", "json:// needs hostname"),
        (
            "mqtt://s3cr3t-user:s3cr3t-pass@h/s3cr3t-token",
            "mqtt:// needs paho-mqtt: `pipx inject comfy-watch paho-mqtt`",
        ),
        (
            "growl://s3cr3t-token@h",
            "growl:// needs gntp: `pipx inject comfy-watch gntp`",
        ),
        (
            "windows://s3cr3t-token",
            "windows:// does not work here: it belongs to another system",
        ),
        (
            "macosx://s3cr3t-token",
            "macosx:// does not work here: it belongs to another system",
        ),
        (
            "json://h?overflow=s3cr3t-query&format=s3cr3t-query&tz=s3cr3t-query",
            "json:// needs hostname",
        ),
    ],
)
def test_a_bad_url_is_refused_without_naming_it(
    url: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One sentence says what is wrong and names nothing of the URL but its service; the worker says the same."""
    refused = refusal(url)
    assert refused is not None
    assert said in refused
    assert "\n" not in refused
    assert not any(secret in refused for secret in SECRETS)
    assert WORKER.refusal(url) == refused
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "url", ["discord://a", "slack://a/b", "tgram://token", "mailtos://host", "ntfys://"]
)
def test_the_hint_has_a_worked_example(url: str) -> None:
    """It is a whole URL of the same service, which apprise takes, and has no place to be filled in."""
    refused = refusal(url) or ""
    needs, _, example = refused.partition(", as in ")
    assert " needs " in needs
    assert "{" not in refused
    assert refusal(example) is None
    scheme = url.partition("://")[0]
    assert example.startswith(
        (f"{scheme}://", f"https://{scheme}.com", f"https://hooks.{scheme}.com")
    )


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("mailto://s3cr3t-user:s3cr3t-pass@example.org?to=you@example.org", True),
        (
            "mailto://s3cr3t-user:s3cr3t-pass@example.org?smtp=192.0.2.1&to=you@example.org",
            True,
        ),
        ("mailtos://user:pass@example.org?to=you@example.org", False),
        ("mailto://user:pass@example.org?mode=starttls&to=you@example.org", False),
        ("mailto://user:pass@gmail.com", False),
        ("mailto://user:pass@localhost?to=you@example.org&from=me@example.org", False),
        (
            "mailto://user:pass@127.0.0.1:2525?to=you@example.org&from=me@example.org",
            False,
        ),
        ("mailto://example.org?to=you@example.org&from=me@example.org", False),
        ("json://user:pass@example.org", False),
    ],
)
def test_a_password_in_the_open_is_warned_of(url: str, warned: bool) -> None:
    """`mailto://` with a password for another machine is warned of, unless apprise encrypts for that provider."""
    said = caution(url)
    assert (said is not None) == warned
    assert not any(secret in str(said) for secret in SECRETS)
