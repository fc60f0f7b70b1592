"""Why a message was not taken and what to do, in our own words: a library's or a service's may hold parts of the URL.

Pure. Of a service's words only those pass that a closed list or a strict pattern knows, and nothing that the URL holds.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from watcher.delivery.outcome import Cause, Undelivered

_WARNED = re.compile(r"\berror=([1-5]\d\d)\d{0,3}\b")
"""A status, or a code that begins with one (ntfy's), in a warning of apprise."""
_TEMPLATE = re.compile(r"\b[Tt]emplate\b")
_EXCEPTION = re.compile(r"[\w /-]{0,40}Exception: (.{0,2000})", re.DOTALL)
_BODY = re.compile(r"(?:Response Details:|Matrix Response: code=\d+,)\s+(.+)", re.DOTALL)
_EXCEPTIONS = {
    r"tunnel connection failed: 407": "the HTTP proxy wants a login: put it into HTTPS_PROXY",
    r"tunnel connection failed": "the HTTP proxy refused the connection",
    r"timed? ?out": "timed out",
    r"connection refused|errno 111\b": "connection refused",
    r"name or service not known|name resolution|nodename nor servname|getaddrinfo": "the host's name was not found",
    r"certificate.{0,9}verif|verify failed|self.signed|hostname mismatch": "the certificate does not verify: renew it, "
    "or name its authority in REQUESTS_CA_BUNDLE (for what is no web service, in SSL_CERT_FILE)",
    r"certificate|\bssl|\btls": "the TLS connection failed",
    r"reset by peer|aborted|broken pipe|unexpectedly closed|without response|incomplete": "the connection was lost",
    r"unreachable|no route to host": "the host cannot be reached",
    r"authentication|password incorrect|\b53[05]\b": "the login was refused",
}
_UNBEGUN = {
    "connection refused",
    "the host's name was not found",
    "the host cannot be reached",
    "the login was refused",
}
"""What fails before the message goes out."""
_ENDLESS = "the answer is too long: check the host and the path of the channel's URL"
REFUSED = "refused the message"
UNASKED = "apprise made no request: check the parameters of the channel's URL"
NO_TEMPLATE = "the file that template= names in the channel's URL cannot be read, or is no template of this service"
A_PAGE = "a web page answered, not the service: check the host and the path of the channel's URL"

_STATUSES = {
    400: (Cause.CONTENT, ""),
    401: (Cause.GONE, "the token or login is refused: make a new one"),
    404: (Cause.GONE, "the webhook is gone: make a new one"),
    410: (Cause.GONE, "the webhook is gone: make a new one"),
    413: (Cause.CONTENT, ""),
    422: (Cause.CONTENT, ""),
}
_REDIRECT = "a redirect: put the address that it leads to into the channel's URL"
_MAIL = {
    ("rcpt", 550): (Cause.GONE, "the mailbox is gone: correct the address"),
    ("data", 550): (Cause.CONTENT, ""),
    ("data", 552): (Cause.CONTENT, ""),
    ("mail", 552): (Cause.CONTENT, ""),
    ("data", 554): (Cause.CONTENT, ""),
}
"""By the command and the code of the reply. 550 to a mail is what a spam filter says of its content."""
_LOGIN = "the login is refused: check the user and the password"

_WORD = re.compile(r"[a-z_]{3,40}|M_[A-Z_]{3,40}")
_CODE = re.compile(r"\d{1,6}")
_TOKEN = "the token is refused: make a new one"  # noqa: S105 - a sentence
_TARGET = "the target is gone: correct the channel's URL"
_WORDS = {
    **dict.fromkeys(
        ("account_inactive", "invalid_auth", "invalid_token", "not_authed", "token_expired", "token_revoked"), _TOKEN
    ),
    **dict.fromkeys(
        ("channel_is_archived", "channel_not_found", "is_archived", "no_service", "no_team", "team_disabled"), _TARGET
    ),
    **dict.fromkeys(("chat_not_found", "bot_was_blocked", "bot_was_kicked", "user_is_deactivated"), _TARGET),
}
"""Words of services for what is no more, whatever the status, with what to do."""
_CONTENT = {
    *("attachment_payload_limit_exceeded", "invalid_blocks", "invalid_blocks_format", "markdown_text_conflict"),
    *("metadata_too_large", "msg_blocks_too_long", "msg_too_long", "no_text", "too_many_attachments"),
}
"""Words with which Slack refuses a bot's message for what it is, in a success."""
_DESCRIPTIONS = ("chat not found", "bot was blocked", "bot was kicked", "user is deactivated", "message is too long")
"""Telegram has no code for these."""
_BY_CAUSE = (Cause.OTHER, Cause.CONTENT, Cause.GONE)
"""Of several failures the first of these is the cause: it says when a repeat makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of an attempt that failed."""

    url: str
    entries: Sequence[tuple[str, str, int]] = ()
    """apprise's log: level, message, and the HTTP status of the last answer then."""
    statuses: Sequence[int] = ()
    """The HTTP statuses of its requests."""
    refusals: Sequence[tuple[str, int]] = ()
    """SMTP commands that were refused, with the codes."""
    retry_after: float | None = None
    """What the services' heads say, in seconds."""
    unanswered: bool = False
    has_reached: bool = False
    """Some target of the URL has the message."""
    by_other_ways: bool = False
    """It went by neither HTTP nor SMTP: a connection that was tried counts as a message that went out."""
    has_asked: bool = True
    """Something left this process."""


def exception_text(message: str) -> str:
    """Return what an entry of apprise's log says of an exception; empty if it is about something else."""
    found = _EXCEPTION.match(message)
    return found[1] if found else ""


def judge(evidence: Evidence) -> Undelivered:
    """Return why the message was not taken."""
    said = [
        (status, _Said.of(body, evidence.url))
        for level, text, status in evidence.entries
        if level == "DEBUG"
        for body in _body(text)
    ]
    words = {status: one.word for status, one in said}
    warned, last = _statuses(evidence)
    failures = [*_mail(evidence), *_http(warned, words), *_exceptions(evidence)]
    failures = failures or [*_http(last, words)]
    if not failures and said and (word := said[-1][1].word):
        failures = [_named(REFUSED, word, Cause.CONTENT if word in _CONTENT else Cause.OTHER, "")]
    if not failures and any("answer is too long" in exception_text(text) for _, text, _ in evidence.entries):
        failures = [(_ENDLESS, Cause.OTHER)]
    reason, cause = min(failures, key=lambda one: _BY_CAUSE.index(one[1]), default=("", Cause.OTHER))
    if cause is Cause.GONE and evidence.has_reached:
        cause = Cause.OTHER  # another target of the same URL is there
    waits = [evidence.retry_after, *(one.retry_after for _, one in said)]
    return Undelivered(
        reason=reason or (REFUSED if evidence.has_asked else _unasked(evidence)),
        cause=cause,
        retry_after=max((wait for wait in waits if wait is not None), default=None),
        unanswered=evidence.unanswered and not (evidence.by_other_ways and _is_unbegun(evidence)),
    )


def _unasked(evidence: Evidence) -> str:
    """Return why apprise has made no request."""
    said = (text for level, text, _ in evidence.entries if level in ("WARNING", "ERROR"))
    return NO_TEMPLATE if any(_TEMPLATE.search(text) for text in said) else UNASKED


_Failure = tuple[str, Cause]


def _statuses(evidence: Evidence) -> tuple[list[int], list[int]]:
    """Return the statuses that apprise warns of, and the last one that is no success."""
    refused = [status for status in evidence.statuses if status // 100 in (1, 3, 4, 5)]
    warned = [
        int(code)
        for level, text, _ in evidence.entries
        if level in ("WARNING", "ERROR")
        for code in _WARNED.findall(text)
        if int(code) in refused
    ]
    return warned, refused[-1:]


def _http(statuses: Iterable[int], words: Mapping[int, str]) -> Iterable[_Failure]:
    for status in statuses:
        cause, advice = _STATUSES.get(status, (Cause.OTHER, _REDIRECT if status // 100 == 3 else ""))
        yield _named(f"HTTP {status}", words.get(status, ""), cause, advice)


def _named(what: str, word: str, cause: Cause, advice: str) -> _Failure:
    if word in _WORDS:
        cause, advice = Cause.GONE, _WORDS[word]
    name = f" ({word})" if word else ""
    return f"{what}{name}{', ' if advice else ''}{advice}", cause


def _mail(evidence: Evidence) -> Iterable[_Failure]:
    for verb, code in evidence.refusals:
        if verb in ("ehlo", "helo") and len(evidence.refusals) > 1:
            continue  # the first of them is tried, and then the other
        cause, advice = _MAIL.get((verb, code), (Cause.OTHER, _LOGIN if verb == "auth" or code in (530, 535) else ""))
        yield _named(f"SMTP {code}", "", cause, advice)


def _exceptions(evidence: Evidence) -> Iterable[_Failure]:
    if evidence.refusals:
        return  # apprise's log has them as exceptions too
    if found := _failed(evidence):
        yield found[0], Cause.OTHER


def _failed(evidence: Evidence) -> list[str]:
    """Return what the exceptions of an attempt say in our words."""
    errors = " ".join(exception_text(text) for _, text, _ in evidence.entries).lower()
    return [cause for pattern, cause in _EXCEPTIONS.items() if re.search(pattern, errors)]


def _is_unbegun(evidence: Evidence) -> bool:
    """Return whether all that failed comes before a message goes out."""
    found = _failed(evidence)
    return bool(found) and _UNBEGUN.issuperset(found)


def _body(entry: str) -> Iterable[str]:
    """Return the body of an answer, if an entry of apprise's log is about one."""
    if (found := _BODY.match(entry)) is None:
        return
    text = found[1]
    if text.startswith(("b'", 'b"')):
        try:
            text = ast.literal_eval(text).decode("utf-8", "replace")
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return
    yield text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What the body of an answer says."""

    word: str = ""
    retry_after: float | None = None

    @classmethod
    def of(cls, body: str, url: str) -> _Said:
        """Return what a body says that is no secret."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = body.strip()
        candidates = list(_candidates(document))
        words = (str(one) for one in candidates if isinstance(one, (str, int)) and not isinstance(one, bool))
        return cls(
            word=next(
                (one for one in words if one in _WORDS or one in _CONTENT or (_is_name(one) and not _is_of(url, one))),
                "",
            ),
            retry_after=_wait(document),
        )


def _candidates(document: Any) -> Iterable[Any]:  # noqa: ANN401 - any JSON
    """Return what may name an error, the most telling first."""
    if isinstance(document, str):
        yield document
    if not isinstance(document, dict):
        return
    description = str(document.get("description", ""))[:200].lower()
    yield from (known.replace(" ", "_") for known in _DESCRIPTIONS if known in description)
    error = document.get("error")
    for part in (document, error) if isinstance(error, dict) else (document,):
        yield from (part.get(key) for key in ("error", "errcode", "code", "error_code", "status"))


def _is_name(text: str) -> bool:
    return bool(_WORD.fullmatch(text)) or (bool(_CODE.fullmatch(text)) and not 100 <= int(text) < 600)  # no status


def _is_of(url: str, name: str) -> bool:
    """Return whether a name may be a part of the URL, or have one in it."""
    lower = name.lower()
    once = unquote(url)
    for address in {url.lower(), once.lower(), unquote(once).lower()}:  # some plugins unquote a part again
        parts = (part for part in re.split(r"[^a-z0-9]+", address) if len(part) > 3)
        if lower in address or any(part in lower for part in parts):
            return True
    return False


def _wait(document: Any) -> float | None:  # noqa: ANN401 - any JSON
    """Return the seconds to wait that a body names."""
    if not isinstance(document, dict):
        return None
    for part in (document, document.get("parameters"), document.get("error")):
        for key, unit in (("retry_after", 1.0), ("retry_after_ms", 0.001)):
            wait = part.get(key) if isinstance(part, dict) else None
            if isinstance(wait, (int, float)) and not isinstance(wait, bool) and 0 <= wait < 1e9:
                return wait * unit
    return None
