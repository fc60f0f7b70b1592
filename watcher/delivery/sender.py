"""Delivery of one message to one channel through apprise, which no other module knows.

apprise is imported on first use: a quiet poll must not pay for it. Of what apprise, requests or a server say nothing
is passed on but a classification, since all of it may hold parts of the URL, which is a secret (contract, Alerts).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import threading
import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, cast

from watcher.alerts import channel_identity
from watcher.alerts.digest import Digest, compose
from watcher.alerts.render import Rendered, fitted
from watcher.delivery import limits
from watcher.delivery.outcome import classify
from watcher.delivery.services import Service, disable_mentions, format_of
from watcher.model.channel import Channel
from watcher.model.event import Event, Kind

if TYPE_CHECKING:
    from apprise import NotifyBase

_CEILING = 3000  # bytes, below every limit that apprise leaves to the service (Slack's blocks, ntfy)
_IDS_AT_MOST = 500
_ABANDONED_AT_MOST = 3
_OUTDATED = 16
"""Digits in a target's name that an older version made."""

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,20}):/{1,3}")
_QUIET_LOGGERS = ("requests", "urllib3", "requests_oauthlib", "oauthlib", "charset_normalizer", "MARKDOWN")
_TONES = {
    **dict.fromkeys((Kind.BANNED, Kind.FLAGGED), "failure"),
    **dict.fromkeys((Kind.REINSTATED, Kind.UNDEPRECATED, Kind.RECOVERED), "success"),
    **dict.fromkeys((Kind.NEW, Kind.PENDING, Kind.BASELINE), "info"),
}
_loading = threading.Lock()
_abandoned: dict[str, list[threading.Thread]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The service, with every target in its URL, has acknowledged the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """The message was not acknowledged; `reason` is short and holds nothing of the URL.

    `reached` names, unreadably, the targets of the URL that did take it: handed to the next `deliver` of the same
    events they are left out.
    """

    reason: str
    reached: frozenset[str] = frozenset()


Outcome = Delivered | Undelivered


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The `targets` that earlier attempts at a message reached, by names that are made with `key` and `salt`.

    `key` is the digest of the channel's URL, and `salt` what that was made with (`watcher.alerts.channel_identity`).
    """

    key: str = ""
    salt: str = ""
    targets: frozenset[str] = frozenset()


def refusal(url: str) -> str | None:
    """Give None for a URL that apprise can parse as one service, else one sentence on what is wrong.

    The sentence names the scheme and nothing else of the URL.
    """
    found = _SCHEME.match(url)
    if found is None:
        return "this is not an apprise URL: it has to begin with a scheme, like discord:// or mailto://"
    scheme = found[1].lower()
    try:
        _load()
        from apprise.manager_plugins import NotificationManager
        from apprise.utils.parse import parse_urls

        if len(cast("list[str]", parse_urls(url))) > 1:  # type: ignore[no-untyped-call]  # apprise's is untyped
            return "this is more than one URL: each needs an entry of its own"
        if _service(url) is not None:
            return None
        services = cast("dict[str, type[NotifyBase]]", NotificationManager())  # type: ignore[no-untyped-call]
        plugin = services[scheme] if scheme in services else None  # noqa: SIM401 - it only looks like a dict
    except Exception as error:  # noqa: BLE001 - whatever a service makes of a bad URL, it is a bad URL
        return f"apprise cannot use this {scheme}:// URL ({type(error).__name__})"
    if plugin is None:
        hint = "; a webhook of your own is json:// or jsons://" if scheme in ("http", "https") else ""
        return f"apprise does not know this {scheme}:// address{hint}"
    if not plugin.enabled:
        needed = plugin.requirements.get("packages_required") or "something"
        return f"{scheme}:// needs what is not installed: {needed if isinstance(needed, str) else ', '.join(needed)}"
    shape = str(next(iter(plugin.templates), "")).replace("{schema}", scheme)
    return f"this {scheme}:// URL is incomplete or malformed; it should look like {shape}"


def load() -> tuple[str, ...]:
    """Load all that a delivery may need, and return files of what was loaded; ImportError and the like if it fails."""
    import netrc  # noqa: F401 - requests has it wait for the first request

    _load()
    import apprise

    return str(apprise.__file__), limits.certificates()


def deliver(channel: Channel, events: tuple[Event, ...], timeout: float, reached: Reached = Reached()) -> Outcome:
    """Send one message with the events to the channel and wait for the answer, at most `timeout` seconds a target.

    `reached` says what an earlier `Undelivered` of the same events told. Never raises. When the time is up every
    connection of the attempt is cut. What hangs for another second is abandoned in a daemon thread, which can neither
    delay another channel nor keep the process alive; while several of those are left, the channel is not tried.
    """
    stuck = [thread for thread in _abandoned.pop(channel.url, []) if thread.is_alive()]
    took = _Targets(earlier=reached)
    said: list[str] = []
    reason = "earlier attempts still hang"
    if len(stuck) < _ABANDONED_AT_MOST:
        with contextlib.suppress(Exception):  # the attempt meets the same, and says so
            _load()  # not on the message's time: a slow machine could spend all of it on apprise's import
        attempt = limits.Attempt(timeout)

        def work() -> None:
            with attempt:
                said.append(_attempt(channel.url, events, timeout, took, attempt))

        thread = threading.Thread(target=work, name="alert", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return Undelivered(reason="no thread could be started", reached=reached.targets)
        attempt.wait(thread)
        if thread.is_alive():
            stuck.append(thread)
        # After the cut it knows of a lost connection only.
        reason = said[0] if said and not (attempt.is_over and said[0]) else "timed out"
    if stuck:
        _abandoned[channel.url] = stuck
    return Undelivered(reason=reason, reached=took.names()) if reason else Delivered()


def _attempt(url: str, events: tuple[Event, ...], timeout: float, took: _Targets, attempt: limits.Attempt) -> str:
    """Send the message and give why it was not taken; nothing where it was."""
    try:
        _load()
        from apprise import Apprise, AppriseResultStatus, NotifyType

        service = _service(url)
        if service is None:
            return "apprise cannot use this URL"
        _prepare(service, events, timeout, took)
        attempt.allow(_count(service), float(service.request_rate_per_sec or 0))
        digest = compose(events)
        message, shown = _fitting(service, digest)
        sender = Apprise(cast("NotifyBase", service))
        with sender.notify(
            body=message.body,
            title=message.title,
            notify_type=NotifyType(_TONES.get(digest.worst, "warning")),
            body_format=shown,
            log_level=logging.DEBUG,
        ) as result:
            if result.status == AppriseResultStatus.SUCCESS:
                return ""
            return classify((entry.level, entry.message) for entry in result.logs())
    except BaseException as error:  # noqa: BLE001 - the one place around one channel's work, which has its own thread
        return f"apprise failed ({type(error).__name__})"


def _count(service: Service) -> int:
    """Count the targets in a URL; not every service with several says how many it has."""
    targets = getattr(service, "targets", ())
    return max(len(service), len(targets) if isinstance(targets, (list, tuple, set, dict)) else 0)


def _prepare(service: Service, events: tuple[Event, ...], timeout: float, took: _Targets) -> None:
    """Set the service up so that no alert is lost, sent twice or cut, whatever the URL asks for."""
    from apprise import OverflowMode

    ours: dict[str, object] = {"optional": False, "retry": 0, "overflow_mode": OverflowMode.UPSTREAM}
    ours |= {"is_delivered": took.has, "mark_delivered": took.add}
    for limit in ("socket_connect_timeout", "socket_read_timeout"):
        if getattr(service, limit) == getattr(type(service), limit):
            ours[limit] = timeout
    for name, value in ours.items():
        setattr(service, name, value)
    disable_mentions(service)
    if service.service_name == "JSON":
        service.payload_extras.setdefault("events", [event.id for event in events[:_IDS_AT_MOST]])
        service.payload_extras.setdefault("event_count", len(events))


def _fitting(service: Service, digest: Digest) -> tuple[Rendered, str]:
    """Render so that what the service's dialect makes of it fits, and name the format apprise need not convert."""
    from apprise import NotifyFormat

    single = isinstance(service.notify_format, NotifyFormat)
    form = format_of(service, single=single)
    if single:
        service.notify_format = NotifyFormat(form.markup)
    most = min(service.body_maxlen, _CEILING * (10 if str(service.service_name) == "E-Mail" else 1))
    title_limit = min(service.title_maxlen, most) if service.title_maxlen > 0 else most // 3
    blended = service.title_maxlen <= 0 or service.overflow_amalgamate_title
    lines = service.body_max_line_count - blended if service.body_max_line_count > 0 else None

    def size(message: Rendered) -> int:
        body = service.dialect_convert(message.body, NotifyFormat(form.markup))
        return len(body.encode()) + (len(f"<b>{message.title}</b><br />\r\n") if blended else 0)

    return fitted(digest, form, most, title_limit, size, lines), form.markup


@dataclass(frozen=True, slots=True, kw_only=True)
class _Targets:
    """Which targets of one URL have taken the message: in earlier attempts, by name, and in this one as they are.

    A name is as slow to guess a target from as an address is to guess a URL from. Of a target that took the message
    under a name that was quick to guess, as older versions made them, a new name is made when the service asks for it.
    """

    earlier: Reached
    taken: set[str] = field(default_factory=set)
    outdated: set[str] = field(default_factory=set)

    def has(self, key: object, per_message: bool = False) -> bool:  # noqa: ARG002 - apprise's signature
        """Tell a service that asks whether a target has taken the message."""
        target, names = repr(key), self.earlier.targets
        if target in self.taken:
            return True
        if any(len(name) == _OUTDATED for name in names) and (name := self._outdated_name(target)) in names:
            self.outdated.add(name)
            self.taken.add(target)
            return True
        return any(len(name) != _OUTDATED for name in names) and self._name(target) in names

    def add(self, key: object, per_message: bool = False) -> None:  # noqa: ARG002 - apprise's signature
        """Note that a target has taken the message."""
        self.taken.add(repr(key))

    def names(self) -> frozenset[str]:
        """Name all targets that have taken the message, for the next attempt; about a millisecond for each new one."""
        return self.earlier.targets.difference(self.outdated).union(map(self._name, frozenset(self.taken)))

    def _name(self, target: str) -> str:
        return channel_identity.digest(f"{self.earlier.key} {target}", self.earlier.salt)

    def _outdated_name(self, target: str) -> str:
        key = self.earlier.key.encode()[:64]
        return hashlib.blake2b(target.encode("utf-8", "surrogatepass"), key=key, digest_size=_OUTDATED // 2).hexdigest()


def _service(url: str) -> Service | None:
    """Let apprise parse the URL: our own name, no remote images, nothing on disk, no rewriting, no threads.

    No redirects either: one turns the POST into a GET, whose 200 would acknowledge a message that nobody got.
    """
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    asset = AppriseAsset(
        app_id="Comfy Watch",
        app_desc="Comfy Watch",
        app_url="https://registry.comfy.org",
        image_url_mask="",
        image_url_logo="",
        image_path_mask=False,
        storage_mode=PersistentStoreMode.MEMORY,
        service_timeout=0,
        async_mode=False,
        interpret_emojis=False,
        http_redirects=False,
        pgp_autogen=False,
        pem_autogen=False,
    )
    return cast("Service | None", Apprise.instantiate(url, asset=asset))


@cache
def _load() -> None:
    """Import apprise with all its services, once, and silence it and what it uses for good."""
    with _loading:
        for name in ("apprise", *_QUIET_LOGGERS):
            logger = logging.getLogger(name)
            logger.propagate = False
            logger.setLevel(logging.DEBUG if name == "apprise" else logging.CRITICAL)
            logger.handlers = logger.handlers or [logging.NullHandler()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from apprise import Apprise

            Apprise.instantiate("json://127.0.0.1")
        limits.install()
        warnings.filterwarnings("ignore", module="urllib3")
