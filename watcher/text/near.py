"""What was probably meant by a name that is not known. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], *, likeness: float = 0.6) -> str:
    """Return the known name that is most similar to this one, whatever its case; "" if none is similar enough."""
    import difflib  # few runs need it

    by_name = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_name, n=1, cutoff=likeness)
    return by_name[close[0]] if close else ""
