"""The decorator of the program's values, and what shows one in another form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(field,)
)
def frozen(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass whose instances do not change, and whose fields are given by name."""
    # With slots, as a sweep of the registry holds tens of thousands of them.
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


def projected(form: type[_T], value: object, **given: object) -> _T:
    """Return a form of a value: what is not given are the value's fields of the same name."""
    names = {one.name for one in fields(cast("Any", form))} - given.keys()
    same = {name: getattr(value, name) for name in names}
    return cast("Callable[..., _T]", form)(**same, **given)
