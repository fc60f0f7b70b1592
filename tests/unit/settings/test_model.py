"""Settings: every source, spelling, default and refusal of the contract's Settings section."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.cli import config
from watcher.errors import ConfigError
from watcher.model.channel import Grouping
from watcher.model.event import DEFAULT_KINDS, Kind
from watcher.model.version import STATUSES
from watcher.settings import node_ids, parsing, sources
from watcher.settings.loading import Loaded, load
from watcher.settings.model import Settings

TOKEN = "S3cr3tT0k3n"

DEFAULTS: dict[str, object] = {
    "nodes": (),
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
    "alert_expiry": 604_800,
    "log_level": "info",
    "log_format": "auto",
}

Loads = Callable[..., Loaded]


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """Load from a folder of the test's own: `toml` is its file's text, the keywords are environment variables."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()

    def run(
        toml: str | None = None,
        *,
        overrides: Mapping[str, object] | None = None,
        config: Path | None = None,
        secrets: Path = tmp_path / "none",
        **environ: str,
    ) -> Loaded:
        if toml is not None:
            (cwd / "comfy-watch.toml").write_text(toml, "utf-8")
        environ = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": ""} | environ
        return load(config=config, overrides=overrides or {}, environ=environ, cwd=cwd, container_secrets=secrets)

    return run


def _problems(loads: Loads, *args: str, **kwargs: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loads(*args, **kwargs)
    assert caught.value.exit_code == 2
    for line in caught.value.problems:
        assert line.isprintable()
        assert "input" not in line.lower()
    return list(caught.value.problems)


def test_defaults(loads: Loads, tmp_path: Path) -> None:
    """With no source at all every setting has the contract's default, in the contract's order."""
    loaded = loads()
    found = {name: getattr(loaded.settings, name) for name in Settings.model_fields}
    assert found == DEFAULTS | {"state_dir": tmp_path / "cwd" / "state"}
    assert list(found) == list(DEFAULTS)
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.config_file is None


def test_precedence(loads: Loads, tmp_path: Path) -> None:
    """Command line beats environment beats secrets folders beat file beats default, and each origin is named."""
    container, credentials = tmp_path / "container", tmp_path / "credentials"
    for folder in (container, credentials):
        folder.mkdir()
    for name in ("retries", "concurrency", "failure_threshold", "jitter"):
        (container / name).write_text("1\n")
    for name in ("RETRIES", "comfy_watch_concurrency", "failure_threshold"):
        (credentials / name).write_text(" 2 \n")
    loaded = loads(
        "retries = 0\nconcurrency = 9\nfailure_threshold = 9\njitter = 0.9\ninterval = '9m'\ntimeout = '9s'",
        overrides={"retries": "4", "log_level": None},
        secrets=container,
        CREDENTIALS_DIRECTORY=str(credentials),
        COMFY_WATCH_RETRIES="3",
        comfy_watch_concurrency="3",
        COMFY_WATCH_TIMEOUT="3s",
    )
    settings, file = loaded.settings, tmp_path / "cwd" / "comfy-watch.toml"
    assert (settings.retries, loaded.origins["retries"]) == (4, "command line")
    assert (settings.concurrency, loaded.origins["concurrency"]) == (3, "environment comfy_watch_concurrency")
    assert settings.failure_threshold == 2
    assert loaded.origins["failure_threshold"] == f"secret file {credentials / 'failure_threshold'}"
    assert (settings.jitter, loaded.origins["jitter"]) == (1, f"secret file {container / 'jitter'}")
    assert (settings.interval, loaded.origins["interval"]) == (540, str(file))
    assert (settings.timeout, loaded.origins["timeout"]) == (3, "environment COMFY_WATCH_TIMEOUT")
    assert (settings.log_level, loaded.origins["log_level"]) == ("info", "default")
    assert loaded.config_file == file


def test_files_of_others_in_a_secrets_folder(loads: Loads, tmp_path: Path) -> None:
    """A secrets folder may hold files and folders that are not ours."""
    folder = tmp_path / "secrets"
    (folder / "nodes").mkdir(parents=True)
    (folder / "database_password").write_bytes(b"\xff")
    assert loads(secrets=folder).settings.nodes == ()


def test_command_line_nodes_add(loads: Loads) -> None:
    """Nodes of the command line add to the others', once whatever the case, and the first spelling stays."""
    loaded = loads("nodes = ['Alpha', 'beta']", overrides={"nodes": ("BETA", "gamma", "alpha")})
    assert loaded.settings.nodes == ("Alpha", "beta", "gamma")
    assert loaded.origins["nodes"].endswith("comfy-watch.toml + command line")
    alone = loads("", overrides={"nodes": ("gamma",)})
    assert (alone.settings.nodes, alone.origins["nodes"]) == (("gamma",), "command line")


def test_file_search(loads: Loads, tmp_path: Path) -> None:
    """The file is `--config`, else `$COMFY_WATCH_CONFIG`, else the working folder's, else the user's."""
    named, by_environment, users = tmp_path / "named.toml", tmp_path / "env.toml", tmp_path / "xdg" / "comfy-watch"
    home = tmp_path / "home" / ".config" / "comfy-watch"
    users.mkdir(parents=True)
    home.mkdir(parents=True)
    for path, retries in (
        (named, 1),
        (by_environment, 2),
        (users / "comfy-watch.toml", 4),
        (home / "comfy-watch.toml", 5),
    ):
        path.write_text(f"retries = {retries}")
    user = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert loads().settings.retries == 5
    assert loads(**user).settings.retries == 4
    assert loads("retries = 3", **user).settings.retries == 3
    assert loads(COMFY_WATCH_CONFIG="../env.toml", **user).settings.retries == 2
    assert loads(config=Path("../named.toml"), COMFY_WATCH_CONFIG=str(by_environment)).settings.retries == 1


@pytest.mark.parametrize("by", ["--config", "environment COMFY_WATCH_CONFIG"])
def test_named_file_must_exist(loads: Loads, tmp_path: Path, by: str) -> None:
    """A settings file that was named and is not there is an error which says who named it."""
    path = tmp_path / "absent.toml"
    how: dict[str, object] = {"config": path} if by == "--config" else {"COMFY_WATCH_CONFIG": str(path)}
    assert _problems(loads, **how) == [f"{path}: does not exist ({by})"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"interval = \nretries = 1", "not valid TOML at line 1, column 12: invalid value"),
        (b"a = 1\n" + TOKEN.encode() + b" = soon", "not valid TOML at line 2, column"),
        (f"'{TOKEN}' = 1\n'{TOKEN}' = 2\n".encode(), "not valid TOML at "),
        (f'alert_urls = "discord://{TOKEN}'.encode(), "not valid TOML at "),
        (b"a = " + b"[" * 20_000, "not valid TOML"),
        (b"a = " + b"1" * 10_000, "not valid TOML"),
        (b"\xff\xfen\0o\0", "not UTF-8 text"),
        (b"#" * (4 * 1024 * 1024 + 1), "larger than 4 MB"),
    ],
    ids=["value", "statement", "twice", "string", "deep", "digits", "utf-16", "huge"],
)
def test_unreadable_content(loads: Loads, tmp_path: Path, content: bytes, said: str) -> None:
    """A file that is no TOML is one line with the place of the fault and nothing of its content."""
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    (line,) = _problems(loads, config=path)
    assert line.startswith(f"{path}: {said}")
    assert TOKEN not in line
    assert len(line) < len(str(path)) + 200


