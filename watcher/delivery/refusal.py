"""Why a message was not taken and what to do, in our own words: a library's or a service's may hold parts of the URL.

Pure. Of a service's words only those pass that a closed list or a strict pattern knows, and nothing that the URL holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from watcher.delivery.exchange import Exchange
from watcher.delivery.outcome import Cause, Undelivered

_TEMPLATE = re.compile(r"\b[Tt]emplate\b")
_EXCEPTION = re.compile(r"[\w /-]{0,40}Exception: (.{0,2000})", re.DOTALL)
_EXCEPTIONS = {
    r"answer is too long": "the answer is too long: check the host and the path of the channel's URL",
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
REFUSED = "refused the message"
UNASKED = "nothing was sent: check the parameters of the channel's URL"
NO_TEMPLATE = "the file that template= names in the channel's URL cannot be read, or is no template of this service"
A_PAGE = "a web page answered, not the service: check the host and the path of the channel's URL"

_NOT_THERE = "nothing is there: check the channel's URL, or make a new webhook or token"
_STATUSES = {
    400: (Cause.CONTENT, ""),
    401: (Cause.GONE, "the token or login is refused: make a new one"),
    403: (Cause.OTHER, "not allowed: check the token or login, and what it may do"),
    404: (Cause.GONE, _NOT_THERE),
    410: (Cause.GONE, _NOT_THERE),
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

_MOST_SAID = 2**16
"""Bytes of a body that may name an error."""
_WORD = re.compile(r"[a-z_]{3,40}|M_[A-Z_]{3,40}")
_CODE = re.compile(r"\d{1,6}")
_TOKEN = "the token is refused: make a new one"  # noqa: S105 - a sentence
_TARGET = "the target is gone: correct the channel's URL"
_WORDS = {
    **dict.fromkeys(
        (
            *(
                "account_inactive",
                "invalid_auth",
                "invalid_token",
                "not_authed",
                "token_expired",
                "token_revoked",
            ),
            "token_invalid",
        ),
        _TOKEN,
    ),
    **dict.fromkeys(
        (
            "channel_is_archived",
            "channel_not_found",
            "is_archived",
            "no_service",
            "no_team",
            "team_disabled",
        ),
        _TARGET,
    ),
    **dict.fromkeys(
        (
            "chat_not_found",
            "bot_was_blocked",
            "bot_was_kicked",
            "user_is_deactivated",
            "user_invalid",
        ),
        _TARGET,
    ),
}
"""Words of services for what is no more, whatever the status, with what to do."""
_CONTENT = {
    *(
        "attachment_payload_limit_exceeded",
        "invalid_blocks",
        "invalid_blocks_format",
        "markdown_text_conflict",
    ),
    *(
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    ),
}
"""Words with which Slack refuses a bot's message for what it is, in a success."""
_DESCRIPTIONS = (
    "chat not found",
    "bot was blocked",
    "bot was kicked",
    "user is deactivated",
    "message is too long",
)
"""Telegram has no code for these."""
_BY_CAUSE = (Cause.OTHER, Cause.CONTENT, Cause.GONE)
"""Of several failures the first of these is the cause: it says when a repeat makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of an attempt that failed."""

    url: str
    exchanges: Sequence[Exchange] = ()
    """Its HTTP requests to targets that do not have the message."""
    entries: Sequence[tuple[str, str]] = ()
    """apprise's log: level and message."""
    refusals: Sequence[tuple[str, int]] = ()
    """SMTP commands that were refused, with the codes."""
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
    deciding = _deciding(evidence.exchanges)
    said = {id(one): _Said.of(one.body, evidence.url) for one in deciding}
    failures = [
        *_mail(evidence),
        *(_http(one, said[id(one)].word) for one in deciding),
        *_exceptions(evidence),
    ]
    reason, cause = min(
        failures, key=lambda one: _BY_CAUSE.index(one[1]), default=("", Cause.OTHER)
    )
    if cause is Cause.GONE and evidence.has_reached:
        cause = Cause.OTHER  # another target of the same URL is there
    waits = [
        *(one.retry_after for one in evidence.exchanges),
        *(one.retry_after for one in said.values()),
    ]
    return Undelivered(
        reason=reason or (REFUSED if evidence.has_asked else _unasked(evidence)),
        cause=cause,
        retry_after=max((wait for wait in waits if wait is not None), default=None),
        unanswered=evidence.unanswered
        and not (evidence.by_other_ways and _is_unbegun(evidence)),
    )


