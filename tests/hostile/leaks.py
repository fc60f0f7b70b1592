"""Every way to fail with a secret at hand, and a look for it wherever the program writes or can be looked at.

All parts of an alert URL that are secret have `SECRET` in them, so that no part can show without being found.
"""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.smtp import Mailbox
from tests.support.fakes.webhook import Answer, Webhook

SECRET = "s3cr3t"
USER, PASSWORD, TOKEN, QUERY = "usr-s3cr3t", "pwd-s3cr3t", "tok-s3cr3t", "qry-s3cr3t"
_ENCODED = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_LOGIN = f"{USER}:{PASSWORD}"
_TAIL = f"?+X-Key={QUERY}&:extra={QUERY}&-{QUERY}={QUERY}"

SOURCES = ("environment", "file", "secrets folder")
"""Where the program may have its alert URLs from."""

SWITCHES = {
    "PYDANTIC_SETTINGS_DEBUG": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONWARNINGS": "always",
    "PYTHONFAULTHANDLER": "1",
    "HTTPX_LOG_LEVEL": "trace",
    "DEBUG": "1",
    "COMFY_WATCH_LOG_LEVEL": "debug",
}
"""What makes libraries, and Python, say more than they would."""

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("test-alerts",),
    ("check",),
    ("config",),
    ("status",),
    ("status", "--json"),
    ("history",),
    ("history", "--json"),
)
"""What is run after a first poll whose alerts have failed."""

EXPLOSIONS = ("ValueError", "RuntimeError", "MemoryError", "RecursionError", "OSError", "KeyboardInterrupt",
              "SystemExit", "GeneratorExit")  # fmt: skip
"""What is raised inside of a delivery, with the whole request in its words."""


@dataclass(slots=True)
class Search:
    """What was looked through, and where a secret was seen."""

    places: int = 0
    leaks: list[str] = field(default_factory=list)

    def look(self, where: str, text: str) -> None:
        """Look for a secret in a text, as it is and as it is sent."""
        self.places += 1
        said = text.lower()
        for secret in (SECRET, _ENCODED.lower()[:24]):
            if secret in said:
                at = said.find(secret)
                self.leaks.append(f"{where}: …{text[max(0, at - 80) : at + 80]}…")

    def look_at(self, where: str, done: program.Completed) -> None:
        """Look at what a run has said; a traceback counts as well, since it shows what it likes."""
        self.look(f"{where}, stdout", done.out)
        self.look(f"{where}, stderr", done.err)
        if "Traceback" in done.out + done.err:
            self.leaks.append(f"{where}: a traceback: {done.err[-800:]}")

    def look_into(self, where: str, folder: Path, aside: Sequence[Path] = ()) -> None:
        """Look into every file of a folder, and at its name, but not into those that hold the secret by right."""
        for path in sorted(folder.rglob("*")):
            if path in aside:
                continue
            self.look(f"{where}, name of {path.name}", path.name)
            if path.is_file():
                self.look(
                    f"{where}, {path.name}",
                    path.read_bytes().decode("utf-8", "replace"),
                )


def _urls(webhook: Webhook, mailbox: Mailbox) -> dict[str, str]:
    """Return a URL for each way in which a delivery ends, by name."""
    here = f"127.0.0.1:{webhook.port}"
    echo = f"no such thing: json://{_LOGIN}@{here}/{TOKEN}{_TAIL}".encode()
    ways: dict[str, int | Answer] = {
        "ok": 200,
        "reset": Answer(reset=True),
        "hang": Answer(hang=True),
        "redirect": Answer(status=302, headers={"Location": f"http://{here}/{TOKEN}"}),
        **{
            f"http-{status}": Answer(
                status=status,
                body=echo,
                headers={
                    "WWW-Authenticate": f'Basic realm="{TOKEN}"',
                    "X-Echo": PASSWORD,
                },
            )
            for status in (400, 401, 404, 429, 500, 503)
        },
    }
    webhook.answer |= {f"/{TOKEN}/{way}": answer for way, answer in ways.items()}
    webhook.answer |= {
        path: Answer(status=401, body=f"bad token {TOKEN} in {path}".encode())
        for path in (
            "/api.telegram.org/bot123456789:s3cr3t_hijklmnop/sendMessage",
            f"/hooks/{TOKEN}",
        )
    }
    mailbox.refuse = f"550 {USER} may not write to {QUERY}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    urls = {way: f"json://{_LOGIN}@{here}/{TOKEN}/{way}{_TAIL}" for way in ways}
    urls |= {
        "refused": f"json://{_LOGIN}@127.0.0.1:{closed}/{TOKEN}{_TAIL}",
        "unresolvable": f"json://{_LOGIN}@{TOKEN}.invalid/{TOKEN}{_TAIL}",
        "tls": f"jsons://{_LOGIN}@{here}/{TOKEN}{_TAIL}",
        "mail-refused": f"mailto://127.0.0.1:{mailbox.port}?from={USER}@x.example&to={QUERY}@x.example&mode=insecure",
        "mail-login": f"mailto://{USER}:{PASSWORD}@127.0.0.1:{mailbox.port}?from=a@x.example&to={QUERY}@x.example&mode=insecure",
        "mail-no-server": f"mailtos://{USER}:{PASSWORD}@127.0.0.1:{closed}?from=a@x.example&to={QUERY}@x.example",
        "discord": f"discord://{TOKEN}id/{TOKEN}/?avatar_url=https://{QUERY}.example/x.png",
        "slack": "slack://T1S3CR3TA/B1S3CR3TB/TIs3cr3tlazkcOXrIdevi7FQ/",
        "telegram": "tgram://123456789:s3cr3t_hijklmnop/12315544/",
        "mattermost": f"mmost://{USER}@{here}/{TOKEN}",
        "ntfy": f"ntfy://{_LOGIN}@{here}/{TOKEN}",
        "gotify": f"gotify://{here}/{TOKEN}abcdefgh",
    }
    return urls