def test_folder_instead_of_file(loads: Loads, tmp_path: Path) -> None:
    """A folder where a file is expected is said to be one; a missing credentials folder is, too."""
    lines = _problems(loads, config=tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path / "gone"))
    assert lines == [
        f"secrets folder {tmp_path / 'gone'}: does not exist (environment CREDENTIALS_DIRECTORY)",
        f"{tmp_path}: is a folder, not a file (--config)",
    ]


def test_file_that_may_not_be_read(loads: Loads, tmp_path: Path) -> None:
    """A file that this user may not read is said to be that, and what the system answers to others is passed on."""
    tmp_path.chmod(0o000)
    try:
        os.seteuid(65_534 if os.getuid() == 0 else os.getuid())
        lines = _problems(loads, config=tmp_path / "c.toml")
    finally:
        os.seteuid(os.getuid())
        tmp_path.chmod(0o700)
    assert lines == [f"{tmp_path / 'c.toml'}: is not readable by this user (--config)"]
    assert _problems(loads, config=tmp_path / ("x" * 300))[0].endswith("cannot be read (File name too long) (--config)")


def test_byte_order_mark(loads: Loads, tmp_path: Path) -> None:
    """A file that an editor began with a byte order mark and wrote with CRLF is read like any other."""
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbfretries = 7\r\ninterval = 60\r\n")
    assert loads(config=path).settings.retries == 7


@pytest.mark.parametrize("given", ["json://user:{}@host/x", "  HTTPS:/h/{}", '["json://h/{}"]', "nodes=json:/{}"])
def test_a_url_is_no_path(loads: Loads, given: str) -> None:
    """What may be an alert URL is refused in the place of a path, also as `Path` has it; only its scheme is shown."""
    url = given.format(TOKEN)
    for refused in (
        _problems(loads, COMFY_WATCH_CONFIG=url),
        _problems(loads, config=Path(url)),
        _problems(loads, CREDENTIALS_DIRECTORY=url),
        _problems(loads, COMFY_WATCH_STATE_DIR=url),
        _problems(loads, overrides={"state_dir": url}),
        _problems(loads, f"state_dir = '{url}'"),
    ):
        assert len(refused) == 1
        assert "***' is a URL, not a path" in refused[0]
        assert TOKEN not in refused[0]