def _deciding(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Return the requests that say why each target has not taken the message, one for each.

    That is the last one with the message if it failed, else the last one that failed, else the last one. Where there is
    another reason, a login that worked is none.
    """
    by_target: dict[frozenset[str], list[Exchange]] = {}
    for one in exchanges:
        by_target.setdefault(one.targets, []).append(one)
    found = []
    for own in by_target.values():
        with_message = [one for one in own if one.carries and one.has_failed]
        found.append(
            (with_message or [one for one in own if one.has_failed] or own)[-1]
        )
    return [
        one for one in found if one.carries or one.has_failed or one.is_cut
    ] or found


def _unasked(evidence: Evidence) -> str:
    """Return why apprise has made no request."""
    said = (text for level, text in evidence.entries if level in ("WARNING", "ERROR"))
    return NO_TEMPLATE if any(_TEMPLATE.search(text) for text in said) else UNASKED


_Failure = tuple[str, Cause]


def _http(exchange: Exchange, word: str) -> _Failure:
    """Return what a request says of a failure."""
    status = exchange.status
    if not status or (exchange.is_cut and exchange.is_success):
        return _words(exchange.error) or REFUSED, Cause.OTHER
    if exchange.is_success:
        return _named(
            REFUSED, word, Cause.CONTENT if word in _CONTENT else Cause.OTHER, ""
        )
    cause, advice = _STATUSES.get(
        status, (Cause.OTHER, _REDIRECT if status // 100 == 3 else "")
    )
    return _named(f"HTTP {status}", word, cause, advice)


def _named(what: str, word: str, cause: Cause, advice: str) -> _Failure:
    if word in _WORDS:
        cause, advice = Cause.GONE, _WORDS[word]
    name = f" ({word})" if word else ""
    return f"{what}{name}{', ' if advice else ''}{advice}", cause


def _mail(evidence: Evidence) -> Iterable[_Failure]:
    for verb, code in evidence.refusals:
        if verb in ("ehlo", "helo") and len(evidence.refusals) > 1:
            continue  # the first of them is tried, and then the other
        cause, advice = _MAIL.get(
            (verb, code),
            (Cause.OTHER, _LOGIN if verb == "auth" or code in (530, 535) else ""),
        )
        yield _named(f"SMTP {code}", "", cause, advice)


def _exceptions(evidence: Evidence) -> Iterable[_Failure]:
    """Yield what apprise's log says of an exception where no answer says why."""
    if (
        not evidence.refusals
        and not evidence.exchanges
        and (reason := _words(_logged(evidence)))
    ):
        yield reason, Cause.OTHER


def _logged(evidence: Evidence) -> str:
    return " ".join(exception_text(text) for _, text in evidence.entries)


def _words(error: str) -> str:
    """Return what an exception says in our words; empty if it says nothing that is known."""
    return next(
        (
            words
            for pattern, words in _EXCEPTIONS.items()
            if re.search(pattern, error.lower())
        ),
        "",
    )


def _is_unbegun(evidence: Evidence) -> bool:
    """Return whether what failed comes before a message goes out."""
    return _words(_logged(evidence)) in _UNBEGUN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What the body of an answer says."""

    word: str = ""
    retry_after: float | None = None

    @classmethod
    def of(cls, body: bytes | bytearray, url: str) -> _Said:
        """Return what a body says that is no secret."""
        text = body[:_MOST_SAID].decode("utf-8", "replace")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = text.strip()
        candidates = list(_candidates(document))
        words = (
            str(one)
            for one in candidates
            if isinstance(one, (str, int)) and not isinstance(one, bool)
        )
        return cls(
            word=next(
                (
                    one
                    for one in words
                    if one in _WORDS
                    or one in _CONTENT
                    or (_is_name(one) and not _is_of(url, one))
                ),
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
    yield from (
        known.replace(" ", "_") for known in _DESCRIPTIONS if known in description
    )
    yield from (
        f"{key}_invalid" for key in ("token", "user") if document.get(key) == "invalid"
    )  # Pushover
    error = document.get("error")
    for part in (document, error) if isinstance(error, dict) else (document,):
        yield from (
            part.get(key)
            for key in ("error", "errcode", "code", "error_code", "status")
        )


def _is_name(text: str) -> bool:
    return bool(_WORD.fullmatch(text)) or (
        bool(_CODE.fullmatch(text)) and not 100 <= int(text) < 600
    )  # no status


def _is_of(url: str, name: str) -> bool:
    """Return whether a name may be a part of the URL, or have one in it."""
    lower = name.lower()
    once = unquote(url)
    for address in {
        url.lower(),
        once.lower(),
        unquote(once).lower(),
    }:  # some plugins unquote a part again
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
            if (
                isinstance(wait, (int, float))
                and not isinstance(wait, bool)
                and 0 <= wait < 1e9
            ):
                return wait * unit
    return None
