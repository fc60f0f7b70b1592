"""JSON forms, from text to value and back: how a file is laid out, and why it cannot be read.

A file is decoded into the dataclass of its value; what that says of a field holds for the file.
"""

from __future__ import annotations

import json
from dataclasses import make_dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from watcher.values import projected

FORMAT = 5
"""The number in every file. It is raised when older versions could not read one of them any more.

Versions before 0.3.0 counted up to 4.
"""

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


class OlderFormError(UnreadableFormError):
    """The file was written by a version that no later one reads."""

    hint = (
        "it was left as it is; move the state folder away, and the next check begins with a baseline; "
        "alerts that are undelivered in it are not sent, and the history begins anew"
    )


@cache
def decoder(form: type[Any]) -> TypeAdapter[Any]:
    """Return a form's decoder, made once: that takes milliseconds."""
    return TypeAdapter(form)


def decode(form: type[_Form], text: bytes) -> _Form:
    """Decode one form's text strictly: no value is converted. Raises UnreadableFormError."""
    try:
        # Strict, since a number that became a text is damage, which is refused, and no other way to write it.
        adapter = decoder(form)  # type: ignore[arg-type]  # to mypy no type is hashable
        found: _Form = adapter.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    else:
        return found
    what = first["msg"][:1].lower() + first["msg"][1:]
    place = ".".join(str(part) for part in first["loc"])
    raise UnreadableFormError(f"{what}{f' (at {place})' if place else ''}")


class Document(Generic[_Value]):
    """The JSON form of one file: `format`, then the fields of the value.

    Each of these has to be there. Below them what has its default is left out.
    """

    def __init__(self, value: type[_Value]) -> None:
        """Describe the form."""
        self.value = value

    @cached_property
    def form(self) -> type[Any]:
        """The dataclass that is decoded: made when it is needed, since few polls need that of each file."""
        # Without defaults, since a file that lacks a field has lost it.
        hints = get_type_hints(self.value, include_extras=True)
        return make_dataclass(
            self.value.__name__,
            [("format", Literal[FORMAT]), *hints.items()],
            kw_only=True,
            eq=False,
            repr=False,
        )

    def read(self, text: bytes) -> _Value:
        """Decode the value; raises UnreadableFormError."""
        try:
            form = decode(self.form, text)
        except UnreadableFormError:
            # What a newer version wrote is no damage: the hint is another one.
            refuse_other_format(text)
            raise
        return projected(self.value, form)

    def write(self, value: _Value) -> bytes:
        """Encode the value: an object is a block, an item of a list a line."""
        return (
            _layout(plain(projected(self.form, value, format=FORMAT))) + "\n"
        ).encode()


def refuse_other_format(text: bytes) -> None:
    """Raise the error for a file of an older or newer version, if it is one."""
    try:
        found = json.loads(text).get("format")
    except (ValueError, AttributeError, RecursionError):
        return
    # No version has written such a number: that is damage.
    if type(found) is not int or found == FORMAT or found < 1:
        return
    if found > FORMAT:
        raise NewerFormError(
            f"it was written by a newer version of comfy-watch (format {found}, known: {FORMAT})"
        )
    raise OlderFormError(
        f"it was written by a version of comfy-watch before 0.3.0 (format {found}, known: {FORMAT})"
    )


def line_of(value: object) -> bytes:
    """Encode a value as a line of its own."""
    return json.dumps(plain(value)).encode() + b"\n"


def plain(value: object) -> dict[str, Any]:
    """Return a dataclass as JSON has it."""
    adapter = decoder(type(value))  # type: ignore[arg-type]  # as above
    # A whole registry has tens of thousands of versions, which differ from the default in few fields.
    found: dict[str, Any] = adapter.dump_python(
        value, mode="json", exclude_defaults=True
    )
    return found


def _layout(value: object, indent: str = "") -> str:
    """Return JSON text in which a person, and a diff, finds each thing on a line of its own."""
    inner = f"{indent} "
    match value:
        case {}:
            rows = [f"{json.dumps(key)}: {_layout(value[key], inner)}" for key in value]
            first, last = "{}"
        # A version is a line: diff shows which one has changed, and jq reads it all the same.
        case [{}, *_]:
            rows = [json.dumps(item) for item in value]
            first, last = "[]"
        case _:
            return json.dumps(value)
    if not rows:
        return first + last
    return f"{first}\n{inner}" + f",\n{inner}".join(rows) + f"\n{indent}{last}"
