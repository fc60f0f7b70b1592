"""The published files as a web server sends them: lighttpd, with the configuration that docs/publish.md has copied."""

from __future__ import annotations

import http.client
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.support.person import Person, blocks, tables
from tests.deploy.support.tools import checked, tool
from tests.support import chromium, program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.harness import Watcher

pytestmark = pytest.mark.deployment

CONFIGURATION = program.ROOT / "deploy" / "page" / "lighttpd.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A server on loopback, and the folder that it serves."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        """The address of the page, without the last `/`."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, method: str = "GET", body: bytes = b"") -> Answer:
        """Ask for a path, as it is written."""
        return get(self.port, path, method, body)


def get(port: int, path: str, method: str = "GET", body: bytes = b"") -> Answer:
    """Ask a server on loopback for a path, as it is written."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body or None)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(
            status=answer.status,
            content_type=headers.get("content-type", ""),
            body=answer.read(),
            headers=headers,
        )
    finally:
        connection.close()


def content_types() -> dict[str, str]:
    """Return what the page says of each file's content type, by its name; `osv/` stands for all files in it."""
    return {
        row[0].split("`")[1]: row[2].strip("`") for row in tables("publish.md")["file"]
    }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is published after polls that saw a ban: work on a copy."""
    place = tmp_path_factory.mktemp("watched")
    with FakeRegistry() as registry:
        watched = Watcher(place, registry, publish_dir="published")
        registry.catalog.publish("alpha", "1.0.0")
        registry.catalog.publish("alpha", "1.1.0")
        watched.check()
        registry.catalog.set_status("alpha", "1.1.0", "banned", "breaks rules")
        watched.check()
    return place / "published"


@pytest.fixture
def site(tmp_path: Path, published: Path) -> Iterator[Site]:
    """The server with a socket that is given to it, as by systemd. Only the folder differs from what users copy."""
    folder = shutil.copytree(published, tmp_path / "published")
    configuration = tmp_path / "lighttpd.conf"
    configuration.write_text(
        f'include "{CONFIGURATION}"\nserver.document-root := "{folder}"\n', "utf-8"
    )
    begin = (
        f"LISTEN_PID=$$ LISTEN_FDS=1 exec {tool('lighttpd')} -D -f {configuration} 3<&"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = subprocess.Popen(
            ["/bin/bash", "-c", f"{begin}{listener.fileno()}"],
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield Site(port=listener.getsockname()[1], folder=folder)
        finally:
            server.terminate()
            server.wait(20)


def test_each_file_is_sent_as_what_it_is(site: Site) -> None:
    """Every published file comes as it lies there, as the content type that the page names for it."""
    types = content_types()
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    names = {path.relative_to(site.folder).as_posix(): path for path in files}
    kinds = {name.partition("/")[0] + "/" * ("/" in name) for name in names}
    assert kinds == types.keys()
    for name, path in names.items():
        answer = site.get(f"/{name}")
        said = types[name if name in types else "osv/"]
        assert (answer.status, answer.content_type) == (200, said), name
        assert answer.body == path.read_bytes()
    assert site.get("/").body == (site.folder / "index.html").read_bytes()


def test_nothing_else_is_sent(site: Site) -> None:
    """No list of files, no file that begins with a dot, nothing above the folder or through a link, and no method."""
    secret = site.folder.parent / "comfy-watch.toml"
    secret.write_text("secret", "utf-8")
    for name in (".index.html.part", ".git"):
        (site.folder / name).write_text("secret", "utf-8")
    (site.folder / "osv" / ".hidden.json").write_text("secret", "utf-8")
    (site.folder / "link.json").symlink_to(secret)
    for path in (
        *("/osv/", "/.index.html.part", "/.git", "/osv/.hidden.json", "/link.json"),
        *("/../comfy-watch.toml", "/%2e%2e/comfy-watch.toml", "/osv/../.git"),
        *("/..%2fcomfy-watch.toml", "//../comfy-watch.toml", "/%2egit"),
    ):
        answer = site.get(path)
        assert answer.status in {400, 403, 404}, path
        assert b"secret" not in answer.body
    assert b"x_COMFY" not in site.get("/osv/").body
    for method in ("PUT", "DELETE", "POST"):
        assert site.get("/new", method, b"x").status >= 400
    assert site.get("/", "POST", b"x" * 2000).status == 413
    assert not (site.folder / "new").exists()


def test_a_browser_may_ask_for_nothing_else(site: Site) -> None:
    """The server forbids everything that a page could load, a browser obeys, and our page loses nothing by that."""
    tool(chromium.PROGRAM)
    found = site.get("/")
    assert found.headers["cache-control"] == "no-cache"
    # Without what the page itself forbids.
    text = re.sub("<meta http-equiv=.*>", "", found.body.decode())
    text = text.replace("</body>", '<img src="/a.png"></body>')
    policy = found.headers["content-security-policy"]
    with chromium.served(text, Content_Security_Policy=policy) as (address, asked):
        assert "breaks rules" in chromium.opened(address, "--dump-dom")
        assert "/a.png" not in asked
    with chromium.served(text) as (address, asked):
        chromium.opened(address, "--dump-dom")
        assert "/a.png" in asked


def test_the_commands_of_the_page(site: Site, person: Person) -> None:
    """What the page has others ask the site answers: the version for an update bot, a badge, and a content type."""
    for name in ("curl", "jq"):
        tool(name)
    asked = {"SITE": site.url}
    _, latest, *_, look = blocks("publish.md", "sh")
    bot = person.shell(latest.replace("rgthree-comfy", "alpha"), env=asked)
    assert (bot.code, bot.out) == (0, "1.0.0\n")
    assert person.shell(latest, env=asked).code != 0
    seen = person.shell(look, env=asked)
    assert seen.code == 0
    assert f"Content-Type: {content_types()['metrics.prom']}" in seen.out
    assert '"message": "1 banned"' in seen.out


def test_the_page_is_written_as_the_page_says(
    person: Person, tmp_path: Path, registry: FakeRegistry
) -> None:
    """The first command, where the settings are, leaves the page that it names."""
    command = person.installs()
    watched = Watcher(tmp_path, registry)
    registry.catalog.publish("alpha", "1.0.0")
    watched.check()
    words, *_ = blocks("publish.md", "sh")
    path = {"PATH": f"{command.parent}:{person.environment()['PATH']}"}
    done = person.shell(words, cwd=tmp_path, env={**watched.environment(), **path})
    assert (done.code, done.err) == (0, "")
    assert "alpha" in (tmp_path / "page" / "index.html").read_text("utf-8")


def test_the_configuration_is_one() -> None:
    """Lighttpd itself finds nothing wrong in the configuration."""
    assert "Syntax OK" in checked("lighttpd", "-t", "-f", str(CONFIGURATION))


def test_hadolint_finds_nothing() -> None:
    """The server's Containerfile is clean for its linter, but for what it says that it leaves out."""
    path = CONFIGURATION.with_name("Containerfile")
    assert checked("hadolint", "--failure-threshold=style", str(path)) == ""
