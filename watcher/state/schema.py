"""JSON Schemas (draft 2020-12), generated from dataclasses: the docstring below a field describes it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from watcher.state.codec import decoder


def of(form: type[object]) -> JsonSchemaValue:
    """Return the schema of what a dataclass is written as: with a default, a field may be left out."""
    schema = decoder(form).json_schema(schema_generator=_Generator)
    return {"$schema": _Generator.schema_dialect, **schema}


class _Generator(GenerateJsonSchema):
    """Adds the docstrings of fields, and lets no object have other fields."""

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 - pydantic's own
        """Return the schema of a dataclass."""
        found = super().dataclass_schema(schema)
        docs = _docs(schema["cls"])
        for name, part in found["properties"].items():
            part.pop("default", None)
            if name in docs:
                part["description"] = docs[name]
        return {**found, "additionalProperties": False}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - as above
        """Return that a field needs no title: it has a name."""
        return False


def _docs(form: type[object]) -> dict[str, str]:
    """Return the docstrings of a dataclass's fields by name."""
    described = getattr(form, "VALUE", form)
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(described))).body
    docs = {"format": _FORMAT}
    for statement, below in pairwise(tree.body):  # type: ignore[attr-defined]  # it is a class
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                docs[name] = " ".join(doc.split()).replace("None", "null")
            case _:
                pass
    return docs


_FORMAT = "Raised when older versions of comfy-watch could not read the file any more."
