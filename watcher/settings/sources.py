"""Where settings come from: command line, environment, secrets folders, the file; each value remembers its origin.

A source that cannot be read adds a line to `problems`, and the others are still read, so that all problems are
reported at once (docs/behaviour.md, Settings). No line shows a file's content: it could be a secret.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Secret
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from watcher.settings import parsing
from watcher.settings.model import Settings
from watcher.settings.places import SYSTEM, open_at_once, others_can_read, user_folders
from watcher.text import mask

FILE_NAME = "comfy-watch.toml"
PREFIX = "COMFY_WATCH_"
FILE_VARIABLE = "COMFY_WATCH_CONFIG"
FILE_ORIGIN = "secret file "
"""How the origin of a value from a secrets folder begins; the file's path follows."""

_MAX_FILE_BYTES = 4 * 1024 * 1024
_NO_FILE = "is not a regular file"
_REASONS = {
    errno.ENOENT: "does not exist",
    errno.EISDIR: "is a folder, not a file",
    errno.EACCES: "is not readable by this user",
    errno.EPERM: "is not readable by this user",
    errno.ENXIO: _NO_FILE,
}
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_]")
_KUBERNETES = re.compile(r"(?:\A|_)(?:service_|port(?:_|\Z))")
"""What Kubernetes sets for a service called comfy-watch, after the prefix."""
_MISSPELLED = 0.75
"""How similar to a setting's name an unknown one must be to count as a mistake."""
_TOML_POSITION = re.compile(r" \(at (line \d+, column \d+|end of document)\)$")
_BACKSLASH = ("Invalid hex value", "Unescaped '\\'")
"""How the parser's words begin for a path of Windows in double quotes."""
_WITHOUT_CONTENT = re.compile(r"(?:[A-Za-z ,/-]|'[^']{1,4}')*")


class Source(PydanticBaseSettingsSource):
    """Settings from one place, all with one origin, unless they are added one by one."""

    def __init__(
        self, values: Mapping[str, object] | None = None, origin: str = ""
    ) -> None:
        super().__init__(Settings)
        self.values = dict(values or {})
        self.origins = dict.fromkeys(self.values, origin)
        """Where each value came from, as messages say it."""
        self.problems: list[str] = []
        """What could not be read, a line each."""
        self.warnings: list[str] = []
        self.unread: dict[str, str] = {}
        """Why a setting could not be read here, which matters only if no later source has it."""

    def add(self, name: str, value: object, origin: str) -> None:
        """Add a setting, in place of one of the same name."""
        self.values[name] = value
        self.origins[name] = origin

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002 - its signature
        field_name: str,
    ) -> tuple[Any, str, bool]:
        """Return one setting's value, as pydantic-settings asks of a source."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return every value, unknown names too, which are then refused. Secrets are sealed: a debug log shows none."""
        return {
            name: Secret(value) if name in parsing.SEALED else value
            for name, value in self.values.items()
        }


def environment(environ: Mapping[str, str]) -> Source:
    """Return every `COMFY_WATCH_` variable, its name in any case, except the one that names the file.

    An unknown name that is similar to a setting's is kept, to be refused. Any other is a warning, unless Kubernetes
    sets it.
    """
    source = Source()
    for variable, value in environ.items():
        if not variable.upper().startswith(PREFIX) or variable.upper() == FILE_VARIABLE:
            continue
        name = variable.upper().removeprefix(PREFIX).lower()
        if wrong := _NOT_IN_A_NAME.search(variable):
            shown = f"{variable[: wrong.start()]}***"
            source.problems.append(
                f"environment {shown}: not a setting's name; write {PREFIX}NAME=VALUE"
            )
        elif name in Settings.model_fields:
            source.add(name, value, f"environment {variable}")
        elif not _KUBERNETES.search(name):
            if parsing.suggest(name, Settings.model_fields, likeness=_MISSPELLED):
                source.add(name, value, f"environment {variable}")
            else:
                source.warnings.append(
                    f"environment {variable}: unknown setting, ignored"
                )
    return source


def secret_files(environ: Mapping[str, str], container_secrets: Path | None) -> Source:
    """Return the content of one file per setting, in the container's secrets folder and `$CREDENTIALS_DIRECTORY`.

    The second overrides the first. A file is named `SETTING` or `comfy_watch_SETTING`, in any case; other files are
    ignored. White space around the content does not count, and a file without content gives nothing. A folder with such
    a name is a problem: a container engine makes one where the file that it should mount is missing.
    """
    source = Source()
    if container_secrets is not None:
        with contextlib.suppress(OSError):
            _add_files(source, container_secrets)
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        try:
            _add_files(source, Path(parsing.path(folder)))
        except OSError as error:
            source.problems.append(
                f"secrets folder {folder}: {_reason(error)} (environment CREDENTIALS_DIRECTORY)"
            )
        except ValueError as error:
            source.problems.append(
                f"secrets folder: {error} (environment CREDENTIALS_DIRECTORY)"
            )
    return source


