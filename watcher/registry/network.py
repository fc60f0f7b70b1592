"""The proxies that the environment names, and why no answer came, in words. Nothing is opened or looked up here.

Of a proxy's address only host and port are ever shown: it may hold a password.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from watcher.errors import ConfigError
from watcher.text.sanitize import Trusted, sanitize_line

if TYPE_CHECKING:
    import httpx

_PORTS = {"http": 80, "https": 443}
_VARIABLE = re.compile(r"(?:https?|all)_proxy", re.IGNORECASE)
_WANTS_LOGIN = "407"
_SYSTEM = "the system's settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which way requests to one address go."""

    target: str
    """Host and port; "" if they are secret."""
    proxy: httpx.Proxy | None = field(default=None, repr=False)
    """The HTTP proxy that the environment names. It may hold a password."""
    named_by: str = ""
    """The variable that names it, or `_SYSTEM`."""

    @property
    def by_proxy(self) -> str:
        """The proxy and what names it, in words; "" if there is none."""
        if self.proxy is None:
            return ""
        place = _place(urlsplit(str(self.proxy.url)))
        return f"the proxy {place} ({self.named_by})"


class Trouble(StrEnum):
    """Why no answer came, and what to try."""

    REFUSED = "the connection was refused; check the address and the firewall"
    PROXY_REFUSED = (
        "the proxy refused the connection; check that it runs, and its address"
    )
    UNRESOLVED = "its host name cannot be resolved; check the name, and that this machine is online"
    PROXY_UNRESOLVED = "the proxy's host name cannot be resolved; check its address"
    UNREACHABLE = "the network is unreachable; check that this machine is online"
    NO_HOST = "its host is unreachable; check the address and the network"
    BROKEN = "the connection broke off; check the network and the firewall"
    LATE = "it timed out; check the network and the firewall, or raise timeout"
    UNTRUSTED = "its TLS certificate is not trusted ({}); {}"
    EXPIRED = "its TLS certificate is not valid today; check this machine's clock"
    OTHER_HOST = "its TLS certificate is for another host; check the address"
    NO_TLS = "TLS failed; check that this port speaks https"
    BARRED = "the proxy refused to connect to it ({}); ask for it to be allowed, or name its host in NO_PROXY"
    LOGIN = "the proxy wants a login (407); write USER:PASSWORD@ before its host"
    WRONG_LOGIN = "the proxy refused the login (407); correct it in its address"


_OF_PROXY = {
    Trouble.REFUSED: Trouble.PROXY_REFUSED,
    Trouble.UNRESOLVED: Trouble.PROXY_UNRESOLVED,
}
"""What it is where the proxy was to be reached."""


def sentence(trouble: Trouble, route: Route, *details: str) -> Trusted:
    """Return why no answer came, by which way it was asked for, and what to try."""
    if route.proxy is not None:
        trouble = _OF_PROXY.get(trouble, trouble)
    return Trusted(f"{place_of(route)}{trouble.format(*details)}")


def untrusted(route: Route, why: str) -> Trusted:
    """Return that the certificate's authority is not known; `why` is OpenSSL's word, which names no host."""
    advice = (
        "if a proxy or a virus scanner opens TLS, name its CA file in SSL_CERT_FILE"
    )
    if file := os.environ.get("SSL_CERT_FILE"):
        advice = (
            f"check that {file} (SSL_CERT_FILE) has the certificate of its authority"
        )
    return sentence(Trouble.UNTRUSTED, route, why, advice)


def refused_by_proxy(route: Route, code: str) -> Trusted:
    """Return what it means that the proxy refuses to connect to the target, by the status of its answer."""
    if code != _WANTS_LOGIN:
        return sentence(Trouble.BARRED, route, code if code.isdigit() else "no status")
    has_login = route.proxy is not None and route.proxy.raw_auth is not None
    return sentence(Trouble.WRONG_LOGIN if has_login else Trouble.LOGIN, route)


def not_the_registry(route: Route, what: str) -> Trusted:
    """Return that something else answered, as the login of a network does; `what` it did."""
    return Trusted(
        f"{route.target}{_way(route)} {what}; check registry_url, and whether this network wants a login in a browser"
    )


def redirects(code: int, location: str) -> str:
    """Return that an answer leads elsewhere; of where only the host is shown."""
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    where = f"to {sanitize_line(host, 100)}" if host else "elsewhere"
    return f"redirects {where} ({code}), which is not followed"


def place_of(route: Route) -> str:
    """Return where no answer came from, to begin a sentence; "" if that is secret and there is no proxy."""
    if not (route.target or route.proxy):
        return ""
    return f"cannot reach {route.target or 'it'}{_way(route)}: "


def _way(route: Route) -> str:
    return f" through {route.by_proxy}" if route.proxy else ""


def route_to(url: str, *, is_secret: bool = False, by_proxy: bool = True) -> Route:
    """Return which way requests to a URL of http or https go: through the proxy that the environment names for it.

    `is_secret`: host and port are not shown. ConfigError if that is no address of an HTTP proxy.
    """
    target = urlsplit(url)
    value = _value_for(target) if by_proxy else ""
    named_by = _variable_with(value)
    proxy = _proxy(value)
    if value and proxy is None:
        what = "is not the address of an HTTP proxy"
        if _is_socks(value):
            what = "names a SOCKS proxy, which is not supported"
        host = "its host" if is_secret else target.hostname
        raise ConfigError(
            f"{named_by} {what}",
            hint=f"write http://HOST:PORT, or name {host} in NO_PROXY to go without a proxy",
        )
    return Route(
        target="" if is_secret else _place(target),
        proxy=proxy,
        named_by=named_by,
    )


def proxy_in_words() -> str:
    """Return the only proxy that the environment names for the web, and what names it; "" if there is none."""
    found: set[str] = set()
    for scheme in _PORTS:
        with contextlib.suppress(ConfigError):
            found.add(route_to(f"{scheme}://").by_proxy)
    found.discard("")
    return found.pop() if len(found) == 1 else ""


def _value_for(target: SplitResult) -> str:
    """Return what the environment names as the proxy for an address; "" if it is to be reached without one."""
    proxies = getproxies()
    if proxy_bypass(target.hostname or "") or proxy_bypass(target.netloc):
        return ""
    return proxies.get(target.scheme) or proxies.get("all", "")


def _variable_with(value: str) -> str:
    """Return the name of the variable that names a proxy; several of one value are the same proxy."""
    names = (name for name, one in os.environ.items() if one == value)
    return next(filter(_VARIABLE.fullmatch, names), _SYSTEM)


def _proxy(value: str) -> httpx.Proxy | None:
    """Return the HTTP proxy of an address, whose scheme may be left out; None if it is none."""
    if not value:
        return None
    import httpx  # not where no proxy is named: the process that sends alerts does without

    text = value.strip()
    try:
        proxy = httpx.Proxy(text if "://" in text else f"http://{text}")
        parts = urlsplit(str(proxy.url))
        host = parts.hostname if parts.port != 0 else ""
    except (ValueError, httpx.InvalidURL):  # their words hold the address
        return None
    # httpx escapes what can be in no name; in an IPv6 address it is a zone.
    is_host = host and (":" in host or "%" not in host)
    return proxy if is_host and proxy.url.scheme in _PORTS else None


def _is_socks(value: str) -> bool:
    return value.strip().lower().startswith("socks")


def _place(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port or _PORTS.get(parts.scheme)
    return f"{host}:{port}" if port else host
