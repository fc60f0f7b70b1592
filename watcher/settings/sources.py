"""Where settings come from: command line, environment, secrets folders, the file; each value remembers its origin.

A source that cannot be read adds a line to `problems`, and the others are still read, so that all problems are
reported at once (docs/dev/behaviour.md, Settings). No line shows a file's content: it could be a secret.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from watcher.errors import ConfigError
from watcher.settings import parsing
from watcher.settings.model import Settings
from watcher.settings.places import SYSTEM, open_at_once, others_can_read, user_folders
from watcher.text import mask

FILE_NAME = "comfy-watch.toml"
PREFIX = "COMFY_WATCH_"
FILE_VARIABLE = "COMFY_WATCH_CONFIG"
FILE_ORIGIN = "secret file "
"""How the origin of a value from a secrets folder begins; the file's path follows."""

# Settings have a few kB: this ends the reading of what was named by mistake.
_MAX_FILE_BYTES = 4 * 1024 * 1024
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_MISSPELLED = 0.75
"""How similar to a setting's name an unknown one must be to count as a mistake."""
_TOML_POSITION = re.compile(r"\(at (line \d+, column \d+|end of document)\)$")
# `interval = 15m`, and a path of Windows in the quotes that give its backslashes another meaning.
_USUAL_MISTAKES = r"""; a text needs "quotes", and a path with \ 'single quotes'"""


@dataclass(slots=True, repr=False)
class Layers:
    """Settings from some sources: each adds its own, and so the later ones win."""

    values: dict[str, object] = field(default_factory=dict)
    """A ConfigError stands for what cannot be read: it is raised unless a later source has the setting."""
    origins: dict[str, str] = field(default_factory=dict)
    """Where each value came from, as messages say it."""
    problems: list[str] = field(default_factory=list)
    """What could not be read, a line each."""
    warnings: list[str] = field(default_factory=list)

    def add(self, values: Mapping[str, object], origin: str) -> None:
        """Add settings, each in place of one of the same name."""
        self.values |= values
        self.origins |= dict.fromkeys(values, origin)


def environment(layers: Layers, environ: Mapping[str, str]) -> None:
    """Add every `COMFY_WATCH_` variable, its name in any case, except the one that names the file.

    An unknown name is a warning.
    """
    for variable, value in environ.items():
        # Windows has names in capitals alone, and people type them in any case.
        if not variable.upper().startswith(PREFIX) or variable.upper() == FILE_VARIABLE:
            continue
        name = variable[len(PREFIX) :].lower()
        if name in Settings.model_fields:
            layers.add({name: value}, f"environment {variable}")
        else:
            # A warning only: another program's variable may begin like this one's.
            shown = f"environment {safe_name(variable)}"
            layers.warnings.append(_ignored(shown, name))


def safe_name(name: str) -> str:
    """Return an unknown setting's name as it may be shown."""
    # What follows another character may be a secret: `alert_urls:discord://…`, where a `=` was meant.
    wrong = _NOT_IN_A_NAME.search(name)
    return f"{name[: wrong.start()]}***" if wrong else name


def secret_files(
    layers: Layers, environ: Mapping[str, str], container_secrets: Path | None
) -> None:
    """Add the content of one file per setting, in the container's secrets folder and `$CREDENTIALS_DIRECTORY`.

    The second overrides the first. A file is named `SETTING` or `comfy_watch_SETTING`, in any case; other files are
    ignored, with a warning if the name is similar. White space around the content does not count, and a file without
    content gives nothing. A folder with such a name cannot be read: a container engine makes one where the file that it
    should mount is missing.
    """
    if container_secrets is not None:
        # Few containers have this folder, and in some only root can look into it.
        with contextlib.suppress(OSError):
            _add_files(layers, container_secrets.iterdir())
    if folder := environ.get("CREDENTIALS_DIRECTORY"):
        try:
            _add_files(layers, Path(parsing.path(folder)).iterdir())
        except OSError as error:
            layers.problems.append(f"$CREDENTIALS_DIRECTORY, {folder}: {_why(error)}")
        except ValueError as error:
            layers.problems.append(f"$CREDENTIALS_DIRECTORY: {error}")


def system_secrets(
    layers: Layers, folder: Path, environ: Mapping[str, str], *, alerts: bool
) -> None:
    """Add the secrets beside the system's settings file, one file each: what a service gets as its credentials.

    So root's shell has the channels that the service has. One that the service was given as a credential, even an empty
    one, is not read here: its own user may not be able to.
    """
    # Nothing is in the null device, so without credentials all files here are read.
    passed_on = environ.get("CREDENTIALS_DIRECTORY") or os.devnull
    # The address of an install may hold a password, so that it is a file here too.
    names = sorted({"installs", *(parsing.SECRET if alerts else ())})
    for file in [
        folder / name
        for name in names
        if os.path.lexists(folder / name) and not os.path.lexists(Path(passed_on, name))
    ]:
        if others_can_read(_add_file(layers, file.name, file)):
            layers.warnings.append(_exposed(file))


