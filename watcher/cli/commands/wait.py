"""`wait`: until the registry has judged a version, from arguments to exit code. Nothing is kept."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from watcher import durations
from watcher.alerts.payload import finding_forms
from watcher.changes.transitions import node_url
from watcher.cli.documents import WaitDocument
from watcher.cli.findings import findings_table
from watcher.cli.loading import working_folder
from watcher.cli.options import read
from watcher.cli.signals import Stop
from watcher.cli.terminal import (
    colour,
    dim,
    echo,
    echo_result,
    progress_line,
    short_time,
    to_json,
)
from watcher.errors import UsageError
from watcher.installs.recognise import folders, texts
from watcher.installs.safe_files import Folder, UnreadableError
from watcher.model.version import ACTIVE
from watcher.polling.clock import clock
from watcher.polling.model import request_limits
from watcher.polling.wait import Look, Waiter, Wanted
from watcher.registry import network
from watcher.registry.client import Registry
from watcher.settings import model, parsing
from watcher.settings.loading import Loaded
from watcher.streams import Progress, width
from watcher.text.mask import describe, is_visible
from watcher.text.sanitize import Trusted, plural, safe_line, sanitize_line
from watcher.values import frozen

_FILE = "pyproject.toml"
_FOR = "2h"
_EVERY = "30s"
_LONGEST = 366 * durations.DAY
_TEXT = 300
"""Characters of a reason, and of an error."""
_STATUS = 40
"""Characters of a status that this program does not know."""
_PLACE = "wait"
"""Where progress is reported."""


def run_wait(
    *,
    settings: Callable[..., Loaded],
    node: str | None,
    version: str | None,
    longest: str | None,
    every: str | None,
    as_json: bool,
) -> int:
    """Wait, print what came of it and return the exit code.

    UsageError for wrong arguments, and where it is not known what to wait for; ConfigError as
    `transport.check_usable`.
    """
    least = model.SHORTEST_INTERVAL
    seconds = _seconds("--for", longest or _FOR, 0.0)
    pause = _seconds("--every", every or _EVERY, least)
    wanted = wanted_of(node, version)
    known = settings(alerts=False).settings
    network.check_usable(known.registry_url)
    started = clock()

    async def wait(progress: Progress) -> Look | int:
        """Return what was seen last, or the number of the signal that ended it."""
        talk = _Talk(wanted, as_json=as_json, longest=seconds, progress=progress)
        waiter = Waiter(
            wanted=wanted,
            connect=partial(Registry, known.registry_url, request_limits(known)),
            timeout=known.timeout,
            every=pause,
            longest=seconds,
            now=clock,
            report=talk.report,
        )
        waiting = asyncio.create_task(waiter.run())
        stop = Stop(lambda _: waiting.cancel())
        progress(_PLACE, f"asking about {_name(wanted)}")
        try:
            return await waiting
        except asyncio.CancelledError:
            return stop.signal

    with progress_line(known) as progress:
        found = asyncio.run(wait(progress))
    if isinstance(found, int):
        echo("stopped; the version is not judged yet", error=True)
        return 128 + found
    finished = clock()
    done = _Done(
        look=found, wanted=wanted, started=started, finished=finished, longest=seconds
    )
    if found.is_judged and found.why:
        echo(f"warning: {safe_line(found.why, _TEXT)}", error=True)
    if as_json:
        echo_result([to_json(done.document())])
    else:
        echo_result(done.lines(width(sys.stdout)))
    return done.code


def _seconds(option: str, text: str, least: float) -> float:
    return read(option, lambda one: parsing.seconds(one, least, _LONGEST), text)


def wanted_of(node: str | None, version: str | None) -> Wanted:
    """Return what the arguments name, with the help of ./pyproject.toml. UsageError if it cannot be known."""
    if node is None:
        return _of_project(_project(working_folder()))
    [name] = read("ID", parsing.read, [node])
    if version is None:
        return Wanted(node=name)
    return Wanted(node=name, version=read("VERSION", _version, version))


def _version(text: str) -> str:
    found = texts.version(text)
    if found is None or not is_visible(found) or " " in found:
        raise ValueError(f"{describe(text)} is no version; write it as it is published")
    return found


def _project(folder: Path) -> folders.Project:
    """Return what ./pyproject.toml says; UsageError if it cannot be read."""
    path = folder / _FILE
    try:
        # It may be a link: this folder is not an install, in which anything may lie.
        path = path.resolve()
        data = Folder(str(path.parent)).read(path.name, limit=folders.LIMIT)
        if data is None:
            raise UsageError(f"there is no {_FILE} in this folder", _hint())
        return folders.read(data)
    except (UnreadableError, ValueError, OSError) as error:
        raise UsageError(safe_line(Trusted(error)), _hint()) from None


def _of_project(project: folders.Project) -> Wanted:
    """Return the name and version of a project; UsageError if it does not say both."""
    version = project.version
    if project.id is None or version is None or not is_visible(version):
        remark = project.remark or "its version is not valid"
        raise UsageError(f"{_FILE}: {remark}", _hint(project.id))
    return Wanted(node=project.id, version=version)


def _hint(node: str | None = None) -> str:
    return f"name the pack and the version: comfy-watch wait {node or 'ID'} VERSION"


@dataclass(slots=True)
class _Talk:
    """Says what is waited for, and what changes meanwhile, each thing once."""

    wanted: Wanted
    as_json: bool
    longest: float
    progress: Progress
    said: str = ""
    """The last that was said of the version."""

    def report(self, look: Look) -> None:
        """Say what a look has seen, if that is news."""
        if look.is_judged:
            return  # the last line says it
        what = f"{_name(self.wanted, look)}: {safe_line(look.why, _TEXT)}"
        longest = durations.show(self.longest)
        self.progress(_PLACE, f"{what}; waiting for at most {longest}")
        if what == self.said:
            return
        self.said = what
        if look.has_failed:
            echo(f"warning: {what}; asking again", error=True)
        else:
            # With --json only the document may be on stdout.
            echo(f"{dim(short_time(clock()))}  {what}", error=self.as_json)


def _name(wanted: Wanted, look: Look | None = None) -> str:
    """Return which version it is, as far as that is known."""
    node, version = wanted.node, wanted.version
    if look is not None:
        node = look.node
        version = look.version.version if look.version else version
    return f"{sanitize_line(node)} {sanitize_line(version)}".rstrip()


def _status(look: Look) -> str:
    """Return what the registry says of the version, in its colour."""
    status = colour(sanitize_line(look.status or "", _STATUS))
    is_deprecated = look.version is not None and look.version.deprecated
    return f"{status}, {colour('deprecated')}" if is_deprecated else status


@frozen
class _Done:
    """What came of it, for each kind of output."""

    look: Look
    wanted: Wanted
    started: str
    finished: str
    longest: float

    @property
    def code(self) -> int:
        """The exit code."""
        if not self.look.is_judged:
            return 1
        return 0 if self.look.status == ACTIVE else 3

    @property
    def error(self) -> str:
        """Why there is no verdict, or no reason for one; "" if there is both."""
        look = self.look
        if not look.is_judged:
            why = safe_line(look.why, _TEXT)
            return f"not judged within {durations.show(self.longest)}: {why}"
        if self.code == 3 and look.reason is None:
            return "the registry's reason could not be read"
        return ""

    def document(self) -> WaitDocument:
        """Return the document of `wait --json`."""
        look = self.look
        version, reason, scan = look.version, look.reason, look.scan
        return WaitDocument(
            started=self.started,
            finished=self.finished,
            node=look.node,
            version=(version.version if version else self.wanted.version) or None,
            version_id=(version.id if version else "") or None,
            status=look.status,
            reason=look.of_pack or (reason.summary if reason else None),
            findings=finding_forms(scan, None) if reason else None,
            finding_count=(scan.count if scan else 0) if reason else None,
            error=self.error or None,
            url=node_url(look.node),
        )

    def lines(self, width: int | None) -> list[str]:
        """Return the lines for people; the last one says what came of it."""
        scan = self.look.scan
        if self.code != 3 or scan is None:
            return [self.summary()]
        return [*findings_table(scan, width), "", self.summary()]

    def summary(self) -> str:
        """Return the last line."""
        name, what = _name(self.wanted, self.look), self._what()
        return f"exit {self.code}: {name} {what}" if self.code else f"{name} {what}"

    def _what(self) -> str:
        """Return what came of it, after the version's name."""
        if self.code == 1:
            return f"was {self.error}"
        if self.look.of_pack:
            return f"is refused: {safe_line(self.look.of_pack, _TEXT)}"
        what = f"is {_status(self.look)}"
        if not self.code:
            return what
        why, reason, scan = self.error, self.look.reason, self.look.scan
        if scan is not None and scan.is_whole:
            why = plural(scan.count, "finding")  # the table says the rest
        elif reason is not None:
            why = reason.summary or "the registry gives no reason"
        return f"{what}: {safe_line(why, _TEXT)}"
