"""`test-alerts`: a sample alert for each channel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from watcher import log
from watcher.alerts.digest import sample
from watcher.cli.terminal import ProgressLine, colour, show_result, warn
from watcher.delivery.client import AT_ONCE, Worker
from watcher.delivery.confirming import protocol_without_answers
from watcher.delivery.process import Job
from watcher.errors import UsageError
from watcher.model.channel import Channel
from watcher.polling.clock import clock
from watcher.polling.setup import validate_channels
from watcher.settings.loading import Loaded, where_to_set
from watcher.state.store import StateFolder
from watcher.text.mask import describe, nearest


def test_alerts(*, settings: Callable[[], Loaded], channels: tuple[str, ...]) -> int:
    """Send a sample to all channels and print a line for each when it is done; return 1 if one failed."""
    loaded = settings()
    known = {channel.name: channel for channel in loaded.settings.all_channels()}
    if not known:
        _say(loaded.warnings)  # a misspelled name may be why there is none
        hint = where_to_set(
            loaded, "alert_urls or [[channels]]", "COMFY_WATCH_ALERT_URLS"
        )
        hint += "\ncomfy-watch config shows what was read"
        raise UsageError("there are no channels", hint)
    if unknown := [name for name in channels if name not in known]:
        near = nearest(unknown[0], known)
        raise UsageError(
            f"there is no channel {describe(unknown[0])}",
            hint=f"did you mean {near}?" if near else f"channels: {', '.join(known)}",
        )
    folder = StateFolder(loaded.settings.state_dir)
    chosen_channels = [known[name] for name in channels or known]
    events = sample(clock())

    async def send(channel: Channel) -> bool:
        job = Job(url=channel.url, events=events, timeout=loaded.settings.timeout)
        async with turns:
            progress(channel.name, f"sending to {channel.name}")
            outcome = await worker.deliver(job)
        progress(channel.name, "")
        log.debug("sent", channel=channel.name)
        if outcome.taken:
            result = colour("delivered")
            if protocol := protocol_without_answers(channel.url):
                result = f"sent, unconfirmed: {protocol} cannot say whether it arrived"
            show_result([f"{channel.name}: {result}"])
            return True
        show_result([f"{channel.name}: {colour('failed')}: {outcome.reason}"])
        return False

    async def send_all() -> list[bool]:
        return await asyncio.gather(*map(send, chosen_channels))

    turns = asyncio.Semaphore(AT_ONCE)
    with Worker() as worker, ProgressLine() as progress:
        validate_channels(loaded.settings, folder, loaded.origins, worker.refusal)
        _say(loaded.warnings)
        return 0 if all(asyncio.run(send_all())) else 1


def _say(warnings: Iterable[str]) -> None:
    for warning in warnings:
        warn(warning)
