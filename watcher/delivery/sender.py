"""One message to one channel through apprise, in a process of its own (`watcher.delivery.worker`).

Messages from apprise, requests or a server are never passed on, only their class: they may contain parts of the URL,
which is a secret (docs/behaviour.md, Secrets).
"""

from __future__ import annotations

import gc
import logging
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Self, cast

import requests
from apprise import Apprise, NotifyFormat, NotifyType, OverflowMode
from requests.exceptions import RequestException

from watcher.alerts.digest import Digest, compose
from watcher.alerts.render import Rendered, plainest, render
from watcher.delivery.confirming import protocol_without_answers
from watcher.delivery.exchange import Exchange
from watcher.delivery.job import Job
from watcher.delivery.limits import CutOffError, RequestTimer
from watcher.delivery.refusal import A_PAGE, REFUSED, UNASKED, Evidence, judge
from watcher.delivery.services.service import Context, Plugin
from watcher.delivery.services.table import (
    format_of,
    prepare,
    room_of,
    rules_of,
    sealed_of,
)
from watcher.delivery.smtp import SmtpWatch
from watcher.delivery.targets import Targets
from watcher.delivery.urls import parameters, service_of
from watcher.delivery.wire import Wire
from watcher.model.outcome import Cause, Delivered, Outcome, Undelivered
from watcher.registry.network import proxy_in_words

if TYPE_CHECKING:
    from apprise import NotifyBase

_WATCHED = {"requests", "smtplib"}
"""Libraries whose requests and answers are watched (`watcher.delivery.wire`)."""
_PATIENCE = 60.0
"""Seconds that a plugin may wait for its service, unasked."""
_WORD = re.compile(r"[A-Za-z0-9]+", re.ASCII)


def send(
    job: Job,
    taken: Callable[[str], None],
    allow: Callable[[float], None],
    out: Callable[[bool], None] = lambda _: None,
) -> Outcome:
    """Send the message and return what came of it, without the targets that it reached.

    `taken` is called with the name of each target that has taken it, as soon as it has. `allow` is called with the
    seconds that several targets need, or a mail server. `out` is called with True before something goes out, and with
    False when it is answered.
    """
    timer = RequestTimer(job.timeout)
    wire = Wire(out)

    def took(target: str) -> None:
        taken(target)
        out(wire.in_doubt(targets.known))

    targets = Targets(earlier=job.reached, taken=took)
    try:
        with wire:
            return _Attempt(job, targets, allow, timer, wire).send()
    except BaseException as error:  # noqa: BLE001 - the one place around one channel's work
        return Undelivered(
            reason=f"apprise failed ({type(error).__name__})",
            unanswered=wire.in_doubt(targets.known),
        )
    finally:
        # A service logs out in its destructor, which reference cycles delay.
        with suppress(CutOffError):
            gc.collect()
        timer.end()


class _WaitError(RequestException):
    """The service asks for a wait, which is the program's to make."""


