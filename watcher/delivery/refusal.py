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
from watcher.model.outcome import Cause, Undelivered

_EXCEPTION = re.compile(r"[\w /-]{0,40}Exception: (.{0,2000})", re.DOTALL)
_PROXY = "the HTTP proxy"
"""Stands for the proxy, and what names it."""
_PROXY_LOGIN = f"{_PROXY} wants a login: write USER:PASSWORD@ before its host"
_EXCEPTIONS = {
    r"answer is too long": "the answer is too long: check the host and the path of the channel's URL",
    r"tunnel connection failed: 407": _PROXY_LOGIN,
    r"tunnel connection failed": f"{_PROXY} refused the connection: ask for the channel's host to be allowed",
    r"connect to proxy": f"{_PROXY} cannot be reached: check that it runs, and its address",
    r"timed? ?out": "timed out",
    r"connection refused|errno 111\b": "connection refused: check the channel's URL and the firewall",
    r"name or service not known|name resolution|nodename nor servname|getaddrinfo": "the host's name was not found: "
    "check the channel's URL, and that this machine is online",
    r"certificate.{0,9}verif|verify failed|self.signed|hostname mismatch": "the certificate does not verify: renew it, "
    "or name its authority in REQUESTS_CA_BUNDLE (for what is no web service, in SSL_CERT_FILE)",
    r"certificate|\bssl|\btls": "the TLS connection failed",
    r"reset by peer|aborted|broken pipe|unexpectedly closed|without response|incomplete": "the connection was lost",
    r"unreachable|no route to host": "the host cannot be reached: check that this machine is online",
    r"authentication|password incorrect|\b53[05]\b": "the login was refused",
}
REFUSED = "refused the message"
UNASKED = "nothing was sent: check the parameters of the channel's URL"
A_PAGE = "a web page answered, not the service: check the host and the path of the channel's URL"

