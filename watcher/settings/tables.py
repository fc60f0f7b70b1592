"""The channels of the settings: `[[channels]]` tables, and names for those of `alert_urls`, which have no other.

Without apprise, which no quiet poll loads.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Self, TypeVar, Union
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from watcher.errors import UsageError
from watcher.model.channel import Channel, Grouping, Scope
from watcher.model.event import DEFAULT_KINDS, VERDICTS, Grade, Kind, Severity
from watcher.model.finding import Acceptance
from watcher.model.pack import Source, SourceKind
from watcher.model.selection import NODE_ID
from watcher.model.version import normalised
from watcher.settings import parsing
from watcher.text import mask
from watcher.text.mask import describe, is_visible
from watcher.values import projected

ANY_CASE = BeforeValidator(parsing.lower)
"""For words that may be written in any case."""


_FORM = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def list_with(read: Callable[[object], object], *known: str) -> BeforeValidator:
    """Return `read` as a validator of a list of strings, only the `known` ones if there are any, or of a string."""
    item: Any = Literal[known] if known else str
    return BeforeValidator(read, json_schema_input_type=Union[list[item], str])  # noqa: UP007 - made at run time


def _kinds(value: object) -> frozenset[Kind]:
    names = parsing.choices(parsing.split_list(value), ("all", *Kind), "an event kind")
    return frozenset(Kind) if "all" in names else frozenset(map(Kind, names))


class ChannelTable(BaseModel):
    """A channel with its own settings."""

    model_config = _FORM

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
        ),
    ] = Field(description="The channel's name in every output.")
    url: Annotated[SecretStr, BeforeValidator(parsing.alert_url)] = Field(
        description="An apprise URL; secret."
    )
    kinds: Annotated[frozenset[Kind], list_with(_kinds, "all", *Kind)] = Field(
        DEFAULT_KINDS,
        description=f'`"all"`, or a list of: {", ".join(Kind)}. Default: all of them but `pending`.',
    )
    nodes: Annotated[tuple[str, ...], list_with(parsing.read_globs)] = Field(
        (), description="Ids or patterns such as `comfyui-*`. Default: every node."
    )
    scope: Annotated[Scope, ANY_CASE] = Field(
        Scope.ALL,
        description="`all`, or `installed`: only what is about node packs that you run.",
    )
    min_severity: Annotated[Severity, ANY_CASE] = Field(
        Severity.INFO,
        description="How bad an event has to be: `info`, `warning` or `critical`. The end of something, such as "
        "`cleared`, passes if that was bad enough. A `baseline` always passes.",
    )
    grouping: Annotated[Grouping, ANY_CASE] = Field(
        Grouping.POLL,
        description="What one message is about: a whole `poll`, or one `event`.",
    )

    @property
    def chosen(self) -> dict[str, object]:
        """What it says beside the name and the URL, as a settings file may have it."""
        given = self.model_dump(exclude_unset=True, exclude={"name", "url"})
        return given | {"kinds": sorted(given["kinds"])} if "kinds" in given else given

    def channel(self) -> Channel:
        """Return the channel that the table describes."""
        return projected(
            Channel,
            self,
            url=self.url.get_secret_value(),
            # Who names kinds gets them of every pack; by default packs that only a glob chooses bring fewer.
            kinds_given="kinds" in self.model_fields_set,
            placed=False,
            named=None,
        )


def _tables_of(
    split: Callable[[str], Iterable[object]],
    refusal: str,
    read: Callable[[str], object],
) -> Callable[[object], list[object]]:
    """Return what reads a list, JSON, or a text that is `split`; each text in it becomes a table by `read`."""

    def read_list(value: object) -> list[object]:
        return parsing.read_each(
            parsing.items_of(value, split, refusal),
            lambda item: read(item) if isinstance(item, str) else item,
        )

    return read_list


def _no_channel(_: str) -> object:
    # Not shown, as it is likely an alert URL.
    raise ValueError("the value (not shown) is not a table; write [[channels]]")


read_tables = _tables_of(
    lambda text: parsing.from_json(text) if text.strip() else (),
    "the value is not a list of tables; write [[channels]] with two brackets, or a JSON array of objects",
    _no_channel,
)
"""The tables of channels; their texts are JSON."""


NATIVE: Mapping[str, str] = {
    "api.flock.com": "flock",
    "api.incident.io": "incidentio",
    "api.squadcast.com": "squadcast",
    "chat.googleapis.com": "gchat",
    "ciscospark.com": "webex",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "hooks.slack-gov.com": "slack",
    "hooks.slack.com": "slack",
    "inbots.zoom.us": "zoom",
    "logic.azure.com": "workflows",
    "maker.ifttt.com": "ifttt",
    "ntfy.sh": "ntfy",
    "open.larksuite.com": "lark",
    "powerplatform.com": "workflows",
    "qyapi.weixin.qq.com": "wecombot",
    "webexapis.com": "webex",
    "webhooks.t2bot.io": "matrix",
}
"""The scheme of apprise for the addresses that services themselves give out, by their host, or the end of it."""


def names(urls: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return the name of each URL: its service, and the second one numbered (`discord`, `discord-2`).

    `taken` are names of other channels, in lower case, which are passed over.
    """
    each = list(urls)
    return dict(
        zip(each, _numbered(map(service_named_by, each), {*taken}), strict=True)
    )


