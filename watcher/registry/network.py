"""The ways that requests take, and why no answer came, in our words: no text of a server's is in them."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

import httpx

from watcher.errors import ConfigError
from watcher.registry.proxies import Route, route_to
from watcher.text.sanitize import Trusted, sanitize_line

FAILURES = (httpx.TransportError, OSError)
"""What a failing request may raise; a TimeoutError is an OSError."""
_CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What names other certificates; the first counts more."""
_REFUSED = "the connection was refused; check the address and the firewall"
_UNRESOLVED = (
    "its host name cannot be resolved; check the name, and that this machine is online"
)
_BROKEN = "the connection broke off; check the network and the firewall"
_LATE = "it timed out; check the network and the firewall, or raise timeout"
_EXPIRED = "its TLS certificate is not valid today; check this machine's clock"
_OTHER_HOST = "its TLS certificate is for another host; check the address"
_AUTHORITY = (
    "if a proxy or a virus scanner opens TLS, name its CA file in SSL_CERT_FILE"
)
_OF_PROXY = {
    _REFUSED: "the proxy refused the connection; check that it runs, and its address",
    _UNRESOLVED: "the proxy's host name cannot be resolved; check its address",
}
"""What it is where the proxy was to be reached."""
_CERTIFICATE_ERRORS = {
    9: _EXPIRED,  # not valid yet
    10: _EXPIRED,
    62: _OTHER_HOST,
    64: _OTHER_HOST,  # of an address
}
"""What OpenSSL's codes mean."""
_SYSTEM_ERRORS = {
    errno.ECONNREFUSED: _REFUSED,
    errno.ECONNRESET: _BROKEN,
    errno.EPIPE: _BROKEN,
    errno.ENETUNREACH: "the network is unreachable; check that this machine is online",
    errno.EHOSTUNREACH: "its host is unreachable; check the address and the network",
    errno.ETIMEDOUT: _LATE,
}


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
    # Here, before a poll begins: a wrong variable is a wrong setting, and no failure of the registry.
    route_to(url)
    # Loading them takes time, and only those that a variable names may be wrong.
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
    """Return why a request failed, by which way it went, and what to try."""
    # It begins with the status of the proxy's answer; the rest is the proxy's own text.
    if isinstance(error, httpx.ProxyError):
        return refused_by_proxy(route, str(error)[:3])
    why = next(filter(None, map(_why, _causes(error))), "")
    if not why:
        is_broken = isinstance(error, FAILURES)
        why = _BROKEN if is_broken else f"the request failed ({type(error).__name__})"
    return _at(route, _OF_PROXY.get(why, why) if route.proxy else why)


def refused_by_proxy(route: Route, code: str) -> Trusted:
    """Return what it means that the proxy refuses to connect to the target, by the status of its answer."""
    # Who has written a password needs other advice than who has not.
    if code == "407":
        why = "wants a login (407); write USER:PASSWORD@ before its host"
        if route.proxy is not None and route.proxy.raw_auth is not None:
            why = "refused the login (407); correct it in its address"
    else:
        said = code if code.isdigit() else "no status"
        why = f"refused to connect to it ({said}); ask for it to be allowed, or name its host in NO_PROXY"
    return _at(route, f"the proxy {why}")


def not_the_registry(route: Route, what: str) -> Trusted:
    """Return that something else answered, as the login of a network does; `what` it did."""
    return Trusted(
        f"{route.shown} {what}; check registry_url, and whether this network wants a login in a browser"
    )


def redirects(code: int, location: str) -> str:
    """Return that an answer leads elsewhere; of where only the host is shown."""
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    where = f"to {sanitize_line(host, 100)}" if host else "elsewhere"
    return f"redirects {where} ({code}), which is not followed"


def _at(route: Route, why: str) -> Trusted:
    """Return where no answer came from, unless that is secret and there is no proxy, and why."""
    return Trusted(f"cannot reach {route.shown}: {why}" if route.shown else why)


def _why(cause: BaseException) -> str:
    """Return what an error of the system or of TLS means, and what to try; "" for any other."""
    match cause:
        case ssl.SSLCertVerificationError():
            if found := _CERTIFICATE_ERRORS.get(cause.verify_code):
                return found
            # OpenSSL's word for why names no host.
            return f"its TLS certificate is not trusted ({cause.verify_message}); {_AUTHORITY}"
        case ssl.SSLError():
            return "TLS failed; check that this port speaks https"
        case socket.gaierror():
            return _UNRESOLVED
        case TimeoutError():
            return _LATE
        case OSError(errno=int(number)):
            name = errno.errorcode.get(number, number)
            return _SYSTEM_ERRORS.get(number, f"network error {name}")
        case _:
            return ""


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
