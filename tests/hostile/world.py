"""A registry full of hostile text, the real program with every command, and all that it then writes.

Each node of a chapter carries several texts, another one in each field. The life of every node is the same: it is
watched, its versions change in a few fields each, are flagged and banned, and it ends in a refusal in hostile
words too. Each text is given a mark of its own wherever it is placed, by which it is known in an output.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.hostile import parsers
from tests.hostile.corpus import (
    ADDRESSES,
    BROKEN,
    CANARY,
    FORMS,
    HALVES,
    findings,
    reasons,
)
from tests.hostile.dialects import Dialect, Shown
from tests.hostile.parsers import Finding
from tests.hostile.repository import folder_name, plant
from tests.proxied.peer import Peer
from tests.proxied.proxy import Proxy
from tests.proxied.services.table import PEERS
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry, encoded
from tests.support.fakes.fault import asked
from tests.support.fakes.smtp import Mail, Mailbox
from tests.support.fork_server import ForkServer
from tests.support.lived_in import LivedIn

_CHANGING = (("dependencies",), ("downloadUrl",))
"""Fields whose change is reported, for each of two versions."""
_PLACES = (
    *(name for names in _CHANGING for name in names),
    *(
        "version, flagged",
        "reason",
        "version, banned",
        "id",
        "version, changed",
        "status",
        "version, blamed",
        "error",
    ),
    *("rule", "severity of a finding", "file of a finding"),
)
FIELDS = len(_PLACES) + 1
"""How many texts a node carries; what one of them is in is shown nowhere: the time of creation."""
APART = 2
"""So many nodes stand apart in the end: one is refused in a person's words, and one is not, or the registry as a whole
would be reported as failing.
"""

_FILES = {
    *(
        "snapshot.json",
        "checks.json",
        "history.jsonl",
        "addresses.json",
        "installs.json",
        "owed.jsonl",
    ),
    "lock",
}
_LOGGED = (
    "started",
    "poll",
    "event",
    "delivery",
    "stopping",
    "stopped",
    "node unread",
    "registry unread",
    "node empty",
    "channel failed",
    "settings",
    "unexpected",
    *("request", "request failed", "retry", "wait", "sent"),
    *(
        "file read",
        "file written",
        "file appended to",
        "file overwritten",
        "file removed",
    ),
)
_EARLY = 30
"""Within so many characters a mark is seen however short a quotation is cut."""
_BLANKS = " \t\n\r\u200b"
_AT_SIGNS = "@\ufe6b\uff20"
"""What makes an address of a mark before it, which is removed."""
_MARK = re.compile(rf"{CANARY}\d{{5}}")
_LONGEST_ERROR = 60_000
"""Of a refusal larger than 256 KB nothing is read."""
_REFUSALS = (404, 400, 500, 403, 404, 400, 418, 404, 400, 429)
"""Mostly ones that say nothing of the registry as a whole, which would be reported instead of the nodes."""
_ALIKE = {"slack-hook-d", "gotify", "pagerduty"}
"""Services whose messages look as others' do; what each of them takes is tested without the registry."""
SERVICES = tuple(peer for name, peer in PEERS.items() if name not in _ALIKE)
CHANNELS = {peer.name for peer in SERVICES} | {"mail"}
OUTPUTS = CHANNELS | {
    *(
        "terminal",
        "log, json",
        "log, console",
        "check",
        "check --json",
        "check, stderr",
    ),
    *(
        "status",
        "status --json",
        "history",
        "history --json",
        "config",
    ),
    *("versions", "versions --json", "wait", "wait --json", "stderr"),
    *("audit", "audit --json", "audit --format sarif"),
    *("snapshot.json", "history.jsonl"),
}
"""Where untrusted text is shown."""
_OUR_ESCAPES = re.compile(
    r"\x1b\[(?:0|1|2|3[0-9])m|\r\d+ of [\d,]+ packs? checked|\r\x1b\[K"
)


