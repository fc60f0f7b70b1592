"""How requests travel: which httpx transport, through which proxy, and what went wrong in plain words.

The transport is used directly. httpx's client around it doubles the CPU of a small request, and this program needs none
of what it adds (cookies, authentication, redirects to any host). Proxies are looked up here.
"""

from __future__ import annotations

import errno
import socket
import ssl
import sys
from urllib.request import getproxies, proxy_bypass

import httpx

from watcher.errors import ConfigError
from watcher.text.mask import describe_registry_url

MANY = 48
"""From this many requests on, aiohttp's speed outweighs its import."""

_LONGEST_HEADER = 65_536
"""Bytes; aiohttp's own bound is an eighth of it, and tighter than that of the other transport."""


def check_usable(url: str) -> None:
    """Raise ConfigError if no request to `url` can be made, because of its host or of the proxy in the environment.

    Nothing is opened or looked up: a host that does not exist is found by the first request.
    """
    try:
        target = httpx.URL(url.rstrip("/") + "/versions")
        target.raw_host.decode("ascii").encode("idna")  # no part may be empty or over 63 characters
    except (httpx.InvalidURL, UnicodeError):
        raise ConfigError(
            f"registry_url: the host of {describe_registry_url(url)} is not a valid host name",
            hint="a host name has 1 to 63 letters, digits or dashes between dots, an IPv4 address four numbers to 255",
        ) from None
    if (proxy := _proxy_for(target)) is not None:
        _pool(target, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), httpx.Limits(), proxy)


def open_transport(url: str, concurrency: int, expected_requests: int) -> httpx.AsyncBaseTransport:
    """Return a pool of at most `concurrency` connections to the origin of `url`.

    Raises ConfigError if the environment names a proxy that cannot be used.
    """
    target = httpx.URL(url)
    context = httpx.create_ssl_context() if target.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    proxy = _proxy_for(target)
    if proxy is None and expected_requests >= MANY:
        return _open_fast(context, limits)
    return _pool(target, context, limits, proxy)


def _pool(
    target: httpx.URL, context: ssl.SSLContext, limits: httpx.Limits, proxy: httpx.Proxy | None
) -> httpx.AsyncBaseTransport:
    try:
        return httpx.AsyncHTTPTransport(verify=context, limits=limits, proxy=proxy)
    except ImportError:  # SOCKS needs another package
        raise _no_proxy(target) from None


def _open_fast(context: ssl.SSLContext, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
    # Here, since polls of fewer nodes do without: it takes 60 to 110 ms.
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector
    from httpx_aiohttp import AiohttpTransport

    def session() -> ClientSession:
        return ClientSession(
            connector=TCPConnector(
                limit=limits.max_connections or 0, ssl=context, keepalive_timeout=limits.keepalive_expiry
            ),
            cookie_jar=DummyCookieJar(),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )

    return AiohttpTransport(client=session)


def failures() -> tuple[type[Exception], ...]:
    """Return what a failing request may raise. httpx_aiohttp does not translate all of aiohttp's errors."""
    ours = (httpx.TransportError, OSError, TimeoutError)
    if "aiohttp" not in sys.modules:
        return ours
    from aiohttp import ClientError
    from aiohttp.http_exceptions import HttpProcessingError

    return (*ours, ClientError, HttpProcessingError)


def _proxy_for(target: httpx.URL) -> httpx.Proxy | None:
    """Return the proxy that the environment names for a URL (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, …)."""
    proxies = getproxies()
    address = proxies.get(target.scheme) or proxies.get("all")
    if not address or proxy_bypass(target.host) or proxy_bypass(target.netloc.decode("ascii")):
        return None
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address.strip()}")
    except (ValueError, httpx.InvalidURL):
        raise _no_proxy(target) from None
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
    causes = _causes(error)
    if found := next(filter(None, map(_describe_cause, causes)), ""):
        return found
    if isinstance(error, httpx.ProxyError):
        return "the proxy refused to connect to it"
    # httpx_aiohttp calls other errors timeouts too: the error behind it decides.
    late = (TimeoutError, httpx.TimeoutException)
    if isinstance(error, TimeoutError) or any(isinstance(cause, late) for cause in causes[1:] or causes):
        return "it timed out"
    if isinstance(error, failures()) and not isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        return "the connection broke off"
    return f"the request failed ({type(error).__name__})"


def _describe_cause(cause: BaseException) -> str:
    """Return what an error of the system or of TLS means; "" for any other."""
    match cause:
        case ssl.SSLCertVerificationError():
            # aiohttp wraps it in an error of the same type without a message.
            why = getattr(cause, "verify_message", "")
            return f"its TLS certificate is not trusted ({why})" if why else ""
        case ssl.SSLError():
            return "TLS failed"
        case socket.gaierror():
            return "its host name cannot be resolved"
        case OSError(errno=int(number)) if number:
            return _SYSTEM_ERRORS.get(number) or f"network error {errno.errorcode.get(number, number)}"
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
        current = current.__cause__ or current.__context__
    return found
