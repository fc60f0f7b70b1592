"""Secrets masked: values as a message may show them, and what was probably meant by a name that is not known. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from watcher.text.sanitize import INVISIBLE

NOT_IN_REGISTRY_URL = re.compile(r"[@?#\\\uff20\ufe6b]")
"""Characters that a registry's URL never has; they mark a user, a query or a fragment, which may be secret."""

SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*"
"""Matches the scheme of a URL."""

_SHOWN = 60
_URL = re.compile(rf"(?<![\w/.+-])(?!.:)({SCHEME}):/|(?<![^\s'\"(=])[^\s'\"(=]*?://")
"""What may be an alert URL: apprise takes one slash, or three, for two. A drive's one letter is no scheme."""


def find_url(text: str) -> re.Match[str] | None:
    """Return the match of what may be an alert URL in a text; group 1 is its scheme, where it has one."""
    return _URL.search(text)


def describe(value: object) -> str:
    """Return a value as a message may show it: quoted, short, on one line, invisible characters made visible."""
    # A URL in the wrong setting may be an alert URL, with a token in its path.
    match value:
        case str() if found := find_url(value):
            return (
                f"'{found[1].lower()}://***'"
                if found[1] and not found.start()
                else "'***://***'"
            )
        case str():
            return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
        case bool():
            return str(value).lower()
        # A number of a settings file may have thousands of digits.
        case int() | float():
            return (
                f"{value:.15g}"
                if isinstance(value, float) or abs(value) < 10**15
                else "a huge number"
            )
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"


def is_visible(text: str) -> bool:
    """Return whether every character of a text can be seen, or is a plain space."""
    return text.isprintable() and not INVISIBLE.search(text)


def scheme(url: str) -> str:
    """Return the lower-case scheme of a URL that `alert_url` let pass."""
    return url.partition("://")[0].lower()


def masked(url: str) -> str:
    """Return a URL of which only the scheme is shown."""
    return f"{scheme(url)}://***"


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """Return the known name that is most similar to this one, whatever its case; "" if none is similar enough."""
    import difflib  # few runs need it

    by_name = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_name, n=1, cutoff=likeness)
    return by_name[close[0]] if close else ""
