"""Something that could not be read, as one value from the request to the documents and messages that tell it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Whose fault it is that something could not be read, as far as anybody acts on it."""

    OWN = "own"
    """Of what was to be read, as far as anybody can say: others may be readable."""
    NOT_FOUND = "not_found"
    """The registry answered that it has no such thing."""
    REGISTRY = "registry"
    """Of the registry or the network, which answered: others fail for the same reason."""
    UNREACHED = "unreached"
    """No HTTP answer came, or none to its end in time. Any answer, whatever its status, shows that the registry can be
    reached."""
    UNTRIED = "untried"
    """No request was made, because the registry had failed too often. The next poll makes it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFailure:
    """Something could not be read, or not in full. Without a node and an install it is about the registry."""

    error: str
    """Why, for a person. Unless it is `Trusted` it may hold untrusted text."""
    fault: Fault = Fault.OWN
    node: str | None = None
    install: str | None = None
    hint: str = ""
    """What a person can do."""

    @property
    def line(self) -> str:
        """Why, and what to do, on one line."""
        return f"{self.error}; hint: {self.hint}" if self.hint else self.error

    @property
    def registry_wide(self) -> bool:
        """Whether the fault is the registry's, or the network's."""
        return self.fault in {Fault.REGISTRY, Fault.UNREACHED, Fault.UNTRIED}
