"""Installed packs, as values: what a scan of a ComfyUI finds, and what an event says of a copy that somebody runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from urllib.parse import urlsplit

from watcher.model.reading import Fault, ReadFailure
from watcher.values import frozen

OWN_FILES = ("example_node.py.example", "websocket_image_save.py")
"""What comes with every ComfyUI in `custom_nodes`: with one of them it is not the empty place of a volume."""


class PackKind(StrEnum):
    """How a pack was recognised."""

    REGISTRY = "registry"
    """Installed from the registry by the Manager, whose mark it carries: id and version are known."""
    CLAIMED = "claimed"
    """A pyproject names id and version, without the Manager's mark."""
    GIT = "git"
    """A clone: it has a commit and no version, and its id is only claimed until the registry confirms it."""
    FILE = "file"
    """A single Python file; it has no id."""
    UNKNOWN = "unknown"
    """A folder without any mark, or one that cannot be read."""


class Claim(StrEnum):
    """What says which pack a copy is."""

    FILE = "file"
    """The `pyproject.toml` in it."""
    CNR_ID = "cnr-id"
    """The id that the Manager wrote into `.git/.cnr-id`."""
    FOLDER = "folder"
    """The name of its folder, beside the Manager's mark: the Manager names it after the pack."""
    REPOSITORY = "repository"
    """The registry, which has the pack under the repository of a copy that has no id."""


@frozen
class Identity:
    """One pack that a copy may be."""

    id: str
    """As written."""
    by: Claim
    """What says so."""


@frozen
class Pack:
    """One pack in one install. Every text is untrusted, as it is written there."""

    folder: str
    """The name of its folder or file, also if it is disabled."""
    place: str = ""
    """Which folder of packs it lies in, if that is not the install's own `custom_nodes`."""
    kind: PackKind
    """How it was recognised."""
    id: str | None = None
    """As written; None where there is none."""
    version: str | None = None
    """As written; None where it is not known, and for every clone."""
    claimed_version: str | None = None
    """What the pyproject of a clone names, as written: it may be of any commit."""
    others: tuple[Identity, ...] = ()
    """What else it may be; most copies may be nothing else."""
    commit: str | None = None
    """The commit of a clone, in hexadecimal; None where it is not known."""
    enabled: bool = True
    """Whether ComfyUI loads it."""
    repository: str | None = None
    """The address of a clone's remote, or what its pyproject names; without a login."""
    evidence: str = ""
    """What it was recognised by, or why it was not."""
    unreadable: bool = False
    """Whether a file of it could not be read: what a scan found before is then better than this."""
    is_stray: bool = False
    """Whether its folder of packs has none of those that it had: another volume may lie in its place."""
    file: str = ""
    """The path of the file that names it, if it is a reference; "" if it is installed."""
    line: int | None = None
    """Where it stands in that file; None if that is not known."""
    is_unpinned: bool = False
    """Whether it is a reference without a version, so that what is installed by it is the newest."""
    own_file: str = ""
    """The path of a file in it, by which it can be shown, if it is installed in a folder that was scanned."""


def named_after(folder: str) -> str:
    """Return what a pack's folder or file is named after, without what the Manager adds to disable it.

    The Manager keeps a disabled `pack` as `.disabled/pack@1_2_0`, an older one as `pack.disabled`.
    """
    name = folder.removeprefix(".disabled/").removesuffix(".disabled")
    return name.partition("@")[0] or name


@frozen
class Inventory:
    """The packs of one install, or those that a file names, as one scan found them."""

    install: str
    """Its name."""
    packs: tuple[Pack, ...] = ()
    failure: ReadFailure | None = None
    """Why not all of it could be read: what was known of the rest still holds."""
    places: frozenset[str] = frozenset({""})
    """The places, as `Pack.place` has them, of which the packs are all there are; none if nothing could be read."""
    named: bool = False
    """It is a file that names packs: nobody need run them."""


@frozen
class Scanned:
    """What is known of one install after a scan by a poll."""

    name: str
    """The install's name."""
    packs: tuple[Pack, ...] | None
    """Enabled ones first; what cannot be read is as the last good scan found it. None if nothing ever was found."""
    error: str = ""
    """Why it, or a pack in it, could not be read; "" if all could be."""
    places: frozenset[str] = frozenset()
    """The folders of which the scan found all packs, as `Pack.place` has them; none if it failed."""
    is_whole: bool = False
    """Whether these are all folders of packs that the install has."""


NODE_STATUSES = ("active", "deleted", "banned")
"""What the registry says of packs as a whole (`NodeStatus`), by short names."""


@frozen
class NodeRecord:
    """What the registry says of a pack as a whole. Every text is untrusted."""

    id: str
    """As the registry spells it."""
    status: str = "active"
    """One of `NODE_STATUSES`, or the registry's own text for a status that this program does not know."""
    status_detail: str = ""
    """Why it has that status."""
    repository: str = ""
    """The address of its source."""
    publisher: str = ""
    """The id of its publisher."""


@frozen
class NodeRecords:
    """What the registry says of several packs as a whole. Of a pack that is not in it nothing is known."""

    records: Mapping[str, NodeRecord] = field(default_factory=dict)
    """By lower-case id."""
    failure: ReadFailure | None = None
    """Why the answer is not usable, or not all of it; `NOT_FOUND` where the registry does not have the endpoint."""

    @property
    def absent(self) -> bool:
        """Whether the registry does not have the endpoint."""
        return self.failure is not None and self.failure.fault is Fault.NOT_FOUND


@frozen
class Copy:
    """One copy of the pack that an event is about."""

    install: str
    """The install's name in the settings."""
    version: str | None
    """As written there; None for a clone."""
    enabled: bool
    """Whether it is run."""
    folder: str | None = None
    """The name of its folder or file: untrusted text."""


class SourceKind(StrEnum):
    """What an install is read from."""

    PATH = "path"
    URL = "url"
    SNAPSHOT = "snapshot"


@frozen
class Source:
    """One install, as settings or a command line name it."""

    name: str
    """Unique among the installs of the settings; it is not secret."""
    is_named: bool = False
    """Whether the settings give it that name."""
    kind: SourceKind
    where: str = field(repr=False)
    """A folder, an address, or a file or glob. An address is a secret, as it may hold a password: no repr shows it."""

    @property
    def identity(self) -> str:
        """What makes it the install that it is: its path or glob, or its address, which is as secret as `where`.

        A login, or a token behind `?`, is no part of an address.
        """
        if self.kind is not SourceKind.URL:
            return self.where
        # With a new password it is the same install: what was reported of it is not reported again.
        parts = urlsplit(self.where)
        place = parts.netloc.rpartition("@")[2].lower()
        path = parts.path.rstrip("/")
        return parts._replace(netloc=place, path=path, query="").geturl()
