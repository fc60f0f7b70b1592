"""JSON forms, from text to value and back: which format a text has, and why it cannot be read."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from watcher import timestamps

FIRST_FORMAT = 1
"""A file's format number is raised when older versions could not read the file any more."""

_Form = TypeVar("_Form")
_Value = TypeVar("_Value")


class UnreadableFormError(Exception):
    """The text is not what this program writes. The message says why, and `hint` what to do."""

    hint: ClassVar[str] = (
        "it was left as it is; put a good copy back, or move the state folder away to start over"
    )


class NewerFormError(UnreadableFormError):
    """The file was written by a newer version. It is intact and may contain undelivered alerts."""

    hint = (
        "it was left as it is; upgrade comfy-watch; "
        "do not move the state folder away, since it may contain undelivered alerts"
    )


@cache
def decoder(form: Hashable) -> TypeAdapter[Any]:
    """Build a form's decoder once: it takes milliseconds."""
    return TypeAdapter(cast("type[Any]", form))


def decode(form: type[_Form], text: bytes, known: int = FIRST_FORMAT) -> _Form:
    """Decode one form's text strictly: no value is converted. Raises UnreadableFormError.

    `known` is the newest format of the form: NewerFormError for a later one.
    """
    try:
        value: _Form = decoder(cast("Hashable", form)).validate_json(text, strict=True)
    except ValidationError as error:
        _refuse_newer(format_of(text), known)
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableFormError(
            f"{first['msg']}{f' (at {place})' if place else ''}"
        ) from None
    _refuse_newer(getattr(value, "format", known), known)
    return value


def _refuse_newer(found: int, known: int) -> None:
    if found > known:
        raise NewerFormError(
            f"it was written by a newer version of comfy-watch (format {found}, known: {known})"
        )


def format_of(text: bytes) -> int:
    """Return the `format` in a text; 0 if there is none."""
    try:
        found = json.loads(text).get("format")
    except (ValueError, AttributeError, RecursionError):
        return 0
    return found if type(found) is int else 0


def encode(form: object) -> bytes:
    """Encode a form as indented JSON."""
    plain = decoder(cast("Hashable", type(form))).dump_python(form, mode="json")
    return json.dumps(plain, indent=1).encode() + b"\n"


def each(lines: Iterable[bytes], read: Callable[[bytes], _Value]) -> Iterator[_Value]:
    """Decode the lines that are not damaged."""
    for line in lines:
        with contextlib.suppress(UnreadableFormError):
            yield read(line)


def renamed(found: dict[str, Any], **names: str) -> dict[str, Any]:
    """Return a document with some keys named anew, as a later format calls them."""
    return {names.get(key, key): value for key, value in found.items()}


def check_time(text: str | None) -> None:
    """Raise UnreadableFormError for a text that is not a time; None is allowed."""
    try:
        if text is not None:
            timestamps.read(text)
    except ValueError:
        raise UnreadableFormError(f"{text!r} is no time") from None
