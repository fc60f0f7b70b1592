"""The decorator of the program's values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(field,)
)
def frozen(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass whose instances do not change, and whose fields are given by name."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)