REFUSED_SETTINGS: dict[str, str] = {
    "unparsable": f'alert_urls = ["discord://{TOKEN}"]',
    "no scheme": f'alert_urls = ["{TOKEN}"]',
    "not a URL of apprise": f'alert_urls = ["foo://{_LOGIN}@h/{TOKEN}{_TAIL}"]',
    "a web address": f'alert_urls = ["https://{_LOGIN}@{TOKEN}.example/{TOKEN}{_TAIL}"]',
    "two in one": f'alert_urls = ["json://h/{TOKEN}, json://h/{TOKEN}"]',
    "a control character": f'alert_urls = ["json://h/{TOKEN}\\u0007"]',
    "a broken host": f'alert_urls = ["json://[{TOKEN}"]',
    "broken options": f'alert_urls = ["json://h?overflow={QUERY}&format={QUERY}&tz={QUERY}&rto={QUERY}"]',
    "text instead of a list": f'alert_urls = "json://h/{TOKEN} {TOKEN}"',
    "broken JSON in text": f"alert_urls = '[\"json://{_LOGIN}@h/{TOKEN}\", '",
    "a number among them": f'alert_urls = [5, "json://{TOKEN}@h"]',
    "a list in a list": f'alert_urls = [["json://{_LOGIN}@h/{TOKEN}"]]',
    "no monitor": f'heartbeat_url = "ftp://{_LOGIN}@{TOKEN}.example/{TOKEN}{_TAIL}"',
    "a table": f'[alert_urls]\n"json://{_LOGIN}@h" = "{TOKEN}"',
    "channels as text": f'channels = "json://{_LOGIN}@h/{TOKEN}"',
    "channels as a table": f'[channels]\nname = "x"\nurl = "json://{_LOGIN}@h/{TOKEN}"',
    "a channel without a name": f'[[channels]]\nurl = "json://{_LOGIN}@h/{TOKEN}"',
    "a channel named by its URL": f'[[channels]]\nname = "json://{_LOGIN}@h/{TOKEN}"\nurl = "json://h"',
    "a channel of kinds that are a URL": f'[[channels]]\nname = "x"\nurl = "json://h"\nkinds = "json://h/{TOKEN}"',
    "a channel with nodes that are a URL": f'[[channels]]\nname = "x"\nurl = "json://h"\nnodes = ["json://h/{TOKEN}"]',
    "a channel whose URL is a list": f'[[channels]]\nname = "x"\nurl = ["json://h/{TOKEN}"]',
    "two channels of one name": "\n".join(
        f'[[channels]]\nname = "x"\nurl = "json://h{i}/{TOKEN}"' for i in (1, 2)
    ),
    "an unknown key beside it": f'[[channels]]\nname = "x"\nurl = "json://h/{TOKEN}"\npasswort = "{PASSWORD}"',
    "a misspelled setting": f'alert_url = ["json://{_LOGIN}@h/{TOKEN}"]',
    "a URL as a setting's name": f'"json://{_LOGIN}@h/{TOKEN}" = 1',
    "a URL for another setting": f'registry_url = "https://{_LOGIN}@{TOKEN}.example/?{QUERY}"',
    "a URL for a list": f'nodes = ["json://{_LOGIN}@h/{TOKEN}"]',
    "a URL for a folder": f'state_dir = "json://{_LOGIN}@h/{TOKEN}"',
    "a URL for a number": f'retries = "json://{_LOGIN}@h/{TOKEN}"',
    "one slash for a list": f'nodes = ["discord:/{TOKEN}/{TOKEN}"]',
    "one slash for a format": f'log_format = "discord:/{TOKEN}/{TOKEN}"',
    "one slash for an address": f'registry_url = "discord:/{TOKEN}/{TOKEN}"',
    "one slash for a name": f'[[channels]]\nname = "discord:/{TOKEN}/{TOKEN}"\nurl = "json://h"',
    "one slash for a URL": f'[[channels]]\nname = "x"\nurl = "discord:/{TOKEN}"\nkinds = "discord:/{TOKEN}"',
    "one slash for a key": f'[[channels]]\nname = "x"\nurl = "json://h"\n"discord:/{TOKEN}/{TOKEN}" = 1',
    "one slash for a glob": f'[[channels]]\nname = "x"\nurl = "json://h"\nnodes = ["discord:/{TOKEN}/{TOKEN}"]',
    "one slash for a grouping": f'[[channels]]\nname = "x"\nurl = "json://h"\ngrouping = "discord:/{TOKEN}"',
    "three slashes for a list": f'nodes = ["discord:///{TOKEN}/{TOKEN}"]',
    "an open quote": f'alert_urls = ["json://{_LOGIN}@h/{TOKEN}]\nnodes = ["x"]',
    "no quotes": f"alert_urls = [json://{_LOGIN}@h/{TOKEN}]",
    "no equals sign": f'alert_urls "json://{_LOGIN}@h/{TOKEN}"',
    "twice": f'alert_urls = ["json://h/{TOKEN}"]\nalert_urls = ["json://h/{TOKEN}"]',
    "a key that cannot be": f'json://{_LOGIN}@h/{TOKEN} = "x"',
    "a table twice": f'[x."{TOKEN}"]\n[x."{TOKEN}"]',
    "a bad escape": f'alert_urls = ["json://h/\\q{TOKEN}"]',
    "a bad date": f"alert_urls = 2026-13-45{TOKEN}",
}
"""Settings files that are refused, by what is wrong with them."""

