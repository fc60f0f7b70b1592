"""Settings: the values that each takes and refuses, its default, and the channels that come of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.unit.settings.conftest import TOKEN, Loads
from watcher.model.channel import Grouping, Scope
from watcher.model.event import DEFAULT_KINDS, Kind, Severity
from watcher.model.version import STATUSES
from watcher.settings import parsing
from watcher.settings.model import Settings

DEFAULTS: dict[str, object] = {
    "installs": (),
    "nodes": (),
    "publishers": (),
    "accept": (),
    "minimum_age": 86_400,
    "statuses": STATUSES,
    "alert_urls": (),
    "heartbeat_url": None,
    "alert_expiry": 604_800,
    "baseline": "summary",
    "failure_threshold": 3,
    "interval": 900,
    "concurrency": 16,
    "timeout": 30,
    "retries": 3,
    "registry_url": "https://api.comfy.org",
    "state_dir": Path("state"),
    "log_level": "info",
    "log_format": "auto",
    "publish_dir": None,
    "publish_installs": False,
    "channels": (),
}
PACK = "ComfyUI_KJ-Nodes.2"


def test_defaults(loads: Loads) -> None:
    """With no source at all every setting has its documented default, in the documented order."""
    loaded = loads()
    found = {name: getattr(loaded.settings, name) for name in Settings.model_fields}
    assert found == DEFAULTS | {"state_dir": loads.cwd / "state"}
    assert list(found) == list(DEFAULTS)
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.config_file is None


ACCEPTED: list[tuple[str, str, object]] = [
    *(
        ("nodes", text, ("a", "B", "c"))
        for text in ("a,B,c", "a B  c", "a\nB\nc\n", " a, B,\n c, b ")
    ),
    *(
        ("nodes", text, ("a", "B", "c"))
        for text in ('["a", "B", "c"]', '\n["a","B","c","C"]')
    ),
    *(("nodes", node, (node,)) for node in ("a", "x" * 100, "0", "A.b_c-")),
    ("nodes", f"https://registry.comfy.org/nodes/{PACK}, {PACK.lower()}", (PACK,)),
    ("nodes", f"HTTP://Registry.Comfy.Org/nodes/{PACK}/", (PACK,)),
    ("nodes", f"registry.comfy.org/nodes/{PACK}?tab=versions", (PACK,)),
    (
        "nodes",
        f"https://registry.comfy.org/publishers/somebody/nodes/{PACK}#top",
        (PACK,),
    ),
    *(("publishers", text, ("Ann", "bob")) for text in ("Ann,@bob", '["@Ann", "bob"]')),
    ("publishers", "https://registry.comfy.org/publishers/ann/?x=1, @ANN", ("ann",)),
    ("nodes", "*", ("*",)),
    (
        "nodes",
        "rgthree-comfy, comfyui-*, !comfyui-test-*",
        ("rgthree-comfy", "comfyui-*", "!comfyui-test-*"),
    ),
    ("nodes", '["[a-c]?*", "![!a]b", "A*", "a*"]', ("[a-c]?*", "![!a]b", "A*")),
    *((name, " ", ()) for name in ("nodes", "installs", "alert_urls", "channels")),
    (
        "statuses",
        "Banned, FLAGGED active banned",
        ("active", "flagged", "banned"),
    ),
    ("registry_url", "https://api.comfy.org/", "https://api.comfy.org"),
    ("registry_url", "http://127.0.0.1:8080/api/", "http://127.0.0.1:8080/api"),
    ("baseline", "SILENT", "silent"),
    ("log_level", " Debug", "debug"),
    ("interval", "1h30m", 5400),
    *(("heartbeat_url", text, None) for text in ("", " none ")),
    *(("publish_dir", text, None) for text in ("", " ")),
    *(("publish_installs", text, True) for text in ("true", "1", "Yes")),
    *(("publish_installs", text, False) for text in ("false", "0", "NO")),
    *(
        ("heartbeat_url", url, SecretStr(url))
        for url in ("https://hc-ping.com/x/?a=b", "http://u:p@[::1]:8000")
    ),
    *(("alert_urls", text, None) for text in ("none", " NONE,", '["None"]')),
]


@pytest.mark.parametrize(("setting", "text", "value"), ACCEPTED)
def test_accepted(loads: Loads, setting: str, text: str, value: object) -> None:
    """A value may be written as people write it, in the environment and as a string of the file."""
    for loaded in (
        loads(**{f"COMFY_WATCH_{setting.upper()}": text}),
        loads(f"{setting} = {json.dumps(text)}"),
    ):
        assert getattr(loaded.settings, setting) == value


REFUSED: list[tuple[str, str]] = [
    *(
        ("nodes", text)
        for text in (
            "https://registry.comfy.org/",
            f"https://u:{TOKEN}@registry.comfy.org/nodes/x",
            "kijai/ComfyUI-KJNodes",
            "../x",
            "kijai/*",
            "a*:b",
            "a[b",
            "!",
            "\u00e9*",
            "x*" * 101,
            "-x",
            "a:b",
            "a\u200bb",
            "\u00e9t\u00e9",
            "x" * 101,
            '["a b"]',
            '[""]',
            "[5]",
            "[a]",
        )
    ),
    *(
        ("publishers", text)
        for text in (
            "ann/*",
            "*",
            "!ann",
            "@",
            "a b/c",
            f"https://registry.comfy.org/nodes/{PACK}",
            f"https://u:{TOKEN}@registry.comfy.org/publishers/x",
            "[5]",
        )
    ),
    ("statuses", "flaged"),
    ("statuses", ""),
    *(
        ("registry_url", text)
        for text in (
            "api.comfy.org",
            "ftp://h",
            f"https://u:{TOKEN}@h",
            f"https://u:{TOKEN}\uff20h:99999",
            f"u:{TOKEN}@h",
            f"https://h/?key={TOKEN}",
            f"https://h#{TOKEN}",
            "https://h:99999",
            "https://h:0/x",
            "https://[::1",
            "https:///x",
            "https://a b",
        )
    ),
    ("interval", "soon"),
    ("interval", "9999d"),
    ("interval", "9s"),
    ("timeout", "0"),
    ("alert_expiry", ""),
    ("concurrency", "0"),
    ("concurrency", "2.5"),
    ("retries", "21"),
    ("failure_threshold", "many"),
    ("baseline", "sumary"),
    ("log_level", "loud"),
    ("log_format", "xml"),
    *(
        ("heartbeat_url", text)
        for text in (
            f"{TOKEN}.example/x",
            f"discord://{TOKEN}/x",
            f"https:///{TOKEN}",
            f"https://h/{TOKEN} x",
            f"https://h:0/{TOKEN}",
            f"https://h:x{TOKEN}/",
            f"https://[{TOKEN}",
            f"https://h/x#{TOKEN}",
            f"https://{TOKEN}..example/",
            f"https://h/\u200b{TOKEN}",
        )
    ),
    *(
        ("alert_urls", text)
        for text in (
            f"discord://a {TOKEN}",
            f'["discord://{TOKEN}\\u200b"]',
            "none, discord://a/b",
            f'["json://{TOKEN}", "None"]',
            f'["{TOKEN}',
        )
    ),
    ("channels", f'{{"url": "json://{TOKEN}"}}'),
    ("channels", f'["json://{TOKEN}"]'),
]


@pytest.mark.parametrize(
    ("setting", "text"),
    REFUSED,
    ids=[f"{row[0]}-{at}" for at, row in enumerate(REFUSED)],
)
def test_refused(loads: Loads, setting: str, text: str) -> None:
    """A bad value is one line that names the setting and its origin, and shows no secret."""
    variable = f"COMFY_WATCH_{setting.upper()}"
    (line,) = loads.problems(**{variable: text})
    assert line.startswith((f"{setting}: ", f"{setting}, entry "))
    assert line.endswith(f"(environment {variable})")
    assert len(line) < 400


@pytest.mark.parametrize(
    ("setting", "text", "why"),
    [
        ("nodes", "kijai/x", "'kijai/x' is not the id of a pack; give the last"),
        ("statuses", "flaged", "'flaged' is not a status (did you mean flagged?)"),
        ("interval", "9s", "'9s' is out of range; give 10s to 366d"),
        ("retries", "21", "'21' is out of range; give 0 to 20"),
        ("retries", "1.5", "'1.5' is not a whole number; give 0 to 20"),
        ("baseline", "x", "'x' is not allowed: it must be 'summary' or 'silent'"),
        ("registry_url", "h", "'h' is not a registry URL; give one such as https://"),
        ("alert_urls", "none, j://h", "the value (not shown) is not"),
    ],
)
def test_what_is_allowed(loads: Loads, setting: str, text: str, why: str) -> None:
    """The line has the value, unless it is secret, and what is allowed."""
    (line,) = loads.problems(**{f"COMFY_WATCH_{setting.upper()}": text})
    assert line.startswith((f"{setting}: {why}", f"{setting}, entry 1: {why}"))


CHANNEL = "[[channels]]\nname = 'x'\nurl = 'j://'\n"


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("concurrency = [1]", "concurrency: a list is not a whole number"),
        ("retries = nan", "retries: nan is not a whole number"),
        ("interval = true", "interval: true is not a duration"),
        ("retries = true", "retries: true is not a whole number; give "),
        ("retries = 1979-05-27", "retries: a date is not a whole number"),
        (f"retries = {10**30}", "retries: a huge number is out of range"),
        ("nodes = 5", "nodes: 5 is not a list of names"),
        ("state_dir = ''", "state_dir: '' is not a folder"),
        ("publish_dir = 'https://x.y'", "publish_dir: 'https://***' is a URL, not"),
        ("publish_installs = 'maybe'", "publish_installs: 'maybe' is not allowed; g"),
        ("heartbeat_url = 5", "heartbeat_url: the value (not shown) is not the URL"),
        ("[channels]\nname = 'x'", "channels: the value is not a list of tables"),
        ("channels = [5]", "channels, entry 1: 5 is not a table"),
        ("intervall = 5", "intervall: unknown setting; did you mean interval?"),
        ("log-level = 'x'", "log-level: unknown setting; did you mean log_level?"),
        ("zzz = 5", "zzz: unknown setting; known are installs, nodes, "),
        ("_env_file = 'x'", "_env_file: unknown setting"),
        (f"'alert_urls:{TOKEN}' = 1", "alert_urls***: unknown setting; did you"),
        ("[[channels]]\nname = 'x'", "channels, entry 1, url: is required"),
        (
            f"[[channels]]\nname = 'x'\nurl = '{TOKEN}'",
            "channels, entry 1, url: the value (not shown) is not an apprise",
        ),
        (
            CHANNEL.replace("x", "../x"),
            "channels, entry 1, name: '../x' is not a channel's name; give up to 64",
        ),
        (f"{CHANNEL}node = '{TOKEN}'", "channels, entry 1, node: unknown setting; did"),
        (
            f"{CHANNEL}interval = 1",
            "channels, entry 1, interval: unknown setting in a table; put it above the",
        ),
        (f"{CHANNEL}kinds = []", "channels, entry 1, kinds: the list is empty"),
        (f"{CHANNEL}kinds = ['x']", "channels, entry 1, kinds: 'x' is not an event"),
        (
            f"{CHANNEL}min_severity = 'high'",
            "channels, entry 1, min_severity: 'high' is not allowed: it must be",
        ),
        (f"{CHANNEL}nodes = ['a b']", "channels, entry 1, nodes, entry 1: 'a b' is"),
        (f"{CHANNEL}nodes = ['!a']", "channels, entry 1, nodes, entry 1: '!a' leaves"),
        (
            f"{CHANNEL}{CHANNEL}".replace("x", "X", 1),
            "channels: two channels have the name 'x'",
        ),
    ],
)
def test_refused_in_the_file(loads: Loads, toml: str, line: str) -> None:
    """What is wrong in the file is one line that names the setting and the file."""
    (problem,) = loads.problems(toml)
    assert problem.startswith(line)
    assert problem.endswith(f"({loads.file})")


def test_every_wrong_entry_is_named(loads: Loads) -> None:
    """Each wrong entry of a list is named by its place, and the entries of a secret are not shown."""
    problems = loads.problems(
        "nodes = ['x', 'a b', 'y', 5]",
        COMFY_WATCH_ALERT_URLS=f'["json://h", "json://h", "{TOKEN}", 5]',
    )
    assert [line.partition(":")[0] for line in problems] == [
        "nodes, entry 2",
        "nodes, entry 4",
        "alert_urls, entry 3",
        "alert_urls, entry 4",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "discord://a/b mailto://u:p@h?to=a@x.org,b@y.org\njson://h/p",
        "discord://a/b,mailto://u:p@h?to=a@x.org,b@y.org , json://h/p,",
        '["discord://a/b", "mailto://u:p@h?to=a@x.org,b@y.org", "json://h/p", "json://h/p"]',
    ],
    ids=["space", "comma", "json"],
)
def test_alert_urls_as_text(loads: Loads, text: str) -> None:
    """Alert URLs are split at white space, and at a comma only where a scheme follows; a repeated one counts once."""
    channels = loads(COMFY_WATCH_ALERT_URLS=text).settings.all_channels()
    expected = ["discord://a/b", "mailto://u:p@h?to=a@x.org,b@y.org", "json://h/p"]
    assert [channel.url for channel in channels] == expected
    assert (
        loads(f"alert_urls = {json.dumps(expected)}").settings.all_channels()
        == channels
    )


def test_channels_of_alert_urls(loads: Loads) -> None:
    """A channel of `alert_urls` is named by its service and its number of that service, and gets the default kinds."""
    urls = "discord://a json://b Discord://c discord://d x+y://e"
    channels = loads(COMFY_WATCH_ALERT_URLS=urls).settings.all_channels()
    assert [channel.name for channel in channels] == [
        "discord",
        "json",
        "discord-2",
        "discord-3",
        "x-y",
    ]
    assert {(channel.kinds, channel.grouping) for channel in channels} == {
        (DEFAULT_KINDS, Grouping.POLL)
    }


def test_a_native_address_is_named_by_its_service(loads: Loads) -> None:
    """An address that a service gives out is named as its apprise URL would be; another web address is not."""
    urls = (
        "https://discord.com/api/webhooks/1/t https://hooks.slack.com/services/T/B/C discord://a/b "
        "HTTPS://PROD-1.westus.logic.azure.com:443/workflows/a http://ntfy.sh/topic https://notdiscord.com/a https://["
    )
    channels = loads(COMFY_WATCH_ALERT_URLS=urls).settings.all_channels()
    assert [channel.name for channel in channels] == [
        "discord",
        "slack",
        "discord-2",
        "workflows",
        "ntfy",
        "https",
        "https-2",
    ]


def test_an_entry_of_alert_urls_takes_no_name_of_a_table(loads: Loads) -> None:
    """The name of a table is passed over, in any case of letters."""
    toml = "alert_urls = ['discord://a', 'discord://b']\n" + CHANNEL.replace(
        "'x'", "'Discord'"
    )
    channels = loads(toml).settings.all_channels()
    assert [one.name for one in channels] == ["discord-2", "discord-3", "Discord"]


def test_channel_tables(loads: Loads) -> None:
    """A `[[channels]]` table, or JSON in the environment, gives a channel keys of its own."""
    toml = """
        alert_urls = "none"
        [[channels]]
        name = "ops"
        url = "slack://t"
        kinds = ["Banned", "flagged"]
        nodes = ["comfyui-*", "x"]
        scope = "Installed"
        min_severity = "Warning"
        grouping = "event"
        [[channels]]
        name = "all.of-it_2"
        url = "slack://u"
        kinds = "all"
        [[channels]]
        name = "rest"
        url = "slack://v"
    """
    ops, every, rest = loads(toml).settings.all_channels()
    assert (ops.name, ops.url, ops.nodes, ops.grouping) == (
        "ops",
        "slack://t",
        ("comfyui-*", "x"),
        Grouping.EVENT,
    )
    assert (ops.scope, rest.scope) == (Scope.INSTALLED, Scope.ALL)
    assert ops.kinds == {Kind.BANNED, Kind.FLAGGED}
    assert every.kinds == set(Kind)
    assert (rest.kinds, rest.nodes, rest.grouping) == (DEFAULT_KINDS, (), Grouping.POLL)
    assert [one.kinds_given for one in (ops, every, rest)] == [True, True, False]
    assert (ops.min_severity, rest.min_severity) == (Severity.WARNING, Severity.INFO)
    table = {"name": "a", "url": "json://h", "kinds": "new pending"}
    text = json.dumps([table | {"min_severity": "critical"}])
    [one] = loads("", COMFY_WATCH_CHANNELS=text).settings.all_channels()
    assert one.kinds == {Kind.NEW, Kind.PENDING}
    assert one.min_severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "path", ["C:/state", "a:b/c", "/srv/x:/y", "./json:/x", "state"]
)
def test_a_path_with_a_colon_is_one(path: str) -> None:
    """Drives, and folders whose names end in a colon, are not taken for URLs."""
    assert parsing.path(path) == path


@given(st.text(max_size=250))
def test_any_node_id_is_answered(text: str) -> None:
    """Any text is either a node id or a glob, visible and without a URL, or refused in one printable line."""
    for read in (parsing.read, parsing.read_globs):
        try:
            (answer,) = read([text])
        except ValueError as refusal:
            answer = str(refusal)
        else:
            assert not {" ", "/"} & set(answer)
        assert answer.isprintable()


@given(st.text(max_size=100))
def test_any_alert_url_is_kept_secret(text: str) -> None:
    """Any text for alert URLs is either taken or refused in a sentence that shows none of it."""
    refused = ""
    try:
        parsing.alert_urls(f"{TOKEN}{text}{TOKEN}")
    except ValueError as refusal:
        refused = str(refusal)
    assert TOKEN not in refused
