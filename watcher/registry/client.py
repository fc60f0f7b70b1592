"""The registry over HTTP: one request within a deadline and a size limit, to the configured origin alone, retried where
that can help. `watcher.registry.listing` and `watcher.registry.packs` decide what an answer means.
"""

from __future__ import annotations

import asyncio
import random
import sys
from http import HTTPStatus
from typing import ClassVar, Self
from urllib.parse import urlencode

import httpx

from watcher import __version__, durations, log
from watcher.model.reading import Fault
from watcher.model.version import status_to_api
from watcher.registry import network, proxies
from watcher.registry.answer import (
    SLOW_DOWN,
    Answer,
    NoAnswerError,
    parse_retry_after,
    parse_server_time,
    read_body,
)
from watcher.streams import Progress, silent
from watcher.text.sanitize import sanitize_line
from watcher.values import frozen

PAGE_SIZE = 100
"""The maximum of the API (docs/dev/registry.md, Pages)."""

_LONGEST_WAIT = 30.0
_LONGEST_RETRY_AFTER = 60.0
"""Seconds. A longer `Retry-After` ends the attempts: of the one node for a 503, of all nodes for a 429."""
_LONGEST_DELAY = 300.0
"""Seconds that all 429s of one poll may delay its requests: the alerts of nodes that were read wait for the others."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRIED = {HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)}


@frozen
class RequestLimits:
    """Bounds on the use of the registry."""

    timeout: float = 30.0
    """Seconds for one whole request, its body included."""
    retries: int = 3
    concurrency: int = 16
    """Requests at once."""
    max_bytes: int = 32 * 1024 * 1024
    """Of a decompressed body."""


@frozen
class Query:
    """The parameters of `GET /versions` (docs/dev/registry.md, Endpoint). Empty ones are omitted."""

    path: ClassVar[str] = "/versions"
    node: str = ""
    statuses: tuple[str, ...] = ()
    """Short names."""
    include_status_reason: bool = False
    status_reason: str = ""
    """Text to search for in reasons, in any case. The service may refuse that (docs/dev/registry.md, Statuses)."""
    page: int = 1
    page_size: int = PAGE_SIZE

    def parameters(self) -> list[tuple[str, str]]:
        """Return the parameters under the API's names."""
        pairs = [("nodeId", self.node)] if self.node else []
        pairs += [("statuses", status_to_api(status)) for status in self.statuses]
        if self.include_status_reason:
            pairs.append(("include_status_reason", "true"))
        if self.status_reason:
            pairs.append(("status_reason", self.status_reason))
        return [*pairs, ("page", str(self.page)), ("pageSize", str(self.page_size))]


@frozen
class NodeQuery:
    """The parameters of `GET /nodes` (docs/dev/registry.md, Packs as a whole). Without ids it has all packs."""

    path: ClassVar[str] = "/nodes"
    node: ClassVar[str] = "the packs as a whole"
    """What it asks about, for people."""
    page_size: ClassVar[int] = PAGE_SIZE
    ids: tuple[str, ...] = ()
    page: int = 1

    def parameters(self) -> list[tuple[str, str]]:
        """Return the parameters under the API's names."""
        return [
            *(("node_id", one) for one in self.ids),
            ("include_banned", "true"),
            ("page", str(self.page)),
            ("limit", str(self.page_size)),
        ]


class _FailedAttemptError(NoAnswerError):
    """No whole answer came. It is the registry's fault if a head came, and it broke off before the time was over."""


