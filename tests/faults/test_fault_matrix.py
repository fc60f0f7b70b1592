"""The fault matrix: under every fault nothing is lost, nothing invented, and nobody else affected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.cases import (
    EXPECTED,
    NOT_OF_PAGES,
    Breadth,
    Case,
    Stage,
    cases,
    process_cases,
    selection,
)
from tests.faults.matrix import alone
from tests.faults.process import Stand

IN_PROCESSES = [
    Case(fault="html_200", stage=Stage.CHANGE, breadth=Breadth.ONE),
    Case(fault="status_503_json", stage=Stage.FIRST, breadth=Breadth.ONE),
    Case(fault="repeated_rows", stage=Stage.CHANGE, breadth=Breadth.ALL),
    Case(fault="drip", stage=Stage.QUIET, breadth=Breadth.ALL),
    Case(fault="refused", stage=Stage.CHANGE, breadth=Breadth.ALL),
    Case(fault="truncated_body", stage=Stage.QUIET, breadth=Breadth.CROWD),
    Case(fault="value_bomb", stage=Stage.FIRST, breadth=Breadth.CROWD),
    Case(fault="untrusted", stage=Stage.CHANGE, breadth=Breadth.EVERYONE),
]
"""Cases that the real program lives in every bounded run: each way to fail, at each stage, for each breadth."""


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """Where the program is run as a process."""
    with Stand() as made:
        yield made


def test_the_matrix_is_whole() -> None:
    """Every fault stands in it at every stage, for one node, all, the only one and one page of many."""
    everybodys = sum(fault.everybody for fault in EXPECTED.values())
    of_one = len(EXPECTED) - everybodys
    assert len(list(cases())) == 12 * of_one + 6 * everybodys - len(NOT_OF_PAGES)
    assert {case.fault for case in process_cases()} == set(EXPECTED)
    assert [case.fault for case in selection()] == sorted(EXPECTED)
    assert len({(case.stage, case.breadth) for case in selection()}) == 12


@pytest.mark.bounded
@pytest.mark.parametrize("case", selection(), ids=str)
def test_a_case(case: Case) -> None:
    """Each poll reports exactly what is due, before, with and after the fault, and says how it went."""
    assert alone(case).wrong == []


@pytest.mark.bounded
@pytest.mark.parametrize("case", IN_PROCESSES, ids=str)
def test_a_case_lived_by_the_program(stand: Stand, case: Case) -> None:
    """The real program reports the same and delivers it at once, each alert once, in bounded time and memory."""
    assert stand.live(case).wrong == []