def service_named_by(url: str) -> str:
    """Return the service of a URL: its scheme, or that of a native address."""
    scheme = mask.scheme(url)
    if scheme in ("http", "https"):
        host = url.split("/", 3)[2].rpartition("@")[2].partition(":")[0].lower()
        # With the dot, so that notdiscord.com is not Discord.
        known = (NATIVE[end] for end in NATIVE if f".{host}".endswith(f".{end}"))
        return next(known, scheme)
    return scheme.replace("+", "-")


SNAPSHOT_SUFFIXES = (".json", ".yaml", ".yml")
"""How the name of a snapshot file, or of a glob over some, ends."""

_LONGEST_NAME = 64
_BETWEEN = re.compile(r"[,\n]")
_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]{2,}|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}(?:/.*)?")
"""What is an address without its scheme; a drive's one letter is none."""
_SAYS_NOTHING = frozenset(
    {
        "snapshots",
        "__manager",
        "default",
        "user",
        "comfyui-manager",
        "custom_nodes",
        "comfyui",
    }
)
"""Folders that say nothing about whose snapshots, or whose packs, are in them."""


def _name(value: object) -> str:
    name = parsing.stripped(value)
    if (
        not 0 < len(name) <= _LONGEST_NAME
        or not mask.is_visible(name)
        or mask.find_url(name)
    ):
        raise ValueError(
            f"{mask.describe(value)} is not the name of an install; give up to {_LONGEST_NAME} visible characters"
        )
    return name


def _path(value: object) -> str:
    text = parsing.stripped(value)
    # An address without its scheme would be a folder that does not exist.
    if not text or not mask.is_visible(text) or _ADDRESS.fullmatch(text):
        raise ValueError(
            f"{mask.describe(value)} is not a folder or file; an address begins with http:// or https://"
        )
    return parsing.path(text)


def _snapshot(value: object) -> str:
    text = _path(value)
    if not text.lower().endswith(SNAPSHOT_SUFFIXES):
        raise ValueError(
            f"{mask.describe(text)} is not a snapshot file; give one, or a glob, that ends in"
            f" {', '.join(SNAPSHOT_SUFFIXES)}"
        )
    return text


def _url(value: object) -> SecretStr:
    """Return the address of a ComfyUI, without the fragment that a browser shows; errors show no part of it."""
    text = parsing.stripped(value).partition("#")[0]
    if parsing.web_address(text) is None:
        raise ValueError(
            "the value (not shown) is not the address of a ComfyUI; give one such as http://127.0.0.1:8188"
        )
    return SecretStr(text)


class InstallTable(BaseModel):
    """One ComfyUI whose packs are watched. Exactly one of `path`, `url` and `snapshot` is given."""

    model_config = _FORM | ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind.value]} for kind in SourceKind]}
    )

    name: Annotated[str, BeforeValidator(_name)] = Field(
        "",
        description="The install's name in every output. Default: that of its folder or host.",
    )
    path: Annotated[str, BeforeValidator(_path)] = Field(
        "",
        description="The folder of a ComfyUI, its base directory or its `custom_nodes`.",
    )
    url: Annotated[SecretStr, BeforeValidator(_url)] = Field(
        SecretStr(""),
        description="The address of a running ComfyUI with the Manager; secret.",
    )
    snapshot: Annotated[str, BeforeValidator(_snapshot)] = Field(
        "",
        description="A snapshot file of the Manager, or a glob, of which the newest counts.",
    )

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        """Return it; ValueError unless it says where it is read from, once."""
        # By what was given, as an empty path is a mistake of its own.
        if len(self.model_fields_set & {*SourceKind}) != 1:
            raise ValueError("give one of path, url and snapshot")
        return self

    @property
    def kind(self) -> SourceKind:
        """What it is read from."""
        return next(kind for kind in SourceKind if kind.value in self.model_fields_set)

    @property
    def where(self) -> str:
        """The folder, file or glob; the address in the clear."""
        value = getattr(self, self.kind)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    @property
    def shown(self) -> str:
        """Where it is, without what is secret."""
        is_secret = self.kind is SourceKind.URL
        return mask.masked(self.where) if is_secret else self.where


