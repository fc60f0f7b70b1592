"""Settings from every source: which wins, where each came from, and what is wrong, all at once."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import pytest

from tests.unit.settings.conftest import TOKEN, Loads
from watcher.errors import ConfigError
from watcher.settings.places import Folders, state_home

_linux_folders = pytest.mark.skipif(
    sys.platform != "linux", reason="these are Linux's folders"
)


def test_precedence(loads: Loads, tmp_path: Path) -> None:
    """Command line beats environment beats secrets folders beat file beats default, and each origin is named."""
    container, credentials = tmp_path / "container", tmp_path / "credentials"
    for folder in (container, credentials):
        folder.mkdir()
    for name in ("retries", "concurrency", "failure_threshold", "log_level"):
        (container / name).write_text("error\n" if name == "log_level" else "1\n")
    for name in ("RETRIES", "comfy_watch_concurrency", "failure_threshold"):
        (credentials / name).write_text(" 2 \n")
    loaded = loads(
        "retries = 0\nconcurrency = 9\nfailure_threshold = 9\nlog_level = 'debug'\ninterval = '9m'\ntimeout = '9s'",
        overrides={"retries": "4"},
        secrets=container,
        CREDENTIALS_DIRECTORY=str(credentials),
        COMFY_WATCH_RETRIES="3",
        comfy_watch_concurrency="3",
        COMFY_WATCH_TIMEOUT="3s",
    )
    for name, value, origin in (
        ("retries", 4, "command line"),
        ("concurrency", 3, "environment comfy_watch_concurrency"),
        ("failure_threshold", 2, f"secret file {credentials / 'failure_threshold'}"),
        ("log_level", "error", f"secret file {container / 'log_level'}"),
        ("interval", 540, str(loads.file)),
        ("timeout", 3, "environment COMFY_WATCH_TIMEOUT"),
        ("log_format", "auto", "default"),
    ):
        assert (getattr(loaded.settings, name), loaded.origins[name]) == (value, origin)
    assert loaded.config_file == loads.file


def test_a_misspelled_secret_file(loads: Loads, tmp_path: Path) -> None:
    """A file whose name is similar to a setting's is a warning with that name; other files and folders are none."""
    secrets = tmp_path / "secrets"
    (secrets / "kubernetes.io").mkdir(parents=True)
    (secrets / "database_password").write_bytes(b"\xff")
    (secrets / "alert_url").write_text(f"json://{TOKEN}")
    assert loads(secrets=secrets).warnings == (
        f"secret file {secrets / 'alert_url'}: unknown setting, ignored; did you mean alert_urls?",
    )


@pytest.mark.parametrize(
    ("text", "added", "interval", "origin"),
    [
        ("nodes = ['*']", (), 3600, "default where nodes has a pattern"),
        ("nodes = ['a']", ("comfyui-*",), 3600, "default where nodes has a pattern"),
        ("nodes = ['*']\ninterval = '15m'", (), 900, None),
        ("nodes = ['a']", ("b",), 900, "default"),
    ],
)
def test_interval_of_globs(
    loads: Loads, text: str, added: tuple[str, ...], interval: int, origin: str | None
) -> None:
    """With a glob in `nodes`, wherever it is from, the default of `interval` is an hour; a given one stays."""
    loaded = loads(text, more_nodes=added)
    assert loaded.settings.interval == interval
    assert loaded.origins["interval"] == (origin or str(loads.file))


def test_the_command_line_leaves_out(loads: Loads) -> None:
    """`--node` takes globs, and may leave out what the settings include, but not without anything included."""
    loaded = loads("nodes = ['a', '*']", more_nodes=("!b-*",))
    assert loaded.settings.selection().globs == ("*", "!b-*")
    with pytest.raises(
        ConfigError, match=r"nodes: '!b-\*' leaves out .* \(command line\)"
    ):
        loads("nodes = ['a']", more_nodes=("!b-*",))


