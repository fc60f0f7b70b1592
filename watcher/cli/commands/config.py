"""`config`: the settings in effect, the origin of each, secrets masked; `test-alerts`: a sample for each channel."""

from __future__ import annotations

import asyncio
import json

from watcher import durations
from watcher.alerts.digest import sample
from watcher.cli.options import no_such
from watcher.cli.report import exit_code
from watcher.cli.terminal import (
    ProgressLine,
    colour,
    columns,
    echo,
    show,
    show_result,
    table,
    warn,
)
from watcher.delivery.client import AT_ONCE, Worker
from watcher.delivery.confirming import protocol_without_answers
from watcher.delivery.process import Job
from watcher.errors import UsageError
from watcher.model.channel import Channel
from watcher.polling.clock import clock
from watcher.polling.setup import url_warnings, validate_channels, warnings
from watcher.registry.network import check_usable
from watcher.settings.loading import Loaded, nothing_to_watch, where_to_set
from watcher.settings.model import Settings
from watcher.settings.parsing import NO_ALERTS
from watcher.state.store import StateFolder
from watcher.text import mask
from watcher.text.sanitize import escape_invisible, sanitize_line


def config(*, loaded: Loaded) -> int:
    """Validate the settings and print them; ConfigError and UsageError as the checks raise them."""
    known = loaded.settings
    # What a poll would refuse at its start is refused here.
    check_usable(known.registry_url)
    validate_channels(loaded, StateFolder(known.state_dir))
    if not known.watches_anything:
        what, hint, *_places = str(nothing_to_watch(loaded)).splitlines()
        warn(what)  # a poll refuses it
        echo(hint, error=True)
    warn(*warnings(loaded), *url_warnings(known))
    places = ", ".join(map(str, loaded.searched))
    file = loaded.config_file or f"none (looked for {places})"
    echo(f"settings file: {escape_invisible(str(file))}")
    # Its path, which most rows share, is in the line above.
    own = {str(loaded.config_file): "settings file"}
    found = [
        (name, value, own.get(origin, origin)) for name, value, origin in rows(loaded)
    ]
    show(table(("SETTING", "VALUE", "FROM"), found, columns()))
    return 0


def rows(loaded: Loaded) -> list[tuple[str, str, str]]:
    """Return (setting, value, origin) of every setting, each `[[channels]]` table a row, secrets masked.

    A value is shown as a settings file has it, an alert URL by its channel's name and its scheme.
    """
    known = loaded.settings
    found: list[tuple[str, str, str]] = []
    for name, origin in loaded.origins.items():
        if name == "channels" and known.channels:
            for table in known.channels:
                url = table.url.get_secret_value()
                shown = _as_toml({"url": mask.masked(url), **table.chosen})
                row = (f"channels.{table.name}", f"{shown}{_caution(url)}", origin)
                found.append(row)
        else:
            found.append((name, _in_words(name, known), origin))
    return found


def _in_words(name: str, known: Settings) -> str:
    """Return a setting's value as a settings file has it, so that it can be pasted there; a masked one is in words."""
    value = getattr(known, name)
    match name:
        case "alert_urls":
            placed = [one for one in known.all_channels() if one.placed]
            if value is None:
                return _as_toml(NO_ALERTS)
            words = [
                f"{sanitize_line(one.name)} ({mask.masked(one.url)}{_caution(one.url)})"
                for one in placed
            ]
            return ", ".join(words) or "[]"
        case "heartbeat_url" if value is not None:
            return mask.masked(known.heartbeat_address())
        case "installs":
            named = zip(known.all_installs(), known.installs, strict=True)
            value = [
                {"name": source.name, table.kind.value: table.shown}
                for source, table in named
            ]
        case "accept":
            value = [
                table.model_dump(mode="json", exclude_defaults=True)
                for table in known.accept
            ]
        case _:
            pass
    if isinstance(value, float):
        value = durations.show(value)
    return "none" if value is None else _as_toml(value)


def _as_toml(value: object) -> str:
    """Return a value in TOML, on one line; invisible characters of texts are escaped as TOML has it."""
    match value:
        case list() | tuple():
            return f"[{', '.join(map(_as_toml, value))}]"
        case dict():
            pairs = [f"{key} = {_as_toml(one)}" for key, one in value.items()]
            return f"{{{', '.join(pairs)}}}"
        case bool() | int():
            return json.dumps(value)
        case _:
            # JSON's form of a text is TOML's too.
            return escape_invisible(json.dumps(str(value), ensure_ascii=False))


def _caution(url: str) -> str:
    """Return words after a channel's URL if its protocol cannot confirm."""
    return ", unconfirmed" if protocol_without_answers(url) else ""


def test_alerts(*, loaded: Loaded, channels: tuple[str, ...]) -> int:
    """Send a sample to all channels and print a line for each when it is done; return 1 if one failed."""
    known = {channel.name: channel for channel in loaded.settings.all_channels()}
    warn(*loaded.warnings)  # a misspelled name may be why there is no channel
    if not known:
        hint = where_to_set(
            loaded, "alert_urls or [[channels]]", "COMFY_WATCH_ALERT_URLS"
        )
        hint += "\ncomfy-watch config shows what was read"
        raise UsageError("there are no channels", hint)
    # Before anything is sent: a misspelled name is no reason for half of the samples.
    if unknown := [name for name in channels if name not in known]:
        raise no_such("channel", unknown[0], known)
    folder = StateFolder(loaded.settings.state_dir)
    chosen_channels = [known[name] for name in channels or known]
    events = sample(clock())

    async def send(channel: Channel) -> bool:
        job = Job(url=channel.url, events=events, timeout=loaded.settings.timeout)
        async with turns:
            progress(channel.name, f"sending to {channel.name}")
            outcome = await worker.deliver(job)
        progress(channel.name, "")
        result = colour("delivered")
        if not outcome.taken:
            result = f"{colour('failed')}: {outcome.reason}"
        elif protocol := protocol_without_answers(channel.url):
            result = f"sent, unconfirmed: {protocol} cannot say whether it arrived"
        show_result([f"{channel.name}: {result}"])
        return outcome.taken

    async def send_all() -> list[bool]:
        return await asyncio.gather(*map(send, chosen_channels))

    # As many at once as a poll has, for the same reason: memory.
    turns = asyncio.Semaphore(AT_ONCE)
    with Worker() as worker, ProgressLine() as progress:
        validate_channels(loaded, folder, worker.refusal)
        return exit_code(is_undone=not all(asyncio.run(send_all())))
