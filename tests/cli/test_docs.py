"""README and the pages of docs/, held against the program.

`python -m tests.cli.test_docs` renews what is generated: tables, messages and the picture.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator
from pydantic.fields import FieldInfo

from tests.support import program, readme_picture
from tests.support.factories import public
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.harness import Watcher
from tests.support.markdown import blocks, tables
from watcher.alerts.digest import compose
from watcher.alerts.phrasing import REPLACED, SYMBOLS
from watcher.alerts.render import Format, Rendered, render
from watcher.changes.transitions import node_url
from watcher.cli import main
from watcher.cli.commands import config
from watcher.cli.commands.schema import document_of
from watcher.model.event import DEFAULT_KINDS, SWEPT_KINDS, Event, Kind, Severity
from watcher.model.pack import Copy
from watcher.model.scan import Scan, ScanFinding
from watcher.model.snapshot import Ban, Node
from watcher.model.version import SafeVersion
from watcher.publish.folder import files_of as files
from watcher.settings.loading import Loaded, load
from watcher.settings.model import Settings
from watcher.settings.tables import ChannelTable

pytestmark = pytest.mark.measured

README = program.ROOT / "README.md"
DOCS = program.ROOT / "docs"
COMMANDS = DOCS / "commands.md"
SCRIPTS = DOCS / "scripts.md"
CHANNELS = DOCS / "channels.md"
SETTINGS = DOCS / "settings.md"
ALERTS_PAGE = DOCS / "alerts.md"
STATE = program.ROOT / "state" / "README.md"
DEPLOY = program.ROOT / "deploy" / "README.md"
NODE = "comfyui-night-lights"

_SEEN = "2026-01-31T12:00:00.000Z"


def _event(kind: Kind, node: str, version: str, **facts: Any) -> Event:
    """Return an event about a version, by default one that is active."""
    facts = {"after": "active", **facts}
    return Event(
        id=f"{kind} {node} {version}",
        kind=kind,
        node=node,
        version=version,
        url=node_url(node),
        at=_SEEN,
        **facts,
    )


_OLDER, _NEWER = SafeVersion("1.1.0"), SafeVersion("2.4.0")
_BANNED = _event(
    Kind.BANNED,
    NODE,
    "1.2.0",
    before="flagged",
    after="banned",
    reason="Steals passwords",
    published="2026-01-29T09:30:00Z",
    safe_version=_OLDER,
)
ALERTS = (
    _BANNED,
    _event(
        Kind.DEPRECATED,
        NODE,
        "1.0.0",
        after="deprecated",
        published="2025-11-03T17:05:00Z",
        safe_version=_OLDER,
    ),
    _event(
        Kind.NEW,
        "comfyui-tide-tables",
        "2.4.0",
        published="2026-01-31T11:52:00Z",
        safe_version=_NEWER,
    ),
)


def _run(event: Event, **copies: str) -> Event:
    """Return the event with where it is run: each install, and its version."""
    found = (
        Copy(install=install, version=version, enabled=True)
        for install, version in copies.items()
    )
    return replace(event, installed=tuple(found))


_RUN = (
    _run(_BANNED, workstation="1.2.0", laptop="1.1.0"),
    _run(
        _event(
            Kind.EXPOSED,
            "comfyui-tide-tables",
            "2.3.0",
            after="deprecated",
            published="2025-12-24T08:00:00Z",
            safe_version=_NEWER,
        ),
        workstation="2.3.0",
    ),
)
"""The same ban, and something else, where both are run."""

_RISKY = ScanFinding(
    rule="downloads_and_executes", severity="critical", file="nodes/glow.py", line=42
)
_USUAL = ScanFinding(
    rule="python_command_injection_risk", severity="info", file="video.py", line=7
)
_FLAGS = tuple(
    _event(
        Kind.FLAGGED,
        node,
        "1.3.0",
        before="pending",
        after="flagged",
        published="2026-01-31T11:24:00Z",
        safe_version=SafeVersion("1.2.0"),
        scan=Scan(items=(finding,), count=count, is_whole=True, is_known=is_known),
    )
    for node, finding, count, is_known in (
        (NODE, _RISKY, 13, False),
        ("comfyui-tide-tables", _USUAL, 12, True),
    )
)
"""A flag with a new finding, and a harmless one."""

_README = (
    _run(_BANNED, ann="1.2.0"),
    _run(
        _event(
            Kind.NEW,
            "comfyui-harbour-kit",
            "3.2.0",
            published="2026-01-31T11:52:00Z",
            safe_version=SafeVersion("3.2.0"),
        ),
        ann="3.1.0",
    ),
)
"""Two packs of the picture on top of the README, with the settings of its four steps."""


def _alert() -> str:
    return _fenced("alert", _shown(render(compose(_README), Format.TEXT, 3000, 200)))


def _alerts() -> dict[str, str]:
    """Return the blocks of docs/alerts.md by their markers."""
    digest = compose(ALERTS)
    shown = {
        "short": render(digest, Format.TEXT, 160, 60),
        "installed": render(compose(_RUN), Format.TEXT, 3000, 200),
        "flags": render(compose(_FLAGS), Format.TEXT, 3000, 200),
    }
    return {
        name: _fenced(f"alert {name}", _shown(message))
        for name, message in shown.items()
    }


def _shown(message: Rendered) -> str:
    return f"{message.title}\n\n{message.body}"


def _fenced(marker: str, text: str) -> str:
    return f"<!-- {marker} -->\n```text\n{text}\n```\n<!-- /{marker} -->"


def _help(*command: str) -> str:
    done = program.run(*command, "--help", cwd=program.ROOT)
    assert (done.code, done.err) == (0, "")
    return done.out


def _exit_codes() -> dict[str, str]:
    return dict(re.findall(r"^  (\d)  (.+)$", main.EXIT_CODES, re.MULTILINE))


def _tables(page: Path) -> dict[str, list[list[str]]]:
    """Return a page's tables by the head of their first column; a row is its cells, the first without code marks."""
    return {
        head: [[row[0].strip("`"), *row[1:]] for row in rows]
        for head, rows in tables(page).items()
    }