@_linux_folders
def test_file_search(loads: Loads, tmp_path: Path) -> None:
    """The file is `--config`, else `$COMFY_WATCH_CONFIG`, else the working folder's, else the user's."""
    for path, retries in (
        ("named.toml", 1),
        ("env.toml", 2),
        ("xdg/comfy-watch/comfy-watch.toml", 4),
        ("home/.config/comfy-watch/comfy-watch.toml", 5),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"retries = {retries}")
    user = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert loads().settings.retries == 5
    assert loads(**user).settings.retries == 4
    assert loads("retries = 3", **user).settings.retries == 3
    assert loads(COMFY_WATCH_CONFIG="../env.toml", **user).settings.retries == 2
    assert (
        loads(
            config=Path("../named.toml"), COMFY_WATCH_CONFIG="../env.toml"
        ).settings.retries
        == 1
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"interval = \nretries = 1", "not valid TOML at line 1, column 12"),
        (f"'{TOKEN}' = 1\n'{TOKEN}' = 2\n".encode(), "not valid TOML at line 2, col"),
        (f'alert_urls = "discord://{TOKEN}'.encode(), "not valid TOML at end of docu"),
        (rb'state_dir = "C:\Users\me"', "not valid TOML at line 1, column 18"),
        (b"a = " + b"[" * 20_000, "not valid TOML"),
        (b"a = " + b"1" * 10_000, "not valid TOML"),
        (b"\xff\xfen\0o\0", "not UTF-8 text"),
        (b"#" * (4 * 1024 * 1024 + 1), "larger than 4 MB"),
    ],
    ids=range(8),
)
def test_unreadable_content(
    loads: Loads, tmp_path: Path, content: bytes, problem: str
) -> None:
    """A file that is no TOML is one line with the place of the fault, what is allowed, and nothing of its content."""
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    (line,) = loads.problems(config=path)
    assert line.startswith(f"{path}: {problem}")
    hint = r"""; a text needs "quotes", and a path with \ 'single quotes'"""
    assert line.endswith(hint) == (" at " in problem)
    assert len(line) < len(str(path)) + 200


def test_what_cannot_be_opened(loads: Loads, tmp_path: Path) -> None:
    """A named file, or credentials folder, that cannot be opened is an error that says why and who named it."""
    gone = tmp_path / "gone"
    why = "does not exist"
    assert loads.problems(config=gone) == (f"{gone}: {why} (--config)",)
    assert loads.problems(COMFY_WATCH_CONFIG=str(gone)) == (
        f"{gone}: {why} (environment COMFY_WATCH_CONFIG)",
    )
    assert loads.problems(config=tmp_path, CREDENTIALS_DIRECTORY=str(gone)) == (
        f"{tmp_path}: cannot be read: Is a directory (--config)",
        f"$CREDENTIALS_DIRECTORY, {gone}: {why}",
    )
    tmp_path.chmod(0o000)
    try:
        os.seteuid(65_534 if os.getuid() == 0 else os.getuid())
        line, *_ = loads.problems(config=tmp_path / "c.toml")
    finally:
        os.seteuid(os.getuid())
        tmp_path.chmod(0o700)
    assert line.startswith(f"{tmp_path / 'c.toml'}: is not readable by this user; try")


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_what_is_not_a_file_is_not_waited_for(
    loads: Loads, tmp_path: Path, kind: str
) -> None:
    """A pipe or a device instead of a file is an error, and nothing waits for its content."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    path = folder / "nodes"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    assert loads.problems(config=path)[0].startswith(f"{path}: ")
    assert loads.problems(secrets=folder)[0].startswith(f"secret file {path}: ")


def test_byte_order_mark(loads: Loads) -> None:
    """A file that an editor began with a byte order mark and wrote with CRLF is read like any other."""
    loads.file.write_bytes(b"\xef\xbb\xbfretries = 7\r\ninterval = 60\r\n")
    assert loads().settings.retries == 7


@pytest.mark.parametrize(
    "form",
    ["json://user:{}@host/x", "  HTTPS:/h/{}", '["json://h/{}"]', "nodes=json:/{}"],
)
def test_a_url_is_no_path(loads: Loads, form: str) -> None:
    """What may be an alert URL is refused as a path, also as `Path` has it; only its scheme is shown."""
    url = form.format(TOKEN)
    for refused in (
        loads.problems(COMFY_WATCH_CONFIG=url),
        loads.problems(config=Path(url)),
        loads.problems(CREDENTIALS_DIRECTORY=url),
        loads.problems(f"state_dir = '{url}'"),
    ):
        (line,) = refused
        assert "***' is a URL, not a path" in line


@_linux_folders
def test_state_dir(loads: Loads, tmp_path: Path) -> None:
    """A relative folder starts at the folder of the file that says it, or else at the working folder."""
    (tmp_path / "etc").mkdir()
    config = tmp_path / "etc" / "c.toml"
    config.write_text("")
    assert loads(config=config).settings.state_dir == config.parent / "state"
    assert (
        loads(config=config, COMFY_WATCH_STATE_DIR="x").settings.state_dir
        == loads.cwd / "x"
    )
    assert (
        loads(config=config, overrides={"state_dir": "x"}).settings.state_dir
        == loads.cwd / "x"
    )
    assert (
        loads(COMFY_WATCH_STATE_DIR="~/watch").settings.state_dir
        == Path("~/watch").expanduser()
    )
    by_systemd = loads(STATE_DIRECTORY="/var/lib/comfy-watch:/var/lib/other")
    assert by_systemd.settings.state_dir == Path("/var/lib/comfy-watch")
    assert by_systemd.origins["state_dir"] == "environment STATE_DIRECTORY"
    assert (
        loads("state_dir = 'mine'", STATE_DIRECTORY="/var/lib/x").settings.state_dir
        == loads.cwd / "mine"
    )
    config.write_text("publish_dir = 'public'")
    assert loads(config=config).settings.publish_dir == config.parent / "public"
    assert loads(config=config, COMFY_WATCH_PUBLISH_DIR="").settings.publish_dir is None


@_linux_folders
@pytest.mark.parametrize("folder", ["state", ".", "link/state"])
def test_publish_dir_is_apart_from_the_state(loads: Loads, folder: str) -> None:
    """What everybody may read has no state in it; a folder in the state's is as private as that, and harms nobody."""
    (loads.cwd / "link").symlink_to(loads.cwd)
    (refused,) = loads.problems(f"publish_dir = '{folder}'")
    assert refused.startswith("publish_dir: the state folder is in it")
    inside = loads("publish_dir = 'state/public'").settings.publish_dir
    assert inside == loads.cwd / "state" / "public"


