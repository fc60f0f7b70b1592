"""Matrix: a message mentions nobody."""

from __future__ import annotations

from typing import Any

from watcher.delivery.services.service import Context


def matrix(service: Any, context: Context) -> None:  # noqa: ANN401, ARG001 - apprise's own object; a `Prepare`
    """Make each message state that it mentions nobody. Otherwise clients notify users whose names occur in it.

    Code also stays in its line in the plain text that apprise makes of the HTML. Private methods are replaced because
    apprise has no hook for a message's content.
    """
    names = "_fetch", "_e2ee_get_megolm", "_matrix_plain_fallback"
    ask, session_of, text_of = (getattr(service, name, None) for name in names)

    def fetch(path: str, payload: object = None, **more: object) -> object:
        return ask(path, payload=_with_no_mentions(payload), **more)  # type: ignore[misc]  # apprise's are untyped

    def session(room: object) -> object:
        found: Any = session_of(room)  # type: ignore[misc]  # as above
        encrypt = found.encrypt
        found.encrypt = lambda event: encrypt(event | {"content": _with_no_mentions(event["content"])})
        return found

    def fallback(body: str, *more: object) -> object:
        return text_of(body.replace("code>", "samp>"), *more)  # type: ignore[misc]  # as above

    for name, ours in zip(names, (fetch, session, fallback), strict=True):
        setattr(service, name, ours)


def _with_no_mentions(content: object) -> object:
    return content | {"m.mentions": {}} if isinstance(content, dict) and "msgtype" in content else content
