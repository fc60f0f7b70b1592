"""Every wrong answer of a registry, or of what stands before it: `FAULTS`, each by its name, with what is expected.

    inflict(registry, "truncated_body", nodes={"bad-pack"})

Other nodes, and requests past `times`, get the ordinary answer, so one test can see that a fault stays where it is.
A fault is added to `answer_faults` or `document_faults`, with its expectations; every test of faults then includes it.
"""

from __future__ import annotations

from aiohttp import web

from tests.support.fake_registry.catalog import Catalog
from tests.support.fakes import answer_faults, document_faults  # noqa: F401 - each puts its faults into FAULTS
from tests.support.fakes.fault import (
    FAULTS,
    FLAGGED,
    NEW,
    Fault,
    Means,
    inflict,
)


async def _unreached(
    request: web.BaseRequest, catalog: Catalog
) -> web.StreamResponse | None:
    raise NotImplementedError


_UNTRUSTED = "cannot reach HOST: its TLS certificate is not trusted"
_AUTHORITY = (
    "if a proxy or a virus scanner opens TLS, name its CA file in SSL_CERT_FILE"
)

ADDRESS_FAULTS = {
    name: Fault(
        name=name,
        play=_unreached,
        means=Means.REGISTRY,
        said=said,
        unreached=True,
        everybody=True,
    )
    for name, said in (
        (
            "refused",
            "cannot reach HOST: the connection was refused; check the address and the firewall",
        ),
        (
            "untrusted",
            f"{_UNTRUSTED} (unable to get local issuer certificate); {_AUTHORITY}",
        ),
    )
}
"""Faults of the address, which no answer plays."""

QUICK = tuple(
    fault
    for fault in FAULTS.values()
    if fault.means not in {Means.EMPTY, Means.OLDER}
    and not (fault.slow or fault.heavy or fault.everybody or fault.holds)
)
"""Faults that cost little time and memory and say nothing of other nodes, for long runs; what one means depends on no
other answer.
"""

__all__ = [
    "ADDRESS_FAULTS",
    "FAULTS",
    "FLAGGED",
    "NEW",
    "QUICK",
    "Fault",
    "Means",
    "inflict",
]