_NOT_THERE = "nothing is there: check the channel's URL, or make a new webhook or token"
_STATUSES = {
    400: (Cause.CONTENT, ""),
    401: (Cause.GONE, "the token or login is refused: make a new one"),
    403: (Cause.OTHER, "not allowed: check the token or login, and what it may do"),
    404: (Cause.GONE, _NOT_THERE),
    407: (Cause.OTHER, _PROXY_LOGIN),
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
_TARGET = "the recipient is gone: correct the channel's URL"
_TOKENS = {
    "account_inactive",
    "invalid_auth",
    "invalid_token",
    "not_authed",
    "token_expired",
    "token_invalid",
    "token_revoked",
}
_TARGETS = {
    "bot_was_blocked",
    "bot_was_kicked",
    "channel_is_archived",
    "channel_not_found",
    "chat_not_found",
    "is_archived",
    "no_service",
    "no_team",
    "team_disabled",
    "user_invalid",
    "user_is_deactivated",
}
"""Words of services for what is no more, whatever the status."""
_CONTENT = {
    "attachment_payload_limit_exceeded",
    "invalid_blocks",
    "invalid_blocks_format",
    "markdown_text_conflict",
    "metadata_too_large",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "too_many_attachments",
}
"""Words with which Slack refuses a bot's message for what it is, in a success."""
_KNOWN = _TOKENS | _TARGETS | _CONTENT
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
    unconnected: str = ""
    """Why a connection was not made."""
    log: Sequence[str] = ()
    """apprise's log, which names the exceptions of what is no HTTP. Nothing is promised that depends on its words."""
    refusals: Sequence[tuple[str, int]] = ()
    """SMTP commands that were refused, with the codes."""
    unanswered: bool = False
    has_reached: bool = False
    """Some target of the URL has the message."""
    has_asked: bool = True
    """Something left this process."""
    proxy: str = ""
    """The proxy of the environment, and what names it; for people."""


def judge(evidence: Evidence) -> Undelivered:
    """Return why the message was not taken."""
    deciding = [(one, _document(one.body)) for one in _deciding(evidence.exchanges)]
    failures = [
        *_mail(evidence),
        *(_http(one, _word(document, evidence.url)) for one, document in deciding),
        *_exceptions(evidence),
    ]
    reason, cause = min(
        failures, key=lambda one: _BY_CAUSE.index(one[1]), default=("", Cause.OTHER)
    )
    if evidence.proxy:
        reason = reason.replace(_PROXY, evidence.proxy)
    if cause is Cause.GONE and evidence.has_reached:
        cause = Cause.OTHER  # another target of the same URL is there
    waits = [
        *(one.retry_after for one in evidence.exchanges),
        *(_wait(document) for _, document in deciding),
    ]
    return Undelivered(
        reason=reason or (REFUSED if evidence.has_asked else UNASKED),
        cause=cause,
        retry_after=max((wait for wait in waits if wait is not None), default=None),
        unanswered=evidence.unanswered,
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
        failed = [one for one in own if not one.is_success]
        with_message = [one for one in failed if one.carries]
        found.append((with_message or failed or own)[-1])
    reasons = [one for one in found if one.carries or not one.is_success or one.is_cut]
    return reasons or found


_Failure = tuple[str, Cause]


def _http(exchange: Exchange, word: str) -> _Failure:
    """Return what a request says of a failure."""
    status = exchange.status
    if not status or (exchange.is_cut and exchange.is_success):
        return _words(exchange.error) or REFUSED, Cause.OTHER
    cause, advice = _STATUSES.get(status, (Cause.OTHER, ""))
    if status // 100 == 3:
        advice = _REDIRECT
    what = f"HTTP {status}"
    if exchange.is_success:
        what = REFUSED
        cause = Cause.CONTENT if word in _CONTENT else Cause.OTHER
    if word in _TOKENS:
        cause, advice = Cause.GONE, _TOKEN
    if word in _TARGETS:
        cause, advice = Cause.GONE, _TARGET
    return _advised(f"{what} ({word})" if word else what, advice), cause


def _advised(what: str, advice: str) -> str:
    return f"{what}, {advice}" if advice else what


def _mail(evidence: Evidence) -> Iterable[_Failure]:
    for verb, code in evidence.refusals:
        if verb in ("ehlo", "helo") and len(evidence.refusals) > 1:
            continue  # the first of them is tried, and then the other
        is_login = verb == "auth" or code in (530, 535)
        cause, advice = _MAIL.get(
            (verb, code), (Cause.OTHER, _LOGIN if is_login else "")
        )
        yield _advised(f"SMTP {code}", advice), cause


def _exceptions(evidence: Evidence) -> Iterable[_Failure]:
    """Yield what exceptions say where no answer says why."""
    matches = map(_EXCEPTION.match, evidence.log)
    logged = " ".join(one[1] for one in matches if one is not None)
    reason = _words(evidence.unconnected) or _words(logged)
    if reason and not evidence.refusals and not evidence.exchanges:
        yield reason, Cause.OTHER


def _words(error: str) -> str:
    """Return what an exception says in our words; empty if it says nothing that is known."""
    known = (
        words
        for pattern, words in _EXCEPTIONS.items()
        if re.search(pattern, error.lower())
    )
    return next(known, "")


def _document(body: bytes | bytearray) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON of a body, or its text."""
    text = body[:_MOST_SAID].decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _word(document: Any, url: str) -> str:  # noqa: ANN401 - as above
    """Return the word or the code by which a body names an error, if it cannot be a secret; else an empty text."""
    for one in _candidates(document):
        if isinstance(one, bool) or not isinstance(one, (str, int)):
            continue
        word = str(one)
        if word in _KNOWN or (_is_name(word) and not _is_of(url, word)):
            return word
    return ""


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
    # Pushover says what is wrong with an address by naming the parameter.
    yield from (
        f"{key}_invalid" for key in ("token", "user") if document.get(key) == "invalid"
    )
    error = document.get("error")
    for part in (document, error) if isinstance(error, dict) else (document,):
        yield from (
            part.get(key)
            for key in ("error", "errcode", "code", "error_code", "status")
        )


def _is_name(text: str) -> bool:
    # A number that may be an HTTP status is no code of the service.
    return bool(_WORD.fullmatch(text)) or (
        bool(_CODE.fullmatch(text)) and not 100 <= int(text) < 600
    )


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
