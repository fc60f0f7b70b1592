"""One round of deliveries to one channel: message after message, each outcome durable before the next goes out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from watcher import log
from watcher.alerts.queues.outcomes import (
    Acknowledgement,
    FailedAttempt,
    Failure,
    Outcome,
    after_failure,
    ended,
    failed_attempt,
    further,
    going_out,
    with_failure,
    with_reached,
)
from watcher.alerts.queues.queue import REFUSALS_TO_PLAIN, Message, Queue, in_turn
from watcher.delivery.client import Sender
from watcher.delivery.job import Job, Reached
from watcher.delivery.outcome import Cause, Delivered, Undelivered
from watcher.errors import StateError
from watcher.model.channel import Channel
from watcher.model.event import Event
from watcher.polling.sending.channel_journal import ChannelJournal
from watcher.polling.sending.options import DeliveryOptions
from watcher.text.sanitize import Trusted

_LONGEST_PAUSE = 60.0
"""Seconds that a service may ask for within a round. A longer wait is the channel's next try."""
_REFUSALS = 10
"""Messages in a row that are refused for what they are before the others wait: it may be everything."""
_PAUSES = 5
"""Pauses in a row before a service that still asks for one has failed."""
_LONGEST_BUSY = 3600.0
"""Seconds without a delivery before a service has failed that always asks for a pause, for which no round has time."""


