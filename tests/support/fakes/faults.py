"""Everything a registry, or what stands before it, was ever feared to answer: `FAULTS`, each by its name.

    inflict(registry, "truncated_body", nodes={"bad-pack"})

Other nodes, and requests past `times`, get the ordinary answer, so one test can see that a fault stays where it is.
"""

from __future__ import annotations

from tests.support.fakes import answer_faults, document_faults  # noqa: F401 - each puts its faults into FAULTS
from tests.support.fakes.fault import FAULTS, Fault, inflict

__all__ = ["FAULTS", "Fault", "inflict"]
