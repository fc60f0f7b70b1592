"""The world that the killed program lives in: a registry whose packs have a busy day, a ComfyUI, and six channels.

`CHAPTERS` are what happens before each poll; `Chapter.due` says, by hand, which events it owes.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from tests.chaos.receiver import Receiver
from tests.chaos.witness import channel_of
from tests.support import program
from tests.support.fake_registry.catalog import Catalog
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import asked
from tests.support.fakes.webhook import Message
from tests.support.fork_server import CrashPoint, ForkServer
from tests.support.harness import end_backoffs, write_settings
from tests.support.lived_in import LivedIn
from watcher import timestamps
from watcher.model.event import Kind

PACKS = ("alpha", "beta", "gamma", "delta", "epsilon")
CHANNELS = {
    "digest": "poll",
    "packs": "poll",
    "late": "event",
    "backlog": "poll",
    "strict": "event",
}
"""Each channel's grouping; its path begins with `/` and its name. Until the last chapter `late` and `backlog` refuse
everything, and `strict` refuses whatever is about `_UNWANTED` for what it is.
"""

_UNWANTED = "gamma"

_MOVED = "/late/elsewhere"

_ONLY_INSTALLED = "zeta"
"""A pack that the settings do not name."""

_STRANGER = "stranger"
"""A folder that nobody installed."""

Fact = tuple[str, str | None, str | None]
"""What an event says at its shortest: kind, pack or folder (None for the ComfyUI), version."""

_LONGEST = 60.0
"""Seconds that a program may take."""

_FINDINGS = json.dumps(
    [
        {
            "issue_type": "reverse_shell",
            "severity": "critical",
            "file_path": "__init__.py",
        }
    ]
)
_HARMLESS = json.dumps(
    [
        {
            "issue_type": "python_environment_manipulation",
            "severity": "info",
            "file_path": "nodes.py",
            "line_number": 12,
        }
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """What happens in the registry and the ComfyUI before one poll, and the events owed by the time all is well again.

    During the poll channels may refuse what they do not want, `late` may have a new address, some packs may be
    unreadable, and the ComfyUI may be unmounted.
    """

    name: str
    happen: Callable[[Catalog], None] = lambda _: None
    install: Callable[[LivedIn], None] = lambda _: None
    is_unmounted: bool = False
    is_refused: bool = True
    late_has_moved: bool = False
    unreadable: frozenset[str] = frozenset()
    is_whole: bool = False
    """All packs of the registry are watched, by sweep, in place of those that the settings name otherwise."""
    due: frozenset[Fact] = frozenset()
    spared: frozenset[Fact] = frozenset()
    """Events that are recorded, and that no channel wants."""


def _begin(catalog: Catalog) -> None:
    for pack in PACKS:
        for number in range(4):
            catalog.publish(
                pack, f"1.{number}.0", created_at=f"2025-03-0{number + 1}T10:00:00Z"
            )
    catalog.set_status("epsilon", "1.1.0", "flagged", _HARMLESS)
    catalog.publish(
        "alpha", "2.0.0", status="pending", created_at="2025-03-09T10:00:00Z"
    )
    catalog.publish(
        _ONLY_INSTALLED, "1.0.0", status="flagged", created_at="2025-03-01T10:00:00Z"
    )
    catalog.publish(_ONLY_INSTALLED, "1.1.0", created_at="2025-03-02T10:00:00Z")


def _begin_to_run(comfyui: LivedIn) -> None:
    for pack, version in (
        (_ONLY_INSTALLED, "1.0.0"),
        ("gamma", "1.1.0"),
        ("beta", "1.3.0"),
    ):
        comfyui.put(pack, version)


def _run_others(comfyui: LivedIn) -> None:
    comfyui.put(_ONLY_INSTALLED, "1.1.0")
    comfyui.put("beta", "1.2.0")
    comfyui.put_clone("alpha", "1.3.0")
    comfyui.plain(_STRANGER)


def _run_less(comfyui: LivedIn) -> None:
    comfyui.remove("gamma")
    comfyui.remove(_STRANGER)
    comfyui.put("epsilon", "0.9.0")  # which the registry never had


def _many_changes(catalog: Catalog) -> None:
    catalog.publish("alpha", "1.4.0", created_at="2025-04-01T10:00:00Z")
    catalog.deprecate("alpha", "1.0.0")
    catalog.set_status("beta", "1.2.0", "flagged", _FINDINGS)
    catalog.set_status("epsilon", "1.3.0", "flagged", _HARMLESS)
    catalog.set_status("gamma", "1.1.0", "banned", "malware")
    catalog.ban_node("delta")
    catalog.remove("epsilon", "1.0.0")


def _more_changes(catalog: Catalog) -> None:
    catalog.set_status("alpha", "2.0.0", "active")
    catalog.set_status("beta", "1.2.0", "active")
    catalog.set_status("epsilon", "1.3.0", "active")
    catalog.pardon_node("delta")
    catalog.edit("gamma", "1.3.0", dependencies=["torch"])


def _more_packs(catalog: Catalog) -> None:
    for pack in ("eta", "theta"):
        catalog.publish(
            pack,
            "1.0.0",
            status="flagged",
            reason=_HARMLESS,
            created_at="2025-05-01T10:00:00Z",
        )
        catalog.publish(pack, "1.1.0", created_at="2025-05-02T10:00:00Z")


def _changes_of_more_packs(catalog: Catalog) -> None:
    catalog.set_status("alpha", "1.4.0", "flagged", _FINDINGS)
    catalog.set_status("eta", "1.1.0", "banned", "malware")
    catalog.set_status("theta", "1.1.0", "flagged", _HARMLESS)
    catalog.publish("iota", "1.0.0", status="flagged", reason=_HARMLESS)


CHAPTERS = (
    Chapter(
        name="first poll",
        happen=_begin,
        install=_begin_to_run,
        due=frozenset(
            (Kind.BASELINE.value, pack, None) for pack in (*PACKS, _ONLY_INSTALLED)
        )
        | {("exposed", _ONLY_INSTALLED, "1.0.0")},
    ),
    Chapter(
        name="changes",
        happen=_many_changes,
        install=_run_others,
        due=frozenset(
            {
                ("cleared", _ONLY_INSTALLED, "1.0.0"),
                ("new", "alpha", "1.4.0"),
                ("deprecated", "alpha", "1.0.0"),
                ("flagged", "beta", "1.2.0"),
                ("flagged", "epsilon", "1.3.0"),
                ("banned", "gamma", "1.1.0"),
                ("banned", "delta", None),
                # Said at the second sight of its absence only.
                ("removed", "epsilon", "1.0.0"),
                ("appeared", "alpha", None),
                ("appeared", _STRANGER, None),
            }
        ),
    ),
    Chapter(
        name="more changes",
        happen=_more_changes,
        install=_run_less,
        due=frozenset(
            {
                ("cleared", "gamma", "1.1.0"),
                ("cleared", "beta", "1.2.0"),
                ("exposed", "epsilon", "0.9.0"),
                ("appeared", "epsilon", "0.9.0"),
                ("new", "alpha", "2.0.0"),
                ("reinstated", "beta", "1.2.0"),
                ("reinstated", "epsilon", "1.3.0"),
                ("reinstated", "delta", None),
                ("changed", "gamma", "1.3.0"),
            }
        ),
    ),
    Chapter(name="new address", late_has_moved=True),
    Chapter(
        name="trouble",
        late_has_moved=True,
        unreadable=frozenset({"gamma"}),
        is_unmounted=True,
        due=frozenset(
            {
                ("failing", "gamma", None),
                ("recovered", "gamma", None),
                ("failing", None, None),
                ("recovered", None, None),
            }
        ),
    ),
    Chapter(name="retry", late_has_moved=True, is_refused=False),
    Chapter(
        name="whole registry",
        happen=_more_packs,
        late_has_moved=True,
        is_refused=False,
        is_whole=True,
        due=frozenset({(Kind.BASELINE.value, None, None)}),
    ),
    Chapter(
        name="changes in the whole registry",
        happen=_changes_of_more_packs,
        late_has_moved=True,
        is_refused=False,
        is_whole=True,
        due=frozenset(
            {
                ("banned", "eta", "1.1.0"),
                ("flagged", "alpha", "1.4.0"),
                ("flagged", "iota", "1.0.0"),
            }
        ),
        # Only "*" includes it, and an earlier version had its finding.
        spared=frozenset({("flagged", "theta", "1.1.0")}),
    ),
)


class World:
    """A registry, a webhook and a fork_server, and the program's folder below `root`; a context manager."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.registry = FakeRegistry()
        self.receiver = Receiver()
        self.fork_server = ForkServer()
        self.comfyui = LivedIn(root / "studio")

    def __enter__(self) -> Self:
        self.registry.__enter__()
        self.receiver.__enter__()
        self.fork_server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.fork_server.__exit__(*exc_info)
        self.receiver.__exit__(*exc_info)
        self.registry.__exit__(*exc_info)

    def begin(self, chapter: Chapter) -> None:
        """Let be down and unreadable what is so in a chapter, and nothing else."""
        self.receiver.down = (
            {"/late", _MOVED, "/backlog"} if chapter.is_refused else set()
        )
        self.receiver.rejects = _is_unwanted if chapter.is_refused else _nothing

        async def respond(request: web.BaseRequest) -> web.Response | None:
            return (
                web.Response(status=500)
                if {*asked(request).get("nodeId", ())} & chapter.unreadable
                else None
            )

        self.registry.respond = respond if chapter.unreadable else None
        self.comfyui.mount(there=not chapter.is_unmounted)

    def mend(self) -> None:
        """Let everything work."""
        self.receiver.down = set()
        self.receiver.rejects = _nothing
        self.registry.respond = None
        self.comfyui.mount()

    def home(
        self,
        name: str,
        chapter: Chapter,
        saved: Path | None = None,
        *,
        timeout: int = 10,
    ) -> Home:
        """Return an empty place for the program, or one with a copy of a saved state; `timeout` is its setting."""
        folder = self.root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if saved is not None:
            shutil.copytree(saved, folder / "state")
        home = Home(folder=folder, fork_server=self.fork_server)
        self.configure(home, chapter, timeout=timeout)
        return home

    def configure(self, home: Home, chapter: Chapter, *, timeout: int = 10) -> None:
        """Write the settings as they are in a chapter."""
        moved = {channel_of(_MOVED): _MOVED} if chapter.late_has_moved else {}
        channels = [
            {
                "name": name,
                "url": self.receiver.apprise_url(moved.get(name, f"/{name}")),
                "grouping": grouping,
            }
            for name, grouping in CHANNELS.items()
        ]
        write_settings(
            home.folder,
            channels,
            nodes=["*"] if chapter.is_whole else PACKS,
            installs=[str(self.comfyui.root)],
            registry_url=self.registry.url,
            retries=0,
            timeout=timeout,
            state_dir="state",
            failure_threshold=1,
        )