_FORMS = (" --json", " --format sarif")
"""How the document of a command is asked for."""
_FOUND = "7.0.0"
"""The version of each node in which the scanner finds something."""
_TURNS = 4
"""So many chapters have each text in the files of a repository."""
_LONGEST_ADDRESS = 2000
"""Of a repository: what is longer is shown no more."""
_WAITED_FOR = 4
"""Nodes whose `_FOUND` is waited for."""

Placed = tuple[str, str]
"""A field and the text in it."""


@dataclass(slots=True)
class Account:
    """What was looked at, and everything that was found.

    `reached` says what of all that was `placed` showed in an output that is not a file of the state; `seen` counts, by
    output, untrusted text that showed.
    """

    outputs: int = 0
    messages: int = 0
    undelivered: int = 0
    findings: list[tuple[str, str, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    placed: set[Placed] = field(default_factory=set)
    reached: dict[str, set[Placed]] = field(default_factory=dict)
    _carried: dict[str, tuple[Placed, ...]] = field(default_factory=dict)

    def mark(self, place: str, text: str, *along: Placed) -> str:
        """Return the text with a mark in it by which its place is known.

        `along` is what will be in the same line of an output, or be kept out of it: whoever saw the mark has had it
        before him. What is nothing but blanks is given as it is.
        """
        if not text.strip(_BLANKS):
            return text
        mark = f"{CANARY}{len(self._carried):05}"
        self._carried[mark] = ((place, text), *along)
        self.placed |= {*self._carried[mark]}
        early = text[:_EARLY]
        is_address = any(f"{CANARY}{at}" in early for at in _AT_SIGNS)
        shows = CANARY in early and not is_address
        return text.replace(CANARY, mark, 1) if shows else f"{mark} {text}"

    def look(self, where: str, text: str, findings: Iterator[Finding]) -> None:
        """Take in what was found in one output."""
        self.outputs += 1
        self.seen[where] += CANARY in text
        self.findings += [
            (figure, where, evidence[:300]) for figure, evidence in findings
        ]
        if where not in _FILES:
            reached = self.reached.setdefault(where, set())
            for mark in _MARK.findall(text):
                reached.update(self._carried.get(mark, ()))

    def merge(self, other: Account) -> None:
        """Add another's."""
        self.outputs += other.outputs
        self.messages += other.messages
        self.undelivered += other.undelivered
        self.findings += other.findings
        self.seen += other.seen
        self.placed |= other.placed
        for where, reached in other.reached.items():
            self.reached.setdefault(where, set()).update(reached)

    @property
    def shown(self) -> set[Placed]:
        """What has been before a reader of some output, or was kept from him there."""
        return set().union(*self.reached.values())

    @property
    def lost(self) -> set[Placed]:
        """What was placed and reached nothing: it has proven nothing."""
        return self.placed - self.shown

    @property
    def silent(self) -> set[str]:
        """The outputs that should have shown untrusted text, and showed none."""
        return {where for where in OUTPUTS if not self.seen[where]}

    @property
    def figures(self) -> dict[str, int]:
        """How often each promise was broken."""
        counts = Counter(figure for figure, _, _ in self.findings)
        return {figure: counts[figure] for figure in parsers.FIGURES}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    """What becomes of a node: versions that are flagged, banned, changed and flagged by a person, and their reasons."""

    flagged: str
    reason: str
    banned: str
    person: str
    changed: str
    blamed: str
    other: str
    found: str
    """The findings of `_FOUND`."""
    error: str


class World:
    """The registry, the services and the program's folder for one chapter; what it says is in `account`.

    Each channel has another one of the `groupings`, in turn.
    """

    def __init__(
        self,
        account: Account,
        services: Sequence[Peer] = SERVICES,
        *,
        groupings: Sequence[str],
    ) -> None:
        self.account = account
        self._services = services
        self._groupings = groupings

    def chapter(
        self, texts: Sequence[str], nodes: Sequence[str], *, turn: int = 0
    ) -> None:
        """Live through one life of each node.

        The fields of all nodes, `FIELDS` of each, take one of the `texts` after the other, beginning with the `turn`th;
        reviewers' addresses go where a person's words are expected: reasons, errors.
        """
        self._texts, self._nodes, self._turn = texts, nodes, turn
        with ExitStack() as ends:
            self._programs = ends.enter_context(ForkServer())
            self._registry = ends.enter_context(FakeRegistry())
            self._proxy = ends.enter_context(Proxy(PEERS.values()))
            self._mailbox = ends.enter_context(Mailbox())
            self._folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
            self._lab = LivedIn(self._folder / "lab")
            self._play()

    def _text(self, node: int, number: int) -> str:
        return self._texts[(self._turn + node * FIELDS + number) % len(self._texts)]

    def _marked(self, node: int, number: int, *along: Placed) -> str:
        return self.account.mark(_PLACES[number], self._text(node, number), *along)

    def _person(self, number: int) -> str:
        texts = (*ADDRESSES, *HALVES)
        return texts[(self._turn * len(self._nodes) + number) % len(texts)]

    def _changed(self, node: int, name: str) -> object:
        text = self._marked(node, _PLACES.index(name))
        return text if name == "downloadUrl" else [text, text]

    def _found(self, node: int) -> str:
        """Return findings with a node's texts in them."""
        first = len(_PLACES) - 3
        severity, file = self._marked(node, first + 1), self._marked(node, first + 2)
        # Of what cannot be decoded nothing but the beginning is shown.
        along = [(_PLACES[at], self._text(node, at)) for at in (first + 1, first + 2)]
        rule = self._marked(node, first, *along)
        return findings((self._turn + node) % FORMS, rule, severity, file)

    def _play(self) -> None:
        catalog = self._registry.catalog
        before = {"created_at": "2026-01-01T00:00:00Z"}
        count = len(self._nodes)
        lives: list[_Life] = []
        for number, node in enumerate(self._nodes):
            person, other = self._person(number), self._person(number + count)
            form = (self._turn + number) % len(reasons(""))
            reason = self._marked(number, _PLACES.index("reason"))
            life = _Life(
                flagged="1"
                + self._marked(
                    number, 2, ("reason", self._text(number, 3)), ("node", node)
                ),
                reason=reasons(reason)[form],
                banned=self._marked(number, 4, ("a person's reason", person)) or "x",
                person=person,
                changed=self._marked(number, 6) + "+",
                blamed="8" + self._marked(number, 8, ("a person's reason", other)),
                other=reasons(other)[form],
                found=self._found(number),
                error=other
                if number >= count - APART
                else self._marked(number, 9)[:_LONGEST_ERROR],
            )
            for version in (
                *("1.0.0", "1.0.1", _FOUND),
                *(life.flagged, life.changed, life.blamed),
            ):
                catalog.publish(node, version, **before)
            lives.append(life)
        errors = {
            node.lower(): life.error
            for node, life in zip(self._nodes[:-1], lives, strict=False)
        }
        self._see("config", code=0)
        self._poll(dry_run=False)
        for number, (node, life) in enumerate(zip(self._nodes, lives, strict=True)):
            for version, names in zip(("1.0.0", "1.0.1"), _CHANGING, strict=True):
                catalog.edit(
                    node,
                    version,
                    **{name: self._changed(number, name) for name in names},
                )
            catalog.set_status(node, life.flagged, "flagged", life.reason)
            catalog.set_status(node, life.blamed, "flagged", life.other)
            catalog.set_status(node, _FOUND, "flagged", life.found)
            version_id = f"{self._marked(number, 5)[:200]}!"
            catalog.publish(
                node, life.banned, id=version_id, status="banned", reason=life.person
            )
            catalog.edit(node, life.changed, status=self._marked(number, 7) or "x")
            catalog.publish(
                node,
                "9.9.9",
                deprecated=True,
                created_at=self._text(number, FIELDS - 1) or "x",
            )
        self._let_packs_appear()
        self._log("json")
        self._log("console")
        self._poll(dry_run=True)
        self._look_up()
        self._refuse(errors)
        self._poll(dry_run=True)
        for shown in (("status",), ("history", "--limit", "100000")):
            self._see(*shown, code=0)
            self._see(*shown, "--json", code=0)
        self._on_a_terminal("status")
        self._on_a_terminal("history", "--limit", "100000")
        self._state()
        self._messages()
        self._requests()

    def _let_packs_appear(self) -> None:
        """Let folders and clones be in a ComfyUI that some of the texts name, in their turn."""
        for number, text in enumerate(self._texts[self._turn % _TURNS :: _TURNS]):
            folder = folder_name(self.account.mark("folder of a pack", text))
            if folder:
                self._lab.plain(folder)
            address = f"https://github.com/evil/{text[:_LONGEST_ADDRESS]}"
            self._lab.clone(f"clone-{number}", address)

    def _refuse(self, errors: Mapping[str, str]) -> None:
        """Have the registry refuse each of these nodes from now on, in these words."""
        numbers = {node.lower(): number for number, node in enumerate(self._nodes)}

        async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
            node = asked(request).get("nodeId", [""])[0].lower()
            if node not in errors:
                return None
            number = numbers[node]
            status = _REFUSALS[(number + self._turn) % len(_REFUSALS)]
            key, other = (
                ("error", "message") if number % 7 == 0 else ("message", "error")
            )
            document = {key: errors[node]} | (
                {other: "Node banned"} if status == 403 else {}
            )
            return web.Response(
                status=status, body=encoded(document), content_type="application/json"
            )

        self._registry.respond = respond

    def _told_off(self) -> dict[str, str]:
        """Return words for refusals that are a person's, or can't be written in UTF-8."""
        return {
            node.lower(): self._person(number + 5)
            if number % 5
            else BROKEN[number % len(BROKEN)]
            for number, node in enumerate(self._nodes)
        }

    @property
    def _state_dir(self) -> Path:
        return self._folder / "state"

    def _environment(self) -> dict[str, str]:
        channels: list[dict[str, object]] = [
            {"name": service.name, "url": service.url} for service in self._services
        ]
        slow = {service.name for service in self._services if service.is_slow}
        channels.append(
            {"name": "mail", "url": self._mailbox.apprise_url(), "nodes": self._nodes}
        )
        for channel, grouping in zip(channels, cycle(self._groupings)):
            channel |= {
                "grouping": "poll" if channel["name"] in slow else grouping,
                "kinds": "all",
            }
        return self._proxy.environment | {
            "COMFY_WATCH_REGISTRY_URL": self._registry.url,
            "COMFY_WATCH_NODES": json.dumps(self._nodes),
            "COMFY_WATCH_RETRIES": "0",
            "COMFY_WATCH_FAILURE_THRESHOLD": "1",
            "COMFY_WATCH_CHANNELS": json.dumps(channels),
            "COMFY_WATCH_INSTALLS": json.dumps([str(self._lab.root)]),
        }

    def _run(self, *args: str, **env: str) -> program.Completed:
        done = self._programs.run(
            *args, cwd=self._folder, env=self._environment() | env, timeout=600
        )
        assert "Traceback" not in done.err, done.err
        return done

    def _poll(self, *, dry_run: bool) -> None:
        """Poll, first for a person and without effect if `dry_run`, then for a program."""
        said = self._run("check", "--dry-run") if dry_run else None
        if dry_run:
            self._on_a_terminal("check", "--dry-run")
        done = self._run("check", "--json")
        assert done.code in (0, 1), done
        document = json.loads(done.out)
        self.account.look(
            "check --json", done.out, parsers.in_json(done.out, printed=True)
        )
        wrong = len({error["error"] for error in document["errors"]})
        self.account.undelivered += (
            document["alerts"]["pending"] + document["alerts"]["expired"]
        )
        self.account.look("check, stderr", done.err, parsers.in_lines(done.err, wrong))
        if said is not None:
            self.account.look(
                "check",
                said.out,
                parsers.in_lines(said.out, len(document["events"]) + 1),
            )
            self.account.look(
                "check, stderr", said.err, parsers.in_lines(said.err, wrong)
            )

    def _look_up(self) -> None:
        """Run the commands that keep nothing: all that they show comes right from the registry."""
        rows = ("versions", *self._nodes, "--limit", "100000", "--reasons")
        versions = json.loads(self._see(*rows, "--json", code=0))["versions"]
        self._see(*rows, code=0, expected=len(versions) + 3)
        studio = LivedIn(self._folder / "studio")
        for node in self._nodes:
            studio.put(node, _FOUND)
        self._audit(str(studio.root))
        self._look_into_a_repository()
        for node in self._nodes[:_WAITED_FOR]:
            found = json.loads(self._see("wait", node, _FOUND, "--json", code=3))
            rows_of_table = len(found["findings"])
            is_more = found["finding_count"] > rows_of_table
            self._see(
                "wait",
                node,
                _FOUND,
                code=3,
                expected=rows_of_table + 3 + is_more if rows_of_table else 1,
            )
        self._on_a_terminal("wait", self._nodes[0], _FOUND)
        self._on_a_terminal(*rows)

    def _look_into_a_repository(self) -> None:
        """Audit files in which some of the texts name packs; they take their turn."""
        texts = self._texts[self._turn % _TURNS :: _TURNS]
        plant(self._folder / "repository", texts, self.account.mark)
        packs = self._audit("repository", "--set", "timeout=5m")
        self._asked = {one["id"] for one in packs if one["id"] is not None}

    def _audit(self, *args: str) -> list[dict[str, Any]]:
        """Look at an audit in each form, and return its packs. What is no id cannot be read, which is an error."""
        done = json.loads(self._run("audit", *args, "--json").out)
        packs: list[dict[str, Any]] = done["packs"]
        see = partial(self._see, "audit", *args, code=3, errors=len(done["errors"]))
        see("--json")
        see(expected=len(packs) + 3)
        bad = sum(pack["verdict"] != "ok" for pack in packs)
        see("--format", "sarif", expected=bad)
        return packs

    def _see(
        self, *args: str, code: int, expected: int | None = None, errors: int = 0
    ) -> str:
        """Look at what a command prints in a job of GitHub Actions, for a program or as so many lines; return it.

        How many are not `expected` here is for `tests.hostile.test_hostile`. So many `errors` are on stderr.
        """
        done = self._run(*args, GITHUB_ACTIONS="true")
        assert done.code == code, done
        form = next((one for one in _FORMS if one.split()[-1] in args), "")
        match form:
            case " --json":
                findings = parsers.in_json(done.out, printed=True)
            case " --format sarif":
                findings = parsers.in_sarif(done.out, expected or 0)
            case _:
                findings = parsers.in_lines(done.out, expected)
        self.account.look(args[0] + form, done.out, findings)
        said = parsers.in_lines(done.err, errors)
        self.account.look("stderr", done.err, said)
        return done.out

    def _on_a_terminal(self, *args: str) -> None:
        """Run a command on a terminal, where nothing but our own colours may steer it."""
        ours, theirs = pty.openpty()
        with tempfile.TemporaryDirectory() as home:
            process = subprocess.Popen(
                [sys.executable, "-m", "watcher", *args],
                cwd=self._folder,
                env=program.surroundings(
                    Path(home), {**self._environment(), "TERM": "xterm"}
                ),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
            os.close(theirs)
            written = b"".join(iter(lambda: _read(ours), b""))
            os.close(ours)
            process.wait(60)
        text = written.decode().replace("\r\n", "\n")
        assert "\x1b[" in text, (args, text)
        self.account.look("terminal", text, parsers.in_any(_OUR_ESCAPES.sub("", text)))

    def _log(self, style: str) -> None:
        """Have the service live through the next poll in a copy of the state, and look at its log."""
        copy = self._folder / f"state-{style}"
        shutil.copytree(self._state_dir, copy)
        env = {
            **self._environment(),
            "COMFY_WATCH_CHANNELS": "[]",
            "COMFY_WATCH_STATE_DIR": str(copy),
        }
        env |= {
            "COMFY_WATCH_LOG_LEVEL": "debug",
            "COMFY_WATCH_LOG_FORMAT": style,
            "COMFY_WATCH_INTERVAL": "0.05s",
        }
        with self._programs.start(
            "run", cwd=self._folder, env=env, module="tests.support.eager"
        ) as service:
            service.until(
                lambda said: (
                    said.err.count(" checked, " if style == "console" else '"checked"')
                    > 0
                ),
                60,
            )
            self._refuse(self._told_off())
            service.until(lambda said: "(404)" in said.err, 60)
            self._registry.respond = None
            service.signal(signal.SIGTERM)
            done = service.wait()
        assert (done.code, done.out) == (0, ""), done
        findings = (
            parsers.in_console_log(done.err)
            if style == "console"
            else parsers.in_json_log(done.err, _LOGGED)
        )
        self.account.look(f"log, {style}", done.err, findings)

    def _state(self) -> None:
        files = {file.name: file.read_bytes() for file in self._state_dir.iterdir()}
        strange = files.keys() - _FILES
        self.account.look(
            "state",
            "",
            iter([("forged_lines", f"a file {name!r}") for name in strange]),
        )
        self.account.look("lock", "", parsers.in_lines(files.pop("lock").decode(), 1))
        for name, content in files.items():
            text = content.decode()
            documents = (
                text.splitlines() if name.endswith("l") else [text] if text else []
            )
            for document in documents:
                self.account.look(
                    name, document, parsers.in_json(document, printed=False)
                )

    def _messages(self) -> None:
        for message in self._proxy.received():
            self.account.messages += 1
            name = message.peer.name
            self.account.look(
                name, "", iter([("refused", wrong) for wrong in message.violations])
            )
            for dialect, text in message.peer.shown(message.asked.said):
                self.account.look(name, text, parsers.in_shown(dialect, text))
        self.account.look(
            "proxy", "", iter([("refused", stray) for stray in self._proxy.strays])
        )
        for mail in self._mailbox.mails:
            self.account.messages += 1
            for dialect, text in of_mail(mail):
                self.account.look("mail", text, parsers.in_shown(dialect, text))

    def _requests(self) -> None:
        """See that no node's id changed what was asked."""
        allowed = {"nodeId", "statuses", "include_status_reason", "page", "pageSize"}
        findings: list[Finding] = []
        known = {*self._nodes, *self._asked}
        spelled = {one for node in known for one in (node, node.lower())}
        for request in self._registry.requests:
            query = request.query
            if request.path == "/nodes":
                # The pages of all packs name none.
                others = set(query.get("node_id", ())) - spelled
                findings += (("forged_lines", f"asked for {one}") for one in others)
            elif (
                request.path != "/versions"
                or query.keys() - allowed
                or len(query["nodeId"]) != 1
            ):
                findings.append(
                    ("forged_lines", f"asked {request.path}?{request.query_string}")
                )
            elif query["nodeId"][0] not in spelled:
                findings.append(("forged_lines", f"asked for {query['nodeId']}"))
        self.account.look("requests", "", iter(findings))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end has been closed: the program has ended
        return b""


def of_mail(mail: Mail) -> Shown:
    """Return what a reader is shown of a mail."""
    page, text = (mail.message.get_body((kind,)) for kind in ("html", "plain"))
    assert page is not None
    assert text is not None
    return [
        (Dialect.TITLE, str(mail.message["Subject"])),
        (Dialect.HTML, _inside(page.get_content())),
        (Dialect.BARE, text.get_content().replace("\r\n", "\n")),
    ]


def _inside(page: str) -> str:
    """Return what is ours of a mail's page alone, without the frame that is the same in each."""
    head, _, rest = page.partition("<body><div style=")
    assert head.startswith("<!doctype html>")
    return (
        rest.partition(">")[2].rpartition("</div>")[0].replace('<br class="gap">', "")
    )