def test_a_url_for_the_file_hides_no_other_mistake(loads: Loads) -> None:
    """What else is wrong is said beside it."""
    assert len(_problems(loads, COMFY_WATCH_CONFIG="json://h", COMFY_WATCH_RETRIES="many")) == 2


@pytest.mark.parametrize("path", ["C:/state", "a:b/c", "/srv/x:/y", "./json:/x", "state"])
def test_a_path_with_a_colon_is_one(path: str) -> None:
    """Drives, and folders whose names end in a colon, are not taken for URLs."""
    assert parsing.path(path) == path


def test_state_dir(loads: Loads, tmp_path: Path) -> None:
    """A relative state folder starts at the folder of the file that says it, or else at the working folder."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "c.toml").write_text("")
    assert loads(config=folder / "c.toml").settings.state_dir == folder / "state"
    assert loads(config=folder / "c.toml", COMFY_WATCH_STATE_DIR="x").settings.state_dir == tmp_path / "cwd" / "x"
    by_option = loads(config=folder / "c.toml", overrides={"state_dir": "x"}).settings.state_dir
    assert by_option == tmp_path / "cwd" / "x"
    assert loads(COMFY_WATCH_STATE_DIR="x/y").settings.state_dir == tmp_path / "cwd" / "x" / "y"
    by_systemd = loads(STATE_DIRECTORY="/var/lib/comfy-watch:/var/lib/other")
    assert by_systemd.settings.state_dir == Path("/var/lib/comfy-watch")
    assert by_systemd.origins["state_dir"] == "environment STATE_DIRECTORY"
    assert loads("state_dir = 'mine'", STATE_DIRECTORY="/var/lib/x").settings.state_dir == tmp_path / "cwd" / "mine"
    assert loads(COMFY_WATCH_STATE_DIR="~/watch").settings.state_dir == Path("~/watch").expanduser()
    assert "is not a folder" in _problems(loads, COMFY_WATCH_STATE_DIR=" ")[0]
    assert "home folder" in _problems(loads, COMFY_WATCH_STATE_DIR="~no-such-user-at-all/x")[0]


@pytest.mark.parametrize(
    "text", ["a,B,c", "a B  c", "a\nB\nc\n", " a, B,\n c, b ", '["a", "B", "c"]', '\n["a","B","C","c"]'], ids=repr
)
def test_lists_as_text(loads: Loads, text: str) -> None:
    """A list in the environment, or as one TOML string, may be split by commas, spaces or newlines, or be JSON."""
    assert [node.lower() for node in loads(COMFY_WATCH_NODES=text).settings.nodes] == ["a", "b", "c"]
    assert [node.lower() for node in loads(f"nodes = {json.dumps(text)}").settings.nodes] == ["a", "b", "c"]


def test_empty_lists(loads: Loads) -> None:
    """An empty variable for a list means an empty list."""
    settings = loads(COMFY_WATCH_NODES="", COMFY_WATCH_ALERT_URLS="", COMFY_WATCH_CHANNELS=" ").settings
    assert (settings.nodes, settings.alert_urls, settings.channels) == ((), (), ())


def test_statuses(loads: Loads) -> None:
    """Statuses are taken by short and by long name in any case, and come in the spec's order."""
    settings = loads(COMFY_WATCH_STATUSES="NodeVersionStatusBanned, FLAGGED active banned").settings
    assert settings.statuses == ("active", "flagged", "banned")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("https://api.comfy.org/", "https://api.comfy.org"), ("http://127.0.0.1:8080/api/", "http://127.0.0.1:8080/api")],
)
def test_registry_url(loads: Loads, given: str, kept: str) -> None:
    """A registry's address is http or https, and loses its trailing slash."""
    assert loads(COMFY_WATCH_REGISTRY_URL=given).settings.registry_url == kept


def test_choices_in_any_case(loads: Loads) -> None:
    """Words out of a fixed set are taken in any case."""
    settings = loads("baseline = 'FULL'\nlog_level = 'Debug'", COMFY_WATCH_LOG_FORMAT="JSON").settings
    assert (settings.baseline, settings.log_level, settings.log_format) == ("full", "debug", "json")


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
    """Alert URLs are split at white space, and at a comma only where a scheme follows; the same one twice is one."""
    channels = loads(COMFY_WATCH_ALERT_URLS=text).settings.all_channels()
    expected = ["discord://a/b", "mailto://u:p@h?to=a@x.org,b@y.org", "json://h/p"]
    assert [channel.url for channel in channels] == expected
    assert loads(f"alert_urls = {json.dumps(expected)}").settings.all_channels() == channels


def test_channels_of_alert_urls(loads: Loads) -> None:
    """A channel of `alert_urls` is named by its scheme and place among its like, and gets the default kinds."""
    urls = "discord://a json://b Discord://c discord://d x+y://e"
    channels = loads(COMFY_WATCH_ALERT_URLS=urls).settings.all_channels()
    assert [channel.name for channel in channels] == ["discord", "json", "discord-2", "discord-3", "x-y"]
    assert {channel.kinds for channel in channels} == {DEFAULT_KINDS}
    assert {channel.grouping for channel in channels} == {Grouping.POLL}