@_linux_folders
@pytest.mark.parametrize("named", [False, True])
def test_state_of_settings_in_the_users_folder(
    loads: Loads, tmp_path: Path, named: bool
) -> None:
    """Settings in the user's folder, found or named, have their state where the user's states are, and that is said."""
    folder = tmp_path / "home" / ".config" / "comfy-watch"
    folder.mkdir(parents=True)
    (folder / "comfy-watch.toml").write_text("")
    (tmp_path / "link").symlink_to(folder)
    variables = {"XDG_STATE_HOME": str(tmp_path / "states")}
    loaded = loads(
        config=tmp_path / "link" / "comfy-watch.toml" if named else None, **variables
    )
    assert loaded.settings.state_dir == tmp_path / "states" / "comfy-watch"
    assert loaded.origins["state_dir"] == f"default for settings in {folder}"
    assert loads(STATE_DIRECTORY="/s", **variables).settings.state_dir == Path("/s")
    assert loads("", **variables).settings.state_dir == loads.cwd / "state"


@_linux_folders
def test_state_of_the_systems_settings() -> None:
    """Settings in /etc/comfy-watch, there or not, have their state in /var/lib, as the service's manager has it."""
    assert state_home(Path("/etc/comfy-watch"), {"HOME": "/h"}) == (
        Path("/var/lib/comfy-watch"),
        "default for settings in /etc/comfy-watch",
    )
    assert state_home(Path(), {"HOME": "/h"})[0] == Path("state")


def test_secrets_beside_the_systems_settings(loads: Loads, tmp_path: Path) -> None:
    """A file with a secret's name beside the system's settings counts; a service's own credential overrides it."""
    system = Folders(settings=tmp_path / "etc", state=tmp_path / "var")
    config = system.settings / "comfy-watch.toml"
    for name in ("etc", "credentials"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "alert_urls").write_text(f"json://{name}\n")
    config.write_text("")
    (system.settings / "alert_urls").chmod(0o600)
    (system.settings / "nodes").write_text("alpha")  # no secret
    loaded = loads(config=config, system=system)
    assert [channel.url for channel in loaded.settings.all_channels()] == ["json://etc"]
    assert (
        loaded.origins["alert_urls"] == f"secret file {system.settings / 'alert_urls'}"
    )
    assert (loaded.settings.state_dir, loaded.settings.nodes, loaded.warnings) == (
        system.state,
        (),
        (),
    )
    service = loads(
        config=config,
        system=system,
        CREDENTIALS_DIRECTORY=str(tmp_path / "credentials"),
    )
    assert [channel.url for channel in service.settings.all_channels()] == [
        "json://credentials"
    ]
    (system.settings / "alert_urls").chmod(0o644)
    assert [
        warning
        for warning in loads(config=config, system=system).warnings
        if "can be read by others" in warning
    ]
    elsewhere = loads(config=config)
    assert elsewhere.settings.all_channels() == ()