def test_help() -> None:
    """The list of commands has the options that all share, and no other help repeats them; no line is cut or wide."""
    first, one = _help(), _help("check")
    assert [line for line in first.splitlines() if "..." in line][1:] == []
    assert max(map(len, [*first.splitlines(), *one.splitlines()])) <= 80
    for option in ("--config FILE", "--set NAME=VALUE", "-h, --help"):
        assert (option in first, option in one) == (True, False)


@pytest.mark.parametrize("name", main.cli.commands)
def test_the_example_in_the_help(name: str) -> None:
    """Every command's help names a page, and has one example, which that command takes as it stands."""
    command = main.cli.commands[name]
    [example] = re.findall(
        r"^Example:\n  comfy-watch (.+)$", str(command.epilog), re.MULTILINE
    )
    [page] = re.findall(r"^More: (.+)$", str(command.epilog), re.MULTILINE)
    assert (program.ROOT / page).is_file()
    typed, _, _ = example.partition(" > ")
    first, *words = typed.split()
    assert first == name
    command.make_context(name, words)


def test_defaults_in_the_help() -> None:
    """The help of an option that takes kinds lists them all."""
    for command in ("check", "history"):
        assert not [
            kind for kind in Kind if kind not in str(main.cli.commands[command].epilog)
        ]


def test_commands() -> None:
    """The table of commands has every command, and no other."""
    assert {row[0] for row in _tables(COMMANDS)["command"]} == main.cli.commands.keys()


def test_commands_in_examples() -> None:
    """Every command line in README and other pages is one that the program has, with options that it has."""
    desktops = (DOCS / "windows.md", DOCS / "macos.md")
    pages = (README, DEPLOY, COMMANDS, SCRIPTS, SETTINGS, CHANNELS, *desktops)
    examples = [
        block
        for page in pages
        for language in ("sh", "powershell")
        for block in blocks(page, language)
    ]
    examples += [
        span
        for page in pages
        for span in re.findall(r"`(comfy-watch [^`\n]+)`", page.read_text("utf-8"))
    ]
    lines = re.findall(
        r"comfy-watch ((?:[a-z-]+ ?|--[a-z-]+ ?|NAME ?)+)", "\n".join(examples)
    )
    assert len(lines) > 10
    for line in lines:
        name, *words = line.split()
        command = main.cli.commands[name]
        options = {option for parameter in command.params for option in parameter.opts}
        assert not [
            word for word in words if word.startswith("--") and word not in options
        ], line


def test_exit_codes() -> None:
    """The table of exit codes says what `--help` says."""
    table = _tables(SCRIPTS)["exit code"]
    assert {row[0]: row[1] for row in table} == _exit_codes()
    assert len(_exit_codes()) == 5


def test_settings() -> None:
    """The table of settings has every setting, in the program's order, with its default and its description."""
    defaults = Loaded(
        settings=Settings(),
        origins=dict.fromkeys(Settings.model_fields, ""),
        config_file=None,
    )
    shown = {name: _in_words(value) for name, value, _ in config.rows(defaults)}
    found = _tables(SETTINGS)
    assert [(row[0], row[1]) for row in found["setting"]] == list(shown.items())
    assert [row[0] for row in found["key"]] == list(ChannelTable.model_fields)
    for table, model in (("setting", Settings), ("key", ChannelTable)):
        described = [_meaning(field) for field in model.model_fields.values()]
        assert [row[2] for row in found[table]] == described, (
            "run python -m tests.cli.test_docs"
        )