def test_channel_tables(loads: Loads) -> None:
    """A `[[channels]]` table, or JSON in the environment, gives a channel its own kinds, node globs and grouping."""
    toml = """
        alert_urls = "json://h"
        [[channels]]
        name = "ops"
        url = "slack://t"
        kinds = ["Banned", "flagged"]
        nodes = ["comfyui-*", "x"]
        grouping = "node"
        [[channels]]
        name = "all.of-it_2"
        url = "slack://u"
        kinds = "all"
        [[channels]]
        name = "rest"
        url = "slack://v"
    """
    _, ops, every, rest = loads(toml).settings.all_channels()
    assert (ops.name, ops.url, ops.nodes, ops.grouping) == ("ops", "slack://t", ("comfyui-*", "x"), Grouping.NODE)
    assert ops.kinds == {Kind.BANNED, Kind.FLAGGED}
    assert every.kinds == set(Kind)
    assert (rest.kinds, rest.nodes, rest.grouping) == (DEFAULT_KINDS, (), Grouping.POLL)
    text = json.dumps([{"name": "a", "url": "json://h", "kinds": "new pending"}])
    assert loads("", COMFY_WATCH_CHANNELS=text).settings.all_channels()[0].kinds == {Kind.NEW, Kind.PENDING}


REFUSED = [
    ("nodes", "https://comfy.example/nodes/x", "'https://***' is not a node id; give the last part of the pack's"),
    ("nodes", "https://registry.comfy.org/", "'https://***' is not a node id"),
    ("nodes", f"https://u:{TOKEN}@registry.comfy.org/nodes/x", "'https://***' is not a node id"),
    ("nodes", "kijai/ComfyUI-KJNodes", "'kijai/ComfyUI-KJNodes' is not a node id; give the last part of the pack's"),
    ("nodes", "../x", "'../x' is not a node id"),
    ("nodes", "*", "'*' is a pattern, which nodes does not support; give each node pack's id"),
    ("nodes", "comfyui-*", "'comfyui-*' is a pattern, which nodes does not support"),
    ("nodes", "!comfyui-test", "'!comfyui-test' is a pattern, which nodes does not support"),
    ("nodes", "-x", "'-x' is not a node id; letters A to Z, digits, '.', '_' and '-' are allowed, a letter or a digit"),
    ("nodes", "a:b", "'a:b' is not a node id"),
    ("nodes", "a\u200bb", r"'a\u200bb' is not a node id; letters A to Z"),
    ("nodes", "a\u202eb", r"'a\u202eb' is not a node id"),
    ("nodes", "\u00e9t\u00e9", r"'\xe9t\xe9' is not a node id"),
    ("nodes", "x" * 101, "at most 100 characters"),
    ("nodes", '["a b"]', "'a b' is not a node id"),
    ("nodes", '[""]', "an empty string is not a node id"),
    ("nodes", "[5]", "5 is not a node id; give a string, e.g. 'rgthree-comfy'"),
    ("nodes", "[a]", "begins like a JSON array but is not valid JSON"),
    ("statuses", "flaged", "'flaged' is not a status (did you mean flagged?); give one of active, pending, flagged"),
    ("statuses", "", "the list is empty; give at least one of active"),
    ("registry_url", "api.comfy.org", "'api.comfy.org' is not a registry URL; give one such as https://"),
    ("registry_url", "ftp://h", "'ftp://***' is not a registry URL"),
    ("registry_url", f"https://u:{TOKEN}@h", "'https://***' is not a registry URL"),
    ("registry_url", f"https://u:a?{TOKEN}@h", "'https://***' is not a registry URL"),
    ("registry_url", f"https://u:{TOKEN}\uff20h:99999", "'https://***' is not a registry URL"),
    ("registry_url", f"discord://{TOKEN}/x", "'discord://***' is not a registry URL"),
    ("registry_url", f"u:{TOKEN}@h", "'***://***' is not a registry URL"),
    ("registry_url", f"https://h/?key={TOKEN}", "'https://***' is not a registry URL"),
    ("registry_url", f"https://h#{TOKEN}", "without user, query or fragment"),
    (
        "registry_url",
        "https://h:99999",
        "'https://h:99999' has an invalid port; give a number from 1 to 65535",
    ),
    ("registry_url", "https://h:0/x", "'https://h:0/x' has an invalid port"),
    ("registry_url", "https://h:8o", "'https://h:8o' has an invalid port"),
    ("registry_url", "https://[::1", "is not a registry URL"),
    ("registry_url", "https:///x", "is not a registry URL"),
    ("registry_url", "https://a b", "is not a URL"),
    ("interval", "soon", "'soon' is not a duration; give a duration such as 90s, 15m"),
    ("interval", "-5", "'-5' is not a duration"),
    ("interval", "9999d", "is out of range; give 10s to 366d"),
    ("interval", "9s", "'9s' is out of range; give 10s to 366d"),
    ("interval", "0", "give 10s to 366d"),
    ("timeout", "0", "is out of range; give 10ms to 1d"),
    ("alert_expiry", "", "'' is not a duration"),
    ("jitter", "1.5", "'1.5' is not allowed; give a number from 0 to 1"),
    ("jitter", "nan", "'nan' is not allowed"),
    ("concurrency", "0", "'0' is not allowed; give a whole number from 1 to 256"),
    ("concurrency", "2.5", "give a whole number from 1 to 256"),
    ("retries", "21", "give a whole number from 0 to 20"),
    ("max_response_mb", "0", "give a number from 0.001 to 4096"),
    ("failure_threshold", "many", "'many' is not allowed; give a whole number from 1 to 1000"),
    ("baseline", "sumary", "'sumary' is not a baseline (did you mean summary?); give one of summary, silent, full"),
    ("log_level", "loud", "give one of debug, info, warning, error"),
    ("log_format", "xml", "give one of auto, console, json"),
    ("alert_urls", f"discord://a {TOKEN}", "alert_urls, entry 2: the value (not shown) is not an apprise URL"),
    (
        "alert_urls",
        f'["discord://{TOKEN}\\u200b"]',
        "alert_urls, entry 1: the URL (not shown) contains invisible or control characters",
    ),
    (
        "alert_urls",
        "none, discord://a/b",
        "alert_urls, entry 1: 'none' means that no alerts are wanted; use it alone",
    ),
    ("alert_urls", f'["json://{TOKEN}", "None"]', "alert_urls, entry 2: 'none' means that no alerts are wanted"),
    ("alert_urls", f'["{TOKEN}', "begins like a JSON array but is not valid JSON"),
    ("channels", f'{{"url": "json://{TOKEN}"}}', "begins like a JSON array but is not valid JSON"),
    ("channels", f'["json://{TOKEN}"]', "the value is not a list of tables; write [[channels]] with two brackets"),
]


