"""The time that one request of a job may take. apprise waits for an answer as long as bytes keep coming."""

from __future__ import annotations

import gc
import logging
import math
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from apprise import Apprise, NotifyFormat, NotifyType, OverflowMode
from requests.exceptions import RequestException, Timeout

from watcher.alerts.digest import Digest, compose
from watcher.alerts.render import Format, Rendered, plainest
from watcher.delivery.confirming import protocol_without_answers
from watcher.delivery.hook import Hook
from watcher.delivery.process import Job
from watcher.delivery.refusal import REFUSED, UNASKED, judge
from watcher.delivery.services.service import Context, Plugin
from watcher.delivery.services.table import fitted, format_of, prepare, rules_of
from watcher.delivery.urls import parameters, service_of
from watcher.model.channel import Cause, Outcome
from watcher.registry.proxies import proxy_in_words

_AGAIN = 0.05
"""Seconds to the next signal, if one came too early by the other clock."""

if sys.platform == "win32":
    import _thread
    import threading

    def _interrupt_after(timer: RequestTimer, seconds: float) -> None:
        """Have another thread act as a signal, which Windows has no timer for.

        The first thread sees it when it waits for nothing; a socket that is waited for has a timeout of its own.
        """
        signal.signal(signal.SIGTERM, lambda *_: timer.check())
        if seconds:
            clock = threading.Timer(seconds, _thread.interrupt_main, (signal.SIGTERM,))
            clock.daemon = True
            clock.start()

else:

    def _interrupt_after(timer: RequestTimer, seconds: float) -> None:
        """Have a signal interrupt what this process waits for; 0: never."""
        signal.signal(signal.SIGALRM, lambda *_: timer.check())
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)


class CutOffError(Timeout, TimeoutError):
    """The request took too long. Both urllib3 and the plugins treat it as a timeout."""


class RequestTimer:
    """Ends requests that take too long, as a socket's own timeout would."""

    _until = math.inf

    def begin(self, seconds: float) -> None:
        """Begin a request, which may take so many seconds."""
        self._until = time.monotonic() + seconds
        _interrupt_after(self, seconds)

    def end(self) -> None:
        """End it: no request is under way."""
        self._until = math.inf
        _interrupt_after(self, 0)

    def check(self) -> None:
        """Raise CutOffError if the request under way has taken its time."""
        if time.monotonic() >= self._until:
            self.end()
            raise CutOffError("timed out")


_WATCHED = {"requests", "smtplib", "AppriseSMTPController", "IRCClient"}
"""What plugins know that send by HTTP, mail or IRC, which the hook sees."""
_WORD = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_ANYWHERE = re.compile("")
_KIND = 40
"""Characters before what an exception says: no text of a message begins so."""


def send(job: Job, tell: Callable[[str, object], object]) -> Outcome:
    """Send the message and return what came of it, without the targets that it reached.

    `tell` is as for `Hook`, and is called with `allow` and the seconds that several targets need.
    """
    timer = RequestTimer()
    hook = Hook(job, tell)
    try:
        with hook, _exceptions() as said:
            return _send(job, hook, timer, said)
    except BaseException as error:  # noqa: BLE001 - the one place around one channel's work
        # Nothing of what it says is passed on, as it may hold the URL.
        reason = f"apprise failed ({type(error).__name__})"
        return Outcome(reason=reason, unanswered=hook.in_doubt)
    finally:
        # A service logs out in its destructor, which reference cycles delay.
        with suppress(CutOffError):
            gc.collect()
        timer.end()


class _WaitError(RequestException):
    """The service asks for a wait, which is the program's to make."""


def _send(job: Job, hook: Hook, timer: RequestTimer, said: list[str]) -> Outcome:
    service = service_of(job.url)
    if service is None:
        return Outcome(reason="apprise cannot use this URL")
    # What the URL asks for itself is never overruled, so its parameters go along.
    context = Context(
        events=job.events,
        digest=compose(job.events, job.part, job.named),
        plain=job.plain,
        asked=parameters(job.url),
    )
    hook.rules = rules_of(service)
    if "template" in context.asked:  # which may leave any word of the message out
        hook.rules = replace(hook.rules, sealed=_ANYWHERE)
    hook.by_other_ways = not _WATCHED & known_to(type(service))
    prepare(service, context)
    if context.refusals:
        return context.refusals[0]
    hook.count = _count(service)
    _set_up(service, job, hook, timer)
    digest = context.digest
    digest = replace(digest, owed=digest.owed - context.named)
    message, shown = _written(service, job, digest)
    hook.mark = _mark(message)

    def notify() -> bool:
        return bool(
            Apprise(service).notify(
                body=message.body,
                title=message.title,
                notify_type=NotifyType(context.tone),
                body_format=shown,
            )
        )

    # apprise may call an answer whose rest was lost a failure. It leaves out now what took the message so.
    done = notify() or (hook.settle() and notify())
    if done and not (hook.denied or context.refusals):
        confirmed = not protocol_without_answers(job.url)
        return Outcome(taken=True, confirmed=confirmed, left=message.left)
    has_asked = not done and bool(hook.exchanges)
    failure = judge(
        hook.open,
        [hook.unconnected, *said],
        has_reached=bool(hook.known),
        proxy=proxy_in_words(),
        unexplained=REFUSED if has_asked else UNASKED,
    )
    for refusal in context.refusals[:1]:
        cause = Cause.OTHER if hook.known else refusal.cause
        failure = replace(failure, reason=refusal.reason, cause=cause)
    return replace(failure, unanswered=hook.in_doubt, left=message.left)


