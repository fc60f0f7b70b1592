"""What apprise makes of an alert URL: the service that it names, or why it names none.

apprise is imported on first use: a quiet poll must not pay for it. Nothing that it says is passed on, since all of it
may hold parts of the URL, which is a secret (docs/dev/behaviour.md, Secrets).
"""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from watcher.text.mask import SCHEME, nearest

if TYPE_CHECKING:
    from watcher.delivery.services.service import Plugin

_SCHEME = re.compile(rf"\s*({SCHEME}):/{{1,3}}")
_PART = re.compile(r"\{(\w+)\}")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""A package's name, before its version."""
_NEEDED = {
    "discord": (
        "the address of a webhook",
        "https://discord.com/api/webhooks/1029384756/WEBHOOK-TOKEN",
    ),
    "slack": (
        "the address of an incoming webhook",
        "https://hooks.slack.com/services/T0123ABCD/B0456EFGH/x7Y8z9",
    ),
    "tgram": (
        "the token of a bot, number and colon included, and the id of a chat",
        "tgram://123456789:BOT-TOKEN/987654321",
    ),
    **dict.fromkeys(
        ("mailto", "mailtos"),
        (
            "a user, a password, a mail server's host and a recipient",
            "mailtos://user:password@example.org?to=you@example.org",
        ),
    ),
    **dict.fromkeys(
        ("ntfy", "ntfys"),
        ("a host and a topic", "ntfys://ntfy.sh/a-topic-that-nobody-guesses"),
    ),
}
"""What a URL of a service needs, and a whole one, by its scheme."""
_INCOMPLETE = "this URL is incomplete or malformed"
_QUIET_LOGGERS = (
    "requests",
    "urllib3",
    "requests_oauthlib",
    "oauthlib",
    "charset_normalizer",
    "MARKDOWN",
)


def refusal(url: str) -> str | None:
    """Return None for a URL that apprise can parse as one service, else one sentence on what is wrong.

    The sentence names the service, and what its URLs need, but nothing of this one: a scheme that is none may be part
    of a secret.
    """
    found = _SCHEME.match(url)
    if found is None:
        return "this is not an apprise URL: it has to begin with a scheme, like discord:// or mailto://"
    scheme = found[1].lower()
    try:
        # What a plugin says of a bad URL may hold parts of it: from here on nobody hears that.
        load()
        from apprise.manager_plugins import NotificationManager
        from apprise.utils.parse import parse_urls

        # Two URLs in one entry would be one channel, and the second one would never get a message.
        if len(parse_urls(url)) > 1:  # type: ignore[no-untyped-call]  # apprise's is untyped
            return "this is more than one URL: each needs an entry of its own"
        service = service_of(url)
        # apprise takes one without a topic, and never sends to it.
        if service is not None and getattr(service, "topics", None) != []:
            return None
        known: Any = NotificationManager()  # type: ignore[no-untyped-call]  # apprise's is untyped
        plugin = known[scheme] if scheme in known else None  # noqa: SIM401 - it only looks like a dict
        # A close scheme is named, never the one that is there: it may be part of a secret.
        close = nearest(scheme, known.schemas())
    except Exception as error:  # noqa: BLE001 - a plugin can raise anything for a bad URL
        return f"apprise cannot use this URL ({type(error).__name__})"
    # Here, as it loads pydantic, which no process that sends needs.
    from watcher.settings.tables import service_named_by

    named = service_named_by(url)
    if plugin is not None and not plugin.enabled:
        return f"{scheme}:// {_needed(plugin.requirements.get('packages_required'))}"
    if named in _NEEDED:
        needs, example = _NEEDED[named]
        return f"{_INCOMPLETE}: {named}:// needs {needs}, as in {example}"
    if plugin is not None:
        return f"{_INCOMPLETE}: {scheme}:// needs {_parts(plugin)}"
    if scheme in ("http", "https"):
        return "apprise does not know this address; a webhook of your own is json:// or jsons://"
    meant = f"; did you mean {close}://?" if close else ""
    return f"apprise does not know a service by this URL's scheme{meant}"


def _parts(plugin: Plugin) -> str:
    """Return the names of what the shortest URL of a service has."""
    shape = str(next(iter(plugin.templates), "")).replace("{schema}", "")
    known = plugin.template_tokens
    names = [
        str(known[one]["name"] if one in known else one) for one in _PART.findall(shape)
    ]
    return " and ".join(names).lower() or "more"


def caution(url: str) -> str | None:
    """Return a warning about a URL that apprise accepts; None if there is nothing to warn of."""
    if (found := _SCHEME.match(url)) is None or found[1].lower() != "mailto":
        return None
    from watcher.delivery.services.mail import sends_password_openly

    load()
    service = service_of(url)
    if service is None or not sends_password_openly(service):
        return None
    return "mailto:// sends the password unencrypted; use mailtos:// if the server can"


def _needed(packages: object) -> str:
    """Return what a service needs and how to get it; where apprise names no package, another system has the service."""
    wanted = packages if isinstance(packages, (list, tuple)) else [packages or ""]
    names = [found[0] for one in wanted if (found := _PACKAGE.match(str(one)))]
    if not names:
        return (
            "does not work here: it belongs to another system, or needs a library of this one; use another service "
            "or see apprise's page on it"
        )
    named = " ".join(names)
    return f"needs {named}: `pipx inject comfy-watch {named}`, or `pip install {named}` beside comfy-watch"


def service_of(url: str) -> Plugin | None:
    """Let apprise parse the URL: our own name, no remote images, nothing on disk, no rewriting, no threads.

    No redirects either: one turns the POST into a GET, whose 200 would acknowledge a message that nobody got.
    """
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    # An image would be loaded from elsewhere by each reader of a mail, and a file of apprise's would hold tokens.
    asset = AppriseAsset(
        app_id="Comfy Watch",
        app_desc="Comfy Watch",
        app_url="https://registry.comfy.org",
        image_url_mask="",
        image_url_logo="",
        image_path_mask=False,
        storage_mode=PersistentStoreMode.MEMORY,
        service_timeout=0,
        async_mode=False,
        interpret_emojis=False,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
    )
    return Apprise.instantiate(url, asset=asset)


def parameters(url: str) -> frozenset[str]:
    """Return the names of the URL's parameters, in lower case."""
    from apprise.utils.parse import parse_url

    # Many URLs have a token where a host would be.
    parsed = parse_url(url, verify_host=False) or {}  # type: ignore[no-untyped-call]  # apprise's is untyped
    return frozenset(parsed.get("qsd", ()))


@cache
def load() -> None:
    """Import apprise with all its services, once, and silence it and what it uses for good."""
    for name in ("apprise", *_QUIET_LOGGERS):
        logger = logging.getLogger(name)
        logger.propagate = False
        # Nothing is written of it: the sender's filter reads in it which exception ended a connection.
        logger.setLevel(logging.DEBUG if name == "apprise" else logging.CRITICAL)
        logger.handlers = logger.handlers or [logging.NullHandler()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from apprise import Apprise

        # The first URL loads all plugins, and some of them warn while they load.
        Apprise.instantiate("json://127.0.0.1")
    warnings.filterwarnings("ignore", module="urllib3")
