"""The proxies that the environment names, and why no answer came, in words. Nothing is opened or looked up here.

Of a proxy's address only host and port are ever shown: it may hold a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from watcher.errors import ConfigError
from watcher.text.sanitize import Trusted, sanitize_line

_PORTS = {"http": 80, "https": 443}
_VARIABLE = re.compile(r"(?:https?|all)_proxy", re.IGNORECASE)
_NO_HOST = re.compile(r"[\s\"'<>\\^`{|}%]")
_WANTS_LOGIN = "407"
_ADVICE_OF_PORTAL = (
    "check registry_url, and whether this network wants a login in a browser"
)
_SYSTEM = "the system's settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy that the environment names."""

    url: str = field(repr=False)
    """May hold a password."""
    place: str
    """Host and port."""
    named_by: str
    """The variable, or `_SYSTEM`."""
    has_login: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which way requests to one address go."""

    target: str
    """Host and port; "" if they are secret."""
    proxy: Proxy | None = None
    ca_file: str = ""
    """The file that `SSL_CERT_FILE` names."""


class Trouble(Enum):
    """Why no answer came, and what to try; then the same where it is a proxy that was to be reached."""

    REFUSED = (
        "the connection was refused",
        "check the address and the firewall",
        "the proxy refused the connection",
        "check that it runs, and its address",
    )
    UNRESOLVED = (
        "its host name cannot be resolved",
        "check the name, and that this machine is online",
        "the proxy's host name cannot be resolved",
        "check its address",
    )
    UNREACHABLE = (
        "the network is unreachable",
        "check that this machine is online",
    )
    NO_HOST = ("its host is unreachable", "check the address and the network")
    BROKEN = ("the connection broke off", "check the network and the firewall")
    LATE = ("it timed out", "check the network and the firewall, or raise timeout")
    UNTRUSTED = ("its TLS certificate is not trusted", "")
    EXPIRED = ("its TLS certificate is not valid today", "check this machine's clock")
    OTHER_HOST = ("its TLS certificate is for another host", "check the address")
    NO_TLS = ("TLS failed", "check that this port speaks https")
    BARRED = (
        "the proxy refused to connect to it",
        "ask for it to be allowed, or name its host in NO_PROXY",
    )
    LOGIN = (
        "the proxy wants a login",
        "write USER:PASSWORD@ before its host",
    )
    WRONG_LOGIN = ("the proxy refused the login", "correct it in its address")


def sentence(trouble: Trouble, route: Route, detail: str = "") -> Trusted:
    """Return why no answer came, by which way it was asked for, and what to try. `detail` says more of the trouble."""
    what, advice, *of_proxy = trouble.value
    if route.proxy is not None and of_proxy:
        what, advice = of_proxy
    if trouble is Trouble.UNTRUSTED:
        advice = _about_authority(route)
    text = f"{what} ({detail})" if detail else what
    if advice:
        text += f"; {advice}"
    return Trusted(f"{place_of(route)}{text}")


def refused_by_proxy(route: Route, code: str) -> Trusted:
    """Return what it means that the proxy refuses to connect to the target, by the status of its answer."""
    trouble = Trouble.BARRED
    if code == _WANTS_LOGIN:
        has_login = route.proxy is not None and route.proxy.has_login
        trouble = Trouble.WRONG_LOGIN if has_login else Trouble.LOGIN
    return sentence(trouble, route, code if code.isdigit() else "")


def other_page(route: Route) -> Trusted:
    """Return that something answered with a web page, as the login of a network does."""
    return Trusted(
        f"{route.target}{_by_proxy(route)} answered with a web page instead of JSON; {_ADVICE_OF_PORTAL}"
    )


def redirect(route: Route, code: int, location: str) -> Trusted:
    """Return that an answer leads elsewhere; of where only the host is shown."""
    try:
        host = urlsplit(location).hostname or ""
    except ValueError:
        host = ""
    where = f"to {sanitize_line(host, 100)}" if host else "elsewhere"
    return Trusted(
        f"{route.target}{_by_proxy(route)} redirects {where} ({code}), which is not followed; {_ADVICE_OF_PORTAL}"
    )


def place_of(route: Route) -> str:
    """Return where no answer came from, to begin a sentence; "" if that is secret and there is no proxy."""
    if not (route.target or route.proxy):
        return ""
    return f"cannot reach {route.target or 'it'}{_by_proxy(route)}: "


def _by_proxy(route: Route) -> str:
    proxy = route.proxy
    return f" through the proxy {proxy.place} ({proxy.named_by})" if proxy else ""


def _about_authority(route: Route) -> str:
    if route.ca_file:
        return f"check that {route.ca_file} (SSL_CERT_FILE) has the certificate of its authority"
    return "if a proxy or a virus scanner opens TLS, name its CA file in SSL_CERT_FILE"


def route_to(url: str, *, is_secret: bool = False, by_proxy: bool = True) -> Route:
    """Return which way requests to a URL of http or https go: through the proxy that the environment names for it.

    `is_secret`: host and port are not shown. ConfigError if that is no address of an HTTP proxy.
    """
    parts = urlsplit(url)
    shown = "its host" if is_secret else parts.hostname or ""
    return Route(
        target="" if is_secret else _place(parts),
        proxy=_proxy_for(parts, shown) if by_proxy else None,
        ca_file=os.environ.get("SSL_CERT_FILE", ""),
    )


def proxy_in_words() -> str:
    """Return the proxy for https, and what names it; "" if there is none that can be used."""
    try:
        proxy = route_to("https://").proxy
    except ConfigError:
        return ""
    return f"the proxy {proxy.place} ({proxy.named_by})" if proxy else ""


def proxy_warnings(environ: Mapping[str, str]) -> list[str]:
    """Return a warning for each variable that should name a proxy and cannot; none shows what it holds."""
    return [
        f"environment {name} is not the address of a proxy; write http://HOST:PORT"
        for name, value in environ.items()
        if _VARIABLE.fullmatch(name) and value and _address(value) is None
    ]


def _proxy_for(target: SplitResult, shown: str) -> Proxy | None:
    proxies = getproxies()
    value = proxies.get(target.scheme) or proxies.get("all")
    host = target.hostname or ""
    if not value or proxy_bypass(host) or proxy_bypass(target.netloc):
        return None
    named_by = _variable_with(value)
    parts = _address(value)
    if parts is None or parts.scheme not in _PORTS:
        raise unusable(named_by, shown, parts.scheme if parts else "")
    return Proxy(
        url=parts.geturl(),
        place=_place(parts),
        named_by=named_by,
        has_login=parts.username is not None,
    )


def unusable(named_by: str, host: str, scheme: str = "") -> ConfigError:
    """Return the error for a proxy to a host that cannot be used, without its address; `scheme` is that address's."""
    what = "is not the address of an HTTP proxy"
    if scheme.startswith("socks"):
        what = "names a SOCKS proxy, which is not supported"
    return ConfigError(
        f"{named_by} {what}",
        hint=f"write http://HOST:PORT, or name {host} in NO_PROXY to go without a proxy",
    )


def _variable_with(value: str) -> str:
    """Return the name of the variable that names a proxy; several of one value are the same proxy."""
    names = (
        name
        for name, one in os.environ.items()
        if one == value and _VARIABLE.fullmatch(name)
    )
    return next(names, _SYSTEM)


def _address(value: str) -> SplitResult | None:
    """Return the parts of a proxy's address, whose scheme may be left out; None if it is no address."""
    text = value.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        is_usable = parts.port != 0
    except ValueError:  # of a port or of brackets
        return None
    host = parts.hostname or ""
    return parts if host and is_usable and not _NO_HOST.search(host) else None


def _place(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port or _PORTS.get(parts.scheme)
    return f"{host}:{port}" if port else host
