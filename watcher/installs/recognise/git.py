"""The text files of a `.git` folder: where a clone comes from and what is checked out. Git is never run. Pure."""

from __future__ import annotations

import re

from watcher.installs.recognise import texts

_SECTION = re.compile(
    r"""\[\s*(?P<name>[A-Za-z0-9.-]+)(?:\s+"(?P<sub>[^"\n]*)")?\s*\]"""
)
_REF = re.compile(r"refs/[A-Za-z0-9._/+@-]{1,200}")


def remote(config: bytes) -> str | None:
    """Return the address of `origin`, else of the first remote, without a login; None if there is no remote."""
    found: dict[str, str] = {}
    section = None
    for line in config.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        if heading := _SECTION.match(line.strip()):
            section = heading["sub"] if heading["name"].lower() == "remote" else None
        elif (
            section is not None
            and key.strip().lower() == "url"
            and (url := texts.address(value.strip().strip('"')))
        ):
            found.setdefault(section, url)
    return found.get("origin") or next(iter(found.values()), None)


def head(data: bytes) -> tuple[str | None, str | None]:
    """Return the commit that `HEAD` has, or the ref that it names, whose path is safe to read below `.git`."""
    text = data.decode("ascii", "replace").strip()
    label, colon, name = text.partition(":")
    ref = name.strip()
    if (
        colon
        and label == "ref"
        and _REF.fullmatch(ref)
        and not {"", ".", ".."} & set(ref.split("/"))
    ):
        return None, ref
    return texts.commit(text), None


def packed(data: bytes, ref: str) -> str | None:
    """Return the commit of a ref in `packed-refs`."""
    ending = f" {ref}"
    lines = data.decode("ascii", "replace").splitlines()
    return next(
        (texts.commit(line[: -len(ending)]) for line in lines if line.endswith(ending)),
        None,
    )
