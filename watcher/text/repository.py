"""The address of a repository in one form, so that two addresses of one repository are equal. Pure."""

from __future__ import annotations

import re

_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,20}://(?:[^/@]*@)?(?P<host>[^/:@]+)(?::[0-9]*)?/+(?P<path>.+)"
)
_SCP = re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:@]+):(?P<path>[^/].*)")
"""As ssh and git write it: `git@github.com:ann/pack.git`."""
_LONGEST = 500
_GITHUB = "github.com"
_MOVED = {"github.com/comfy-org/comfyui-manager": "github.com/ltdrdata/comfyui-manager"}
"""By its address now, the Manager's repository as it was before: the registry may have either, clones have both."""


def repository_key(address: str) -> str:
    """Return `host/path` of a repository's address, in lower case, without login, `.git` and slashes at the end.

    "" if it is no address. Of one on GitHub only owner and name count, of `www.github.com` and over ssh too.
    The Manager's repository, which has moved, has one key.
    """
    # The registry has what its publisher typed.
    address = address.strip()
    found = (
        (_URL.fullmatch(address) or _SCP.fullmatch(address))
        if len(address) <= _LONGEST
        else None
    )
    if found is None:
        return ""
    # `ssh.github.com` is how GitHub is reached through a firewall that closes port 22.
    host = found["host"].lower().removeprefix("www.").removeprefix("ssh.")
    path = re.split("[?#]", found["path"].lower())[0]
    parts = [part for part in path.split("/") if part]
    # What follows the name there is a branch, or a page of it.
    if host == _GITHUB:
        parts = parts[:2]
    if not parts or (host == _GITHUB and len(parts) < 2):
        return ""
    key = "/".join([host, *parts[:-1], parts[-1].removesuffix(".git")])
    return _MOVED.get(key, key)