class Registry:
    """Connections to the registry for one poll, as an async context manager.

    `asked_to_wait` is "" until a 429 asks for too long a wait. Then it says so, and no further request is made.
    `retry_after` is the longest `Retry-After` of a 429 or 5xx, in seconds.
    """

    def __init__(
        self, url: str, limits: RequestLimits, *, progress: Progress = silent
    ) -> None:
        """Prepare for requests to `url`. Raises ConfigError as `network.transports`.

        `progress` is called for each wait between two attempts, and after each attempt.
        """
        self._base = httpx.URL(url.rstrip("/"))
        self.limits = limits
        self._progress = progress
        self.route = proxies.route_to(url)
        """Which way the requests go."""
        self._open = network.transports(url, self.route)
        # One for each request under way: one that all share looks through all connections before and after each.
        self._unused: list[httpx.AsyncBaseTransport] = []
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._large = asyncio.Lock()
        self._resume_at = 0.0
        self._delayed = 0.0
        self.asked_to_wait = ""
        self.retry_after = 0.0
        self.requests = 0
        """How many were sent, repeats too."""
        self._headers = {
            "Host": self._base.netloc.decode("ascii"),
            "User-Agent": f"comfy-watch/{__version__} (Comfy Watch, a node pack version watcher)",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Cache-Control": "no-cache",  # an answer of a cache may be older than the one before it
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self._unused:
            await one.aclose()

    async def ask(
        self, query: Query | NodeQuery, *, retries: int = sys.maxsize
    ) -> Answer:
        """Request one page, and retry after network errors, 429 and 5xx, at most `retries` times within the limits.

        Raises NoAnswerError if no attempt had an answer. The last attempt's answer is returned even if it is a 429 or
        5xx.
        """
        # Fewer for what a poll can do without, such as the list of all packs.
        tries = min(self.limits.retries, retries)
        url = f"{self._base}{query.path}?{urlencode(query.parameters())}"
        reached = False
        for attempt in range(tries + 1):
            is_last = attempt == tries
            # By chance, so that many watchers which failed at the same moment do not come back at the same moment.
            wait = min(0.5 * 2.0**attempt, _LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            try:
                async with self._slots:
                    await self._wait_for_turn()
                    answer = await self._attempt(url)
            except _FailedAttemptError as error:
                why, reached = error.why, reached or error.fault is Fault.REGISTRY
                if is_last:
                    log.debug("request failed", node=query.node, why=why)
                    fault = Fault.REGISTRY if reached else Fault.UNREACHED
                    raise NoAnswerError(why, fault) from None
            else:
                reached = True
                self._see_that_it_is_the_registrys(answer)
                is_final = answer.code not in _RETRIED or not self._may_retry(answer)
                if is_final or is_last:
                    return answer
                why = f"HTTP {answer.code}"
                if answer.retry_after is not None:
                    wait, why = answer.retry_after, SLOW_DOWN
            log.debug("retry", node=query.node, wait=round(wait, 3), why=why)
            text = f"{sanitize_line(query.node)}: waiting {wait:.0f} s, {why}"
            await self._sleep(wait, f"pause {query.node}", text)
        raise AssertionError("an attempt either answers or raises")

    def _see_that_it_is_the_registrys(self, answer: Answer) -> None:
        """Raise NoAnswerError for an answer of something else on the way: a proxy, or a network that wants a login."""
        route, code = self.route, answer.code
        what = ""
        if code == HTTPStatus.OK and answer.body[:64].lstrip()[:1] == b"<":
            what = "answered with a web page instead of JSON"
        elif code in _REDIRECTS:
            what = network.redirects(code, answer.location)
        if what:
            raise NoAnswerError(network.not_the_registry(route, what), Fault.REGISTRY)
        if code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and route.proxy:
            why = network.refused_by_proxy(route, str(code))
            raise NoAnswerError(why, Fault.REGISTRY)

    def _may_retry(self, answer: Answer) -> bool:
        """Return whether a 429 or 5xx may be retried in this poll. A 429 delays all requests. Raises NoAnswerError."""
        wait = answer.retry_after or 0.0
        self.retry_after = max(self.retry_after, wait)
        is_for_all = answer.code == HTTPStatus.TOO_MANY_REQUESTS
        # The next poll comes anyway, and the alerts of this one wait for its end.
        if wait > _LONGEST_RETRY_AFTER:
            why = f"the registry asked to wait {durations.show(wait)} ({answer.code})"
            if is_for_all:
                self.asked_to_wait = why
            raise NoAnswerError(why, Fault.REGISTRY)
        # A 503 may be about one pack alone.
        if not is_for_all:
            return True
        now = asyncio.get_running_loop().time()
        resume_at = max(self._resume_at, now + wait)
        # Several answers may ask for the same wait: only what each adds to it counts.
        delayed = self._delayed + resume_at - max(self._resume_at, now)
        if delayed > _LONGEST_DELAY:
            return False  # the alerts of what was read wait for the rest
        self._delayed, self._resume_at = delayed, resume_at
        return True

    async def _wait_for_turn(self) -> None:
        """Wait while a 429 delays all requests. Raises NoAnswerError if it asked for too long a wait."""
        loop = asyncio.get_running_loop()
        # Again after each wait: another answer may have asked for a longer wait.
        while (left := self._resume_at - loop.time()) > 0 and not self.asked_to_wait:
            log.debug("wait", seconds=round(left, 3), why=SLOW_DOWN)
            await self._sleep(left, "delay", f"waiting {left:.0f} s, {SLOW_DOWN}")
        if self.asked_to_wait:
            raise NoAnswerError(self.asked_to_wait, Fault.REGISTRY)

    async def _sleep(self, seconds: float, place: str, text: str) -> None:
        self._progress(place, text)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._progress(place, "")

    async def _attempt(self, url: str) -> Answer:
        """Send one request and read its whole answer within the deadline. A redirect is an answer as any other."""
        request = httpx.Request("GET", url, headers=self._headers)
        clock = asyncio.get_running_loop().time
        begun = clock()
        reached = False
        connection = self._unused.pop() if self._unused else self._open()
        try:
            async with asyncio.timeout(self.limits.timeout):
                self.requests += 1
                response = await connection.handle_async_request(request)
                reached = True
                try:
                    answer = await self._read(response)
                finally:
                    await response.aclose()
        except network.FAILURES as error:
            # A server that never comes to its end holds a poll as one that is silent does.
            is_reached = reached and not isinstance(error, TimeoutError)
            fault = Fault.REGISTRY if is_reached else Fault.UNREACHED
            why = network.describe(error, self.route)
            raise _FailedAttemptError(why, fault) from None
        finally:
            self._unused.append(connection)
            self._progress("request", "")
        log.debug(
            "request",
            method=request.method,
            path=request.url.raw_path.decode("ascii"),
            status=answer.code,
            seconds=round(clock() - begun, 3),
            bytes=len(answer.body),
        )
        return answer

    async def _read(self, response: httpx.Response) -> Answer:
        headers = response.headers
        encoding = headers.get("content-encoding", "").strip().lower()
        body = await read_body(
            response.aiter_raw(), encoding, self.limits.max_bytes, self._large
        )
        date, age = headers.get("date", ""), headers.get("age", "")
        return Answer(
            code=response.status_code,
            body=body,
            server_time=parse_server_time(date, age),
            retry_after=parse_retry_after(headers),
            location=headers.get("location", ""),
        )
