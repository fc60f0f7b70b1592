"""Where settings come from: the file, secrets folders, the environment; each value remembers its origin.

A source that cannot be read adds one line to `problems` and the others are still read, so that a person sees
everything that is wrong at once (contract, Settings). No line shows content of a file: it could be a secret.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Secret
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from watcher.settings import parsing
from watcher.text import mask

FILE_NAME = "comfy-watch.toml"
PREFIX = "COMFY_WATCH_"
FILE_VARIABLE = "COMFY_WATCH_CONFIG"
CONTAINER_SECRETS = Path("/run/secrets")
OWN_FILE = "secret file "
"""How the origin of a value begins that stood in a file of its own; the path follows."""
SYSTEM_FILE = Path("/etc/comfy-watch") / FILE_NAME

_LARGEST_FILE = 4 * 1024 * 1024
_NO_FILE = "is not a regular file"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")
_KUBERNETES = re.compile(r"(?:\A|_)(?:service_|port(?:_|\Z))")
_ALIKE = 0.75
"""How much like a setting's name an unknown one has to be to count as a mistake."""
_PLACE = re.compile(r" \(at (line \d+, column \d+|end of document)\)$")
_WITHOUT_CONTENT = re.compile(r"(?:[A-Za-z ,/-]|'[^']{1,4}')*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one source says: values by setting, the origin of each in a person's words, and what could not be read.

    Relative paths in it start at `base`; `warnings` are what a person should know of it.
    """

    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    origins: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    base: Path | None = None


class LayerSource(PydanticBaseSettingsSource):
    """A layer as pydantic-settings takes it. Secret settings travel sealed, so that its debug log shows none."""

    def __init__(self, settings_cls: type[BaseSettings], layer: Layer, secret: Collection[str]) -> None:
        super().__init__(settings_cls)
        self._values = {name: Secret(value) if name in secret else value for name, value in layer.values.items()}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - its signature
        """Give one setting's value: pydantic-settings' contract for a source."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give every value, unknown names too: those are then refused by name."""
        return dict(self._values)


def find_file(config: Path | None, environ: Mapping[str, str], cwd: Path) -> tuple[Path | None, str]:
    """Give the settings file and who named it; one that was named explicitly need not exist.

    `config` is the command line's; then `$COMFY_WATCH_CONFIG`, then `places`. ValueError if a URL was given for the
    file.
    """
    named = [(config, "--config"), (environ.get(FILE_VARIABLE), f"environment {FILE_VARIABLE}")]
    for path, origin in named:
        if path:
            return cwd / Path(_path(str(path), origin)).expanduser(), origin
    return next((place for place in places(environ, cwd) if os.path.lexists(place)), None), ""


def places(environ: Mapping[str, str], cwd: Path) -> tuple[Path, ...]:
    """Return where a settings file is looked for that nobody names: working folder, user's config folder, `/etc`."""
    return (cwd / FILE_NAME, *_user_files(environ), SYSTEM_FILE)


def _path(text: str, origin: str) -> str:
    try:
        return parsing.path(text)
    except ValueError as refusal:
        raise ValueError(f"{refusal} ({origin})") from None


def _user_files(environ: Mapping[str, str]) -> list[Path]:
    folder = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    return [Path(folder) / "comfy-watch" / FILE_NAME] if folder else []


def from_file(path: Path, named_by: str = "", secret: Collection[str] = ()) -> Layer:
    """Read a TOML file, with or without a byte order mark; a warning if others can read a `secret` setting in it."""
    text, problem, mode = _read(path)
    if problem:
        return Layer(problems=(f"{path}: {problem}{f' ({named_by})' if named_by else ''}",))
    import tomllib

    try:
        values = tomllib.loads(text)
    except RecursionError:
        return Layer(problems=(f"{path}: not valid TOML: nested too deeply",))
    except ValueError as error:
        return Layer(problems=(f"{path}: {_syntax_problem(str(error))}",))
    holds_secrets = any(mask.find_url(str(values[name])) for name in values if name in secret)
    warnings = (_readable(path),) if holds_secrets and mode & 0o044 else ()
    return Layer(values=values, origins=dict.fromkeys(values, str(path)), warnings=warnings, base=path.parent)


def _readable(path: Path) -> str:
    import shlex  # a quiet poll has no use for it

    return f"{path} holds secrets and can be read by others; try: chmod 600 {shlex.quote(str(path))}"


def _syntax_problem(message: str) -> str:
    """Say where TOML is wrong, and why if the parser's words hold nothing of the file: a key may be a pasted secret."""
    place = _PLACE.search(message)
    why = message[: place.start()] if place else message
    reason = f": {why[:1].lower()}{why[1:]}" if _WITHOUT_CONTENT.fullmatch(why) else ""
    return f"not valid TOML{f' at {place[1]}' if place else ''}{reason}"


def from_secrets(environ: Mapping[str, str], names: Collection[str], containers: Path) -> Layer:
    """Read one file per setting from `containers` and, over it, `$CREDENTIALS_DIRECTORY`.

    A file is named by the setting or by `comfy_watch_` and the setting, in any case. Files of other names are not
    ours. White space around the content does not count.
    """
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    problems: list[str] = []
    given = environ.get("CREDENTIALS_DIRECTORY", "")
    try:
        _path(given, "environment CREDENTIALS_DIRECTORY")
    except ValueError as refusal:
        given = ""
        problems.append(f"secrets folder: {refusal}")
    folders = [(containers, False)] + ([(Path(given), True)] if given else [])
    for folder, must_exist in folders:
        try:
            files = sorted(folder.iterdir(), key=lambda file: (file.name.lower().startswith(PREFIX.lower()), file.name))
        except OSError as error:
            if must_exist:
                problems.append(f"secrets folder {folder}: {_reason(error)} (environment CREDENTIALS_DIRECTORY)")
            continue
        for file in files:
            name = file.name.lower().removeprefix(PREFIX.lower())
            if name not in names or file.is_dir():
                continue
            text, problem, _ = _read(file)
            if problem:
                problems.append(f"secret file {file}: {problem}")
            else:
                values[name] = text.strip()
                origins[name] = f"{OWN_FILE}{file}"
    return Layer(values=values, origins=origins, problems=tuple(problems))


def from_environment(environ: Mapping[str, str], names: Collection[str]) -> Layer:
    """Take every `COMFY_WATCH_` variable, its name in any case, but the one that names the file.

    A name that is not among `names` but much like one is taken too, to be refused as an unknown setting. Any other is
    a warning, but for those that Kubernetes makes for a service called comfy-watch.
    """
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for variable in environ:
        if not variable.upper().startswith(PREFIX) or variable.upper() == FILE_VARIABLE:
            continue
        name = variable.upper().removeprefix(PREFIX).lower()
        if strange := _NOT_IN_A_NAME.search(variable):
            shown = f"{variable[: strange.start()]}***"
            problems.append(f"environment {shown}: not the name of a setting; write {PREFIX}NAME=VALUE")
        elif name in names or (not _KUBERNETES.search(name) and parsing.suggest(name, names, likeness=_ALIKE)):
            values[name] = environ[variable]
            origins[name] = f"environment {variable}"
        elif not _KUBERNETES.search(name):
            warnings.append(f"environment {variable}: no such setting, ignored")
    return Layer(values=values, origins=origins, problems=tuple(problems), warnings=tuple(warnings))


def from_service_manager(environ: Mapping[str, str]) -> Layer:
    """Take the first folder of `$STATE_DIRECTORY`, the default of `state_dir` under systemd."""
    folder = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if not folder:
        return Layer()
    return Layer(values={"state_dir": folder}, origins={"state_dir": "environment STATE_DIRECTORY"})


def _read(path: Path) -> tuple[str, str, int]:
    """Return a regular file's text, or what is wrong with it, and its mode; a pipe or device is not waited for."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                return "", _NO_FILE, 0
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        return "", _NO_FILE if error.errno == errno.ENXIO else _reason(error), 0
    if len(data) > _LARGEST_FILE:
        return "", f"larger than {_LARGEST_FILE // 1024**2} MB, so not a file of settings", 0
    try:
        return data.decode("utf-8-sig"), "", mode
    except UnicodeDecodeError:
        return "", "not UTF-8 text", 0


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _reason(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "does not exist"
        case IsADirectoryError():
            return "is a folder, not a file"
        case PermissionError():
            return "may not be read by this user"
        case _:
            return f"cannot be read ({error.strerror or type(error).__name__})"
