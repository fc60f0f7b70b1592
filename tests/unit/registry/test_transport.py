"""How requests travel: through the proxy that the environment names, never past it, and failing in plain words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.asking import (
    answer,
    complaint,
    of_pack,
    read,
    responding,
    without_proxies,
)
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.fault import without_host
from tests.support.fakes.ports import Listener, Refused, Untrusted
from tests.support.program import Completed
from watcher.errors import ConfigError
from watcher.model.reading import Fault, Listing, ReadFailure
from watcher.registry.client import Query
from watcher.registry.network import check_usable, describe
from watcher.registry.proxies import Route, proxy_in_words

pytestmark = pytest.mark.measured

ELSEWHERE = "http://registry.test"
"""An address that nobody can look up here: only a proxy could."""


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxy but the test's own."""
    yield from without_proxies(monkeypatch)


REFUSED = (
    "cannot reach HOST: the connection was refused; check the address and the firewall"
)


def _untrusted(code: int) -> ssl.SSLCertVerificationError:
    """Return OpenSSL's error with one of its codes."""
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code = code
    return error


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


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_the_environments_proxy_is_asked(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The proxy gets the request for the registry's own host, however the variable is spelled."""
    of_pack(registry)
    monkeypatch.setenv(name, registry.url)
    reading = read(ELSEWHERE, "pack")
    assert isinstance(reading, Listing)
    assert len(reading.versions) == 5
    (asked,) = registry.requests
    assert asked.headers["Host"] == "registry.test"
    assert asked.query["nodeId"] == ["pack"]


@pytest.mark.parametrize(
    ("address", "login"),
    [("me:secret@", "bWU6c2VjcmV0"), ("http://me:a]b[c@", "bWU6YV1iW2M=")],
)
def test_a_proxy_may_be_named_without_a_scheme(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, address: str, login: str
) -> None:
    """`host:port`, as many tools take it, is an http proxy; its login, of whatever signs, goes to it alone."""
    place = registry.url.removeprefix("http://")
    monkeypatch.setenv("http_proxy", f"{address}{place}")
    assert answer(ELSEWHERE).code == 200
    [asked] = registry.requests
    assert asked.headers["Proxy-Authorization"] == f"Basic {login}"


@pytest.mark.parametrize("names", ["other.test, 127.0.0.1", "*", "127.0.0.1:{port}"])
def test_no_proxy_is_heeded(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    """A host that `no_proxy` names, with its port or without, is asked directly."""
    with Refused() as nobody:
        monkeypatch.setenv("http_proxy", nobody.url)
        assert "the proxy refused the connection" in complaint(registry.url)
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
    """For https the proxy is asked for a tunnel, and sees no more than the host; one that wants a login is named, and
    which variable the login belongs in.
    """
    with Gate() as gate:
        place = gate.url.removeprefix("http://")
        monkeypatch.setenv("https_proxy", gate.url)
        said = complaint("https://registry.test", Query(node="pack"))
        monkeypatch.setenv("https_proxy", f"http://me:hunter2@{place}")
        again = complaint("https://registry.test", Query(node="pack"))
    way = f"cannot reach registry.test:443 through the proxy {place} (https_proxy): "
    login = "the proxy wants a login (407); write USER:PASSWORD@ before its host"
    assert said == way + login
    wrong = "the proxy refused the login (407); correct it in its address"
    assert again == way + wrong
    assert gate.asked == ["CONNECT registry.test:443 HTTP/1.1"] * 2


def test_a_proxy_wants_a_login_for_http_too(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy answers a request by http itself: what it wants is not taken for the registry's answer."""
    monkeypatch.setenv("http_proxy", registry.url)
    registry.respond = responding()(407, b"<html>")
    assert "the proxy wants a login (407)" in complaint(ELSEWHERE)


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("{refused}", "the proxy refused the connection; check that it runs"),
        ("proxy.invalid:3128", "the proxy's host name cannot be resolved; check its"),
    ],
)
def test_a_proxy_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, proxy: str, said: str
) -> None:
    """It is said that it is the proxy that cannot be reached, at which host and port, and who names it."""
    with Refused() as nobody:
        address = proxy.format(refused=nobody.url.removeprefix("http://"))
        monkeypatch.setenv("ALL_PROXY", f"http://me:hunter2@{address}")
        error = complaint("https://registry.test")
    way = f"cannot reach registry.test:443 through the proxy {address} (ALL_PROXY): "
    assert error.startswith(way + said)
    assert "hunter2" not in error


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("socks5://me:secret@127.0.0.1:1", "names a SOCKS proxy, which is not supp"),
        ("ftp://me:secret@127.0.0.1:1", "is not the address of an HTTP proxy"),
        (" ", "is not the address of an HTTP proxy"),
        ("http://secret:word", "is not the address of an HTTP proxy"),
        ("http://secret%20word:80", "is not the address of an HTTP proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, address: str, what: str
) -> None:
    """What is no proxy's address, or of a kind that is not supported, is a configuration error without the address."""
    monkeypatch.setenv("http_proxy", address)
    with pytest.raises(ConfigError) as caught:
        check_usable(ELSEWHERE)
    assert caught.value.what.startswith(f"http_proxy {what}")
    assert "registry.test" in caught.value.hint
    assert "secret" not in f"{caught.value!s}{caught.value.__context__!r}"