def _set_up(service: Plugin, job: Job, hook: Hook, timer: RequestTimer) -> None:
    """Set the service up so that no alert is lost, sent twice or cut, whatever the URL asks for.

    `throttle` is replaced because apprise has no hook around a request.
    """
    pause = service.throttle
    rest = hook.count * (job.timeout + float(service.request_rate_per_sec or 0))
    if hook.count > 1:
        hook.tell("allow", rest)

    def throttle(last_io: datetime | None = None, wait: float | None = None) -> None:
        """Make apprise's pause, which comes before each request. A wait that a service asks for is the queue's."""
        timer.end()
        for last in hook.exchanges[-1:] if wait else ():
            last.retry_after = last.retry_after or wait
            raise _WaitError
        pause(last_io, wait)
        if hook.by_other_ways:
            hook.sent_otherwise()
        # One connection serves all targets where it is no HTTP.
        timer.begin(job.timeout if "requests" in known_to(type(service)) else rest)

    service.optional, service.retry = False, 0
    service.overflow_mode = OverflowMode.UPSTREAM
    # A redirect turns the POST into a GET, whose 200 would acknowledge a message that nobody got.
    service.redirects = False
    service.is_delivered = hook.is_delivered
    service.mark_delivered = hook.mark_delivered
    service.throttle = throttle
    for limit in ("socket_connect_timeout", "socket_read_timeout"):
        # Another one is what the URL asks for (`?cto=`, `?rto=`).
        if getattr(service, limit) == getattr(type(service), limit):
            setattr(service, limit, job.timeout)


@contextmanager
def _exceptions() -> Iterator[list[str]]:
    """Collect the exceptions in apprise's log, which nothing else tells of where it is no HTTP."""
    said: list[str] = []

    def heard(record: logging.LogRecord) -> bool:
        kind, _, words = record.getMessage().partition("Exception: ")
        # The text of a message may speak of exceptions, too.
        if len(kind) < _KIND:
            said.append(words)
        return True

    logger = logging.getLogger("apprise")
    logger.addFilter(heard)
    try:
        yield said
    finally:
        logger.removeFilter(heard)


def known_to(plugin: type) -> set[str]:
    """Return the names that the modules of a plugin know, among them the libraries that it sends with."""
    # The base of all plugins knows requests, whatever they send with.
    modules = {of.__module__ for of in plugin.__mro__} - {"apprise.plugins.base"}
    return {
        known
        for name in modules
        if name.startswith("apprise.plugins.")
        for known in vars(sys.modules[name])
    }


def _count(service: Plugin) -> int:
    """Count the targets of a URL. `len()` is wrong for some services; others have a list of each kind of target."""
    targets = getattr(service, "targets", ())
    lists = targets.values() if isinstance(targets, dict) else [targets]
    return max(
        len(service),
        sum(len(one) if isinstance(one, (list, tuple, set)) else 1 for one in lists),
    )


def _mark(message: Rendered) -> bytes:
    """Return a word of the message that looks the same in JSON, in a form, in XML and in an address."""
    words = _WORD.findall(message.body) or _WORD.findall(message.title)
    # The longest word is the least likely to be in another request.
    return max(words, key=len, default="").encode()


def _written(service: Plugin, job: Job, digest: Digest) -> tuple[Rendered, str]:
    """Return a message that fits the service, or its plainest form, in a format that apprise need not convert."""
    form = Format.TEXT if job.plain else format_of(service)
    if isinstance(service.notify_format, NotifyFormat):
        service.notify_format = NotifyFormat(form.markup)
    # It has no markup, and is short enough for every service.
    if job.plain:
        return plainest(digest), form.markup
    return fitted(service, digest, form), form.markup
