"""Which way requests go: by the proxies that the environment names. Nothing is opened or looked up here.

Of a proxy's address only host and port are ever shown: it may hold a password.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from watcher.errors import ConfigError
from watcher.values import frozen

if TYPE_CHECKING:
    import httpx

_PORTS = {"http": 80, "https": 443}
_VARIABLE = re.compile(r"(?:https?|all)_proxy", re.IGNORECASE)


@frozen
class Route:
    """Which way requests to one address go."""

    target: str
    """Host and port; "" if they are secret."""
    proxy: httpx.Proxy | None = field(default=None, repr=False)
    """The HTTP proxy that the environment names. It may hold a password."""
    named_by: str = ""
    """The variable that names it, or the system's settings."""

    @property
    def by_proxy(self) -> str:
        """The proxy and what names it, in words; "" if there is none."""
        if self.proxy is None:
            return ""
        place = _place(urlsplit(str(self.proxy.url)))
        return f"the proxy {place} ({self.named_by})"

    @property
    def shown(self) -> str:
        """The target and by which way, in words; "" if that is secret and there is no proxy."""
        by_proxy = self.by_proxy
        return f"{self.target or 'it'} through {by_proxy}" if by_proxy else self.target


def route_to(url: str, *, is_secret: bool = False, by_proxy: bool = True) -> Route:
    """Return which way requests to a URL of http or https go: through the proxy that the environment names for it.

    `is_secret`: host and port are not shown. ConfigError if that is no address of an HTTP proxy.
    """
    target = urlsplit(url)
    value = _value_for(target) if by_proxy else ""
    # People have set it once for all programs and forgotten where: the name is what they look for.
    named_by = _variable_with(value)
    proxy = _proxy(value)
    if value and proxy is None:
        what = "is not the address of an HTTP proxy"
        if value.strip().lower().startswith("socks"):
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
    # `NO_PROXY` may name a host, or a host with its port.
    if proxy_bypass(target.hostname or "") or proxy_bypass(target.netloc):
        return ""
    return proxies.get(target.scheme) or proxies.get("all", "")


def _variable_with(value: str) -> str:
    """Return the name of the variable that names a proxy; several of one value are the same proxy."""
    names = (name for name, one in os.environ.items() if one == value)
    return next(filter(_VARIABLE.fullmatch, names), "the system's settings")


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


def _place(parts: SplitResult) -> str:
    # The brackets of an IPv6 address tell its end from a port.
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port or _PORTS.get(parts.scheme)
    return f"{host}:{port}" if port else host