def test_a_secret_of_the_system_that_cannot_be_read(
    loads: Loads, tmp_path: Path
) -> None:
    """It is an error where the setting comes from nowhere later; none where a service has a credential, even empty."""
    system = Folders(settings=tmp_path / "etc", state=tmp_path / "var")
    config = system.settings / "comfy-watch.toml"
    # Root reads every file, but no folder.
    (system.settings / "alert_urls").mkdir(parents=True)
    config.write_text("alert_urls = ['json://file']")
    (problem,) = loads.problems(config=config, system=system)
    assert (
        problem
        == f"secret file {system.settings / 'alert_urls'}: cannot be read: Is a directory"
    )
    assert loads(
        config=config, system=system, COMFY_WATCH_ALERT_URLS="json://h"
    ).origins["alert_urls"] == ("environment COMFY_WATCH_ALERT_URLS")
    (tmp_path / "alert_urls").write_text("")
    loaded = loads(config=config, system=system, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert [one.url for one in loaded.settings.all_channels()] == ["json://file"]


def test_alert_urls_that_only_root_can_read(loads: Loads, tmp_path: Path) -> None:
    """What sends no alerts does not ask for them."""
    system = Folders(settings=tmp_path / "etc", state=tmp_path / "var")
    (system.settings / "alert_urls").mkdir(parents=True)
    config = system.settings / "comfy-watch.toml"
    config.write_text("retries = 4")
    (system.settings / "installs").write_text("/x")
    loaded = loads(config=config, system=system, alerts=False).settings
    assert (loaded.retries, loaded.alert_urls) == (4, ())
    assert [one.where for one in loaded.installs] == ["/x"]


def test_an_empty_credential(loads: Loads, tmp_path: Path) -> None:
    """A credential without content gives nothing, so that what the settings file has stays: its channels too."""
    (tmp_path / "alert_urls").write_text("\n")
    assert loads("", CREDENTIALS_DIRECTORY=str(tmp_path)).settings.alert_urls == ()
    loaded = loads('alert_urls = "none"', CREDENTIALS_DIRECTORY=str(tmp_path))
    assert loaded.settings.alert_urls is None


@_linux_folders
@pytest.mark.parametrize("setting", ["STATE_DIR", "CONFIG"])
def test_an_unknown_home_folder(loads: Loads, setting: str) -> None:
    """A path in the home folder of nobody is refused in one line that says where it came from."""
    (line,) = loads.problems(**{f"COMFY_WATCH_{setting}": "~no-such-user-at-all/x"})
    assert line.endswith(
        f": the home folder in '~no-such-user-at-all/x' is not known (environment COMFY_WATCH_{setting})"
    )


def test_a_colon_for_the_equals_sign(loads: Loads) -> None:
    """A variable with an impossible name is shown without what follows the name, which may be a secret."""
    for name, shown in (
        (f"ALERT_URLS:discord://{TOKEN}/x", "ALERT_URLS"),
        (f"X:{TOKEN}", "X"),
    ):
        assert loads(**{f"COMFY_WATCH_{name}": "x"}).warnings == (
            f"environment COMFY_WATCH_{shown}***: unknown setting, ignored",
        )


def test_other_variables(loads: Loads) -> None:
    """A variable that is no setting is a warning that shows no value, and says which setting may be meant."""
    loaded = loads(
        COMFY_WATCH_IMAGE=f"json://{TOKEN}", comfy_watch_home="x", COMFY_WATCH_NODE="x"
    )
    assert loaded.warnings == (
        "environment COMFY_WATCH_IMAGE: unknown setting, ignored",
        "environment comfy_watch_home: unknown setting, ignored",
        "environment COMFY_WATCH_NODE: unknown setting, ignored; did you mean nodes?",
    )


@pytest.mark.parametrize(
    ("mode", "toml", "warned"),
    [
        (0o604, "alert_urls = 'json://h'", True),
        (0o640, "[[channels]]\nname = 'x'\nurl = 'json://h'", True),
        (0o600, "alert_urls = 'json://h'", False),
        (0o644, "nodes = 'x'\nalert_urls = 'none'", False),
        (0o644, "installs = ['http://127.0.0.1:8188']", False),
        (0o644, f"installs = ['http://me:{TOKEN}@h']", True),
    ],
)
def test_secrets_that_others_can_read(
    loads: Loads, tmp_path: Path, mode: int, toml: str, warned: bool
) -> None:
    """A settings file with alert URLs, or a login in an address, that others can read is a warning."""
    path = tmp_path / "c.toml"
    path.write_text(toml, "utf-8")
    path.chmod(mode)
    warning = f"{path} holds secrets and can be read by others; try: chmod 600 {path}"
    assert loads(config=path).warnings == ((warning,) if warned else ())


def test_secrets_in_the_systems_settings(loads: Loads, tmp_path: Path) -> None:
    """The warning names the files that take them: only root could read this one after a chmod, and no service."""
    system = Folders(settings=tmp_path, state=tmp_path / "var")
    config = tmp_path / "comfy-watch.toml"
    config.write_text(
        f"installs = ['http://me:{TOKEN}@h']\nalert_urls = 'json://h'\nheartbeat_url = ''"
    )
    config.chmod(0o644)
    assert loads(config=config, system=system).warnings == (
        f"{config} holds secrets and can be read by others; move them to {tmp_path}/installs, {tmp_path}/alert_urls",
    )


def test_all_problems_at_once(loads: Loads, tmp_path: Path) -> None:
    """Everything that is wrong, in every source, is in one error, a line each."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "alert_urls").write_text(TOKEN)
    (secrets / "retries").write_bytes(b"\xff")
    lines = loads.problems(
        "interval = 'soon'\nretrys = 3\n[[channels]]\nname = ' '\nurl = 1\ncolor = 'red'",
        secrets=secrets,
        overrides={"log_level": "loud", "nodes": ("a b",)},
        COMFY_WATCH_CONCURRENCY="0",
    )
    starts = {
        "secret file ": f"secret file {secrets / 'retries'}: not UTF-8 text",
        "interval: ": f"({loads.file})",
        "concurrency: ": "(environment COMFY_WATCH_CONCURRENCY)",
        "alert_urls, entry 1: ": f"(secret file {secrets / 'alert_urls'})",
        "channels, entry 1, name: ": f"({loads.file})",
        "channels, entry 1, url: ": f"({loads.file})",
        "channels, entry 1, color: ": f"({loads.file})",
        "log_level: ": "(command line)",
        "retrys: unknown": f"({loads.file})",
        "nodes, entry 1: ": "(command line)",
    }
    assert len(lines) == len(starts)
    for start, end in starts.items():
        assert any(line.startswith(start) and line.endswith(end) for line in lines), (
            start
        )


def test_an_overridden_value_is_not_checked(loads: Loads) -> None:
    """A bad value that a later source replaces is no error."""
    assert loads("retries = 99", COMFY_WATCH_RETRIES="1").settings.retries == 1


def test_secrets_are_in_no_repr(loads: Loads) -> None:
    """No way of printing settings or channels shows an alert URL."""
    loaded = loads(
        f"alert_urls = ['discord://id/{TOKEN}']\n[[channels]]\nname = 'ops'\nurl = 'slack://{TOKEN}'"
    )
    channels = loaded.settings.all_channels()
    assert TOKEN in channels[0].url
    shown = [
        repr(loaded),
        str(loaded.settings),
        loaded.settings.model_dump_json(),
        repr(channels),
    ]
    assert not [text for text in shown if TOKEN in text]


def test_secrets_are_in_no_error(loads: Loads) -> None:
    """An error beside secrets holds none of them: not in its lines, its traceback, or the exceptions behind it."""
    bad = f"retries = 99\nalert_urls = ['{TOKEN}']\n[[channels]]\nname = '/'\nurl = 'j://{TOKEN}'\nkey = '{TOKEN}'"
    with pytest.raises(ConfigError, match="retries: 99") as caught:
        loads(bad)
    error: BaseException | None = caught.value
    while error is not None:
        assert TOKEN not in "".join(traceback.format_exception(error))
        error = error.__cause__ or error.__context__