@pytest.mark.parametrize(
    ("address", "env", "said"),
    [
        (
            ELSEWHERE,
            {"HTTP_PROXY": "socks5://me:secret@127.0.0.1:1"},
            "HTTP_PROXY names a SOCKS proxy, which is not supported",
        ),
        (
            "https://registry.test",
            {"SSL_CERT_FILE": "/nowhere/ca.pem"},
            "SSL_CERT_FILE names no certificates that can be read: '/nowhere/ca.pem'",
        ),
        (
            "http://127.0.0.256",
            {},
            "registry_url: the host of 'http://127.0.0.256' is not a valid host name",
        ),
    ],
)
def test_the_program_begins_nothing_where_no_request_can_be_made(
    run: Callable[..., Completed],
    state: Path,
    address: str,
    env: dict[str, str],
    said: str,
) -> None:
    """A proxy, a host or certificates that cannot be are exit 2 and two lines, at once, without a secret, and no state
    is made.
    """
    options = ("--set", "nodes=pack", "--set", f"registry_url={address}")
    done = run("check", *options, env=env)
    assert done.code == 2
    error, hint = done.err.splitlines()
    assert error == f"error: {said}"
    assert hint.startswith("hint: ")
    assert "secret" not in done.err + done.out
    assert not state.exists()


@pytest.mark.parametrize(
    "address",
    [
        "https://a.test.:8443/x",
        "http://[::ffff:127.0.0.1]:8080",
        "http://b\u00fccher.test",
        f"http://my_registry.{'a' * 63}",
    ],
)
def test_a_host_that_may_be_is_not_refused(address: str) -> None:
    """Whether a host is there is found out by asking, not by its name."""
    check_usable(address)


# What went wrong


def test_a_certificate_that_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown authority is refused before anything is sent, and reported with what TLS itself says of it, and which
    variable names others.
    """
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with Untrusted() as server:
        what = f"cannot reach {server.url.removeprefix('https://')}: its TLS certificate is not trusted"
        said = complaint(server.url)
        assert said.startswith(f"{what} (unable to get local issuer certificate); ")
        assert said.endswith("name its CA file in SSL_CERT_FILE")
        assert server.handshakes == 0


def test_tls_with_a_server_that_speaks_none(registry: FakeRegistry) -> None:
    """A server without TLS at an https address is said to fail at TLS."""
    said = complaint(registry.url.replace("http:", "https:"))
    assert without_host(said) == (
        "cannot reach HOST: TLS failed; check that this port speaks https"
    )


def test_failures_of_the_way_are_the_registrys() -> None:
    """What happens before an answer says nothing of the node: it lies with the registry or the way to it."""
    with Refused() as nobody:
        reading = read(nobody.url.replace("127.0.0.1", "localhost"), "pack")
    assert isinstance(reading, ReadFailure)
    assert (reading.node, reading.fault) == ("pack", Fault.UNREACHED)
    assert without_host(reading.error) == REFUSED


def test_a_host_that_does_not_exist() -> None:
    """A name that cannot be resolved is said with the host."""
    assert complaint("https://registry.invalid") == (
        "cannot reach registry.invalid:443: its host name cannot be resolved;"
        " check the name, and that this machine is online"
    )


def test_the_proxy_of_the_web_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, without its login, if it is the only one that can be used."""
    assert proxy_in_words() == ""
    monkeypatch.setenv("http_proxy", "me:hunter2@p.test:1")
    assert proxy_in_words() == "the proxy p.test:1 (http_proxy)"
    monkeypatch.setenv("https_proxy", "socks5://p.test")
    assert proxy_in_words() == "the proxy p.test:1 (http_proxy)"
    monkeypatch.setenv("https_proxy", "q.test:1")
    assert proxy_in_words() == ""


SOMEWHERE = Route(target="a.test:443")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(113, "x"), "its host is unreachable; check "),
        (OSError(110, "x"), "it timed out; check "),
        (OSError(24, "x"), "network error EMFILE"),
        (OSError(9999, "x"), "network error 9999"),
        (TimeoutError(), "it timed out; check "),
        (ConnectionAbortedError(), "the connection broke off; check "),
        (ConnectionResetError(104, "x"), "the connection broke off; check "),
        (httpx.DecodingError("x"), "the request failed (DecodingError)"),
        (httpx.ProxyError("403 x"), "the proxy refused to connect to it (403); ask "),
        (_untrusted(10), "its TLS certificate is not valid today; check this machine"),
        (_untrusted(62), "its TLS certificate is for another host; check the address"),
    ],
    ids=repr,
)
def test_failures_in_plain_words(error: Exception, said: str) -> None:
    """Each failure has words of ours, the host, and what to try, and none of the error's own."""
    assert describe(error, SOMEWHERE).startswith(f"cannot reach a.test:443: {said}")


def test_a_cause_counts_more_than_its_wrapping() -> None:
    """The system's own error is reported, however many layers stand around it, and a ring of causes has an end."""
    root = OSError(111, "x")
    outer = httpx.ConnectError("all attempts failed")
    outer.__cause__ = OSError("all attempts failed")
    outer.__cause__.__context__ = ExceptionGroup("of each address", [root])
    root.__context__ = outer
    assert "the connection was refused" in describe(outer, SOMEWHERE)


def test_an_address_that_is_secret() -> None:
    """Of an address that may hold a secret nothing is said, and its proxy is."""
    assert describe(OSError(111, "x"), Route(target="")).startswith("the connection")
    proxy = httpx.Proxy("http://p.test:1")
    route = Route(target="", proxy=proxy, named_by="ALL_PROXY")
    said = describe(OSError(111, "x"), route)
    assert said.startswith("cannot reach it through the proxy p.test:1 (ALL_PROXY): ")
