"""One message to one channel through apprise, in a process of its own (`watcher.delivery.worker`).

Messages from apprise, requests or a server are never passed on, only their class: they may contain parts of the URL,
which is a secret (docs/behaviour.md, Secrets).
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, cast

from apprise import Apprise, NotifyFormat, NotifyType, OverflowMode

from watcher.alerts.digest import Digest, compose
from watcher.alerts.render import Rendered, fitted
from watcher.delivery.job import Job
from watcher.delivery.limits import Limits
from watcher.delivery.outcome import REFUSED, Delivered, Outcome, Undelivered, cause_of, classify, exception_text
from watcher.delivery.services.service import Context, Service
from watcher.delivery.services.table import format_of, prepare, room_of
from watcher.delivery.targets import Targets
from watcher.delivery.urls import parameters, service_of

if TYPE_CHECKING:
    from apprise import NotifyBase


def send(job: Job, taken: Callable[[str], None], allow: Callable[[float], None]) -> Outcome:
    """Send the message and return what came of it, without the targets that it reached.

    `taken` is called with the name of each target that has taken it, as soon as it has. `allow` is called with the
    seconds that several targets need.
    """
    targets = Targets(earlier=job.reached, taken=taken)
    try:
        with Limits(job.timeout) as limits, _Log(targets, limits) as log:
            return _send(job, targets, allow, limits, log)
    except BaseException as error:  # noqa: BLE001 - the one place around one channel's work
        return Undelivered(reason=f"apprise failed ({type(error).__name__})")
    finally:
        gc.collect()  # now: a service logs out in its destructor, and reference cycles delay that


def _send(job: Job, targets: Targets, allow: Callable[[float], None], limits: Limits, log: _Log) -> Outcome:
    service = service_of(job.url)
    if service is None:
        return Undelivered(reason="apprise cannot use this URL")
    targets.service = repr(service.url_identifier or job.reached.key)
    _prepare(service, job, targets, limits)
    if (count := _count(service)) > 1:
        allow(count * (job.timeout + float(service.request_rate_per_sec or 0)))
    digest = compose(job.events)
    context = Context(events=job.events, digest=digest, timeout=job.timeout, plain=job.plain, asked=parameters(job.url))
    prepare(service, context)
    if context.refusals:
        return context.refusals[0]
    message, shown = _fitting(service, digest)
    done = Apprise(cast("NotifyBase", service)).notify(
        body=message.body,
        title=message.title,
        notify_type=NotifyType(context.tone),
        body_format=shown,
    )
    if context.refusals:
        return context.refusals[0]
    return Delivered() if done else _outcome(limits, log)


def _outcome(limits: Limits, log: _Log) -> Outcome:
    """Return what came of a message that apprise says was not taken."""
    reason = classify(log.entries)
    if reason == REFUSED and limits.status // 100 in (3, 4, 5):
        reason = f"HTTP {limits.status}"
    if reason == REFUSED and log.is_excused:
        return Delivered()
    status = reason.removeprefix("HTTP ")
    return Undelivered(
        reason=reason,
        cause=cause_of(int(status) if status.isdecimal() else 0),
        unanswered=not limits.status and reason in ("timed out", "the connection was lost"),
    )


class _Log(logging.Handler):
    """Collects apprise's log of one message.

    Ignores an error in the body of a 2xx: the message was taken, and a retry would repeat it. A body that does not end
    in time is a failure.
    """

    def __init__(self, targets: Targets, limits: Limits) -> None:
        super().__init__(logging.DEBUG)
        self.entries: list[tuple[str, str]] = []
        self.is_excused = False
        self._targets = targets
        self._limits = limits

    def __enter__(self) -> Self:
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if exception_text(message) and self._limits.status // 100 == 2 and not self._limits.is_over:
            self.is_excused = True
            self._targets.add_asked()
        else:
            self.entries.append((record.levelname, message))


def _count(service: Service) -> int:
    """Count the targets of a URL. `len()` is wrong for some services."""
    targets = getattr(service, "targets", ())
    return max(len(service), len(targets) if isinstance(targets, (list, tuple, set, dict)) else 0)


def _prepare(service: Service, job: Job, targets: Targets, limits: Limits) -> None:
    """Set the service up so that no alert is lost, sent twice or cut, whatever the URL asks for.

    `throttle` is replaced because apprise has no hook around a request.
    """
    pause = service.throttle

    def throttle(*args: object, **options: object) -> None:
        """Make apprise's pause, which comes before each request."""
        limits.end()
        pause(*args, **options)
        limits.begin()

    ours: dict[str, object] = {"optional": False, "retry": 0, "overflow_mode": OverflowMode.UPSTREAM}
    ours |= {"is_delivered": targets.has, "mark_delivered": targets.add, "throttle": throttle}
    for limit in ("socket_connect_timeout", "socket_read_timeout"):
        if getattr(service, limit) == getattr(type(service), limit):
            ours[limit] = job.timeout
    for name, value in ours.items():
        setattr(service, name, value)


def _fitting(service: Service, digest: Digest) -> tuple[Rendered, str]:
    """Render so that what the service's dialect makes of it fits, and name the format apprise need not convert."""
    single = isinstance(service.notify_format, NotifyFormat)
    form = format_of(service, single=single)
    if single:
        service.notify_format = NotifyFormat(form.markup)
    room = room_of(service)

    def size(message: Rendered) -> int:
        return room.size(message, service.dialect_convert(message.body, NotifyFormat(form.markup)))

    return fitted(digest, form, room.body, room.title, size, room.lines), form.markup
