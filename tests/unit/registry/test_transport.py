"""How requests travel: through the proxy that the environment names, never past it, and failing in plain words."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.asking import answer, complaint, of_pack, read, without_proxies
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.ports import Listener, Refused, Untrusted
from tests.support.parameters import one_of
from tests.support.program import Completed
from watcher.errors import ConfigError
from watcher.model.failure import Fault, ReadFailure
from watcher.model.listing import Listing
from watcher.registry.client import Query
from watcher.registry.transport import check_usable, describe, open_transport

pytestmark = pytest.mark.measured

ELSEWHERE = "http://registry.test"
"""An address that nobody can look up here: only a proxy could."""


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy but the test's own."""
    yield from without_proxies(monkeypatch)


class Gate(Listener):
    """A proxy that refuses every tunnel; `asked` has the first line of each request."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def serve(self, connection: socket.socket) -> None:
        """Refuse one tunnel."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1024)
        self.asked.append(head.split(b"\r\n", 1)[0].decode())
        connection.sendall(b"HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_the_environments_proxy_is_asked(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The proxy gets the request for the registry's own host, however the variable is spelled."""
    of_pack(registry)
    monkeypatch.setenv(name, registry.url)
    reading = read(ELSEWHERE, Query(node="pack"))
    assert isinstance(reading, Listing)
    assert len(reading.versions) == 5
    (asked,) = registry.requests
    assert asked.headers["Host"] == "registry.test"
    assert asked.query["nodeId"] == ["pack"]


def test_a_proxy_may_be_named_without_a_scheme(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`host:port`, as many tools take it, is an http proxy; its user and password go to it alone."""
    monkeypatch.setenv("http_proxy", registry.url.replace("http://", "me:secret@"))
    assert answer(ELSEWHERE).code == 200
    assert registry.requests[0].headers["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"


@pytest.mark.parametrize(
    "names", ["127.0.0.1", "other.test, 127.0.0.1", "*", "127.0.0.1:{port}"]
)
def test_no_proxy_is_heeded(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    """A host that `no_proxy` names, with its port or without, is asked directly."""
    with Refused() as nobody:
        monkeypatch.setenv("http_proxy", nobody.url)
        assert complaint(registry.url) == "the connection was refused"
        monkeypatch.setenv(
            "no_proxy", names.format(port=registry.url.rpartition(":")[2])
        )
        assert answer(registry.url).code == 200


def test_another_schemes_proxy_is_not_asked(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for https has nothing to do with a registry that is asked over http."""
    with Refused() as nobody:
        monkeypatch.setenv("https_proxy", nobody.url)
        assert answer(registry.url).code == 200


def test_https_goes_through_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    """For https the proxy is asked for a tunnel, sees no more than the host, and its refusal is reported as its own."""
    with Gate() as gate:
        monkeypatch.setenv("https_proxy", gate.url)
        said = complaint("https://registry.test", Query(node="pack"))
    assert said == "the proxy refused to connect to it"
    assert gate.asked == ["CONNECT registry.test:443 HTTP/1.1"]


@pytest.mark.parametrize(
    "address",
    [
        "socks5://127.0.0.1:1",
        "ftp://me:secret@127.0.0.1:1",
        " ",
        "http://",
    ],
)
def test_a_proxy_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """What is no proxy's address, or of a kind that is not installed, is a configuration error without the address."""
    monkeypatch.setenv("http_proxy", address)
    with pytest.raises(ConfigError) as caught:
        open_transport(ELSEWHERE)
    assert caught.value.problems == (
        "the proxy that the environment names for http cannot be used",
    )
    assert "secret" not in f"{caught.value!s}{caught.value.__context__!r}"


@pytest.mark.parametrize("command", one_of("check", "run"))
@pytest.mark.parametrize(
    ("address", "proxy", "said"),
    [
        (
            ELSEWHERE,
            "socks5://me:secret@127.0.0.1:1",
            "the proxy that the environment names for http cannot be used",
        ),
        (
            "http://127.0.0.256",
            "",
            "registry_url: the host of 'http://127.0.0.256' is not a valid host name",
        ),
    ],
)
def test_the_program_begins_nothing_where_no_request_can_be_made(
    run: Callable[..., Completed],
    state: Path,
    command: str,
    address: str,
    proxy: str,
    said: str,
) -> None:
    """A proxy or a host that cannot be is exit 2 and two lines, at once, without a secret, and no state is made."""
    done = run(
        command, "--node", "pack", "--registry-url", address, env={"HTTP_PROXY": proxy}
    )
    assert (done.code, done.out) == (2, "")
    error, hint = done.err.splitlines()
    assert error == f"error: {said}"
    assert hint.startswith("hint: ")
    assert "secret" not in done.err
    assert not state.exists()


@pytest.mark.parametrize(
    "address",
    [
        *(
            "http://a",
            "http://a.test.",
            "https://a.test:8443/x",
            "http://127.0.0.1:80",
            "http://[::1]:8080",
        ),
        *(
            "http://[::ffff:127.0.0.1]",
            "http://b\u00fccher.test",
            "http://my_registry",
            f"http://{'a' * 63}.test",
        ),
    ],
)
def test_a_host_that_may_be_is_not_refused(address: str) -> None:
    """Whether a host is there is found out by asking, not by its name."""
    check_usable(address)


# What went wrong


def test_a_certificate_that_is_not_trusted() -> None:
    """An unknown authority is refused before anything is sent, and reported with what TLS itself says of it."""
    with Untrusted() as server:
        said = complaint(server.url)
        assert (
            said
            == "its TLS certificate is not trusted (unable to get local issuer certificate)"
        )
        assert server.handshakes == 0


def test_tls_with_a_server_that_speaks_none(registry: FakeRegistry) -> None:
    """A server without TLS at an https address is said to fail at TLS."""
    assert complaint(registry.url.replace("http:", "https:")) == "TLS failed"


def test_a_host_with_two_addresses_that_refuse() -> None:
    """Where every address of a host refuses, the refusal is reported."""
    with Refused() as nobody:
        url = nobody.url.replace("127.0.0.1", "localhost")
        assert complaint(url) == "the connection was refused"


def test_failures_of_the_way_are_the_registrys() -> None:
    """What happens before an answer says nothing of the node: it lies with the registry or the way to it."""
    with Refused() as nobody:
        reading = read(nobody.url, Query(node="pack"))
    assert reading == ReadFailure(
        node="pack",
        error="the connection was refused",
        fault=Fault.UNREACHED,
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            socket.gaierror(-2, "Name or service not known"),
            "its host name cannot be resolved",
        ),
        (OSError(101, "x"), "the network is unreachable"),
        (OSError(113, "x"), "its host is unreachable"),
        (OSError(110, "x"), "it timed out"),
        (OSError(32, "x"), "the connection broke off"),
        (OSError(24, "x"), "network error EMFILE"),
        (OSError(9999, "x"), "network error 9999"),
        (TimeoutError(), "it timed out"),
        (httpx.ReadError("x"), "the connection broke off"),
        (ConnectionAbortedError(), "the connection broke off"),
        (httpx.UnsupportedProtocol("x"), "the request failed (UnsupportedProtocol)"),
    ],
    ids=repr,
)
def test_failures_in_plain_words(error: Exception, said: str) -> None:
    """Each failure has words of ours, and none of the error's own."""
    assert describe(error) == said


def test_a_cause_counts_more_than_its_wrapping() -> None:
    """The system's own error is reported, however many layers stand around it, and a ring of causes has an end."""
    root = OSError(111, "x")
    outer = httpx.ConnectError("all attempts failed")
    outer.__cause__ = OSError("all attempts failed")
    outer.__cause__.__context__ = ExceptionGroup("of each address", [root])
    root.__context__ = outer
    assert describe(outer) == "the connection was refused"
