"""How requests travel: through which proxy, and what went wrong in plain words.

The transport of httpx is used without its client, which would add cookies, authentication and redirects to any host.
Proxies are looked up here, because httpx gives up where any variable names a proxy that it cannot use.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from functools import partial
from urllib.request import getproxies, proxy_bypass

import httpx

from watcher.errors import ConfigError

FAILURES = (httpx.TransportError, OSError)
"""What a failing request may raise; a TimeoutError is an OSError."""


def check_usable(url: str) -> None:
    """Raise ConfigError if no request to `url` can be made, because of its host or of the proxy in the environment.

    The URL has the form that the setting allows, so nothing in it is secret. Nothing is opened or looked up: a host
    that does not exist is found by the first request.
    """
    try:
        target = httpx.URL(url.rstrip("/") + "/versions")
    except httpx.InvalidURL:
        raise ConfigError(
            f"registry_url: the host of {url!r} is not a valid host name",
            hint="a host name has 1 to 63 letters, digits or dashes between dots, an IPv4 address four numbers to 255",
        ) from None
    _proxy_for(target)


def open_transport(url: str, *, by_proxy: bool = True) -> httpx.AsyncBaseTransport:
    """Return a way to the origin of `url`, whose user bounds the requests at once and the time of each.

    It leads through the environment's proxy, unless `by_proxy` is False. ConfigError if that proxy cannot be used.
    """
    return transports(url, by_proxy=by_proxy)()


def transports(
    url: str, *, by_proxy: bool = True
) -> Callable[[], httpx.AsyncBaseTransport]:
    """Return what opens ways as `open_transport`. All share what is loaded once, the certificates."""
    target = httpx.URL(url)
    verify = httpx.create_ssl_context() if target.scheme == "https" else False
    return partial(
        httpx.AsyncHTTPTransport,
        verify=verify,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        proxy=_proxy_for(target) if by_proxy else None,
    )


def _proxy_for(target: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy that the environment names for a URL (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, …).

    ConfigError if that is no address of an HTTP proxy.
    """
    proxies = getproxies()
    address = proxies.get(target.scheme) or proxies.get("all")
    if (
        not address
        or proxy_bypass(target.host)
        or proxy_bypass(target.netloc.decode("ascii"))
    ):
        return None
    try:
        proxy = httpx.Proxy(
            address if "://" in address else f"http://{address.strip()}"
        )
    except (ValueError, httpx.InvalidURL):
        raise _no_proxy(target) from None
    if proxy.url.scheme not in {"http", "https"}:  # SOCKS is another protocol
        raise _no_proxy(target)
    if not proxy.url.raw_host.strip(b"[] ") or (proxy.url.port or 80) > 65_535:
        raise _no_proxy(target)
    return proxy


def _no_proxy(target: httpx.URL) -> ConfigError:
    """Return the error for an unusable proxy, without its address: that may hold a password."""
    return ConfigError(
        f"the proxy that the environment names for {target.scheme} cannot be used",
        hint=f"set {target.scheme}_proxy to an http:// or https:// address, or name the registry's host in no_proxy",
    )


def describe(error: BaseException) -> str:
    """Return why a request failed, in our words: no text of a server's is in it."""
    if found := next(filter(None, map(_describe_cause, _causes(error))), ""):
        return found
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused to connect to it"
    if isinstance(error, TimeoutError):
        return "it timed out"
    if isinstance(error, FAILURES) and not isinstance(
        error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
    ):
        return "the connection broke off"
    return f"the request failed ({type(error).__name__})"


def describe_without_host(error: BaseException) -> str:
    """Return the same without the host's name, which the words for a certificate have."""
    why = describe(error)
    return why.partition(" (")[0] if "certificate" in why else why


def _describe_cause(cause: BaseException) -> str:
    """Return what an error of the system or of TLS means; "" for any other."""
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its TLS certificate is not trusted ({cause.verify_message})"
        case ssl.SSLError():
            return "TLS failed"
        case socket.gaierror():
            return "its host name cannot be resolved"
        case OSError(errno=int(number)) if number:
            return (
                _SYSTEM_ERRORS.get(number)
                or f"network error {errno.errorcode.get(number, number)}"
            )
        case _:
            return ""


_SYSTEM_ERRORS = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the connection broke off",
    errno.EPIPE: "the connection broke off",
    errno.ENETUNREACH: "the network is unreachable",
    errno.EHOSTUNREACH: "its host is unreachable",
    errno.ETIMEDOUT: "it timed out",
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