REFUSED_ENVIRONMENTS: dict[str, dict[str, str]] = {
    "a bad URL": {"COMFY_WATCH_ALERT_URLS": f"discord://{TOKEN}"},
    "no URL": {"COMFY_WATCH_ALERT_URLS": TOKEN},
    "broken JSON": {
        "COMFY_WATCH_CHANNELS": f'[{{"name": "x", "url": "json://{_LOGIN}@h/{TOKEN}"'
    },
    "JSON of another kind": {
        "COMFY_WATCH_CHANNELS": f'{{"url": "json://{_LOGIN}@h/{TOKEN}"}}'
    },
    "an unknown field": {
        "COMFY_WATCH_CHANNELS": f'[{{"name": "x", "url": "json://h/{TOKEN}", "tokn": "{TOKEN}"}}]'
    },
    "a URL for the file": {"COMFY_WATCH_CONFIG": f"json://{_LOGIN}@h/{TOKEN}"},
    "a URL for a folder": {"COMFY_WATCH_STATE_DIR": f"https://{TOKEN}.example/{TOKEN}"},
    "URLs for a folder": {"COMFY_WATCH_STATE_DIR": f'["json://{_LOGIN}@h/{TOKEN}"]'},
    "a URL for the folder of secrets": {
        "CREDENTIALS_DIRECTORY": f"json://{_LOGIN}@h/{TOKEN}"
    },
    "the wrong variable": {"COMFY_WATCH_LOG_LEVEL": f"json://{_LOGIN}@h/{TOKEN}"},
    "a proxy with a password": {"http_proxy": f"ftp://{_LOGIN}@{TOKEN}.invalid:99999"},
}
"""Environments that are refused."""