def _add_files(layers: Layers, files: Iterable[Path]) -> None:
    """Add the settings among some files; those with the prefix come last, and so win."""
    for file in sorted(files, key=lambda file: (len(file.name), file.name)):
        name = file.name.lower().removeprefix(PREFIX.lower())
        known = Settings.model_fields
        if name in known:
            _add_file(layers, name, file)
        # Other programs' secrets lie here as well, so only what is very alike is taken for a mistake.
        elif mask.nearest(name, known, likeness=_MISSPELLED):
            layers.warnings.append(_ignored(f"{FILE_ORIGIN}{file}", name))


def _ignored(origin: str, name: str) -> str:
    """Return that a setting's name is not known, and which one may be meant."""
    close = mask.nearest(name, Settings.model_fields, likeness=_MISSPELLED)
    meant = f"; did you mean {close}?" if close else ""
    return f"{origin}: unknown setting, ignored{meant}"


def _add_file(layers: Layers, name: str, file: Path) -> int:
    """Add a setting from a file of its own; return the file's mode, 0 if it gives nothing."""
    text, problem, mode = _text_of(file)
    value = ConfigError(problem) if problem else text.strip()
    # `init --system` writes an empty file for the alert URLs, which says nothing yet.
    if not value:
        return 0
    layers.add({name: value}, f"{FILE_ORIGIN}{file}")
    return mode


def toml_file(layers: Layers, path: Path, named_by: str, *, of_system: bool) -> None:
    """Add the settings file, with or without a byte order mark; a warning if it has secrets that others can read.

    A service runs as another user, who has to read the system's file: that one's secrets belong beside it.
    """
    text, problem, mode = _text_of(path)
    # A variable that names a file is easily forgotten.
    if problem and named_by:
        problem += f" ({named_by})"
    values: dict[str, object] = {}
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Without the parser's words: they quote the file, and so maybe a secret.
        position = _TOML_POSITION.search(str(error))
        place = f" at {position[1]}{_USUAL_MISTAKES}" if position else ""
        problem = f"not valid TOML{place}"
    layers.add(values, str(path))
    if problem:
        layers.problems.append(f"{path}: {problem}")
    # By its text, whatever its form: a table that is wrong holds its secret all the same.
    secrets = [
        str(path.parent / name)
        for name, value in values.items()
        if (name in parsing.SECRET and mask.find_url(str(value)))
        or (name == "installs" and parsing.LOGIN.search(str(value)))
    ]
    if others_can_read(mode) and secrets:
        move = f"move them to {', '.join(secrets)}" if of_system else ""
        layers.warnings.append(_exposed(path, move))


def _exposed(path: Path, mend: str = "") -> str:
    mend = mend or f"try: chmod 600 {shlex.quote(str(path))}"
    return f"{path} holds secrets and can be read by others; {mend}"


def find_file(
    config: Path | None, environ: Mapping[str, str], cwd: Path
) -> tuple[Path | None, str]:
    """Return the settings file and who named it: `config` (the command line's), else `$COMFY_WATCH_CONFIG`.

    Without either, the first of `places` that exists, and "". ConfigError for a URL or an unknown home folder.
    """
    origin = "--config" if config else f"environment {FILE_VARIABLE}"
    # What was named counts, also where it is missing: another file in its place could have other channels.
    if named := config or environ.get(FILE_VARIABLE):
        try:
            return absolute(cwd, Path(parsing.path(str(named)))), origin
        except ValueError as error:
            raise ConfigError(f"settings file: {error} ({origin})") from None
    # A link that leads nowhere is found too, and is an error: its user means it.
    return next(filter(os.path.lexists, places(environ, cwd)), None), ""


def absolute(start: Path, path: Path) -> Path:
    """Return a path with `~` replaced that starts at a folder unless it is absolute; ValueError for nobody's home."""
    try:
        return start / path.expanduser()
    except RuntimeError:
        raise ValueError(f"the home folder in {str(path)!r} is not known") from None


def places(environ: Mapping[str, str], cwd: Path) -> tuple[Path, ...]:
    """Return where an unnamed settings file is looked for: working folder, the user's folder, the system's."""
    folders = [one.settings for one in (user_folders(environ), SYSTEM) if one]
    return tuple(folder / FILE_NAME for folder in (cwd, *folders))


def _text_of(path: Path) -> tuple[str, str, int]:
    """Return a regular file's text, what is wrong with it, and its mode; never wait for a pipe or device."""
    try:
        with open(path, "rb", opener=open_at_once) as file:
            # Of what was opened: what the path leads to may be another file by now.
            mode = os.fstat(file.fileno()).st_mode
            # A pipe would be waited for, and a device may have no end.
            if not stat.S_ISREG(mode):
                return "", "is not a regular file", 0
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        return "", _why(error), 0
    if len(data) > _MAX_FILE_BYTES:
        return "", f"larger than {_MAX_FILE_BYTES // 1024**2} MB", 0
    try:
        # Editors on Windows begin a file with a byte order mark.
        return data.decode("utf-8-sig"), "", mode
    except UnicodeDecodeError:
        return "", "not UTF-8 text", 0


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, PermissionError):
        return "is not readable by this user; try it as root, or as the user that polls"
    return f"cannot be read: {error.strerror or type(error).__name__}"
