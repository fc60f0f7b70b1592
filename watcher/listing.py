"""What one poll read of one node: a listing, a ban of the node, or nothing. All three are values."""

from __future__ import annotations

from dataclasses import dataclass

from watcher.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The versions that were seen of one node.

    `incomplete` is empty for a complete listing and else says, to a person, why it is not one: then what is
    missing from `versions` means nothing. `at` is the registry's own clock where it tells it, else ours.
    """

    node: str
    versions: tuple[Version, ...]
    at: str
    incomplete: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBanned:
    """The registry answered 403 for the node: the spec's answer for a banned node."""

    node: str
    message: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """The node could not be read. `registry_wide`: the fault lies with the registry or the way to it, not the node."""

    node: str
    error: str
    registry_wide: bool


Reading = Listing | NodeBanned | Unreadable