@pytest.mark.parametrize(("setting", "text", "said"), REFUSED, ids=[f"{row[0]}-{at}" for at, row in enumerate(REFUSED)])
def test_refusals(loads: Loads, setting: str, text: str, said: str) -> None:
    """A bad value is one line: the setting, the value unless secret, what is allowed, where it came from."""
    variable = f"COMFY_WATCH_{setting.upper()}"
    (line,) = _problems(loads, **{variable: text})
    assert line.startswith((f"{setting}: ", f"{setting}, entry "))
    assert said in line
    assert line.endswith(f"(environment {variable})")
    assert TOKEN not in line
    assert len(line) < 400


def test_every_entry_that_is_wrong_is_named(loads: Loads) -> None:
    """Of a list each wrong entry is a line of its own, with its place in the list as it was given."""
    toml = """
        nodes = ["x", "a b", "y", 5]
        statuses = "flaged active baned"
        [[channels]]
        name = "ops"
        url = "json://h"
        kinds = ["banned", "flaged"]
    """
    lines = _problems(loads, toml, COMFY_WATCH_ALERT_URLS=f'["json://h", "json://h", "{TOKEN}", 5]')
    assert [line.partition(": ")[0] for line in lines] == [
        *("nodes, entry 2", "nodes, entry 4", "statuses, entry 1", "statuses, entry 3"),
        *("alert_urls, entry 3", "alert_urls, entry 4", "channels, entry 1 (ops), kinds, entry 2"),
    ]
    assert "did you mean banned?" in lines[3]


@pytest.mark.parametrize(
    "address",
    [
        "https://registry.comfy.org/nodes/{}",
        "HTTP://Registry.Comfy.Org/nodes/{}/",
        "registry.comfy.org/nodes/{}?tab=versions",
        "https://registry.comfy.org/publishers/somebody/nodes/{}#top",
    ],
)
def test_a_packs_address_is_taken_for_its_id(loads: Loads, address: str) -> None:
    """The address that a browser shows for a pack stands for the pack, in every source."""
    given = address.format("ComfyUI_KJ-Nodes.2")
    assert loads(f"nodes = ['{given}', 'comfyui_kj-nodes.2']").settings.nodes == ("ComfyUI_KJ-Nodes.2",)
    assert loads("", COMFY_WATCH_NODES=given).settings.nodes == ("ComfyUI_KJ-Nodes.2",)
    assert loads("", overrides={"nodes": (given,)}).settings.nodes == ("ComfyUI_KJ-Nodes.2",)


@pytest.mark.parametrize("node", ["a", "x" * 100, "0", "A.b_c-"])
def test_an_id_may_be(loads: Loads, node: str) -> None:
    """An id begins with a letter or a digit and has at most 100 letters, digits, dots, underscores and hyphens."""
    assert loads(COMFY_WATCH_NODES=node).settings.nodes == (node,)


