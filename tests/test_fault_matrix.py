"""The fault matrix: under every fault nothing is lost, nothing invented, and nobody else affected."""

from __future__ import annotations

import pytest

from tests.faults.matrix import CROWD, GOOD, UNREACHABLE, Breadth, Cell, Stage, cells, measured, selection
from tests.faults.process import live_as_process
from tests.peers.faults import FAULTS
from watcher.transport import MANY

pytestmark = pytest.mark.usefixtures("unmeasured")

IN_PROCESSES = ("html_200", "rate_limited_seconds", "repeated_rows", "drip", "refused")
"""Faults that the real program lives through in every run of the tests: one of each way to fail."""
IN_A_CROWD = ("truncated_body", "value_bomb")
"""And those over the other transport."""


def test_the_matrix_is_whole() -> None:
    """Every fault stands in it at every stage and for one node, all, and the only one; the selection has each once."""
    assert len(list(cells())) == 9 * len(FAULTS) + 6 * len(UNREACHABLE)
    assert [cell.fault for cell in selection()] == sorted({*FAULTS, *UNREACHABLE})
    assert len({(cell.stage, cell.breadth) for cell in selection()}) == 9


@pytest.mark.parametrize("cell", selection(), ids=str)
def test_a_cell(cell: Cell) -> None:
    """Before, with and after the fault exactly the real changes are told, once, and every poll says how it went."""
    assert measured(cell).wrong == []


@pytest.mark.parametrize("fault", IN_PROCESSES)
def test_a_cell_lived_by_the_program(fault: str) -> None:
    """The real program tells the same, with the right exit codes, one document and one clear line a fault."""
    breadth = Breadth.ALL if fault in UNREACHABLE else Breadth.ONE
    assert live_as_process(Cell(fault=fault, stage=Stage.CHANGE, breadth=breadth)).wrong == []


@pytest.mark.parametrize("fault", IN_A_CROWD)
def test_a_cell_lived_by_the_program_among_many(fault: str) -> None:
    """So it does where it watches so many nodes that it asks over the other transport, in bounded time and memory."""
    assert len({*GOOD, *CROWD}) >= MANY
    assert live_as_process(Cell(fault=fault, stage=Stage.CHANGE, breadth=Breadth.CROWD)).wrong == []


@pytest.mark.chaos
@pytest.mark.parametrize("cell", list(cells()), ids=str)
def test_every_cell(cell: Cell) -> None:
    """The whole matrix holds."""
    assert measured(cell).wrong == []


@pytest.mark.chaos
@pytest.mark.parametrize("cell", [cell for cell in cells() if cell.stage is Stage.CHANGE], ids=str)
def test_every_fault_lived_by_the_program(cell: Cell) -> None:
    """The real program lives through every fault, of one node, of all, and of the only one."""
    assert live_as_process(cell).wrong == []


@pytest.mark.chaos
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_lived_by_the_program_among_many(fault: str) -> None:
    """And over the other transport."""
    assert live_as_process(Cell(fault=fault, stage=Stage.CHANGE, breadth=Breadth.CROWD)).wrong == []
