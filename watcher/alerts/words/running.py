"""Whether somebody runs what an event is about, where and in which version, in words. Pure.

Names of installs and versions in them are untrusted; our own words are `Trusted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher.alerts.words.differences import Item, Words
from watcher.model.event import Event, Kind, is_copy_of, runs_it
from watcher.model.pack import Copy
from watcher.text.sanitize import Trusted

_VERSIONS = 2
"""The most versions that one line names."""
_INSTALLS = 3
"""The most installs that it names of each."""


def running(event: Event) -> Words:
    """Return what is said of the installed copies: "you run 1.2.0 on workstation, laptop and 3 more"; () for none.

    The version that the event is about comes first. Disabled copies are mentioned where none is enabled, or where only
    they are of that version.
    """
    enabled = [copy for copy in event.installed if copy.enabled]
    disabled = [copy for copy in event.installed if not copy.enabled]
    if enabled:
        disabled = (
            []
            if runs_it(event)
            else [copy for copy in disabled if _is_meant(copy, event)]
        )
    said = [
        _versions("you run ", _numbered(enabled), event),
        _clones(
            "on " if _says_unknown(event) else "you have a copy of unknown version on ",
            enabled,
        ),
        _versions("you keep a disabled copy of ", _numbered(disabled), event),
        _clones("you keep a disabled copy of unknown version on ", disabled),
    ]
    words: list[str] = []
    for clause in filter(None, said):
        words += [Trusted("; "), *clause] if words else clause
    return tuple(words)


def running_in_short(event: Event) -> Words:
    """Return the same without installs and other versions."""
    if not event.installed:
        return ()
    first = min(
        event.installed, key=lambda copy: (not copy.enabled, not _is_meant(copy, event))
    )
    if first.version is None and _says_unknown(event):
        return ()
    if first.version is None:
        return (
            Trusted(
                "you have a copy of unknown version"
                if first.enabled
                else "you keep a disabled copy of unknown version"
            ),
        )
    if first.enabled and _is_meant(first, event) and event.version is not None:
        return () if event.kind is Kind.EXPOSED else (Trusted("you run it"),)
    return Trusted(
        "you run " if first.enabled else "you keep a disabled copy of "
    ), first.version


def _is_meant(copy: Copy, event: Event) -> bool:
    return event.version is None or is_copy_of(copy, event.version)


def _numbered(copies: Iterable[Copy]) -> list[Copy]:
    return [copy for copy in copies if copy.version is not None]


def _versions(lead: str, copies: Sequence[Copy], event: Event) -> Words:
    """Return the copies by version: the one that the event is about first, those past the first ones counted."""
    by_version: dict[str, list[str]] = {}
    for copy in sorted(copies, key=lambda copy: not _is_meant(copy, event)):
        by_version.setdefault(copy.version or "", []).append(copy.install)
    words: list[str] = []
    for version, installs in list(by_version.items())[:_VERSIONS]:
        if _says_so(event, version) and not words:
            words += [Trusted("on "), *_places(installs)]
        else:
            words += [
                Trusted(", " if words else lead),
                version,
                Trusted(" on "),
                *_places(installs),
            ]
    if len(by_version) > _VERSIONS:
        words.append(Trusted(f", and {len(by_version) - _VERSIONS} more versions"))
    return tuple(words)


def _says_so(event: Event, version: str) -> bool:
    """Return whether the line says already that you run that version."""
    return event.kind is Kind.EXPOSED and event.version == version


def _says_unknown(event: Event) -> bool:
    """Return whether the line says already that it is about a copy of unknown version."""
    return event.kind is Kind.EXPOSED and event.version is None


def _clones(lead: str, copies: Iterable[Copy]) -> Words:
    installs = [copy.install for copy in copies if copy.version is None]
    return (Trusted(lead), *_places(installs)) if installs else ()


def _places(installs: Sequence[str]) -> Words:
    """Return the names of installs, each once, the first ones quoted and the rest counted."""
    names = list(dict.fromkeys(installs))
    words: list[str] = []
    for name in names[:_INSTALLS]:
        words += [Trusted(", "), Item(name)] if words else [Item(name)]
    if len(names) > _INSTALLS:
        words.append(Trusted(f" and {len(names) - _INSTALLS} more"))
    return tuple(words)
