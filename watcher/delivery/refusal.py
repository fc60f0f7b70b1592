"""Why a message was not taken and what to do, in our own words: a library's or a service's may hold parts of the URL.

Pure. Of a service's words only those pass that a closed list or a service's own pattern knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from watcher.model.channel import Cause, Outcome

_PROXY = "the HTTP proxy"
"""Stands for the proxy, and what names it."""
_PROXY_LOGIN = f"{_PROXY} wants a login: write USER:PASSWORD@ before its host"
_EXCEPTIONS = {
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
# GONE is an event at the next poll, and CONTENT costs the message its form: what may mean more, as a 403, is OTHER.
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
_LOGIN = "the login is refused: check the user and the password"
_REPLIES = {
    530: (Cause.OTHER, _LOGIN),
    535: (Cause.OTHER, _LOGIN),
    550: (Cause.GONE, "the mailbox is gone: correct the address"),
    552: (Cause.CONTENT, ""),
}
"""Of mail servers."""
_NOBODY = (Cause.OTHER, "nobody is there by this name: check the channel's URL")
_CODES = {"SMTP": _REPLIES, "IRC": {401: _NOBODY, 403: _NOBODY}}
_OF_A_MAIL = {550: (Cause.CONTENT, ""), 554: (Cause.CONTENT, "")}
"""Those to a mail itself: 550 is what a spam filter says of its content."""

_BLANK = b" \t\r\n\xef\xbb\xbf"
"""Blanks, and the bytes of a byte order mark."""
_BLANK_IN_UTF_16 = b"\0\xfe\xff"
MARKUP = re.compile(rb"\A<\0?[!?/a-z]", re.IGNORECASE)
"""What begins as any markup does, in UTF-16 too."""
HTML = re.compile(rb"<(?:!doctype\s+html|html|head|meta|script|body)\b", re.IGNORECASE)
"""What is a web page, and no other XML."""
NOTHING = re.compile(rb"(?!)")
"""Is never found."""
_VERDICTS = ("success", "ok", "accepted")
_TOKEN = "the token is refused: make a new one"  # noqa: S105 - a sentence
_TARGET = "the recipient is gone: correct the channel's URL"
_WORDS = {
    **dict.fromkeys(
        (
            "account_inactive",
            "invalid_auth",
            "invalid_token",
            "not_authed",
            "token_expired",
            "token_revoked",
        ),
        (Cause.GONE, _TOKEN),
    ),
    **dict.fromkeys(
        (
            "bot was blocked",
            "bot was kicked",
            "channel_is_archived",
            "channel_not_found",
            "chat not found",
            "is_archived",
            "no_service",
            "no_team",
            "team_disabled",
            "user is deactivated",
        ),
        (Cause.GONE, _TARGET),
    ),
    **dict.fromkeys(
        ("invalid_blocks", "msg_blocks_too_long", "msg_too_long", "no_text"),
        (Cause.CONTENT, ""),
    ),
}
"""What Slack and Telegram call the cause, whatever the status."""
_WORD = re.compile(rf'(?:\A|"|: )({"|".join(_WORDS)})(?:"|\s*\Z)')
_WAIT = re.compile(rb'"retry_after(_ms)?"\s*:\s*(\d{1,9}(?:\.\d{1,9})?)')
# A message is not given up for what it is, nor a channel called gone, while some target may take it.
_BY_CAUSE = (Cause.OTHER, Cause.CONTENT, Cause.GONE)
"""Of several failures the first of these is the cause: it says when a repeat makes sense."""


@dataclass(slots=True, kw_only=True, eq=False)
class Exchange:
    """One request, or command to a mail server, and what is known of the answer."""

    carries: bool
    """The message is in the request; it is not in one that logs in or looks something up."""
    targets: set[str]
    """The targets that were being sent to."""
    is_out: bool = False
    """Some of it was sent."""
    protocol: str = "HTTP"
    """Or SMTP, or IRC."""
    status: int = 0
    """0 without an answer's head."""
    retry_after: float | None = None
    """Seconds."""
    is_page: bool = False
    """A success whose body is a web page, where the service answers none."""
    refusal: str | None = None
    """The service's own code where a success refuses the message, "" without one."""
    said: bytes = b""
    """The request, which holds secrets."""
    body: bytes = b""
    """The beginning of the answer."""
    is_cut: bool = False
    """The rest of the body was lost."""
    error: str = ""
    """What the exception says that ended it; it may hold secrets."""

    @property
    def is_success(self) -> bool:
        """Return whether there is an answer whose status is a success."""
        return self.status // 100 == 2

    @property
    def is_refused(self) -> bool:
        """Return whether a success says in its body that it is none."""
        return self.is_page or self.refusal is not None

    @property
    def is_failure(self) -> bool:
        """Return whether nobody has taken it, as far as is known."""
        return self.is_refused or not self.is_success

    @property
    def is_in_doubt(self) -> bool:
        """Return whether it took the message along, and no answer came that says what became of it."""
        return self.carries and self.is_out and not self.status