class _Attempt:
    """One attempt at a message."""

    def __init__(
        self,
        job: Job,
        targets: Targets,
        allow: Callable[[float], None],
        timer: RequestTimer,
        wire: Wire,
    ) -> None:
        self._job, self._targets, self._wire = job, targets, wire
        self._allow, self._timer = allow, timer
        self._rest = 0.0
        """Seconds that all targets of the URL may need."""
        self._count = 1
        """Targets in the URL."""
        self._denials: list[str] = []
        """Why targets have not taken the message that apprise says have."""

    def send(self) -> Outcome:
        """Send the message."""
        job = self._job
        service = service_of(job.url)
        if service is None:
            return Undelivered(reason="apprise cannot use this URL")
        smtp = SmtpWatch(
            job,
            self._timer,
            self._wire,
            lambda seconds: self._allow(seconds + self._rest),
        )
        context = Context(
            events=job.events,
            digest=compose(job.events, job.part, job.reference),
            timeout=job.timeout,
            plain=job.plain,
            asked=parameters(job.url),
        )
        self._wire.on_smtp = smtp.notice
        self._watch(service, context)
        self._prepare(service)
        prepare(service, context)
        if context.refusals:
            return context.refusals[0]
        if job.plain:
            message, shown = _plain(service, job)
        else:
            message, shown = _fitting(service, context.digest)
        self._wire.mark = _mark(message, context.digest)
        with _Log() as log:
            done = self._notify(service, message, context.tone, shown)
        evidence = Evidence(
            url=job.url,
            exchanges=self._failed(),
            unconnected=self._wire.unconnected,
            log=log.messages,
            refusals=smtp.refusals,
            unanswered=self._wire.in_doubt(self._targets.known)
            or self._is_refused_in_part(),
            has_reached=bool(self._targets.known),
            has_asked=bool(self._wire.contacts),
            proxy=proxy_in_words(),
        )
        failure = replace(judge(evidence), left=message.left)
        return self._outcome(failure, context, done=done)

    def _watch(self, service: Plugin, context: Context) -> None:
        """Have the wire and the targets know the service, and ask for the time that its targets need."""
        rules, wire, targets = rules_of(service), self._wire, self._targets
        wire.refuses = rules.refuses
        wire.sealed = sealed_of(service, context.asked)
        wire.targets = targets.sent_to
        wire.by_other_ways = not _WATCHED & libraries_of(type(service))
        targets.service = repr(service.url_identifier or self._job.reached.key)
        targets.is_acknowledged = partial(
            self._is_acknowledged, may_be_a_page=rules.answers_pages
        )
        targets.was_cut_off = self._was_cut_off
        self._count = _count(service)
        pause = float(service.request_rate_per_sec or 0)
        self._rest = self._count * (self._job.timeout + pause)
        if self._count > 1:
            self._allow(self._rest)

    def _notify(
        self, service: Plugin, message: Rendered, tone: str, shown: str
    ) -> bool:
        """Have apprise send the message, and return whether it says that all targets took it."""

        def notify() -> bool:
            return bool(
                Apprise(cast("NotifyBase", service)).notify(
                    body=message.body,
                    title=message.title,
                    notify_type=NotifyType(tone),
                    body_format=shown,
                )
            )

        done = notify()
        self._targets.settle()
        # apprise may call an answer whose rest was lost a failure. It leaves out now what took the message so.
        if not done and self._targets.has_settled:
            is_all_taken = all(one.is_success for one in self._failed())
            done = is_all_taken and notify()
        return done

    def _outcome(
        self, failure: Undelivered, context: Context, *, done: bool
    ) -> Outcome:
        """Return what came of it; `failure` is what the requests say if it was not taken."""
        known = self._targets.known
        if context.refusals:
            refusal = context.refusals[0]
            # By another way than HTTP a refusal is of the whole session.
            in_doubt = failure.unanswered and not self._wire.by_other_ways
            return replace(
                failure,
                reason=refusal.reason,
                cause=Cause.OTHER if known else refusal.cause,
                unanswered=in_doubt,
            )
        is_unexplained = failure.reason == REFUSED
        if self._denials and (done or is_unexplained):
            return replace(failure, reason=self._denials[0], cause=Cause.OTHER)
        if not done:
            return failure
        # apprise says that it is done too where the URL left nothing to send.
        if not self._went_out and not self._targets.has_skipped:
            return Undelivered(reason=UNASKED)
        confirmed = not protocol_without_answers(self._job.url)
        return Delivered(confirmed=confirmed, left=failure.left)

    @property
    def _went_out(self) -> bool:
        """Return whether the message left this process: an HTTP request that does not carry it is none."""
        return any(one.carries for one in self._wire.exchanges) or self._wire.beside > 0

    def _sent(self, target: str) -> list[Exchange]:
        """Return the requests to a target, of which those with the message decide."""
        exchanges = self._wire.exchanges
        own = [one for one in exchanges if target in one.targets]
        own = own or [one for one in exchanges if self._targets.current in one.targets]
        return [one for one in own if one.carries] or own[-1:]

    def _is_acknowledged(self, target: str, *, may_be_a_page: bool) -> bool:
        """Return whether the answers allow that the target has the message, which apprise says.

        A denial stays noted: the next target of the URL may take the message.
        """
        for exchange in self._sent(target)[-1:]:
            if exchange.is_page and not may_be_a_page:
                self._denials.append(A_PAGE)
            elif (code := exchange.refusal) is not None:
                self._denials.append(f"{REFUSED} ({code})" if code else REFUSED)
            elif exchange.carries and not exchange.is_success:
                self._denials.append(
                    f"HTTP {exchange.status}" if exchange.status else REFUSED
                )
            else:
                continue
            return False
        return self._went_out

    def _was_cut_off(self, target: str) -> bool:
        """Return whether the target took all that was sent to it, and the rest of an answer was lost.

        Where a plugin says nothing of its several targets, one answer is not known to be that of all.
        """
        if self._count > 1 and target == self._targets.whole:
            return False
        sent = [
            one for one in self._wire.exchanges if one.carries and target in one.targets
        ]
        has_all = all(
            one.is_success and one.refusal is None and not one.is_page for one in sent
        )
        return has_all and any(one.is_cut for one in sent)

    def _is_refused_in_part(self) -> bool:
        """Return whether a service says in a success that it refused what one request brought for several targets.

        Some of them may have the message. apprise asks about fewer targets than there are then.
        """
        asked = self._targets.names - {self._targets.whole}
        if self._count <= max(1, len(asked)):
            return False
        return any(one.carries and one.refusal is not None for one in self._failed())

    def _failed(self) -> Sequence[Exchange]:
        """Return the requests to targets that do not have the message, which say why."""
        known = self._targets.known
        return [one for one in self._wire.exchanges if not one.targets <= known]

    def _prepare(self, service: Plugin) -> None:
        """Set the service up so that no alert is lost, sent twice or cut, whatever the URL asks for.

        `throttle` is replaced because apprise has no hook around a request.
        """
        pause = service.throttle

        def throttle(
            last_io: datetime | None = None, wait: float | None = None
        ) -> None:
            """Make apprise's pause, which comes before each request. A long one is left to the queue."""
            self._timer.end()
            if wait:
                self._wait(wait)
            pause(last_io, wait)
            if self._wire.by_other_ways:
                self._wire.contacts += 1
                self._wire.beside += 1
            self._timer.begin()

        ours: dict[str, object] = {
            "optional": False,
            "retry": 0,
            "overflow_mode": OverflowMode.UPSTREAM,
            # One turns the POST into a GET, whose 200 would acknowledge a message that nobody got.
            "redirects": False,
        }
        ours |= {
            "is_delivered": self._targets.has,
            "mark_delivered": self._targets.add,
            "throttle": throttle,
        }
        for limit in ("socket_connect_timeout", "socket_read_timeout"):
            # Another one is what the URL asks for (`?cto=`, `?rto=`).
            if getattr(service, limit) == getattr(type(service), limit):
                ours[limit] = self._job.timeout
        for name, value in ours.items():
            setattr(service, name, value)

    def _wait(self, seconds: float) -> None:
        """Let a plugin wait so long before its next request; _WaitError if its service has refused, or for too long."""
        last = self._wire.exchanges[-1] if self._wire.exchanges else None
        if last is not None and (
            last.status == requests.codes.too_many_requests or seconds > _PATIENCE
        ):
            last.retry_after = seconds if last.retry_after is None else last.retry_after
            raise _WaitError
        self._allow(seconds + self._rest)