REFUSED_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("test-alerts", f"json://{_LOGIN}@h/{TOKEN}"),
    ("check", f"json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--node", f"json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--set", f"heartbeat_url=https://{_LOGIN}@h/{TOKEN}"),
    ("check", "--set", f"alert_urls=json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--set", f"alert_url=json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--set", f"json://{_LOGIN}@h/{TOKEN}"),
    ("check", f"--alert-url=json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--fail-on", f"json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--set", f"registry_url=http://{_LOGIN}@127.0.0.1:9/"),
    ("check", "--set", f"log_level=json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--config", f"json://{_LOGIN}@h/{TOKEN}"),
    ("config", "--config", f"alert_urls=json://{_LOGIN}@h/{TOKEN}"),
    ("check", "--node", "x", "--set", f"state_dir=json://{_LOGIN}@h/{TOKEN}"),
    ("config", "--set", f"state_dir=json:/{_LOGIN}@h/{TOKEN}"),
    ("status", "--set", f"state_dir=json://{_LOGIN}@h/{TOKEN}"),
    ("init", f"json://{_LOGIN}@h/{TOKEN}"),
    ("history", "--since", f"json://{_LOGIN}@h/{TOKEN}"),
    ("history", "--limit", f"json://{_LOGIN}@h/{TOKEN}"),
    (f"json://{_LOGIN}@h/{TOKEN}",),
    *(
        (*command, f"{name}json:{slashes}usr:it{gap}{SECRET}@h/{TOKEN}")
        for command, name in (
            (("check",), ""),
            (("check", "--set"), ""),
            (("check", "--fail-on"), ""),
            (("check", "--node", "x", "--node"), ""),
            (("history", "--since"), ""),
            (("history", "--limit"), ""),
            (("check",), "--alert-url="),
            (("check", "--set"), "retries="),
            (("check", "--set"), "registry_url="),
        )
        for slashes, gap in (
            ("//", "'"),
            ("//", '"'),
            ("//", " "),
            ("//", "\n"),
            ("/", "'"),
            ("///", "("),
        )
    ),
)
"""Commands given a URL where none belongs."""


class Trial:
    """One folder with a registry and channels that fail in every way, and what was searched.

    Commands that are refused are run by `run`.
    """

    def __init__(
        self,
        search: Search,
        folder: Path,
        run: Callable[..., program.Completed] = program.run,
    ) -> None:
        self._run_refused = run
        self.search = search
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()

    def deliveries(self, by: str, *, explosion: str = "", brief: bool = False) -> None:
        """Have alerts fail in every way, with the URLs given `by` file, environment or secrets folder.

        With an `explosion` they all fail by it. `brief` leaves out the service and most of the other commands.
        """
        with ExitStack() as ends:
            registry = ends.enter_context(FakeRegistry())
            webhook = ends.enter_context(Webhook())
            mailbox = ends.enter_context(Mailbox())
            registry.catalog.publish("alpha", "1.0.0")
            urls = _urls(webhook, mailbox)
            if explosion:
                urls = {
                    way: urls[way] for way in ("ok", "discord", "slack", "telegram")
                }
            env, aside = self._given(by, urls)
            env |= {
                "COMFY_WATCH_REGISTRY_URL": registry.url,
                "DIVERTED_TO": str(webhook.port),
                **SWITCHES,
            }
            env |= {
                "COMFY_WATCH_NODES": "alpha",
                "COMFY_WATCH_TIMEOUT": "0.5",
                "COMFY_WATCH_RETRIES": "0",
            }
            env |= {"DIVERTED_EXPLODES": explosion} if explosion else {}
            where = f"{by} {explosion}".strip()
            done = self._run(f"{where}: check", ("check", "--json"), env)
            alerts = json.loads(done.out)["alerts"]
            assert alerts["delivered"] + alerts["pending"] == len(urls), done
            assert (alerts["delivered"] > 1) is not bool(explosion), done
            for command in COMMANDS[:1] if brief or explosion else COMMANDS:
                self._run(f"{where}: {' '.join(command)}", command, env)
            if not (brief or explosion):
                self._serve(where, env)
            self.search.look_into(where, self.folder, aside)

    def _given(
        self, by: str, urls: Mapping[str, str]
    ) -> tuple[dict[str, str], list[Path]]:
        """Write the channels where the program is to find them; give its environment, and what holds secrets now."""
        channels = [{"name": way, "url": url} for way, url in urls.items()]
        match by:
            case "environment":
                return {"COMFY_WATCH_CHANNELS": json.dumps(channels)}, []
            case "file":
                file = self.folder / "comfy-watch.toml"
                tables = [
                    f"[[channels]]\nname = '{one['name']}'\nurl = '{one['url']}'\n"
                    for one in channels
                ]
                file.write_text("\n".join(tables))
                return {}, [file]
            case _:
                folder = self.folder / "credentials"
                folder.mkdir()
                file = folder / "alert_urls"
                file.write_text("\n".join(urls.values()))
                return {"CREDENTIALS_DIRECTORY": str(folder)}, [file]

    def _run(
        self, where: str, command: Sequence[str], env: Mapping[str, str]
    ) -> program.Completed:
        done = program.run(
            *command,
            cwd=self.folder,
            env={**env, "HOME": str(self.home)},
            module="tests.hostile.diverted",
        )
        self.search.look_at(where, done)
        return done

    def _serve(self, where: str, env: Mapping[str, str]) -> None:
        """Have the service poll and deliver with a state of its own, and look at its processes too."""
        for style in ("json", "console"):
            given = {
                "LOG_FORMAT": style,
                "INTERVAL": "0.2s",
                "STATE_DIR": str(self.folder / f"state-{style}"),
            }
            env = {
                **env,
                "HOME": str(self.home),
                **{f"COMFY_WATCH_{name}": text for name, text in given.items()},
            }
            with program.start(
                "run", cwd=self.folder, env=env, module="tests.hostile.diverted"
            ) as service:
                service.until(lambda said: said.err.count("1 pack checked") > 1, 60)
                for place, text in _told_to_others(service.pid):
                    self.search.look(f"{where}: run, {place}", text)
                service.signal(signal.SIGTERM)
                done = service.wait()
            assert (done.code, done.out) == (0, ""), done
            assert "HTTP 401" in done.err, done
            self.search.look_at(f"{where}: run, {style}", done)

    def refused_file(self, name: str, text: str) -> None:
        """Run with a settings file that is refused."""
        file = self.folder / "comfy-watch.toml"
        file.write_text(text)
        self._refused(name, ("check", "--node", "alpha", "--json"), SWITCHES)

    def refused_environment(self, name: str, env: Mapping[str, str]) -> None:
        """Run with an environment that is refused, or at least of no use."""
        (self.folder / "comfy-watch.toml").unlink(missing_ok=True)
        base = {
            **SWITCHES,
            "COMFY_WATCH_REGISTRY_URL": "http://registry.invalid",
            "COMFY_WATCH_RETRIES": "0",
        }
        self._refused(name, ("check", "--node", "alpha"), {**base, **env})

    def refused_command(self, command: Sequence[str]) -> None:
        """Run a command that is refused."""
        (self.folder / "comfy-watch.toml").unlink(missing_ok=True)
        env = {**SWITCHES, "COMFY_WATCH_ALERT_URLS": "json://127.0.0.1:9/x"}
        self._refused(" ".join(command), command, env)

    def _refused(
        self, where: str, command: Sequence[str], env: Mapping[str, str]
    ) -> None:
        done = self._run_refused(*command, cwd=self.folder, env=env)
        assert done.code == 2, (where, done)
        self.search.look_at(where, done)


