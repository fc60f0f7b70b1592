"""Values of a test's parameter of which the fast tests take one."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet


def one_of(*values: object) -> list[ParameterSet]:
    """Return the values for `parametrize`: the first is for the fast tests, the others for `make bounded`."""
    first, *others = values
    return [pytest.param(first), *(pytest.param(other, marks=pytest.mark.bounded) for other in others)]
