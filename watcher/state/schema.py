"""JSON Schemas (draft 2020-12), generated from dataclasses: the docstring below a field describes it."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from watcher.state.codec import FORMAT, Document

_OPTIONS = ConfigDict(use_attribute_docstrings=True, extra="forbid")
"""Fields are described, and no object may have others."""
_FORMAT = {
    "const": FORMAT,
    "description": "Raised when older versions of comfy-watch could not read the file any more.",
    "type": "integer",
}


def of(form: type[Any] | Document[Any]) -> JsonSchemaValue:
    """Return the schema of what a dataclass is written as: with a default, a field may be left out.

    A file has `format` before the fields of its value, and all of these.
    """
    value = form.value if isinstance(form, Document) else form
    # In a list, since a dataclass alone takes no options; those inside of it have the same ones.
    adapter = TypeAdapter(list[value], config=_OPTIONS)  # type: ignore[valid-type]  # it is a type
    parts = adapter.json_schema(schema_generator=_Generator)["$defs"]
    schema = parts.pop(value.__name__)
    if form is not value:
        schema["properties"] = {"format": _FORMAT, **schema["properties"]}
        schema["required"] = [*schema["properties"]]
    return {"$schema": _Generator.schema_dialect, **schema, "$defs": parts}


class _Generator(GenerateJsonSchema):
    """Writes descriptions as JSON has things, in one line."""

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - pydantic's own
        """Return the schema of a dataclass."""
        found = super().dataclass_schema(schema)
        for part in found["properties"].values():
            # What a file leaves out has its default, whichever that is in the version that reads it.
            part.pop("default", None)
            described = " ".join(part.get("description", "").split())
            part["description"] = described.replace("None", "null")
        return found

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - as above
        """Return that a field needs no title: it has a name."""
        return False