class _Log(logging.Handler):
    """Collects apprise's log of one message, which names the exceptions of what is no HTTP."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []

    def __enter__(self) -> Self:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def libraries_of(plugin: type) -> set[str]:
    """Return the names that the modules of a plugin know, among them the libraries that it sends with."""
    plugins = (
        name
        for of in plugin.__mro__
        if (name := of.__module__).startswith("apprise.plugins.")
    )
    return {
        known
        for name in plugins
        if name != "apprise.plugins.base"
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


def _mark(message: Rendered, digest: Digest) -> bytes:
    """Return a word of the message that looks the same in JSON, in a form, in XML and in an address."""
    if digest.reference and digest.reference in message.body:
        return digest.reference.encode()
    words = _WORD.findall(message.body) or _WORD.findall(message.title)
    return max(words, key=len, default="").encode()


def _plain(service: Plugin, job: Job) -> tuple[Rendered, str]:
    """Return the plainest form of the message, which fits every service, and its format."""
    if isinstance(service.notify_format, NotifyFormat):
        service.notify_format = NotifyFormat.TEXT
    return plainest(job.events, job.part, job.reference), NotifyFormat.TEXT.value


def _fitting(service: Plugin, digest: Digest) -> tuple[Rendered, str]:
    """Render so that what the service's dialect makes of it fits, and name the format apprise need not convert."""
    # Some services take several formats, as a tuple, and send what they get.
    single = isinstance(service.notify_format, NotifyFormat)
    form = format_of(service, single=single)
    if single:
        service.notify_format = NotifyFormat(form.markup)
    room = room_of(service)

    def size(message: Rendered) -> int:
        return room.size(
            message, service.dialect_convert(message.body, NotifyFormat(form.markup))
        )

    return render(digest, form, room.body, room.title, room.lines, size), form.markup