def _is_unwanted(message: Message) -> bool:
    return message.path == "/strict" and _UNWANTED in str(message.json)


def _nothing(_: Message) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A folder that the program is run in, with its settings and its state."""

    folder: Path
    fork_server: ForkServer

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def check(self, point: CrashPoint | None = None) -> program.Completed:
        """Poll once."""
        return self.fork_server.run("check", "--json", cwd=self.folder, point=point)

    def serve(
        self, is_done: Callable[[], bool], point: CrashPoint | None = None
    ) -> program.Completed:
        """Start the program as a service, and have it end when `is_done` says that it has done what it should."""
        with self.fork_server.start("run", cwd=self.folder, point=point) as service:
            service.until(
                lambda it: it.process.poll() is not None or is_done(), _LONGEST
            )
            service.signal(signal.SIGTERM)  # nothing where it has died at its point
            return service.wait(_LONGEST)

    def back_off(self, channel: str, seconds: float) -> None:
        """Let a channel's backoff end so many seconds from now."""
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        end_backoffs(self.state, channel, at=timestamps.show(ends))

    def status(self) -> program.Completed:
        """Return the output of `status --json`."""
        return self.fork_server.run("status", "--json", cwd=self.folder)

    def let_time_pass(self) -> None:
        """End each failed channel's backoff."""
        end_backoffs(self.state)

    def history(self) -> list[dict[str, Any]]:
        """Return the recorded events, oldest first; what is no line of JSON is none."""
        path = self.state / "history.jsonl"
        found: list[dict[str, Any]] = []
        for line in path.read_bytes().splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def until_seen(self) -> None:
        """Poll once in the world as it is; what it makes of it is not asked yet."""
        self.let_time_pass()
        completed = self.check()
        assert completed.code in (0, 1), completed

    def until_quiet(self) -> None:
        """Poll, with time passing in between, until two polls in a row find nothing and owe nothing."""
        polls = quiet = 0
        while quiet < 2:
            self.let_time_pass()
            completed = self.check()
            assert completed.code in (0, 1), completed
            said = json.loads(completed.out)
            quiet = (
                quiet + 1
                if completed.code == 0
                and not said["events"]
                and not said["alerts"]["pending"]
                else 0
            )
            polls += 1
            assert polls <= 8, f"not quiet after 8 polls: {completed}"