def _in_words(value: str) -> str:
    """Return a value that `config` shows as a table for people has it."""
    if value in {"none", "true", "false"}:
        return value
    read = tomllib.loads(f"value = {value}")["value"]
    return (", ".join(read) or "none") if isinstance(read, list) else str(read)


def test_event_kinds() -> None:
    """The table of events has every kind, worst first, and says which a channel gets by default."""
    sent = {row[0]: row[3] for row in _tables(ALERTS_PAGE)["kind"]}
    assert sent == {
        kind.value: "yes" if kind in DEFAULT_KINDS else "no" for kind in Kind
    }
    assert list(sent) == list(Kind)


def test_what_channels_get_unasked() -> None:
    """docs/ and the settings name the kinds that a channel without kinds gets, or does not get."""
    rules = (DOCS / "dev" / "behaviour.md").read_text("utf-8")
    found = re.search(
        r"Channels get every kind but (.+?) unless .+? they get (.+?)\.", _flat(rules)
    )
    assert found
    unwanted, of_globs = found.groups()
    [cell] = [row[1] for row in _tables(SETTINGS)["key"] if row[0] == "kinds"]
    described = str(ChannelTable.model_fields["kinds"].description)
    for text in (unwanted, cell, described.partition(" Default: ")[2]):
        assert _kinds_in(text) == frozenset(Kind) - DEFAULT_KINDS, text
    assert _kinds_in(of_globs) == SWEPT_KINDS
    shown = re.search(
        r"such a channel gets (.+?)\.", _flat(ALERTS_PAGE.read_text("utf-8"))
    )
    assert shown
    assert _kinds_in(shown.group(1)) == SWEPT_KINDS


def test_how_bad_an_event_is() -> None:
    """docs/alerts.md names the kinds that are warnings."""
    page = _flat(ALERTS_PAGE.read_text("utf-8"))
    found = re.search(r"`warning` is (.+?)\.", page)
    assert found
    kinds = set(Kind) - {Kind.EXPOSED, Kind.BASELINE}  # these say what is in them
    plain = [Event(id="1", kind=kind, node=NODE, url="", at=_SEEN) for kind in kinds]
    warnings = {one.kind for one in plain if one.severity is Severity.WARNING}
    assert _kinds_in(found.group(1)) == warnings


def _flat(text: str) -> str:
    return " ".join(text.split())


