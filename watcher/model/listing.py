"""What one poll read of one node: a listing, a ban of the node, "as before", or nothing. All are values."""

from __future__ import annotations

from dataclasses import dataclass

from watcher.model.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The versions that were seen of one node. Of those whose keys are in `partial`, status and age alone were told.

    `incomplete` is empty for a complete listing and else says, to a person, why it is not one: then what is
    missing from `versions` means nothing. `at` is when it was asked for, by our clock; the registry's clock may make it
    earlier.
    `admin_tags_told` is False when no row had the field `tags_admin` at all: public answers may drop it, and then
    nothing is known of it (registry notes, Fields). `etag` names this very answer, where
    one page was all of it. `elsewhere` are the keys of known versions that it does not show because they have a
    status that was not asked for.
    """

    node: str
    versions: tuple[Version, ...]
    at: str
    incomplete: str = ""
    admin_tags_told: bool = True
    etag: str = ""
    elsewhere: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBanned:
    """The registry answered 403 for the node and said that it is banned; `message` is the reason that it gave."""

    node: str
    message: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFailed:
    """The node could not be read. `registry_wide`: the fault lies with the registry or the way to it, not the node.

    `unreached`: no HTTP answer came at all, of whatever status; any would show that the registry can be reached.
    """

    node: str
    error: str
    registry_wide: bool
    unreached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unchanged:
    """The answer is the one already known: the registry said so (304 to its `ETag`), or it is the same to the byte."""

    node: str
    at: str


Reading = Listing | NodeBanned | FetchFailed | Unchanged
