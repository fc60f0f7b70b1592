"""A registry full of strangers' worst, the real program told of it by every command, and all that it then says.

Each node of a chapter carries several texts, another one in each field. The life of every node is the same: it is
watched, changes in every field and is flagged, and ends in a refusal whose words are a stranger's too.
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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from aiohttp import web

from tests import program
from tests.hostile import parsers
from tests.hostile.corpus import BROKEN, CANARY, reasons
from tests.hostile.parsers import Finding
from tests.hostile.services import SERVICES, Dialect, Service, answers
from tests.peers.fault import asked
from tests.peers.smtp import Mail, Mailbox
from tests.peers.webhook import Webhook
from watcher.embedded import EmbeddedRegistry, encoded

_LISTS = ("tags", "tags_admin", "dependencies", "supported_os", "supported_accelerators")
_TEXTS = ("downloadUrl", "changelog", "supported_comfyui_version", "supported_comfyui_frontend_version")
FIELDS = 17
"""How many texts a node carries."""

_FILES = {"snapshot.json", "outbox.json", "checks.json", "history.jsonl", "addresses.json", "acks.jsonl", "lock"}
_LOGGED = (
    "started",
    "poll",
    "event",
    "delivery",
    "stopped",
    "node unread",
    "node empty",
    "channel failed",
    "unexpected",
)
_OUR_ESCAPES = re.compile(r"\x1b\[(?:0|1|3[0-9])m|\r\d+ of \d+ nodes checked|\r\x1b\[K")


@dataclass(slots=True)
class Account:
    """What was looked at, and everything that was found; `seen` counts, by output, strangers' words that showed."""

    inputs: set[str] = field(default_factory=set)
    outputs: int = 0
    messages: int = 0
    undelivered: int = 0
    findings: list[tuple[str, str, str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def look(self, where: str, text: str, findings: Iterator[Finding]) -> None:
        """Take in what was found in one output."""
        self.outputs += 1
        self.seen[where] += CANARY in text
        self.findings += [(figure, where, evidence[:300]) for figure, evidence in findings]

    def merge(self, other: Account) -> None:
        """Take in what another was told."""
        self.inputs |= other.inputs
        self.outputs += other.outputs
        self.messages += other.messages
        self.undelivered += other.undelivered
        self.findings += other.findings
        self.seen += other.seen

    @property
    def figures(self) -> dict[str, int]:
        """How often each promise was broken."""
        counts = Counter(figure for figure, _, _ in self.findings)
        return {figure: counts[figure] for figure in parsers.FIGURES}


class World:
    """The registry, the services and the program's folder for one chapter; what it says is in `account`.

    Each channel has another one of the `groupings`, in turn.
    """

    def __init__(self, account: Account, services: Sequence[Service] = SERVICES, *, groupings: Sequence[str]) -> None:
        self.account = account
        self._services = services
        self._groupings = groupings

    def chapter(self, texts: Sequence[str], told: Sequence[str], nodes: Sequence[str], *, turn: int = 0) -> None:
        """Live through one life of each node.

        The fields of all nodes, `FIELDS` of each, take one of the `texts` after the other, beginning with the `turn`th;
        `told` go where a person's words are expected: reasons, bans, errors.
        """
        self.account.inputs |= {*texts, *told, *nodes}
        self._texts, self._told, self._nodes, self._turn = texts, told, nodes, turn
        with ExitStack() as ends:
            self._registry = ends.enter_context(EmbeddedRegistry())
            self._webhook = ends.enter_context(Webhook())
            self._mailbox = ends.enter_context(Mailbox())
            self._folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
            answers(self._webhook)
            self._play()

    def _text(self, node: int, field_number: int) -> str:
        return self._texts[(self._turn + node * FIELDS + field_number) % len(self._texts)]

    def _person(self, number: int) -> str:
        return self._told[(self._turn + number) % len(self._told)]

    def _play(self) -> None:
        text = self._text
        catalog = self._registry.catalog
        for number, node in enumerate(self._nodes):
            catalog.publish(node, "1.0.0", created_at="2026-01-01T00:00:00Z")
            catalog.publish(node, f"{text(number, 0)}+", status="flagged", created_at="2026-01-02T00:00:00Z")
        self._command("config", "--json", kind="json")
        self._command("config", kind="lines")
        self._poll(dry_run=False)
        for number, node in enumerate(self._nodes):
            fields: dict[str, object] = {name: [text(number, at)] * 2 for at, name in enumerate(_LISTS)}
            fields |= {name: text(number, at) for at, name in enumerate(_TEXTS, start=len(_LISTS))}
            fields["tags_admin"] = [text(number, 1), self._person(number + 3), f"hold: {self._person(number + 11)}"]
            forms = [*reasons(self._person(number)), *reasons(text(number, 11))]
            catalog.edit(node, "1.0.0", **fields)
            catalog.set_status(node, "1.0.0", "flagged", forms[(self._turn + number) % len(forms)])
            catalog.publish(
                node, text(number, 9), id=f"{text(number, 10)[:200]}!", status="banned", reason=self._person(number + 7)
            )
            catalog.publish(node, f"9{text(number, 12)}", status=text(number, 13), deprecated=True)
            catalog.publish(node, f"8{text(number, 14)[:200]}", created_at=text(number, 15) or "x")
        self._log("json")
        self._log("console")
        self._poll(dry_run=True)
        self._refuse()
        self._poll(dry_run=True)
        self._command("status", kind="status")
        self._command("status", "--json", kind="json")
        self._command("history", "--limit", "100000", kind="history")
        self._command("history", "--limit", "100000", "--json", kind="json")
        self._on_a_terminal("status")
        self._on_a_terminal("history", "--limit", "100000")
        self._state()
        self._messages()
        self._requests()

    def _refuse(self) -> None:
        """Have the registry refuse every node from now on, in a stranger's or a person's words."""
        numbers = {node.lower(): number for number, node in enumerate(self._nodes)}

        async def respond(request: web.BaseRequest) -> web.StreamResponse | None:
            number = numbers[asked(request)["nodeId"][0].lower()]
            words = self._person(number) if number % 2 else self._text(number, 16)
            if number % 5 == 0:
                words = BROKEN[number % len(BROKEN)]
            status = (404, 403, 400, 500, 418, 429)[(number + self._turn) % 6]
            key = "error" if number % 7 == 0 else "message"
            return web.Response(status=status, body=encoded({key: words}), content_type="application/json")

        self._registry.respond = respond

    @property
    def _state_dir(self) -> Path:
        return self._folder / "state"

    def _environment(self) -> dict[str, str]:
        channels: list[dict[str, object]] = [
            {"name": service.name, "url": service.url.format(port=self._webhook.port)} for service in self._services
        ]
        channels.append({"name": "mail", "url": self._mailbox.apprise_url(), "nodes": self._nodes})
        for channel, grouping in zip(channels, cycle(self._groupings)):
            channel |= {"grouping": grouping, "kinds": "all"}
        return {
            "COMFY_WATCH_REGISTRY_URL": self._registry.url,
            "COMFY_WATCH_NODES": json.dumps(self._nodes),
            "COMFY_WATCH_RETRIES": "0",
            "COMFY_WATCH_FAILURE_THRESHOLD": "1",
            "COMFY_WATCH_CHANNELS": json.dumps(channels),
            "DIVERTED_TO": str(self._webhook.port),
        }

    def _run(self, *args: str, module: str = "watcher") -> program.Completed:
        done = program.run(*args, cwd=self._folder, env=self._environment(), module=module, timeout=600)
        assert "Traceback" not in done.err, done.err
        return done

    def _poll(self, *, dry_run: bool) -> None:
        """Poll, first for a person and without effect if `dry_run`, then for a program."""
        said = self._run("check", "--dry-run") if dry_run else None
        if dry_run:
            self._on_a_terminal("check", "--dry-run")
        done = self._run("check", "--json", module="tests.hostile.diverted")
        assert done.code in (0, 1), done
        document = json.loads(done.out)
        self.account.look("check --json", done.out, parsers.in_json(done.out, printed=True))
        wrong = len({error["error"] for error in document["errors"]})
        self.account.undelivered += document["alerts"]["pending"] + document["alerts"]["expired"]
        self.account.look("check, stderr", done.err, parsers.in_lines(done.err, wrong))
        if said is not None:
            self.account.look("check", said.out, parsers.in_lines(said.out, len(document["events"]) + 1))
            self.account.look("check, stderr", said.err, parsers.in_lines(said.err, wrong))

    def _command(self, *args: str, kind: str) -> None:
        done = self._run(*args)
        assert (done.code, done.err) == (0, ""), done
        if kind == "json":
            findings = parsers.in_json(done.out, printed=True)
        else:
            findings = parsers.in_lines(done.out, self._expected(kind, done.out))
        self.account.look(" ".join(args[:1]) + (" --json" if kind == "json" else ""), done.out, findings)

    def _expected(self, kind: str, out: str) -> int:
        """Say how many lines there should be, from what a program is told of the same."""
        if kind == "status":
            document = json.loads(self._run("status", "--json").out)
            errors = sum(1 for node in document["nodes"] if node["error"])
            return 1 + len(document["nodes"]) + errors + 2 + len(document["channels"])
        if kind == "history":
            return 1 + len((self._state_dir / "history.jsonl").read_bytes().splitlines())
        settings = json.loads(self._run("config", "--json").out)["settings"]
        return 2 + len(settings) - 1 + len(self._services) + 1

    def _on_a_terminal(self, *args: str) -> None:
        """Run a command on a terminal, where nothing but our own colours may steer it."""
        ours, theirs = pty.openpty()
        with tempfile.TemporaryDirectory() as home:
            process = subprocess.Popen(
                [sys.executable, "-m", "watcher", *args],
                cwd=self._folder,
                env=program.surroundings(Path(home), {**self._environment(), "TERM": "xterm"}),
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
        env = {**self._environment(), "COMFY_WATCH_CHANNELS": "[]", "COMFY_WATCH_STATE_DIR": str(copy)}
        env |= {"COMFY_WATCH_LOG_LEVEL": "debug", "COMFY_WATCH_LOG_FORMAT": style, "COMFY_WATCH_INTERVAL": "0.05s"}
        with program.start("run", cwd=self._folder, env=env) as service:
            service.until(lambda said: said.err.count("checked=" if style == "console" else '"checked"') > 0, 60)
            self._refuse()
            service.until(lambda said: "(404)" in said.err, 60)
            self._registry.respond = None
            service.signal(signal.SIGTERM)
            done = service.wait()
        assert (done.code, done.out) == (0, ""), done
        findings = parsers.in_console_log(done.err) if style == "console" else parsers.in_json_log(done.err, _LOGGED)
        self.account.look(f"log, {style}", done.err, findings)

    def _state(self) -> None:
        files = {file.name: file.read_bytes() for file in self._state_dir.iterdir()}
        strange = files.keys() - _FILES
        self.account.look("state", "", iter([("forged_lines", f"a file {name!r}") for name in strange]))
        for name, content in files.items():
            text = content.decode()
            documents = text.splitlines() if name.endswith("l") else [text] if text else []
            for document in documents:
                self.account.look(name, document, parsers.in_json(document, printed=False))

    def _messages(self) -> None:
        by_path = {service.path: service for service in self._services}
        for message in self._webhook.messages():
            service = by_path[message.path]
            self.account.messages += 1
            for dialect, text in service.shown(message):
                self.account.look(service.name, text, _in_message(service, dialect, text))
        for mail in self._mailbox.mails:
            self.account.messages += 1
            for dialect, text in _of_mail(mail):
                self.account.look("mail", text, parsers.in_shown(dialect, text))

    def _requests(self) -> None:
        """See that no node's id changed what was asked."""
        allowed = {"nodeId", "statuses", "include_status_reason", "page", "pageSize"}
        findings: list[Finding] = []
        for request in self._registry.requests:
            query = request.query
            if request.path != "/versions" or query.keys() - allowed or len(query["nodeId"]) != 1:
                findings.append(("forged_lines", f"asked {request.path}?{request.query_string}"))
            elif query["nodeId"][0] not in self._nodes:
                findings.append(("forged_lines", f"asked for {query['nodeId']}"))
        self.account.look("requests", "", iter(findings))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end has been closed: the program has ended
        return b""


def _in_message(service: Service, dialect: Dialect, text: str) -> Iterator[Finding]:
    if len(text.encode()) > service.most:
        yield "floods", f"{len(text.encode())} bytes for {service.name}"
    yield from parsers.in_shown(dialect, text)


def _of_mail(mail: Mail) -> list[tuple[Dialect, str]]:
    page, text = (mail.message.get_body((kind,)) for kind in ("html", "plain"))
    assert page is not None
    assert text is not None
    return [
        (Dialect.TITLE, str(mail.message["Subject"])),
        (Dialect.HTML, page.get_content()),
        (Dialect.BARE, text.get_content().replace("\r\n", "\n")),
    ]
