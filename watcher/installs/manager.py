"""The packs of a running ComfyUI, as its Manager lists them over HTTP.

A login in the address goes to that address only: redirects are not followed, and no reason shows any part of it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from watcher import __version__
from watcher.errors import WatchError
from watcher.installs.recognise import lists, texts
from watcher.installs.safe_files import Unscannable, in_order, naming
from watcher.model.pack import Inventory, Pack, Source
from watcher.registry import network, proxies

LIMIT = 16 * 1024 * 1024
"""Bytes of an answer."""

_LISTS = ("v2/customnode/installed", "customnode/installed")
"""The list of installed packs in the API of the Manager from 4.0 on, and before."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {
    "User-Agent": f"comfy-watch/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
}


async def read(source: Source) -> tuple[Inventory]:
    """Return the packs that the Manager lists, as one inventory. The caller bounds the time.

    Unscannable if there is no Manager, or if it does not answer with a list.
    """
    address = source.where
    is_here = urlsplit(address).hostname in _LOOPBACK
    try:
        # This machine itself is never reached by way of a proxy.
        route = proxies.route_to(address, is_secret=True, by_proxy=not is_here)
        open_connection = network.transports(address, route)
    except WatchError as error:  # of a proxy or of certificates that cannot be used
        raise Unscannable(error.what, error.hint) from None
    except httpx.InvalidURL:
        raise Unscannable("its host is not a valid host name") from None
    try:
        async with httpx.AsyncClient(
            transport=open_connection(),
            timeout=None,  # noqa: S113 - the caller has it
            headers=_HEADERS,
            trust_env=False,
        ) as client:
            packs = in_order(await _listed(client, address))
    except (httpx.HTTPError, OSError) as error:
        why = network.describe(error, route)
        raise Unscannable(f"it cannot be asked: {why}") from None
    return (Inventory(install=source.name, packs=packs),)


async def _listed(client: httpx.AsyncClient, address: str) -> tuple[Pack, ...]:
    answers: list[str] = []
    for path in _LISTS:
        code, document = await _get(client, address, path)
        answers.append(f"/{path} answers HTTP {code}")
        if code == 200 and document is not None:
            with naming(f"the answer to /{path}"):
                return lists.of_answer(document)
    raise Unscannable(
        f"no list of packs from a Manager: {', '.join(answers)}",
        hint="start ComfyUI with --enable-manager, or name its folder or a snapshot instead"
        " (HTTP 401: write its login into the address; HTTP 30x: a redirect is not followed)",
    )


async def _get(
    client: httpx.AsyncClient, address: str, path: str
) -> tuple[int, object]:
    """Return the code of an answer and its JSON, None if it has none.

    Unscannable for an answer that is too large.
    """
    parts = urlsplit(address)
    url = parts._replace(path=f"{parts.path.rstrip('/')}/{path}").geturl()
    async with client.stream("GET", url) as response:
        code = response.status_code
        # Counted as it comes: a server that never ends its answer must not fill the memory.
        data = bytearray()
        async for piece in response.aiter_raw():
            data += piece
            if len(data) > LIMIT:
                raise Unscannable(
                    f"the answer to /{path} has more than {LIMIT // 1024**2} MB"
                )
    try:
        return code, texts.load(bytes(data))
    except ValueError:
        return code, None
