"""What one poll read of one node: a listing, a ban of the node, or a failure. All are values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from watcher.model.version import Version
from watcher.values import frozen


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


@frozen
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
        # None of these is about what was asked for.
        return self.fault in {Fault.REGISTRY, Fault.UNREACHED, Fault.UNTRIED}


ALL = "*"
"""Stands for the registry as a whole where a node is named."""


@frozen
class ServerTime:
    """When the registry made the answers of one reading, by its own clock; comparable with other such times alone."""

    oldest: str = ""
    """Of all answers; "" if one does not say it."""
    newest: str = ""
    """Of those that say it; "" if none does."""

    @classmethod
    def of(cls, *made: str) -> ServerTime:
        """Return the times of answers, of which "" does not say it."""
        return cls(oldest=min(made, default=""), newest=max(made, default=""))

    def is_older_than(self, known: str) -> bool:
        """Return whether some answer is older than the `known` one, as far as both say it."""
        # Times have whole seconds, so an equal one is no older (docs/dev/registry.md, Caches).
        return bool(self.oldest) and self.oldest < known


@frozen
class Listing:
    """The versions that were seen of one node. docs/dev/behaviour.md, Listings, defines when it is complete."""

    node: str
    versions: tuple[Version, ...]
    at: str
    """When it was requested, by our clock, or earlier if the registry's clock says so."""
    server_time: ServerTime = ServerTime()
    incomplete: str = ""
    """Why the listing is incomplete, for a person; "" if it is complete."""
    unreported: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By version key: the fields of `Version` that the answer withheld, or gave unreadably; they are empty here."""
    spelling: str = ""
    """The node's id as the registry spells it; "" without any version."""


@frozen
class NodeBanned:
    """The registry answered 403 and said that the node is banned (docs/dev/registry.md, Node bans)."""

    node: str
    message: str
    """The reason that the registry gave; untrusted text."""
    server_time: ServerTime = ServerTime()


Reading = Listing | NodeBanned | ReadFailure