def system_secrets(folder: Path) -> Source:
    """Return the secrets beside the system's settings file, one file each: what a service gets as its credentials.

    So root's shell has the channels that the service has. The service's own user need not be able to read them.
    """
    source = Source()
    for name in sorted(parsing.SEALED):
        file = folder / name
        if not os.path.lexists(file):
            continue
        text, problem, mode = _text_of(file)
        if problem:
            remedy = (
                "; try it as root, or as the user that polls"
                if problem == _REASONS[errno.EACCES]
                else ""
            )
            source.unread[name] = f"{FILE_ORIGIN}{file}: {problem}{remedy}"
            continue
        if text.strip():
            source.add(name, text.strip(), f"{FILE_ORIGIN}{file}")
            if others_can_read(mode):
                source.warnings.append(_readable(file))
    return source


def _add_files(source: Source, folder: Path) -> None:
    """Add the settings among the files of a folder; those with the prefix come last, and so win."""
    for file in sorted(
        folder.iterdir(),
        key=lambda file: (file.name.lower().startswith(PREFIX.lower()), file.name),
    ):
        name = file.name.lower().removeprefix(PREFIX.lower())
        if name not in Settings.model_fields:
            continue
        text, problem, _ = _text_of(file)
        if problem:
            source.problems.append(f"{FILE_ORIGIN}{file}: {problem}")
        elif text.strip():
            source.add(name, text.strip(), f"{FILE_ORIGIN}{file}")


def toml_file(path: Path, named_by: str = "") -> Source:
    """Return the settings file, with or without a byte order mark; a warning if it has secrets that others can read."""
    text, problem, mode = _text_of(path)
    if problem and named_by:
        problem += f" ({named_by})"
    values: dict[str, object] = {}
    try:
        values = tomllib.loads(text)
    except RecursionError:
        problem = "not valid TOML: nested too deeply"
    except ValueError as error:
        problem = _syntax_problem(str(error))
    source = Source(values, str(path))
    if problem:
        source.problems.append(f"{path}: {problem}")
    logins = parsing.LOGIN.search(str(values.get("installs", "")))
    if others_can_read(mode) and (
        logins
        or any(mask.find_url(str(values.get(name, ""))) for name in parsing.SECRET)
    ):
        source.warnings.append(_readable(path))
    return source


def _readable(path: Path) -> str:
    return f"{path} holds secrets and can be read by others; try: chmod 600 {shlex.quote(str(path))}"


def service_manager(environ: Mapping[str, str]) -> Source:
    """Return the first folder of `$STATE_DIRECTORY`: the default of `state_dir` under systemd."""
    folder = environ.get("STATE_DIRECTORY", "").partition(os.pathsep)[0]
    return Source(
        {"state_dir": folder} if folder else None, "environment STATE_DIRECTORY"
    )


def find_file(
    config: Path | None, environ: Mapping[str, str], cwd: Path
) -> tuple[Path | None, str]:
    """Return the settings file and who named it: `config` (the command line's), else `$COMFY_WATCH_CONFIG`.

    Without either, the first of `places` that exists, and "". ValueError for a URL or an unknown home folder.
    """
    for path, origin in (
        (config, "--config"),
        (environ.get(FILE_VARIABLE), f"environment {FILE_VARIABLE}"),
    ):
        if path:
            try:
                return cwd / expand_home(Path(parsing.path(str(path)))), origin
            except ValueError as error:
                raise ValueError(f"{error} ({origin})") from None
    return next(
        (place for place in places(environ, cwd) if os.path.lexists(place)), None
    ), ""


def expand_home(path: Path) -> Path:
    """Return a path with `~` replaced; ValueError if that home folder is not known."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"the home folder in {str(path)!r} is not known") from None


def absolute(start: Path, path: Path) -> Path:
    """Return a path with `~` replaced that starts at a folder unless it is absolute; ValueError as `expand_home`."""
    return start / expand_home(path)


def places(environ: Mapping[str, str], cwd: Path) -> tuple[Path, ...]:
    """Return where an unnamed settings file is looked for: working folder, the user's folder, the system's."""
    folders = (user_folders(environ), SYSTEM)
    return (
        cwd / FILE_NAME,
        *(folder.settings / FILE_NAME for folder in folders if folder is not None),
    )


def _syntax_problem(message: str) -> str:
    """Return where the TOML is wrong, and why, unless the parser quotes the file: a key may be a pasted secret."""
    position = _TOML_POSITION.search(message)
    why = message[: position.start()] if position else message
    reason = f": {why[:1].lower()}{why[1:]}" if _WITHOUT_CONTENT.fullmatch(why) else ""
    if why.startswith(_BACKSLASH):
        reason += "; a path needs / for \\, or 'single quotes'"
    return f"not valid TOML{f' at {position[1]}' if position else ''}{reason}"


def _text_of(path: Path) -> tuple[str, str, int]:
    """Return a regular file's text, what is wrong with it, and its mode; never wait for a pipe or device."""
    try:
        with open(path, "rb", opener=open_at_once) as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                return "", _NO_FILE, 0
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        return "", _REASONS[errno.EISDIR] if os.path.isdir(path) else _reason(error), 0  # noqa: PTH112 - it never raises
    if len(data) > _MAX_FILE_BYTES:
        return (
            "",
            f"larger than {_MAX_FILE_BYTES // 1024**2} MB, too large for a settings file",
            0,
        )
    try:
        return data.decode("utf-8-sig"), "", mode
    except UnicodeDecodeError:
        return "", "not UTF-8 text", 0


def _reason(error: OSError) -> str:
    return _REASONS.get(
        error.errno or 0, f"cannot be read ({error.strerror or type(error).__name__})"
    )
