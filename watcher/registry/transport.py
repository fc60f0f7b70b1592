"""How requests travel: over which connections, and what an error of theirs means.

The transport of httpx is used without its client, which would add cookies, authentication and redirects to any host.
Which way they go is in `watcher.registry.network`, because httpx gives up where any variable names a proxy that it
cannot use.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial

import httpx

from watcher.errors import ConfigError
from watcher.registry import network
from watcher.registry.network import Route, Trouble
from watcher.text.sanitize import Trusted

FAILURES = (httpx.TransportError, OSError)
"""What a failing request may raise; a TimeoutError is an OSError."""
_EXPIRED = frozenset({9, 10})
"""What OpenSSL says of a certificate that is not valid yet, or not any more."""
_OTHER_HOST = frozenset({62, 64})
"""What it says of one for another name, or another address."""
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
    route = network.route_to(url)
    if httpx.URL(url).scheme == "https" and any(map(os.environ.get, _CA_VARIABLES)):
        _certificates()
    _proxy_of(route, url)


def transports(url: str, route: Route) -> Callable[[], httpx.AsyncBaseTransport]:
    """Return what opens ways to the origin of `url` along a route; their user bounds the requests and their time.

    All share what is loaded once, the certificates. ConfigError if these, or the route's proxy, cannot be used.
    """
    return partial(
        httpx.AsyncHTTPTransport,
        verify=_certificates() if httpx.URL(url).scheme == "https" else False,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        proxy=_proxy_of(route, url),
    )


def _proxy_of(route: Route, url: str) -> httpx.Proxy | None:
    """Return a route's proxy as httpx takes it. ConfigError if it does not."""
    if route.proxy is None:
        return None
    try:
        return httpx.Proxy(route.proxy.url)
    except (ValueError, httpx.InvalidURL):
        host = httpx.URL(url).host if route.target else "its host"
        raise network.unusable(route.proxy.named_by, host) from None


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
        return network.refused_by_proxy(route, str(error)[:3])
    for cause in _causes(error):
        if (found := _trouble(cause)) is not None:
            return network.sentence(found, route, _detail(cause))
        number = cause.errno if isinstance(cause, OSError) else None
        if number:
            name = errno.errorcode.get(number, number)
            return Trusted(f"{network.place_of(route)}network error {name}")
    if isinstance(error, FAILURES) and not isinstance(
        error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
    ):
        return network.sentence(Trouble.BROKEN, route)
    what = f"the request failed ({type(error).__name__})"
    return Trusted(f"{network.place_of(route)}{what}")


def _trouble(cause: BaseException) -> Trouble | None:
    """Return what an error of the system or of TLS means; None for any other."""
    match cause:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _EXPIRED:
            return Trouble.EXPIRED
        case ssl.SSLCertVerificationError(verify_code=code) if code in _OTHER_HOST:
            return Trouble.OTHER_HOST
        case ssl.SSLCertVerificationError():
            return Trouble.UNTRUSTED
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


def _detail(cause: BaseException) -> str:
    """Return what OpenSSL says of a certificate that it does not trust; it names no host."""
    is_untrusted = _trouble(cause) is Trouble.UNTRUSTED
    return str(getattr(cause, "verify_message", "")) if is_untrusted else ""


_SYSTEM_ERRORS = {
    errno.ECONNREFUSED: Trouble.REFUSED,
    errno.ECONNRESET: Trouble.BROKEN,
    errno.EPIPE: Trouble.BROKEN,
    errno.ENETUNREACH: Trouble.UNREACHABLE,
    errno.EHOSTUNREACH: Trouble.NO_HOST,
    errno.ETIMEDOUT: Trouble.LATE,
}


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
