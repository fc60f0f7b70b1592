"""`wait`: until the registry has judged a version, from arguments to exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from watcher import durations
from watcher.alerts.payload import finding_forms
from watcher.changes.transitions import node_url
from watcher.cli.documents import WaitDocument
from watcher.cli.loading import Took, look_at_registry, working_folder
from watcher.cli.options import read
from watcher.cli.report import exit_code, findings_table
from watcher.cli.signals import Stop
from watcher.cli.terminal import (
    colour,
    dim,
    echo,
    short_time,
    show_result,
    warn,
)
from watcher.errors import UsageError
from watcher.installs import safe_files
from watcher.installs.recognise import folders, texts
from watcher.installs.safe_files import UnreadableError
from watcher.polling.clock import clock
from watcher.polling.model import registry_of
from watcher.polling.wait import Look, Waiter
from watcher.settings.loading import Loaded
from watcher.streams import Progress
from watcher.text.mask import describe, is_visible
from watcher.text.sanitize import Trusted, plural, safe_line, sanitize_line
from watcher.values import projected

_FILE = "pyproject.toml"
_TEXT = 300
"""Characters of a reason, and of an error."""
_STATUS = 40
"""Characters of a status that this program does not know."""
_PLACE = "wait"
"""Where progress is reported."""


def wait(
    *,
    loaded: Loaded,
    node: str | None,
    version: str | None,
    longest: float,
    every: float,
    as_json: bool,
) -> int:
    """Wait, print what came of it and return the exit code.

    UsageError for wrong arguments, and where it is not known what to wait for; ConfigError as `look_at_registry`.
    """
    wanted = wanted_of(node, version)
    known = loaded.settings
    at_most = durations.show(longest)
    said = ""

    async def look(progress: Progress) -> Look | int:
        """Return what was seen last, or the number of the signal that ended it."""

        def report(look: Look) -> None:
            """Say what a look has seen, if that is news."""
            nonlocal said
            if look.is_judged:
                return  # the last line says it
            what = f"{_name(look)}: {safe_line(look.why, _TEXT)}"
            progress(_PLACE, f"{what}; waiting for at most {at_most}")
            # With a look every 30 seconds the same line would come 240 times in two hours.
            if what == said:
                return
            said = what
            if look.has_failed:
                warn(f"{what}; asking again")
            else:
                # With --json only the document may be on stdout.
                echo(f"{dim(short_time(clock()))}  {what}", error=as_json)

        waiter = Waiter(
            seen=wanted,
            connect=partial(registry_of, known),
            timeout=known.timeout,
            every=every,
            longest=longest,
            report=report,
        )
        waiting = asyncio.create_task(waiter.run())
        stop = Stop(lambda _: waiting.cancel()).heard_in_loop()
        # The first answer may take seconds: a person sees at once what is waited for.
        progress(_PLACE, f"asking about {_name(wanted)}")
        try:
            return await waiting
        except asyncio.CancelledError:
            return stop.signal

    found, took = look_at_registry(known, look)
    if isinstance(found, int):
        echo("stopped; the version is not judged yet", error=True)
        # As a shell says it of a process that a signal has ended.
        return 128 + found
    # The verdict stands, but bans of whole packs could not be looked at.
    if found.is_judged and found.why:
        warn(safe_line(found.why, _TEXT))
    error = _error(found, at_most)
    show_result(_document(found, took, error) if as_json else _lines(found, error))
    return _code(found)


def wanted_of(node: str | None, version: str | None) -> Look:
    """Return what the arguments name, with the help of ./pyproject.toml. UsageError if it cannot be known."""
    if node is None:
        return _of_project(working_folder() / _FILE)
    text = "" if version is None else read("VERSION", _version, version)
    return Look(node=node, text=text)


def _version(text: str) -> str:
    # The same rules as for what a file names: a version with a blank would wait for ever.
    found = texts.version(text)
    if found is None or not is_visible(found) or " " in found:
        raise ValueError(f"{describe(text)} is no version; write it as it is published")
    return found


def _of_project(path: Path) -> Look:
    """Return the name and version of a pyproject.toml; UsageError if it does not say both."""
    hint = "name the pack and the version: comfy-watch wait {} VERSION"
    try:
        # It may be a link: this folder is not an install, in which anything may lie.
        path = path.resolve()
        data = safe_files.read(str(path.parent), path.name, limit=folders.LIMIT)
        project = None if data is None else folders.read(data)
    except (ValueError, OSError) as error:
        what = error.what if isinstance(error, UnreadableError) else error
        raise UsageError(safe_line(Trusted(what)), hint.format("ID")) from None
    if project is None:
        what = f"there is no {_FILE} in this folder"
        raise UsageError(what, hint.format("ID"))
    # Without both there is nothing to wait for; guessing the newest would judge another release.
    version = project.version
    if project.id is None or version is None or not is_visible(version):
        remark = project.remark or "its version is not valid"
        raise UsageError(f"{_FILE}: {remark}", hint.format(project.id or "ID"))
    return Look(node=project.id, text=version)


def _name(look: Look) -> str:
    """Return which version it is, as far as that is known."""
    return f"{sanitize_line(look.node)} {sanitize_line(look.text)}".rstrip()


def _code(look: Look) -> int:
    return exit_code(is_refused=look.is_refused, is_undone=not look.is_judged)


def _error(look: Look, longest: str) -> str:
    """Return why there is no verdict, or no reason for one; "" if there is both."""
    if not look.is_judged:
        return f"not judged within {longest}: {safe_line(look.why, _TEXT)}"
    if look.is_refused and look.reason is None:
        return "the registry's reason could not be read"
    return ""


def _document(look: Look, took: Took, error: str) -> WaitDocument:
    """Return the document of `wait --json`."""
    version, reason, scan = look.version, look.reason, look.scan
    return projected(
        WaitDocument,
        took,
        node=look.node,
        version=look.text or None,
        version_id=(version.id if version else "") or None,
        status=look.status,
        # Where the whole pack is refused, that is the reason of each version.
        reason=look.of_pack or (reason.summary if reason else None),
        findings=finding_forms(scan, None) if reason else None,
        finding_count=(scan.count if scan else 0) if reason else None,
        error=error or None,
        url=node_url(look.node),
    )


def _lines(look: Look, error: str) -> list[str]:
    """Return the lines for people; the last one says what came of it."""
    code = _code(look)
    last = f"{_name(look)} {_what(look, error)}"
    if code:
        last = f"exit {code}: {last}"
    if look.scan is None or not look.is_refused:
        return [last]
    return [*findings_table(look.scan), "", last]


def _what(look: Look, error: str) -> str:
    """Return what came of it, after the version's name."""
    if not look.is_judged:
        return f"was {error}"
    if look.of_pack:
        return f"is refused: {safe_line(look.of_pack, _TEXT)}"
    what = f"is {colour(sanitize_line(look.status or '', _STATUS))}"
    if look.version is not None and look.version.deprecated:
        what += f", {colour('deprecated')}"
    if not look.is_refused:
        return what
    why, reason, scan = error, look.reason, look.scan
    if scan is not None and scan.is_whole:
        why = plural(scan.count, "finding")  # the table says the rest
    elif reason is not None:
        why = reason.summary or "the registry gives no reason"
    return f"{what}: {safe_line(why, _TEXT)}"
