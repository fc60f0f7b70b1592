"""JSON Schemas of what services take, in few words, with limits in the units that services count in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

Schema = Mapping[str, Any]


def _in_bytes(
    _: object, most: int, value: object, __: object
) -> Iterator[ValidationError]:
    if isinstance(value, str):
        size = len(value.encode("utf-8", "surrogatepass"))
        if size > most:
            yield ValidationError(f"{size} bytes, at most {most}")


_VALIDATOR = validators.extend(  # type: ignore[no-untyped-call]  # jsonschema's is untyped
    Draft202012Validator,
    {"maxBytes": _in_bytes},
)


def violations(schema: Schema, value: object) -> Iterator[str]:
    """Yield what is wrong with a value, each with its place."""
    for error in _VALIDATOR(schema).iter_errors(value):
        yield f"{error.json_path}: {error.message[:300]}"


def words(
    most: int | None = None,
    *,
    least: int = 0,
    octets: int | None = None,
) -> Schema:
    """Return the schema of a text with so many characters or bytes at most."""
    limits = {
        "minLength": least,
        "maxLength": most,
        "maxBytes": octets,
    }
    return {"type": "string"} | {
        name: limit for name, limit in limits.items() if limit is not None
    }


def matching(pattern: str) -> Schema:
    """Return the schema of a text that has a form."""
    return {"type": "string", "pattern": rf"\A(?:{pattern})\Z"}


def one_of(*values: object) -> Schema:
    """Return the schema of a value out of a few."""
    return {"enum": list(values)}


def whole(least: int, most: int) -> Schema:
    """Return the schema of a number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def several(item: Schema, most: int, *, least: int = 0) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": item, "minItems": least, "maxItems": most}


def record(needed: Mapping[str, Schema], /, **optional: Schema) -> Schema:
    """Return the schema of an object that has these fields and no other."""
    return {
        "type": "object",
        "required": list(needed),
        "properties": {**needed, **optional},
        "additionalProperties": False,
    }


YES_OR_NO: Schema = {"type": "boolean"}
LINK: Schema = {"type": "string", "pattern": r"\Ahttps?://[^\s]+\Z", "maxLength": 2048}
ANYTHING: Schema = {"type": "object"}
