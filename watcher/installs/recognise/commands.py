"""The packs that a command installs, or whose archive it names. Pure.

The forms are those of comfy-cli, of the Manager's cm-cli, of the script `comfy-node-install` of worker images, and the
addresses of the registry's archives.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from urllib.parse import unquote

from watcher.installs.recognise import texts
from watcher.installs.recognise.shell import UNKNOWN, Command, Word, is_known, unknown
from watcher.model.pack import Pack, PackKind

_COMFY = frozenset({"comfy", "comfy.exe", "comfy-cli", "comfycli", "comfy_cli"})
_MANAGER = frozenset({"cm-cli", "cm-cli.exe", "cm-cli.py", "cm_cli"})
_SCRIPT = frozenset({"comfy-node-install", "comfy-node-install.sh"})
_TOOLS = _COMFY | _MANAGER | _SCRIPT
_INSTALLS = frozenset({"install", "reinstall"})
_FROM_REGISTRY = "registry-install"
_WITH_VALUE = frozenset(
    {"--workspace", "--where", "--channel", "--mode", "--user-directory", "--version"}
)
"""The options of these tools that take a value."""
_FLAGS = frozenset({"--here", "--recent", "--skip-prompt", "--no-skip-prompt"})
"""The options of comfy-cli that stand before its commands and take no value."""
_FEEDS = frozenset({"xargs", "parallel"})
"""What gives a command its words from a file or from another command."""
_BEFORE = frozenset({"sudo", "env", "exec", "nohup"})
_HANDLES = frozenset(
    {"alias", "apk", "apt", "apt-get", "awk", "cat", "cd", "chgrp", "chmod", "chown"}
    | {"command", "cp", "diff", "dnf", "dos2unix", "egrep", "file", "find", "git"}
    | {"grep", "hash", "head", "install", "ln", "ls", "man", "md5sum", "mkdir", "mv"}
    | {"pip", "pip3", "rm", "rsync", "sed", "sha256sum", "shellcheck", "stat", "tail"}
    | {"tar", "tee", "test", "touch", "type", "unzip", "which", "whereis", "yum", "["}
    | {"[["}
)
"""Commands to which the name of a tool is that of a file, a package or a text."""
_NO_VERSION = frozenset({"", "latest", "nightly", "unknown"})
_ARCHIVE = re.compile(
    r"https?://(?:[^/\s\"'@]*@)?cdn\.comfy\.org(?::[0-9]*)?/+[^/\s\"']+/+([^/\s\"']+)/+([^/\s\"']+)/+node\.(?:zip|tar\.gz)",
    re.IGNORECASE,
)
_PATTERN = re.compile(r"[*?]|\[[^\]]+\]|\{.*(?:,|\.\.).*\}", re.DOTALL)
_INSTALL = re.compile(
    r"comfy-node-install|node\s+install|cm[-_]cli.*install|cdn\.comfy\.org/",
    re.IGNORECASE,
)
_MAY_BE_ARCHIVE = re.compile(
    rf"{UNKNOWN}[^{UNKNOWN}]*{UNKNOWN}[^\s{UNKNOWN}]*/v?\d[^/{UNKNOWN}]*/node\.(?:zip|tar\.gz)",
    re.IGNORECASE,
)
"""What ends as the address of an archive does, and begins with what cannot be known."""
_LONGEST_NAME = 100


def operands(command: Command) -> list[Word]:
    """Return the words by which a command names what it installs; none if it installs nothing.

    A word that cannot be known may be among them. A version that is an option of its own is part of its pack's word.
    """
    if not command or _handles_files(command):
        return []
    for index, word in enumerate(command):
        if not _may_install(word):
            continue
        found = _operands_after(word, command[index + 1 :])
        if found is not None:
            feeder = next((one for one in command[:index] if _feeds(one)), None)
            fed = [] if feeder is None else [_unknown_of(feeder)]
            return [*found, *fed]
    return []


def may_install(text: str) -> bool:
    """Return whether a text that is no command looks as if it installed packs."""
    return _INSTALL.search(text) is not None


def is_several(word: Word) -> bool:
    """Return whether a shell may make other words of a word: it can be no id, and no address without a login."""
    return _PATTERN.search(word.text) is not None and "://" not in word.text


def archives(word: Word) -> list[Pack]:
    """Return the packs whose archives a word names; their texts are unknown where the word is."""
    if "node." not in word.text:
        return []
    return [
        _versioned(unquote(found[1]), unquote(found[2]), word.line, "an archive")
        for found in _ARCHIVE.finditer(word.text)
    ]


def may_be_archive(word: Word) -> bool:
    """Return whether a word may be the address of an archive, and its beginning cannot be known."""
    return _MAY_BE_ARCHIVE.match(word.text) is not None


def pack(word: Word) -> Pack:
    """Return the pack that a known word names."""
    text = texts.valid(word.text)
    if "://" in text or text.startswith("git@"):
        repository = texts.address(text)
        return _of_repository(repository or "", word.line)
    name, _, version = text.partition("@")
    if texts.pack_id(name) == name:
        return _versioned(name, version, word.line, "")
    if texts.is_github(name):
        return _of_repository(texts.github(name) or "", word.line)
    return Pack(
        folder=text[:_LONGEST_NAME],
        kind=PackKind.UNKNOWN,
        line=word.line,
        evidence="no id that a pack of the registry can have",
    )


def _of_repository(repository: str, line: int) -> Pack:
    return Pack(
        folder=texts.last_part(repository or "a repository without an address"),
        kind=PackKind.GIT,
        repository=repository or None,
        line=line,
        evidence="the Dockerfile",
    )


def _versioned(name: str, version: str, line: int, by: str) -> Pack:
    """Return the pack of an id, in a version if one is named."""
    is_pinned = version.lower() not in _NO_VERSION
    return Pack(
        folder=texts.valid(name)[:_LONGEST_NAME],
        kind=PackKind.CLAIMED,
        id=texts.pack_id(name),
        version=texts.version(version) if is_pinned else None,
        is_unpinned=not is_pinned,
        line=line,
        evidence=by or "the Dockerfile",
    )


def _handles_files(command: Command) -> bool:
    """Return whether a command only handles files, packages or texts, which may have the name of a tool."""
    names = (one.base_name for one in command if not one.text.startswith("-"))
    own = next((name for name in names if name not in _BEFORE), "")
    return own in _HANDLES


def _feeds(word: Word) -> bool:
    return word.base_name in _FEEDS


def _unknown_of(feeder: Word) -> Word:
    """Return the mark of the words that a command gives to another one."""
    return Word(unknown(f"what {feeder.base_name} adds"), feeder.line)


def _may_install(word: Word) -> bool:
    """Return whether a word is a tool, or one that cannot be known, which may be comfy-cli."""
    name = word.base_name
    return name in _TOOLS or not is_known(name)


def _operands_after(word: Word, rest: Sequence[Word]) -> list[Word] | None:
    """Return what stands behind a tool that installs; None if the word is none, or does something else."""
    name = word.base_name
    if name in _SCRIPT:
        return list(_without_options(rest))
    if name in _MANAGER:
        behind = _behind(rest, _INSTALLS)
        return None if behind is None else list(_without_options(behind))
    behind_node = _behind(rest, {"node"})
    return None if behind_node is None else _behind_comfy_node(behind_node)


def _behind_comfy_node(rest: Sequence[Word]) -> list[Word] | None:
    behind = _behind(rest, _INSTALLS)
    if behind is not None:
        return list(_without_options(behind))
    behind = _behind(rest, {_FROM_REGISTRY})
    if behind is None:
        return None
    named = list(_without_options(behind))
    version = _value_of("--version", behind) or (named[1] if named[1:] else None)
    if version is None or not named:
        return named
    return [Word(f"{named[0].text}@{version.text}", named[0].line)]


def _behind(rest: Sequence[Word], subcommands: Container[str]) -> Sequence[Word] | None:
    """Return what stands behind a subcommand, if that is the first word that is no option; else None.

    A word behind an option that is not known may be its value.
    """
    is_value = may_be_value = False
    for index, word in enumerate(rest):
        if is_value:
            is_value = False
        elif word.text.startswith("-"):
            is_value = word.text in _WITH_VALUE
            may_be_value = word.text not in _FLAGS and "=" not in word.text
        elif word.text in subcommands:
            return rest[index + 1 :]
        elif may_be_value:
            may_be_value = False
        else:
            return None
    return None


def _without_options(rest: Sequence[Word]) -> Iterator[Word]:
    """Yield the words that are neither options nor values of options."""
    is_value = are_all_operands = False
    for word in rest:
        if is_value:
            is_value = False
        elif are_all_operands or not word.text.startswith("-"):
            yield word
        elif word.text == "--":
            are_all_operands = True
        else:
            is_value = word.text in _WITH_VALUE


def _value_of(option: str, rest: Sequence[Word]) -> Word | None:
    """Return the value of an option."""
    for word, following in zip(rest, (*rest[1:], None), strict=True):
        if word.text == option:
            return following
        if word.text.startswith(f"{option}="):
            return Word(word.text.partition("=")[2], word.line)
    return None