@pytest.mark.parametrize("said", ["none", " NONE,", '["None"]'])
def test_no_alerts_are_wanted(loads: Loads, said: str) -> None:
    """`alert_urls = "none"` says that no alerts are wanted, in any source and case; channels may stand beside it."""
    for loaded in (loads(COMFY_WATCH_ALERT_URLS=said), loads(f"alert_urls = {json.dumps(said)}")):
        assert (loaded.settings.alert_urls, loaded.settings.all_channels()) == (None, ())
        assert {name: value for name, value, _ in config.rows(loaded)}["alert_urls"] == "none, as intended"
        assert Settings(**dict(loaded.settings)) == loaded.settings
    beside = loads("alert_urls = ['none']\n[[channels]]\nname = 'ops'\nurl = 'json://h'")
    assert [channel.name for channel in beside.settings.all_channels()] == ["ops"]


@pytest.mark.parametrize("variable", [f"COMFY_WATCH_ALERT_URLS:discord://{TOKEN}/x", f"COMFY_WATCH_{TOKEN}:x"])
def test_a_colon_for_the_equals_sign(loads: Loads, variable: str) -> None:
    """A variable whose name is none is refused without what follows the name, which may be a secret."""
    (line,) = _problems(loads, **{variable: "x"})
    shown = variable.partition(":")[0]
    assert line == f"environment {shown}***: not a setting's name; write COMFY_WATCH_NAME=VALUE"


def test_a_colon_in_the_file(loads: Loads) -> None:
    """A key with a colon in it is shown up to that."""
    (line,) = _problems(loads, f"'alert_urls:{TOKEN}' = 1")
    assert line.startswith("'alert_urls:***': unknown setting; did you mean alert_urls?")
    assert TOKEN not in line


@pytest.mark.parametrize(
    "name",
    [
        *("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR"),
        *("PORT_80_TCP_PROTO", "NODES_SERVICE_HOST", "NODES_PORT"),
    ],
)
def test_variables_of_kubernetes(loads: Loads, name: str) -> None:
    """What Kubernetes puts into a pod beside a service called comfy-watch, or comfy-watch-nodes, is not ours."""
    assert loads(**{f"COMFY_WATCH_{name}": "tcp://10.0.0.1:80"}).warnings == ()


def test_other_variables(loads: Loads) -> None:
    """A variable that is much like a setting's is a mistake; any other is a warning that shows no value."""
    loaded = loads(COMFY_WATCH_IMAGE=f"json://{TOKEN}", comfy_watch_home="x")
    assert loaded.warnings == (
        "environment COMFY_WATCH_IMAGE: unknown setting, ignored",
        "environment comfy_watch_home: unknown setting, ignored",
    )
    for name, meant in (("INTERVALL", "interval"), ("NODE", "nodes"), ("ALERTURLS", "alert_urls")):
        (line,) = _problems(loads, **{f"COMFY_WATCH_{name}": "x"})
        assert line == f"{name.lower()}: unknown setting; did you mean {meant}? (environment COMFY_WATCH_{name})"


