"""The proxies that the environment names, and why no answer came, in words. Nothing is opened or looked up here.

Of a proxy's address only host and port are ever shown: it may hold a password.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from watcher.errors import ConfigError
from watcher.text.sanitize import Trusted, sanitize_line
from watcher.values import frozen

if TYPE_CHECKING:
    import httpx


_PORTS = {"http": 80, "https": 443}
_VARIABLE = re.compile(r"(?:https?|all)_proxy", re.IGNORECASE)
_WANTS_LOGIN = "407"
_SYSTEM = "the system's settings"


@frozen
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


FAILURES = (httpx.TransportError, OSError)
"""What a failing request may raise; a TimeoutError is an OSError."""
_CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What names other certificates; the first counts more."""


def check_usable(url: str) -> None:
    """Raise ConfigError if no request to `url` can be made: for its host, or for the proxy or the CA file in the
    environment.

    The URL has the form that the setting allows, so nothing in it is secret. Nothing is opened or looked up: a host
    that does not exist is found by the first request.
    """
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        raise ConfigError(
            f"registry_url: the host of {url!r} is not a valid host name",
            hint="a host name has 1 to 63 letters, digits or dashes between dots, an IPv4 address four numbers to 255",
        ) from None
    route_to(url)
    if httpx.URL(url).scheme == "https" and any(map(os.environ.get, _CA_VARIABLES)):
        _certificates()


def transports(url: str, route: Route) -> Callable[[], httpx.AsyncBaseTransport]:
    """Return what opens ways to the origin of `url` along a route; their user bounds the requests and their time.

    All share what is loaded once, the certificates. ConfigError if these cannot be used.
    """
    return partial(
        httpx.AsyncHTTPTransport,
        verify=_certificates() if httpx.URL(url).scheme == "https" else False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        proxy=route.proxy,
    )


def _certificates() -> ssl.SSLContext:
    """Return the certificates that are trusted: the environment's, else the ones that come with httpx."""
    try:
        return httpx.create_ssl_context()
    except OSError:  # also what is no certificate
        name = next(filter(os.environ.get, _CA_VARIABLES), _CA_VARIABLES[0])
        raise ConfigError(
            f"{name} names no certificates that can be read: {os.environ.get(name, '')!r}",
            hint="name a file of certificates in PEM form, or leave the variable out",
        ) from None


def describe(error: BaseException, route: Route) -> Trusted:
    """Return why a request failed and what to try, in our words: no text of a server's is in it."""
    if isinstance(error, httpx.ProxyError):
        return refused_by_proxy(route, str(error)[:3])
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            if (found := _CERTIFICATE_ERRORS.get(cause.verify_code)) is None:
                return untrusted(route, cause.verify_message)
            return sentence(found, route)
        if (found := _trouble(cause)) is not None:
            return sentence(found, route)
        if isinstance(cause, OSError) and cause.errno:
            name = errno.errorcode.get(cause.errno, cause.errno)
            return Trusted(f"{place_of(route)}network error {name}")
    if isinstance(error, FAILURES) and not isinstance(
        error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
    ):
        return sentence(Trouble.BROKEN, route)
    what = f"the request failed ({type(error).__name__})"
    return Trusted(f"{place_of(route)}{what}")


_CERTIFICATE_ERRORS = {
    9: Trouble.EXPIRED,  # not valid yet
    10: Trouble.EXPIRED,
    62: Trouble.OTHER_HOST,
    64: Trouble.OTHER_HOST,  # of an address
}
"""What OpenSSL's codes mean."""
_SYSTEM_ERRORS = {
    errno.ECONNREFUSED: Trouble.REFUSED,
    errno.ECONNRESET: Trouble.BROKEN,
    errno.EPIPE: Trouble.BROKEN,
    errno.ENETUNREACH: Trouble.UNREACHABLE,
    errno.EHOSTUNREACH: Trouble.NO_HOST,
    errno.ETIMEDOUT: Trouble.LATE,
}


def _trouble(cause: BaseException) -> Trouble | None:
    """Return what an error of the system or of TLS means; None for any other."""
    match cause:
        case ssl.SSLError():
            return Trouble.NO_TLS
        case socket.gaierror():
            return Trouble.UNRESOLVED
        case TimeoutError():
            return Trouble.LATE
        case OSError(errno=int(number)):
            return _SYSTEM_ERRORS.get(number)
        case _:
            return None


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        if isinstance(current, BaseExceptionGroup):  # one for each address of the host
            current = current.exceptions[0]
        else:
            current = current.__cause__ or current.__context__
    return found