@dataclass(slots=True, kw_only=True)
class ChannelRound:
    """One round of deliveries to one channel."""

    options: DeliveryOptions
    events: Mapping[str, Event]
    channel: Channel
    journal: ChannelJournal
    queue: Queue
    """As it stands after the outcomes, but with the messages that it had before."""
    outcomes: list[Outcome] = field(default_factory=list)
    """Of the queue's messages, in order."""
    delivered: int = 0
    unconfirmed: int = 0
    """Alerts that a channel got which cannot say whether they arrived."""
    failure: str = ""
    refused: bool = False
    """An attempt has failed."""
    _began: float = field(default_factory=time.monotonic)
    _pauses: int = 0
    """In a row."""
    _refusals: set[str] = field(default_factory=set)
    """Messages that were refused for what they are, in a row."""
    _doubted: set[str] = field(default_factory=set)
    """Messages that were refused for what they are, of this round or earlier ones, since one was taken."""
    _singled_out: set[str] = field(default_factory=set)
    """Messages that were refused so, and others were taken since: it is not the channel."""
    _takes_nothing: bool = False
    """A second message was refused so since one was taken."""

    def __post_init__(self) -> None:
        self._doubted |= {
            message.id for message in self.queue.messages if message.is_doubted
        }
        self._singled_out |= {
            message.id for message in self.queue.messages if message.singled_out
        }

    async def send(self) -> None:
        """Send the queue's messages. Whatever goes wrong costs this channel only, and it backs off."""
        try:
            with self.options.worker.sender(self._note_progress) as sender:
                await self._send_messages(sender)
        except StateError as error:
            self._back_off(
                Trusted(f"its acknowledgement could not be saved: {error.what}")
            )
        except Exception as error:  # noqa: BLE001 - the one place around one channel's work
            self._back_off(f"unexpected {type(error).__name__}")

    def _note_progress(self) -> None:
        self.options.progress(f"answer of {self.channel.name}", "")

    def _back_off(self, failure: str) -> None:
        self.failure = failure
        self.options.backoffs.failed(self.channel.name, self.options.clock())

    async def _send_messages(self, sender: Sender) -> None:
        """Send one message after the other: reserve room for the acknowledgement, send, write what came of it."""
        options = self.options
        turn = deque(in_turn(self.queue, self.events, options.clock()))
        while turn and not self._is_over():
            message = turn.popleft()
            await self.journal.reserve(message, turn, options.clock())
            if options.stopping.is_set():
                return
            outcome = await self._deliver(sender, message)
            if isinstance(outcome, Undelivered):
                again = await self._pause(message, outcome) or await self._fail(
                    message, outcome
                )
                if again is None:
                    return
                turn.extendleft(again)
                continue
            self.queue, self._pauses = ended(self.queue), 0
            self._refusals.clear()
            self._singled_out |= self._doubted
            self._doubted.clear()
            self._takes_nothing = False
            name, left = self.channel.name, outcome.left
            self.outcomes.append(
                Acknowledgement(channel=name, message=message.id, left=left)
            )
            self.journal.delivered(left)
            self._count(message, outcome)
            if (next_part := further(name, message, left)) is not None:
                turn.appendleft(next_part)
        await self.journal.flush()

    def _count(self, message: Message, outcome: Delivered) -> None:
        """Count the alerts of a message. What it has left to a further one counts with that one."""
        alerts = len(message.events) - len(outcome.left)
        if outcome.confirmed:
            self.delivered += alerts
        else:
            self.unconfirmed += alerts

    def _is_over(self) -> bool:
        """Return whether the other messages are left to the next round."""
        budget = self.options.budget
        return self.options.stopping.is_set() or (
            budget is not None and bool(self.outcomes) and self._spent > budget
        )

    @property
    def _spent(self) -> float:
        return time.monotonic() - self._began

    def _job(self, message: Message) -> Job:
        known = self.options.addresses
        key, salt = known.url_digests.get(self.channel.name, ""), known.salt
        return Job(
            url=self.channel.url,
            events=tuple(self.events[event] for event in message.events),
            timeout=self.options.timeout,
            reached=Reached(key=key, salt=salt, targets=frozenset(message.reached)),
            plain=message.is_plain,
            part=message.part,
            reference=message.reference,
        )

    async def _deliver(
        self, sender: Sender, message: Message
    ) -> Delivered | Undelivered:
        options, name, began = self.options, self.channel.name, time.monotonic()
        options.progress(f"channel {name}", f"sending to {name}")
        try:
            outcome = await sender.deliver(self._job(message))
        except Exception:
            self.outcomes.append(
                going_out(name, message, options.clock())
            )  # as its line in the journal says
            raise
        finally:
            options.progress(f"channel {name}", "")
        if isinstance(outcome, Delivered):
            result = "delivered" if outcome.confirmed else "unconfirmed"
        else:
            result = outcome.reason or "stopped"
        log.debug(
            "sent",
            channel=name,
            result=result,
            seconds=round(time.monotonic() - began, 3),
        )
        return outcome

    async def _pause(
        self, message: Message, outcome: Undelivered
    ) -> tuple[Message, ...]:
        """Wait as long as the service has asked for, if that is short, and return the message to go out again."""
        seconds = outcome.retry_after
        if (
            not outcome.reason
            or seconds is None
            or seconds > _LONGEST_PAUSE
            or self._pauses == _PAUSES
        ):
            return ()
        if (
            self.options.budget is not None
            and self._spent + seconds > self.options.budget
        ):
            return ()
        self._pauses += 1
        attempt = await self._record(message, replace(_failure(outcome), error=""))
        name = self.channel.name
        self.options.progress(
            f"channel {name}", f"waiting for {name}, which asked for {seconds:.0f} s"
        )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.options.stopping.wait(), seconds)
        self.options.progress(f"channel {name}", "")
        return (with_reached(message, attempt),)

    async def _fail(
        self, message: Message, outcome: Undelivered
    ) -> tuple[Message, ...] | None:
        """Record a failed attempt. Return the message if it goes out again at once; None if the round ends here.

        A message that was refused for what it is lets the next one pass. Many in a row end the round. From the second
        one on since a delivery it is the channel that has failed, once in the round.
        """
        refused = outcome.cause is Cause.CONTENT
        all_refused = (
            refused
            and message.id not in self._singled_out
            and bool(self._doubted - {message.id})
        )
        plainer = refused and message.refusals + 1 == REFUSALS_TO_PLAIN
        self._refusals |= {message.id} if refused else set()
        ends = not (refused and (plainer or len(self._refusals) < _REFUSALS))
        # The round has no time left for a pause: that is no failure.
        is_busy = (
            ends
            and 0 <= (outcome.retry_after or -1) <= _LONGEST_PAUSE
            and self._pauses < _PAUSES
        )
        is_busy = (
            is_busy and self.queue.failing_for(self.options.clock()) < _LONGEST_BUSY
        )
        fails = (ends or all_refused) and not (all_refused and self._takes_nothing)
        if refused and message.id not in self._singled_out:
            self._doubted.add(message.id)
            self._takes_nothing |= all_refused
        attempt = await self._record(
            message,
            _failure(outcome),
            ends=ends,
            fails=fails,
            counts=not is_busy,
            all_refused=all_refused,
        )
        if attempt.error and not is_busy:
            self.failure, self.refused = attempt.error, True
        if ends:
            return None
        return (after_failure(message, attempt),) if plainer else ()

    async def _record(
        self,
        message: Message,
        failure: Failure,
        *,
        ends: bool = False,
        fails: bool = False,
        counts: bool = True,
        all_refused: bool = False,
    ) -> FailedAttempt:
        """Write down a failed attempt; the queue has to wait if it `fails`.

        StateError if that cannot be done, unless the round ends anyway.
        """
        name, now = self.channel.name, self.options.clock()
        attempt = failed_attempt(
            name,
            self.queue,
            message,
            failure,
            now,
            last=fails,
            counts=counts,
            all_refused=all_refused,
        )
        self.outcomes.append(attempt)
        if attempt.error:
            self.queue = with_failure(self.queue, attempt)
        try:
            await self.journal.write_failure(attempt)
        except (
            StateError
        ):  # the outbox gets it too, after all channels, if it can be written
            if not ends:
                raise
            self.options.backoffs.failed(name, now)
        return attempt


def _failure(outcome: Undelivered) -> Failure:
    return Failure(
        error=outcome.reason,
        reached=outcome.reached,
        retry_after=outcome.retry_after,
        for_content=outcome.cause is Cause.CONTENT,
        gone=outcome.cause is Cause.GONE,
        unanswered=outcome.unanswered,
        left=outcome.left,
    )