@pytest.mark.parametrize("kind", ["fifo", "device", "socket"])
@pytest.mark.parametrize("where", ["--config", "secrets"])
def test_what_is_no_file_is_not_waited_for(loads: Loads, tmp_path: Path, kind: str, where: str) -> None:
    """A pipe, a device or a socket in the place of a file is an error, and nothing waits for what it might give."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    path = folder / "nodes"
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            listener.bind(os.path.relpath(path))
        else:
            path.symlink_to("/dev/zero")
        (line,) = _problems(loads, **({"config": path} if where == "--config" else {"secrets": folder}))
    assert line.removeprefix("secret file ").startswith(f"{path}: is not a regular file")


@pytest.mark.parametrize(
    ("mode", "toml", "warned"),
    [
        (0o644, "alert_urls = 'json://h'", True),
        (0o640, "[[channels]]\nname = 'x'\nurl = 'json://h'", True),
        (0o604, "alert_urls = ['json://h']", True),
        (0o600, "alert_urls = 'json://h'", False),
        (0o644, "nodes = 'x'\nalert_urls = 'none'", False),
    ],
)
def test_secrets_that_others_can_read(loads: Loads, tmp_path: Path, mode: int, toml: str, warned: bool) -> None:
    """A settings file with alert URLs in it that others can read is worth a warning."""
    path = tmp_path / "c.toml"
    path.write_text(toml, "utf-8")
    path.chmod(mode)
    said = f"{path} holds secrets and can be read by others; try: chmod 600 {path}"
    assert loads(config=path).warnings == ((said,) if warned else ())


@pytest.mark.parametrize(
    ("toml", "said"),
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
        ("[channels]\nname = 'x'", "channels: the value is not a list of tables; write [[channels]]"),
        ("intervall = 5", "intervall: unknown setting; did you mean interval?"),
        ("log-level = 'x'", "'log-level': unknown setting; did you mean log_level?"),
        ("zzz = 5", "zzz: unknown setting; known are nodes, statuses, "),
        (f"'json://{TOKEN}' = 5", "'json://***': unknown setting"),
        ("[[channels]]\nname = 'x'", "channels, entry 1 (x), url: is required"),
        (
            "[[channels]]\nname = 'x'\nurl = 'y'",
            "channels, entry 1 (x), url: the value (not shown) is not an apprise URL",
        ),
        ("[[channels]]\nname = '../x'\nurl = 'j://'", "channels, entry 1, name: '../x' is not a channel name"),
        (
            "[[channels]]\nname = 'x'\nurl = 'j://'\nnode = 'x'",
            "channels, entry 1 (x), node: unknown setting; did you mean nodes?",
        ),
        (
            "[[channels]]\nname = 'x'\nurl = 'j://'\ninterval = '1h'",
            "channels, entry 1 (x), interval: this is a setting, not a key of a channel; put the line above the",
        ),
        ("[[channels]]\nname = 'x'\nurl = 'j://'\nkinds = []", "channels, entry 1 (x), kinds: the list is empty"),
        (
            "[[channels]]\nname = 'x'\nurl = 'j://'\nkinds = ['flaged']",
            "channels, entry 1 (x), kinds, entry 1: 'flaged' is not an event kind (did you mean flagged?)",
        ),
        (
            "[[channels]]\nname = 'x'\nurl = 'j://'\ngrouping = 'hour'",
            "channels, entry 1 (x), grouping: 'hour' is not a grouping; give one of poll, node, event",
        ),
        (
            "[[channels]]\nname = 'x'\nurl = 'j://'\nnodes = ['a b']",
            "channels, entry 1 (x), nodes, entry 1: 'a b' is not a node id or glob",
        ),
        (
            "alert_urls = 'discord://a'\n[[channels]]\nname = 'Discord'\nurl = 'j://'",
            "channels: two channels have the name 'Discord'",
        ),
    ],
)
def test_refusals_in_the_file(loads: Loads, tmp_path: Path, toml: str, said: str) -> None:
    """What is wrong in the file is one line that names the setting and the file."""
    (line,) = _problems(loads, toml)
    assert line.startswith(said)
    assert line.endswith(f"({tmp_path / 'cwd' / 'comfy-watch.toml'})")
    assert TOKEN not in line


def test_two_tables_of_one_name(loads: Loads) -> None:
    """Two `[[channels]]` tables cannot have one name, whatever its case."""
    (line,) = _problems(loads, "[[channels]]\nname='x'\nurl='j://'\n[[channels]]\nname='X'\nurl='j://'\n")
    assert "the name 'x'" in line


def test_all_at_once(loads: Loads, tmp_path: Path) -> None:
    """Everything that is wrong, in every source, comes in one error, a line each."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "alert_urls").write_text(TOKEN)
    (secrets / "jitter").write_bytes(b"\xff")
    lines = _problems(
        loads,
        "interval = 'soon'\nretrys = 3\n[[channels]]\nname = ' '\nurl = 1\ncolor = 'red'",
        secrets=secrets,
        overrides={"log_level": "loud", "nodes": ("a b",)},
        COMFY_WATCH_CONCURRENCY="0",
        COMFY_WATCH_TIMEOUTS="3",
    )
    starts = [
        *("secret file ", "interval: ", "concurrency: ", "alert_urls, entry 1: ", "channels, entry 1, name: "),
        *(
            "channels, entry 1, url: ",
            "channels, entry 1, color: ",
            "log_level: ",
            "timeouts: unknown",
            "retrys: unknown",
        ),
        "nodes, entry 1: ",
    ]
    assert len(lines) == len(starts)
    assert all(any(line.startswith(start) for line in lines) for start in starts)
    assert any(line.endswith(f"(secret file {secrets / 'alert_urls'})") for line in lines)
    assert any(line.startswith("log_level") and line.endswith("(command line)") for line in lines)


def test_alert_urls_are_judged_beside_other_mistakes(tmp_path: Path) -> None:
    """An alert URL that apprise refuses is named in the same breath as a setting that is wrong."""
    path = tmp_path / "comfy-watch.toml"
    path.write_text(f"interval = 'soon'\nalert_urls = ['json://{TOKEN}']\n[[channels]]\nname = 'ops'\nurl = 'j://x'\n")
    asked: list[str] = []

    def refusal(url: str) -> str | None:
        asked.append(url)
        return "nobody there" if url == "j://x" else None

    with pytest.raises(ConfigError) as caught:
        load(config=path, overrides={}, environ={}, cwd=tmp_path, refusal=refusal)
    interval, channel = caught.value.problems
    assert interval.startswith("interval: ")
    assert channel == f"channels, entry 1 (ops), url: nobody there ({path})"
    assert asked == [f"json://{TOKEN}", "j://x"]


def test_overridden_value_is_not_judged(loads: Loads) -> None:
    """A bad value that a later source replaces is nobody's concern."""
    assert loads("retries = 99", COMFY_WATCH_RETRIES="1").settings.retries == 1