def entry(text: str) -> InstallTable:
    """Return the install that a string names: an address, a snapshot file or glob, else a folder."""
    made = InstallTable.model_construct
    if text.strip().lower().startswith(("http://", "https://")):
        return made({"url"}, url=_url(text))
    if text.strip().lower().endswith(SNAPSHOT_SUFFIXES):
        return made({"snapshot"}, snapshot=_snapshot(text))
    return made({"path"}, path=_path(text))


read_installs = _tables_of(
    lambda text: filter(str.strip, _BETWEEN.split(text)),
    'the value is not a list of installs; write installs = ["~/ComfyUI"], or [[installs]] with two brackets',
    entry,
)
"""The tables of installs; a text is split at commas and line ends, as a folder's name may have blanks."""

_Table = TypeVar("_Table", ChannelTable, InstallTable)


def unique(tables: tuple[_Table, ...], what: str) -> tuple[_Table, ...]:
    """Return the tables; ValueError if two of them were given one name."""
    given = Counter(table.name.lower() for table in tables if table.name)
    for name, count in given.items():
        if count > 1:
            raise ValueError(f"two {what} have the name {name!r}; give each its own")
    return tables


def placed(table: InstallTable, place: Callable[[Path], Path]) -> InstallTable:
    """Return a table whose path is absolute, as `place` makes it so, and written in one way.

    No link in it is followed, as what that leads to comes and goes.
    """
    if table.kind is SourceKind.URL:
        return table
    # No link is followed: what `current` leads to changes, and the install is the same.
    path = os.path.normpath(place(Path(table.where)))
    return table.model_copy(update={table.kind.value: path})


def sources(tables: Iterable[InstallTable]) -> tuple[Source, ...]:
    """Return the installs of absolute tables.

    One without a name gets that of its folder or host, with more of its path if that is another's too.
    """
    found = list(tables)
    return tuple(
        projected(Source, table, name=name, is_named=bool(table.name))
        for name, table in zip(_names(found), found, strict=True)
    )


def each_once(tables: Sequence[InstallTable]) -> tuple[InstallTable, ...]:
    """Return absolute tables; ValueError if two of them are one install."""
    seen: dict[str, int] = {}
    for number, source in enumerate(sources(tables), 1):
        first = seen.setdefault(source.identity, number)
        # One of the two is not the install that its writer means.
        if first != number:
            shown = tables[number - 1].shown
            raise ValueError(f"entries {first} and {number} are one install: {shown}")
    return tuple(tables)


def _names(tables: Sequence[InstallTable]) -> list[str]:
    """Return the name that each table has, or the shortest of its usual ones that no other may have."""
    usual = [[table.name] if table.name else _usual_names(table) for table in tables]
    # Of all names that others may have, so that no name depends on the order of the list.
    may_have = Counter(name for each in usual for name in {*map(str.lower, each)})
    names = [
        next((name for name in each if may_have[name.lower()] == 1), each[-1])
        for each in usual
    ]
    # A name that was given is never changed: filters and reports of users have it.
    given = {table.name.lower() for table in tables if table.name}
    unnamed = zip(names, tables, strict=True)
    free = _numbered((name for name, table in unnamed if not table.name), given)
    return [table.name or next(free) for table in tables]


def targets(given: Sequence[str], place: Callable[[Path], Path]) -> tuple[Source, ...]:
    """Return the installs that a command line names, each once, as entries of `installs`.

    `place` makes a path absolute. UsageError for what is none.
    """
    try:
        # A shell's glob may give one folder twice; two logins at one address are two to look at.
        return sources(dict.fromkeys(placed(entry(text), place) for text in given))
    except ValueError as error:
        raise UsageError(f"TARGET: {error}") from None


def _usual_names(table: InstallTable) -> list[str]:
    """Return what an install may be called: its host, or the last folder that says something, then more of the path."""
    if table.kind is SourceKind.URL:
        url = urlsplit(table.where)
        # Without the login, which is secret.
        host = f"{url.hostname}:{url.port}" if url.port else str(url.hostname)
        return [host, f"{host}{url.path}"[:_LONGEST_NAME]]
    path = PurePath(table.where)
    parts = [one for one in path.parts if not set("*?[") & set(one)]
    if table.kind is SourceKind.SNAPSHOT and parts[-1] == path.name:
        # The Manager calls its snapshots by their time, which names no ComfyUI.
        is_telling = path.parent.name.lower() not in _SAYS_NOTHING
        parts[-1:] = [path.stem] if is_telling else []
    while parts[-1].lower() in _SAYS_NOTHING:
        parts.pop()
    if len(parts) == 1:
        return ["ComfyUI", table.where[-_LONGEST_NAME:]]
    names = ["/".join(parts[start:]) for start in range(len(parts) - 1, 0, -1)]
    # The end of a path says more than its beginning.
    return [name[-_LONGEST_NAME:] for name in (*names, table.where)]


