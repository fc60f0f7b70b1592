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
from watcher.model.event import DEFAULT_KINDS, Kind
from watcher.model.version import STATUSES
from watcher.settings import node_ids, parsing
from watcher.settings.model import Settings

DEFAULTS: dict[str, object] = {
    "nodes": (),
    "installs": (),
    "accept": (),
    "statuses": STATUSES,
    "registry_url": "https://api.comfy.org",
    "state_dir": Path("state"),
    "interval": 900,
    "jitter": 0.1,
    "concurrency": 16,
    "timeout": 30,
    "retries": 3,
    "max_response_mb": 32,
    "baseline": "summary",
    "failure_threshold": 3,
    "alert_urls": (),
    "channels": (),
    "heartbeat_url": None,
    "alert_expiry": 604_800,
    "log_level": "info",
    "log_format": "auto",
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
        "NodeVersionStatusBanned, FLAGGED active banned",
        ("active", "flagged", "banned"),
    ),
    ("registry_url", "https://api.comfy.org/", "https://api.comfy.org"),
    ("registry_url", "http://127.0.0.1:8080/api/", "http://127.0.0.1:8080/api"),
    ("baseline", "FULL", "full"),
    ("log_level", " Debug", "debug"),
    ("interval", "1h30m", 5400),
    ("max_response_mb", "0.5", 0.5),
    *(("heartbeat_url", text, None) for text in ("", " none ")),
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
        assert Settings(**dict(loaded.settings)) == loaded.settings


REFUSED = [
    (
        "nodes",
        "https://comfy.example/nodes/x",
        "'https://***' is not a node id; give the last part of the pack's URL",
    ),
    ("nodes", "https://registry.comfy.org/", "'https://***' is not a node id"),
    (
        "nodes",
        f"https://u:{TOKEN}@registry.comfy.org/nodes/x",
        "'https://***' is not a node id",
    ),
    (
        "nodes",
        "kijai/ComfyUI-KJNodes",
        "'kijai/ComfyUI-KJNodes' is not a node id; give the last part of the pack's",
    ),
    ("nodes", "../x", "'../x' is not a node id"),
    (
        "nodes",
        "!comfyui-test, a",
        "'!comfyui-test' leaves out node packs, but no pattern includes any; add '*'",
    ),
    (
        "nodes",
        "kijai/*",
        "'kijai/*' is not a node id; give the last part of the pack's",
    ),
    ("nodes", "a*:b", "'a*:b' is a pattern that no node id can match; letters A to Z"),
    ("nodes", "a[b", "'a[b' is a pattern that no node id can match"),
    ("nodes", "!", "'!' is a pattern that no node id can match"),
    ("nodes", "\u00e9*", r"'\xe9*' is a pattern that no node id can match"),
    ("nodes", "x*" * 101, "is not a pattern; at most 200 characters"),
    (
        "nodes",
        "-x",
        "'-x' is not a node id; letters A to Z, digits, '.', '_' and '-' are allowed, a letter or a digit",
    ),
    ("nodes", "a:b", "'a:b' is not a node id"),
    ("nodes", "a\u200bb", r"'a\u200bb' is not a node id; letters A to Z"),
    ("nodes", "\u00e9t\u00e9", r"'\xe9t\xe9' is not a node id"),
    ("nodes", "x" * 101, "at most 100 characters"),
    ("nodes", '["a b"]', "'a b' is not a node id"),
    ("nodes", '[""]', "an empty string is not a node id"),
    ("nodes", "[5]", "5 is not a node id; give a string, e.g. 'rgthree-comfy'"),
    ("nodes", "[a]", "begins like a JSON array but is not valid JSON"),
    (
        "statuses",
        "flaged",
        "'flaged' is not a status (did you mean flagged?); give one of active, pending, flagged",
    ),
    ("statuses", "", "the list is empty; give at least one of active"),
    (
        "registry_url",
        "api.comfy.org",
        "'api.comfy.org' is not a registry URL; give one such as https://",
    ),
    ("registry_url", "ftp://h", "'ftp://***' is not a registry URL"),
    ("registry_url", f"https://u:{TOKEN}@h", "'https://***' is not a registry URL"),
    (
        "registry_url",
        f"https://u:{TOKEN}\uff20h:99999",
        "'https://***' is not a registry URL",
    ),
    ("registry_url", f"u:{TOKEN}@h", "'***://***' is not a registry URL"),
    ("registry_url", f"https://h/?key={TOKEN}", "'https://***' is not a registry URL"),
    ("registry_url", f"https://h#{TOKEN}", "without user, query or fragment"),
    (
        "registry_url",
        "https://h:99999",
        "'https://h:99999' has an invalid port; give a number from 1 to 65535",
    ),
    ("registry_url", "https://h:0/x", "'https://h:0/x' has an invalid port"),
    ("registry_url", "https://[::1", "is not a registry URL"),
    ("registry_url", "https:///x", "is not a registry URL"),
    ("registry_url", "https://a b", "is not a URL"),
    ("interval", "soon", "'soon' is not a duration; give a duration such as 90s, 15m"),
    ("interval", "9999d", "is out of range; give 10s to 366d"),
    ("interval", "9s", "'9s' is out of range; give 10s to 366d"),
    ("timeout", "0", "is out of range; give 10ms to 1d"),
    ("alert_expiry", "", "'' is not a duration"),
    ("jitter", "1.5", "'1.5' is not allowed; give a number from 0 to 1"),
    ("jitter", "nan", "'nan' is not allowed"),
    ("concurrency", "0", "'0' is not allowed; give a whole number from 1 to 256"),
    ("concurrency", "2.5", "give a whole number from 1 to 256"),
    ("retries", "21", "give a whole number from 0 to 20"),
    ("max_response_mb", "0", "give a number from 0.001 to 4096"),
    (
        "failure_threshold",
        "many",
        "'many' is not allowed; give a whole number from 1 to 1000",
    ),
    (
        "baseline",
        "sumary",
        "'sumary' is not a baseline (did you mean summary?); give one of summary, silent, full",
    ),
    ("log_level", "loud", "give one of debug, info, warning, error"),
    ("log_format", "xml", "give one of auto, console, json"),
    *(
        (
            "heartbeat_url",
            url,
            "the value (not shown) is not the URL of a monitor; give one such as https://hc-ping.com/",
        )
        for url in (
            *(
                f"{TOKEN}.example/x",
                f"discord://{TOKEN}/x",
                f"https:///{TOKEN}",
                f"https://h/{TOKEN} x",
                f"https://h:0/{TOKEN}",
            ),
            *(
                f"https://h:x{TOKEN}/",
                f"https://[{TOKEN}",
                f"https://h/x#{TOKEN}",
                f"https://{TOKEN}..example/",
            ),
            f"https://h/\u200b{TOKEN}",
        )
    ),
    (
        "alert_urls",
        f"discord://a {TOKEN}",
        "alert_urls, entry 2: the value (not shown) is not an apprise URL",
    ),
    (
        "alert_urls",
        f'["discord://{TOKEN}\\u200b"]',
        "entry 1: the URL (not shown) contains invisible or control",
    ),
    (
        "alert_urls",
        "none, discord://a/b",
        "entry 1: 'none' means that no alerts are wanted; use it alone",
    ),
    (
        "alert_urls",
        f'["json://{TOKEN}", "None"]',
        "alert_urls, entry 2: 'none' means that no alerts are wanted",
    ),
    ("alert_urls", f'["{TOKEN}', "begins like a JSON array but is not valid JSON"),
    (
        "channels",
        f'{{"url": "json://{TOKEN}"}}',
        "begins like a JSON array but is not valid JSON",
    ),
    (
        "channels",
        f'["json://{TOKEN}"]',
        "the value is not a list of tables; write [[channels]] with two brackets",
    ),
]