def _kinds_in(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def test_every_event_kind_has_a_rule() -> None:
    """Every kind is in the Events section of docs/dev/behaviour.md."""
    rules = (DOCS / "dev" / "behaviour.md").read_text("utf-8")
    events = rules.partition("## Listings")[0]
    assert [kind for kind in Kind if f"`{kind}`" not in events] == []


def test_published_files() -> None:
    """docs/publish.md and docs/dev/behaviour.md name every published file, and no other."""
    banned = Node(node="alpha", ban=Ban(since=_SEEN, changed=_SEEN))
    written = {name.partition("/")[0] for name, _ in files(public(banned))}
    shown = {
        re.findall(r"[\w.]+", row[0])[0] for row in _tables(DOCS / "publish.md")["file"]
    }
    rules = (
        (DOCS / "dev" / "behaviour.md").read_text("utf-8").partition("## Published")[2]
    )
    named = set(re.findall(r"`(osv|[a-z]+\.[a-z]+)`", rules.partition("- **Never")[0]))
    assert written == shown == named


def test_sample_settings(tmp_path: Path) -> None:
    """Every piece of a settings file in README and docs/settings.md is valid, and so are all together."""
    pieces = blocks(README, "toml") + blocks(SETTINGS, "toml")
    assert len(pieces) > 1
    channels = []
    for piece in (*pieces, "\n".join(pieces)):
        path = tmp_path / "comfy-watch.toml"
        path.write_text(piece, "utf-8")
        loaded = load(
            config=path,
            overrides={},
            environ={},
            cwd=tmp_path,
            container_secrets=tmp_path / "none",
        )
        channels.append([channel.name for channel in loaded.settings.all_channels()])
    assert channels == [["discord"], ["security"], ["discord", "security"]]


def test_json() -> None:
    """Every document of docs/scripts.md is what its schema says, key by key; `…` stands for the event shown there."""
    page = SCRIPTS.read_text("utf-8")
    shown = re.findall(
        r"^## (.+?)$[^#]*?^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    samples = {title.split()[-1]: json.loads(block) for title, block in shown}
    event = samples.pop("event")
    webhook = samples.pop("own")
    assert samples.keys() == {"check", "audit", "versions", "wait"}
    for name, document in {**samples, "webhook": webhook}.items():
        if "events" in document:
            document["events"] = [event]
        Draft202012Validator(document_of(name)).validate(document)


def test_the_alert() -> None:
    """The alert in the README is one that the program writes."""
    assert _alert() in README.read_text("utf-8"), "run python -m tests.cli.test_docs"


def test_the_picture() -> None:
    """The picture on top of the README is what the program writes; it fetches nothing, and is linked there."""
    picture = readme_picture.PICTURE.read_text("utf-8")
    assert picture == readme_picture.draw(), "run python -m tests.cli.test_docs"
    assert re.findall(r"https?://[^\"]+", picture) == ["http://www.w3.org/2000/svg"]
    link = readme_picture.PICTURE.relative_to(program.ROOT).as_posix()
    assert f"]({link})" in README.read_text("utf-8")


def test_alerts() -> None:
    """Every message in docs/alerts.md is one that the program writes, and the table has the symbol of every kind."""
    page = ALERTS_PAGE.read_text("utf-8")
    assert [name for name, block in _alerts().items() if block not in page] == [], (
        "run python -m tests.cli.test_docs"
    )
    shown = {row[0]: row[1] for row in _tables(ALERTS_PAGE)["kind"]}
    assert shown == {kind.value: symbol for kind, symbol in SYMBOLS.items()}
    assert REPLACED in page


def test_what_reads_the_state_prints_it_as_it_is_escaped() -> None:
    """No example has jq print untrusted text unescaped, which could send escapes to the terminal."""
    texts = [page.read_text("utf-8") for page in (*DOCS.glob("*.md"), STATE)]
    options = [
        found
        for text in texts
        for found in re.findall(r"^jq (-\S+)?", text, flags=re.MULTILINE)
    ]
    assert set(options) == {"-a"}


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed here")
def test_what_reads_the_state_works(
    watch: Watcher, registry: FakeRegistry, webhook: Webhook
) -> None:
    """Every example with jq finds what it looks for, also where a node is empty, banned or all right."""
    webhook.answer["/dead"] = 500
    url = webhook.apprise_url("/dead")
    watch = watch.but(baseline="summary", nodes="alpha bravo charlie", alert_urls=url)
    registry.catalog.publish("charlie", "1.0.0")
    watch.check(code=1)
    registry.catalog.set_status("alpha", "1.0.0", "flagged")
    registry.catalog.ban_node("charlie")
    watch.check(code=1)
    lines = re.findall(r"^jq .*", STATE.read_text("utf-8"), flags=re.MULTILINE)
    assert lines
    for line in lines:
        done = subprocess.run(
            line,
            shell=True,
            cwd=watch.state,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), line
        assert done.stdout, line


def test_the_readme_is_short() -> None:
    """The README stays within 150 lines, and one screen comes before the first command that shows value."""
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= 150
    first = next(
        number for number, line in enumerate(lines) if line.startswith("comfy-watch")
    )
    assert first < 24


def _meaning(field: FieldInfo) -> str:
    """Return a field's description without its default, which has a column of its own."""
    return str(field.description).partition(" Default: ")[0]


def _literal(text: str) -> str:
    """Return what `re.sub` replaces by exactly this text."""
    return text.replace("\\", r"\\")


def _described(text: str, fields: Mapping[str, FieldInfo]) -> str:
    """Return the text with each field's description as the last cell of its row."""
    for name, field in fields.items():
        row = re.compile(rf"^(\| `{name}` \|.*\| ).*( \|)$", re.MULTILINE)
        text = row.sub(rf"\g<1>{_literal(_meaning(field))}\g<2>", text, 1)
    return text


def _renew() -> None:
    parts = [(README, "alert", _alert())]
    parts += [
        (ALERTS_PAGE, f"alert {name}", block) for name, block in _alerts().items()
    ]
    for page, marker, block in parts:
        text = page.read_text("utf-8")
        found = re.compile(rf"<!-- {marker} -->(?:.*?<!-- /{marker} -->)?", re.DOTALL)
        page.write_text(found.sub(_literal(block), text, count=1), "utf-8")
    text = SCRIPTS.read_text("utf-8")
    for code, meaning in _exit_codes().items():
        text = re.sub(
            rf"^\| {code} \|.*\|$", f"| {code} | {meaning} |", text, flags=re.MULTILINE
        )
    SCRIPTS.write_text(text, "utf-8")
    text = SETTINGS.read_text("utf-8")
    for head, model in (("| setting |", Settings), ("| key |", ChannelTable)):
        before, table = text.split(head)
        text = before + head + _described(table, model.model_fields)
    SETTINGS.write_text(text, "utf-8")
    readme_picture.PICTURE.write_text(readme_picture.draw(), "utf-8")
    pages = (README, SCRIPTS, SETTINGS, ALERTS_PAGE, readme_picture.PICTURE)
    click.echo(f"renewed {', '.join(page.name for page in pages)}")


if __name__ == "__main__":
    _renew()