def _numbered(usual: Iterable[str], taken: set[str]) -> Iterator[str]:
    """Yield each name, or that and a number where another has it; `taken` are names in lower case."""
    for one in usual:
        name, number = one, 1
        while name.lower() in taken:
            number += 1
            # With room for the number, however long the name is.
            name = f"{one[: _LONGEST_NAME - 6]}-{number}"
        taken.add(name.lower())
        yield name


_VERDICTS = tuple(one for one in VERDICTS if one is not Grade.OK)
"""What may be accepted, worst first."""
_LONGEST_VERSION, _LONGEST_REASON = 100, 200
_VERSION = re.compile(r"[vV]?[0-9]+(?:\.[0-9]+)+")
"""What is a version, and hardly an id."""
_SHORT_COMMIT = re.compile(r"[0-9A-Fa-f]{1,6}")


def _finding(value: object) -> str:
    """Return a finding as it is written."""
    text = parsing.stripped(value)
    node, at, copy, equals, verdict = _parts(text)
    is_word = is_visible(copy) and not set(" @") & set(copy)
    is_short = _SHORT_COMMIT.fullmatch(copy) and normalised(copy) is None
    is_copy = is_word and not is_short and 0 < len(copy) <= _LONGEST_VERSION
    # A version alone may be an id, but is more likely one whose pack was forgotten.
    is_pack = NODE_ID.fullmatch(node) and (at or not _VERSION.fullmatch(node))
    if not is_pack or is_copy != bool(at):
        raise ValueError(
            f"{describe(value)} is not a finding; give the id of a pack, and a version of it or at least 7 digits of a"
            " clone's commit, e.g. rgthree-comfy@1.0.3"
        )
    # A misspelled verdict would accept less than its writer thinks, or more.
    if equals and verdict not in _VERDICTS:
        raise ValueError(
            f"{describe(value)} ends with no verdict; after = give one of: {', '.join(_VERDICTS)}"
        )
    return text


def _parts(finding: str) -> tuple[str, str, str, str, str]:
    """Return the pack, the copy and the verdict of a finding, with what stands between them if anything does."""
    named, equals, verdict = finding.partition("=")
    return *named.partition("@"), equals, verdict


def _reason(value: object) -> str:
    """Return a reason as one line."""
    # On one line, as it stands in tables and messages.
    text = " ".join(value.split()) if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST_REASON:
        raise ValueError(
            f"{describe(value)} is not a reason; give up to {_LONGEST_REASON} characters of text"
        )
    return text


def _until(value: object) -> date:
    """Return a day, of TOML or as text."""
    # By its very type: in Python a moment is a date too, and its day depends on the zone.
    text = str(value) if type(value) is date else parsing.stripped(value)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{describe(value)} is not a day; give one such as 2026-11-30, without a time"
        ) from None


class AcceptTable(BaseModel):
    """A known finding about an installed pack."""

    model_config = _FORM

    finding: Annotated[str, BeforeValidator(_finding)] = Field(
        description="What is accepted, written as in the list: `pack@1.2.0`, `pack@COMMIT` or `pack`, maybe with"
        " `=VERDICT`."
    )
    reason: Annotated[str, BeforeValidator(_reason)] = Field(
        "", description="Why, in your own words. Every output shows it."
    )
    until: Annotated[
        date | None,
        BeforeValidator(_until),
        # In JSON a day is a text; TOML has days of its own.
        WithJsonSchema({"type": "string", "format": "date"}),
    ] = Field(
        None,
        description="The last day, such as `2026-11-30` (UTC). After it the finding is reported. Default: no end.",
    )


def read_findings(words: Iterable[object]) -> tuple[Acceptance, ...]:
    """Return what a command line accepts: findings without reason and end."""
    return acceptances(parsing.read_each(words, _entry))


def acceptances(tables: Iterable[AcceptTable]) -> tuple[Acceptance, ...]:
    """Return what the tables accept, each once."""
    return tuple(dict.fromkeys(map(_acceptance, tables)))


def _acceptance(table: AcceptTable) -> Acceptance:
    node, _, copy, _, verdict = _parts(table.finding)
    # Without a word of its own no acceptance covers a ban.
    worst = Grade(verdict or Grade.FLAGGED)
    return projected(Acceptance, table, node=node, copy=copy, worst=worst)


def _entry(item: object) -> AcceptTable:
    return AcceptTable.model_construct({"finding"}, finding=_finding(item))


read_accept = _tables_of(
    parsing.words,
    'the value is not a list of findings; write accept = ["rgthree-comfy@1.0.3"], or [[accept]] with two brackets',
    _entry,
)
"""The tables of known findings; a text is split into words."""