def judge(
    exchanges: Sequence[Exchange],
    log: Iterable[str] = (),
    *,
    has_reached: bool = False,
    proxy: str = "",
    unexplained: str = REFUSED,
) -> Outcome:
    """Return why the message was not taken.

    `exchanges` are those with targets that do not have it, of which some target has it if `has_reached`. `log` has the
    exceptions of connections that are neither HTTP nor mail, or were not made. `proxy` is the proxy of the environment,
    and what names it.
    """
    reason, cause = min(
        (_explained(one) for one in _deciding(exchanges)),
        key=lambda one: _BY_CAUSE.index(one[1]),
        default=(unexplained, Cause.OTHER),
    )
    # A library's exception says more, as far as it can be said in our words.
    if reason in (REFUSED, UNASKED):
        reason = _words(" ".join(log)) or reason
    if cause is Cause.GONE and has_reached:
        cause = Cause.OTHER  # another target of the same URL is there
    # The longest one: before it is over, the target that asked for it refuses again.
    waits = [wait for one in exchanges for wait in _waits(one)]
    return Outcome(
        reason=reason.replace(_PROXY, proxy or _PROXY),
        cause=cause,
        retry_after=max(waits, default=None),
    )


def _deciding(exchanges: Sequence[Exchange]) -> Iterable[Exchange]:
    """Return the last exchange of each target that failed, of those with the message if one did."""
    failed = [one for one in exchanges if one.is_failure or one.is_cut]
    failed = failed or [one for one in exchanges if one.carries]
    # What became of the message counts more than a login or a logout beside it.
    failed = [one for one in failed if one.carries] or failed
    return {id(one.targets): one for one in failed}.values()


def _explained(one: Exchange) -> tuple[str, Cause]:
    """Return what an exchange says of a failure."""
    status = one.status
    if one.is_page:
        return A_PAGE, Cause.OTHER
    if not status or (one.is_cut and not one.is_failure):
        return _words(one.error) or REFUSED, Cause.OTHER
    is_web = one.protocol == "HTTP"
    known = _STATUSES if is_web else _CODES[one.protocol]
    # The same reply is about the recipient before the mail, and about its content after it.
    if one.protocol == "SMTP" and one.carries:
        known = known | _OF_A_MAIL
    # What a status is not known for may be over by the next attempt.
    cause, advice = known.get(status, (Cause.OTHER, ""))
    what = f"{one.protocol} {status}"
    if status // 100 == 3 and is_web:
        advice = _REDIRECT
    if one.is_success:
        what = f"{REFUSED} ({one.refusal})" if one.refusal else REFUSED
    # Some services say the cause in the body, whatever the status is.
    if is_web and (found := _WORD.search(one.body.decode("utf-8", "replace").lower())):
        cause, advice = _WORDS[found[1]]
        # It may be the service's own code, which is named already.
        if found[1] != (one.refusal or "").lower():
            what = f"{what} ({found[1]})"
    return f"{what}, {advice}" if advice else what, cause


def _waits(one: Exchange) -> Iterable[float]:
    """Yield the seconds that an answer asks to wait."""
    if one.retry_after is not None:
        yield one.retry_after
    # Discord and Telegram say it there, too.
    if not one.is_success and (found := _WAIT.search(one.body)):
        yield float(found[2]) * (0.001 if found[1] else 1.0)


def _words(error: str) -> str:
    """Return what an exception says in our words; empty if it says nothing that is known."""
    known = (
        words
        for pattern, words in _EXCEPTIONS.items()
        if re.search(pattern, error.lower())
    )
    return next(known, "")


def is_page(body: bytes, page: re.Pattern[bytes]) -> bool:
    """Return whether a body is a `page`, whatever its Content-Type: many a portal has none, or a wrong one."""
    return page.search(body.lstrip(_BLANK + _BLANK_IN_UTF_16)) is not None


def refusal_in(body: bytes, refuses: re.Pattern[bytes] = NOTHING) -> str | None:
    """Return None unless the body of a success refuses the message: then the service's own code, "" without one.

    `refuses` is what a service says beyond the default, and its groups are codes. The default is an object of JSON
    with `"success": false`, or `ok` or `accepted`: inside of its values the same may be about anything.
    """
    # A byte order mark is no part of JSON.
    body = body.lstrip(_BLANK)
    # A service's own pattern is read from the text: not all of them answer JSON.
    if found := list(refuses.finditer(body)):
        codes = (code for one in found for code in one.groups() if code)
        return next(codes, b"").decode("ascii", "replace")
    try:
        said: Any = json.loads(body)
    # An answer may be nested deeper than the parser goes, and is then no refusal that anybody knows.
    except (ValueError, RecursionError):
        return None
    verdicts = said.items() if isinstance(said, dict) else ()
    is_no = any(
        key.lower() in _VERDICTS and str(value).lower() == "false"
        for key, value in verdicts
    )
    return "" if is_no else None
