"""What apprise makes of an alert URL: the service that it names, or why it names none.

apprise is imported on first use: a quiet poll must not pay for it. Nothing that it says is passed on, since all of it
may hold parts of the URL, which is a secret (docs/behaviour.md, Secrets).
"""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache
from typing import TYPE_CHECKING, cast

from watcher.text.mask import SCHEME

if TYPE_CHECKING:
    from apprise import NotifyBase

    from watcher.delivery.services.service import Plugin

_SCHEME = re.compile(rf"\s*({SCHEME}):/{{1,3}}")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""A package's name, before its version."""
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

    The sentence names the scheme and nothing else of the URL.
    """
    found = _SCHEME.match(url)
    if found is None:
        return "this is not an apprise URL: it has to begin with a scheme, like discord:// or mailto://"
    scheme = found[1].lower()
    try:
        load()
        from apprise.manager_plugins import NotificationManager
        from apprise.utils.parse import parse_urls

        if len(cast("list[str]", parse_urls(url))) > 1:  # type: ignore[no-untyped-call]  # apprise's is untyped
            return "this is more than one URL: each needs an entry of its own"
        if service_of(url) is not None:
            return None
        services = cast("dict[str, type[NotifyBase]]", NotificationManager())  # type: ignore[no-untyped-call]
        plugin = services[scheme] if scheme in services else None  # noqa: SIM401 - it only looks like a dict
    except Exception as error:  # noqa: BLE001 - a plugin can raise anything for a bad URL
        return f"apprise cannot use this {scheme}:// URL ({type(error).__name__})"
    if plugin is None:
        hint = (
            "; a webhook of your own is json:// or jsons://"
            if scheme in ("http", "https")
            else ""
        )
        return f"apprise does not know this {scheme}:// address{hint}"
    if not plugin.enabled:
        return f"{scheme}:// {_needed(plugin.requirements.get('packages_required'))}"
    shape = str(next(iter(plugin.templates), "")).replace("{schema}", scheme)
    return (
        f"this {scheme}:// URL is incomplete or malformed; it should look like {shape}"
    )


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
    if isinstance(packages, str):
        packages = [packages]
    wanted = packages if isinstance(packages, (list, tuple)) else ()
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
    return cast("Plugin | None", Apprise.instantiate(url, asset=asset))


def parameters(url: str) -> frozenset[str]:
    """Return the names of the URL's parameters, in lower case."""
    from apprise.utils.parse import parse_url

    parsed = parse_url(url, verify_host=False) or {}  # type: ignore[no-untyped-call]  # apprise's is untyped
    return frozenset(parsed.get("qsd", ()))


@cache
def load() -> None:
    """Import apprise with all its services, once, and silence it and what it uses for good."""
    for name in ("apprise", *_QUIET_LOGGERS):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(logging.DEBUG if name == "apprise" else logging.CRITICAL)
        logger.handlers = logger.handlers or [logging.NullHandler()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from apprise import Apprise

        Apprise.instantiate("json://127.0.0.1")
    warnings.filterwarnings("ignore", module="urllib3")
