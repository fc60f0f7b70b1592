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
    network.route_to(url)
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
        return network.refused_by_proxy(route, str(error)[:3])
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            if (found := _CERTIFICATE_ERRORS.get(cause.verify_code)) is None:
                return network.untrusted(route, cause.verify_message)
            return network.sentence(found, route)
        if (found := _trouble(cause)) is not None:
            return network.sentence(found, route)
        if isinstance(cause, OSError) and cause.errno:
            name = errno.errorcode.get(cause.errno, cause.errno)
            return Trusted(f"{network.place_of(route)}network error {name}")
    if isinstance(error, FAILURES) and not isinstance(
        error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
    ):
        return network.sentence(Trouble.BROKEN, route)
    what = f"the request failed ({type(error).__name__})"
    return Trusted(f"{network.place_of(route)}{what}")


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