def test_made_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings made in code look at no environment, and take spellings and values alike."""
    monkeypatch.setenv("RETRIES", "9")
    monkeypatch.setenv("COMFY_WATCH_RETRIES", "9")
    settings = Settings(nodes=("a",), interval="5m", alert_urls=("json://h",), state_dir="x")  # type: ignore[arg-type]
    assert (settings.retries, settings.interval, settings.state_dir) == (3, 300, Path("x"))
    assert Settings(**dict(settings)) == settings


def _with_secrets(loads: Loads) -> Loaded:
    return loads(
        f"alert_urls = ['discord://id/{TOKEN}']\n[[channels]]\nname = 'ops'\nurl = 'slack://{TOKEN}'\nkinds = 'all'",
        overrides={"nodes": ("a", "b")},
        COMFY_WATCH_INTERVAL="90m",
    )


def test_secrets_are_in_no_repr(loads: Loads) -> None:
    """No way of printing settings or channels shows an alert URL."""
    loaded = _with_secrets(loads)
    channels = loaded.settings.all_channels()
    assert TOKEN in channels[0].url
    shown = [repr(loaded), str(loaded.settings), loaded.settings.model_dump_json(), repr(channels)]
    assert not [text for text in shown if TOKEN in text]


def test_secrets_are_in_no_error(loads: Loads) -> None:
    """An error beside secrets holds none of them: not in its lines, its traceback, or the exceptions behind it."""
    bad = f"retries = 99\nalert_urls = ['{TOKEN}']\n[[channels]]\nname = '/'\nurl = 'j://{TOKEN}'\nkey = '{TOKEN}'"
    with pytest.raises(ConfigError) as caught:
        loads(bad)
    error: BaseException | None = caught.value
    assert "retries: 99" in str(error)
    while error is not None:
        assert TOKEN not in "".join(traceback.format_exception(error))
        error = error.__cause__ or error.__context__


def test_secrets_travel_sealed() -> None:
    """What a source hands to the settings library, which has a debug log of its own, shows no secret."""
    given = {"alert_urls": f"json://{TOKEN}", "channels": [{"url": TOKEN}], "retries": 3}
    source = sources.CommandLine(Settings, given)
    handed = source()
    assert handed["retries"] == 3
    assert source.get_field_value(Settings.model_fields["retries"], "retries") == (3, "retries", False)
    assert TOKEN not in f"{handed!r} {handed} {source!r}"


def test_config_rows(loads: Loads, tmp_path: Path) -> None:
    """`config` shows every setting with its origin, channels by name, alert URLs by scheme only."""
    loaded = _with_secrets(loads)
    rows = config.rows(loaded)
    shown = {name: (value, origin) for name, value, origin in rows}
    file = str(tmp_path / "cwd" / "comfy-watch.toml")
    assert set(DEFAULTS) - {"channels"} <= set(shown)
    assert shown["nodes"] == ("a, b", "command line")
    assert shown["interval"] == ("1h30m", "environment COMFY_WATCH_INTERVAL")
    assert shown["timeout"] == ("30s", "default")
    assert shown["max_response_mb"] == ("32", "default")
    assert shown["alert_urls"] == ("discord (discord://***)", file)
    assert shown["channels.ops"] == ("slack://***; kinds: all; nodes: all; grouping: poll", file)
    assert TOKEN not in str(rows)
    assert {name: value for name, value, _ in config.rows(loads(""))}["channels"] == "none"


def test_config_document(loads: Loads) -> None:
    """The JSON form has the same settings, durations in seconds, secrets masked."""
    loaded = _with_secrets(loads)
    text = json.dumps(config.document(loaded))
    settings = json.loads(text)["settings"]
    assert list(settings) == list(DEFAULTS)
    assert settings["interval"] == {"value": 5400, "from": "environment COMFY_WATCH_INTERVAL"}
    assert settings["channels"]["value"][0] == {
        "name": "ops",
        "url": "slack://***",
        "kinds": [kind.value for kind in Kind],
        "nodes": [],
        "grouping": "poll",
    }
    assert TOKEN not in text


def test_loaded_is_a_value(loads: Loads) -> None:
    """What was loaded cannot be changed."""
    loaded = loads()
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.config_file = None  # type: ignore[misc]
    with pytest.raises(ValueError):
        loaded.settings.retries = 1  # type: ignore[misc]


@given(st.text(max_size=250))
def test_any_node_id_is_answered(text: str) -> None:
    """Any text is either a node id that can be seen and holds no address, or refused in one printable line."""
    try:
        (node,) = node_ids.read([text])
    except ValueError as refusal:
        said = str(refusal)
    else:
        assert " " not in node
        assert "://" not in node
        said = node
    assert said.isprintable()


@given(st.text(max_size=100))
def test_any_alert_url_is_kept_from_sight(text: str) -> None:
    """Any text for alert URLs is either taken or refused in a sentence that shows none of it."""
    said = ""
    try:
        parsing.alert_urls(f"{TOKEN}{text}{TOKEN}")
    except ValueError as refusal:
        said = str(refusal)
    assert TOKEN not in said
