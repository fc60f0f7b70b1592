"""MQTT: a message counts only once the broker has said that it took it.

At QoS 0, apprise's default, a broker answers to no message, so that a refused one looks like any other; at QoS 2 the
library does not read the refusal. At QoS 1 MQTT 5 says whether a message was taken. MQTT 3.1.1 has no word for a
refusal: brokers acknowledge a message that they drop. So a message is published at QoS 1, with MQTT 5 if the broker
speaks it and the URL names no other version.
"""

from __future__ import annotations

import os
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from watcher.delivery.outcome import Cause
from watcher.delivery.services.service import Context

_LOGIN = "the MQTT broker refused the login: check the user and the password"
_TOPIC = "the MQTT broker does not let this user publish to the topic: correct its access list or the topic"
_TOO_LARGE = "the MQTT broker refused the message: it is too large"
_BAD_TOPIC = "a topic in the channel's URL is none: + and # are for subscribers"
_REFUSED = 0x80
"""Reason codes from here on are refusals (MQTT 5.0, 2.4)."""
_LOGINS = {0x86, 0x87, 0x8A, 0x8C}
"""Bad user name or password, not authorized, banned, bad authentication method."""
_NOT_AUTHORIZED, _LARGE = 0x87, 0x95
_OTHER_VERSION = 0x84
_HEAD = 12
"""The most bytes of a packet beside its topic and its message."""
_LOOK = 1.0
"""The most seconds between two looks at the clock."""


def mqtt(service: Any, context: Context) -> None:  # noqa: ANN401 - apprise's own object
    """Publish in a session of our own. apprise's has no hook at the broker's answers."""
    service.send = partial(_send, service, context)


def _send(service: Any, context: Context, *, body: str, **_: object) -> bool:  # noqa: ANN401 - as above
    """Publish to each topic, and return whether the broker has taken all of them."""
    library = sys.modules[type(service).__module__].mqtt
    own = service.mqtt_protocol
    versions = (own,) if "version" in context.asked else (library.MQTTv5, own)
    service.throttle()
    try:
        for version in versions:
            broker = _Broker(service, library, version, context.timeout)
            try:
                code = broker.connect()
                if code in (None, _OTHER_VERSION) and version != versions[-1]:
                    continue
                if code != 0:
                    _explain(context, code)
                    return False
                return _publish(service, context, broker, body)
            finally:
                context.kept_back.append(broker.owes == 0)
                broker.close()
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):
            context.refuse(_BAD_TOPIC, Cause.GONE)
        service.logger.debug("Socket Exception: %s", error)
    return False


def _explain(context: Context, code: int | None) -> None:
    """Note why there is no session."""
    if code is None:
        raise ConnectionResetError("Connection reset by peer")
    context.refuse(_LOGIN if code in _LOGINS else f"the MQTT broker refused the connection ({code})")


def _publish(service: Any, context: Context, broker: _Broker, body: str) -> bool:  # noqa: ANN401 - as above
    """Publish to each topic that has not taken the message yet; a refusal of one does not keep it from the others."""
    done = True
    for number, topic in enumerate(service.topics):
        if service.is_delivered(topic):
            continue
        if number:
            service.throttle()
        code = broker.publish(topic, body, retain=service.retain)
        if code is None:
            raise ConnectionResetError("Connection reset by peer")
        if code < _REFUSED:
            service.mark_delivered(topic)
            continue
        done = False
        if code == _LARGE:
            context.refuse(_TOO_LARGE, Cause.CONTENT)
            break
        context.refuse(_TOPIC if code == _NOT_AUTHORIZED else f"the MQTT broker refused the message ({code})")
    return done


class _Broker:
    """One connection to the broker, whose answers are read here, in the process's only thread."""

    def __init__(self, service: Any, library: Any, version: int, timeout: float) -> None:  # noqa: ANN401 - as above
        self._service, self._timeout = service, timeout
        self.owes = 0
        """Messages that went out and are not answered."""
        self._session: int | None = None
        self._most: int | None = None
        """The most bytes of a packet that the broker takes."""
        self._answers: dict[int, int] = {}
        self._ended: int | None = None
        self._client = client = library.Client(
            library.CallbackAPIVersion.VERSION2,
            client_id=service.client_id,
            clean_session=None if version == library.MQTTv5 else not service.session,
            protocol=version,
            reconnect_on_failure=False,
        )
        client.connect_timeout = timeout
        client.on_connect, client.on_publish, client.on_disconnect = self._begin, self._answer, self._end
        if service.user:
            client.username_pw_set(service.user, password=service.password)
        if service.secure:
            client.tls_set_context(_trust(service))
            client.tls_insecure_set(not service.verify_certificate)

    def connect(self) -> int | None:
        """Return the code with which the broker begins the session, 0, or refuses it; None if it says none."""
        service = self._service
        self._client.connect(service.host, port=service.port, keepalive=service.mqtt_keepalive)
        self._until(lambda: self._session is not None)
        return self._session

    def publish(self, topic: str, body: str, *, retain: bool) -> int | None:
        """Return the code with which the broker takes a message or refuses it; None if it hangs up without one."""
        if self._most is not None and len((topic + body).encode()) + _HEAD > self._most:
            return _LARGE
        sent = self._client.publish(topic, payload=body, qos=1, retain=retain)
        self.owes += 1
        self._until(lambda: sent.mid in self._answers)
        code = self._answers.get(sent.mid, self._ended)
        self.owes -= code is not None
        return code

    def close(self) -> None:
        """End the session."""
        with suppress(OSError):
            self._client.disconnect()

    def _until(self, done: Callable[[], bool]) -> None:
        """Read answers until there is the one that is waited for, or the connection is lost."""
        deadline = time.monotonic() + self._timeout
        while not done():
            if (left := deadline - time.monotonic()) <= 0:
                raise TimeoutError("timed out")
            if self._client.loop(min(left, _LOOK)):
                return

    def _begin(self, _client: object, _data: object, _flags: object, code: Any, more: object) -> None:  # noqa: ANN401 - the library's
        self._session = code.value
        self._most = getattr(more, "MaximumPacketSize", None)

    def _answer(self, _client: object, _data: object, number: int, code: Any, _more: object) -> None:  # noqa: ANN401 - as above
        self._answers[number] = code.value

    def _end(self, _client: object, _data: object, flags: Any, code: Any, _more: object) -> None:  # noqa: ANN401 - as above
        if flags.is_disconnect_packet_from_server:
            self._ended = code.value


def _trust(service: Any) -> ssl.SSLContext:  # noqa: ANN401 - as above
    """Return what certificates of brokers are trusted, as for mail: what the system trusts, or `SSL_CERT_FILE`."""
    context = ssl.create_default_context()
    if not service.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif service.ca_certs and "SSL_CERT_FILE" not in os.environ:
        context.load_verify_locations(service.ca_certs)
    return context