@pytest.mark.parametrize(
    ("setting", "text", "why"),
    REFUSED,
    ids=[f"{row[0]}-{at}" for at, row in enumerate(REFUSED)],
)
def test_refused(loads: Loads, setting: str, text: str, why: str) -> None:
    """A bad value is one line: the setting, the value unless secret, what is allowed, where it came from."""
    variable = f"COMFY_WATCH_{setting.upper()}"
    (line,) = loads.problems(**{variable: text})
    assert line.startswith((f"{setting}: ", f"{setting}, entry "))
    assert why in line
    assert line.endswith(f"(environment {variable})")
    assert len(line) < 400


CHANNEL = "[[channels]]\nname = 'x'\nurl = 'j://'\n"


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("concurrency = true", "concurrency: true is not allowed"),
        ("concurrency = [1]", "concurrency: a list is not allowed"),
        ("jitter = nan", "jitter: nan is not allowed"),
        ("interval = inf", "interval: inf is not a duration"),
        ("interval = true", "interval: true is not a duration"),
        ("interval = {a = 1}", "interval: a table is not a duration"),
        ("retries = 1979-05-27", "retries: a date is not allowed"),
        (f"retries = {10**30}", "retries: a huge number is not allowed"),
        ("nodes = 5", "nodes: 5 is not a list of names"),
        ("state_dir = ''", "state_dir: '' is not a folder"),
        ("baseline = ['full']", "baseline: a list is not a baseline"),
        ("alert_urls = 5", "alert_urls: the value is not a list of apprise URLs"),
        ("registry_url = 5", "registry_url: 5 is not a URL"),
        (
            "[channels]\nname = 'x'",
            "channels: the value is not a list of tables; write [[channels]]",
        ),
        ("intervall = 5", "intervall: unknown setting; did you mean interval?"),
        ("log-level = 'x'", "'log-level': unknown setting; did you mean log_level?"),
        ("zzz = 5", "zzz: unknown setting; known are nodes, installs, "),
        (f"'json://{TOKEN}' = 5", "'json://***': unknown setting"),
        (
            f"'alert_urls:{TOKEN}' = 1",
            "'alert_urls:***': unknown setting; did you mean alert_urls?",
        ),
        ("[[channels]]\nname = 'x'", "channels, entry 1 (x), url: is required"),
        (
            "[[channels]]\nname = 'x'\nurl = 'y'",
            "channels, entry 1 (x), url: the value (not shown) is not an apprise",
        ),
        (
            "[[channels]]\nname = '../x'\nurl = 'j://'",
            "channels, entry 1, name: '../x' is not a channel name",
        ),
        (
            f"{CHANNEL}node = 'x'",
            "channels, entry 1 (x), node: unknown setting; did you mean nodes?",
        ),
        (
            f"{CHANNEL}interval = '1h'",
            "channels, entry 1 (x), interval: this is a setting, not a key of a channel;",
        ),
        (f"{CHANNEL}kinds = []", "channels, entry 1 (x), kinds: the list is empty"),
        (
            f"{CHANNEL}kinds = ['flaged']",
            "channels, entry 1 (x), kinds, entry 1: 'flaged' is not an event kind (did",
        ),
        (
            f"{CHANNEL}grouping = 'hour'",
            "channels, entry 1 (x), grouping: 'hour' is not a grouping; give one of poll",
        ),
        (
            f"{CHANNEL}scope = 'mine'",
            "channels, entry 1 (x), scope: 'mine' is not a scope; give one of all, installed",
        ),
        (
            f"{CHANNEL}nodes = ['a b']",
            "channels, entry 1 (x), nodes, entry 1: 'a b' is not a node id or glob",
        ),
        (
            f"{CHANNEL}{CHANNEL}".replace("x", "X", 1),
            "channels: two channels have the name 'X'",
        ),
        (
            f"alert_urls = 'x://a'\n{CHANNEL}",
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
    """Each wrong entry of a list is a line, with its place in the list as it was given."""
    toml = "nodes = ['x', 'a b', 'y', 5]\nstatuses = 'flaged active baned'\n"
    lines = loads.problems(
        f"{toml}{CHANNEL}kinds = ['banned', 'flaged']",
        COMFY_WATCH_ALERT_URLS=f'["json://h", "json://h", "{TOKEN}", 5]',
    )
    assert [line.partition(": ")[0] for line in lines] == [
        *("nodes, entry 2", "nodes, entry 4", "statuses, entry 1", "statuses, entry 3"),
        *(
            "alert_urls, entry 3",
            "alert_urls, entry 4",
            "channels, entry 1 (x), kinds, entry 2",
        ),
    ]
    assert "did you mean banned?" in lines[3]


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
    """A channel of `alert_urls` is named by its scheme and its number of that scheme, and gets the default kinds."""
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
        grouping = "node"
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
        Grouping.NODE,
    )
    assert (ops.scope, rest.scope) == (Scope.INSTALLED, Scope.ALL)
    assert ops.kinds == {Kind.BANNED, Kind.FLAGGED}
    assert every.kinds == set(Kind)
    assert (rest.kinds, rest.nodes, rest.grouping) == (DEFAULT_KINDS, (), Grouping.POLL)
    assert [one.kinds_given for one in (ops, every, rest)] == [True, True, False]
    text = json.dumps([{"name": "a", "url": "json://h", "kinds": "new pending"}])
    assert loads("", COMFY_WATCH_CHANNELS=text).settings.all_channels()[0].kinds == {
        Kind.NEW,
        Kind.PENDING,
    }


def test_made_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings made in code read no environment, and cannot be changed."""
    monkeypatch.setenv("RETRIES", "9")
    monkeypatch.setenv("COMFY_WATCH_RETRIES", "9")
    settings = Settings(
        nodes=("a",),
        interval="5m",  # type: ignore[arg-type]
        alert_urls=("json://h",),  # type: ignore[arg-type]
        state_dir="x",  # type: ignore[arg-type]
    )
    assert (settings.retries, settings.interval, settings.state_dir) == (
        3,
        300,
        Path("x"),
    )
    with pytest.raises(ValueError, match="frozen"):
        settings.retries = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "path", ["C:/state", "a:b/c", "/srv/x:/y", "./json:/x", "state"]
)
def test_a_path_with_a_colon_is_one(path: str) -> None:
    """Drives, and folders whose names end in a colon, are not taken for URLs."""
    assert parsing.path(path) == path


@given(st.text(max_size=250))
def test_any_node_id_is_answered(text: str) -> None:
    """Any text is either a node id or a glob, visible and without a URL, or refused in one printable line."""
    for read in (node_ids.read, node_ids.read_more):
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