def _told_to_others(pid: int) -> Iterator[tuple[str, str]]:
    """Return what any user of the machine can read of a process, and all that is passed on to its children."""
    process = Path("/proc", str(pid))
    yield "command line", process.joinpath("cmdline").read_text()
    for thread in process.joinpath("task").iterdir():
        with contextlib.suppress(
            FileNotFoundError, ProcessLookupError
        ):  # threads and children may end meanwhile
            yield "name of a thread", thread.joinpath("comm").read_text()
            for child in thread.joinpath("children").read_text().split():
                yield (
                    "a child",
                    "".join(
                        Path("/proc", child, name).read_text()
                        for name in ("cmdline", "environ")
                    ),
                )


def refusals(
    search: Search,
    folder: Path,
    *,
    share: int = 0,
    shares: int = 1,
    run: Callable[..., program.Completed] = program.run,
) -> None:
    """Go through everything that is refused, or a share of it, with such runs."""
    trial = Trial(search, folder, run)
    for name, text in list(REFUSED_SETTINGS.items())[share::shares]:
        trial.refused_file(name, text)
    for name, env in list(REFUSED_ENVIRONMENTS.items())[share::shares]:
        trial.refused_environment(name, env)
    for command in REFUSED_COMMANDS[share::shares]:
        trial.refused_command(command)
    search.look_into("refused", folder)


def everything(search: Search) -> None:
    """Go through every way to fail."""

    def deliveries(by: str, explosion: str = "") -> Callable[[Path], None]:
        return lambda folder: Trial(search, folder).deliveries(by, explosion=explosion)

    trials = [deliveries(by) for by in SOURCES] + [
        deliveries("file", name) for name in EXPLOSIONS
    ]
    trials.append(partial(refusals, search))
    for trial in trials:
        with tempfile.TemporaryDirectory() as folder:
            trial(Path(folder))


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of every file and folder in a folder, by its path in there."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }
