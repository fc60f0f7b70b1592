"""Podman, with images and containers of the tests' own: it builds the Containerfile and runs what comes of it.

No image can be pulled everywhere, so the base that the Containerfile names is made by debootstrap: the same packages of
the same release as in the published one. Containers use the host's network, of which they need the loopback.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.support.tools import ended, lack, need_root, search_path, tool, until
from tests.support import program
from tests.support.program import Completed

FOLDER = program.ROOT / ".venv-deploy" / "containers"
"""Where images, layers, containers and volumes are, until `make clean`."""
CONTAINERFILE = program.ROOT / "Containerfile"
IMAGE = "localhost/comfy-watch"
HARDENED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)
"""What the compose file and the manifests ask for."""
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_FROM = re.compile(r"^FROM (\S+)", re.MULTILINE)
_NOT_IN_AN_IMAGE = (
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
)
_PATIENCE = 300.0


class Podman:
    """The command, with a storage of its own."""

    def __init__(self) -> None:
        """Skip the test where podman is missing, or fail it where nothing may be lacking."""
        need_root()
        tool("podman")
        tool("runc")
        FOLDER.mkdir(parents=True, exist_ok=True)

    @property
    def command(self) -> list[str]:
        """The command line up to podman's own subcommand."""
        storage = (
            f"--root={FOLDER}/storage",
            f"--runroot={FOLDER}/run",
            f"--tmpdir={FOLDER}/tmp",
        )
        return [
            tool("podman"),
            *storage,
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
            "--runtime=runc",
        ]

    @property
    def environment(self) -> dict[str, str]:
        """What podman is run with."""
        return {
            **os.environ,
            "PATH": search_path(),
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
            "CONTAINERS_CONF_OVERRIDE": str(_settings()),
            "HOME": str(FOLDER),
            "XDG_RUNTIME_DIR": str(FOLDER),
        }

    def __call__(self, *arguments: str) -> Completed:
        """Run podman to its end; a container that it ran has the same exit code."""
        return ended(*self.command, *arguments, env=self.environment)

    def says(self, *arguments: str) -> str:
        """Run podman and return what it said, without the end of the line; AssertionError if it failed."""
        done = self(*arguments)
        assert done.code == 0, (
            f"podman {shlex.join(arguments)} ended with {done.code}:\n{done.out}\n{done.err}"
        )
        return done.out.strip()

    def run(self, *arguments: str, network: str = "none") -> Completed:
        """Run a container to its end and remove it; its network is its own loopback, or `host` for this machine's."""
        return self("run", "--rm", f"--network={network}", *arguments)

    def prepare(self, debian: Path) -> None:
        """Have the base image of the Containerfile, once; lack it where podman cannot run a container."""
        with alone():
            name = base()
            if self("image", "exists", name).code != 0:
                self._import(debian, name)
            first = self.run(name, "true")
        if first.code != 0:
            lack(f"podman runs no container on this machine: {first.err.strip()}")

    def _import(self, debian: Path, name: str) -> None:
        left_out = [f"--exclude=./{path}/*" for path in _NOT_IN_AN_IMAGE]
        with tempfile.NamedTemporaryFile(dir=FOLDER, suffix=".tar") as archive:
            subprocess.run(
                ["tar", "-C", str(debian), *left_out, "-cf", archive.name, "."],
                check=True,
            )
            self.says("import", "--quiet", archive.name, name)

    def build(self) -> str:
        """Build the Containerfile, what has not changed from the layers of an earlier time; return the image's name."""
        with alone():
            self.says(
                "build",
                *build_options(),
                f"--file={CONTAINERFILE}",
                f"--tag={IMAGE}",
                str(program.ROOT),
            )
        return IMAGE

    @contextlib.contextmanager
    def service(self) -> Iterator[dict[str, str]]:
        """Answer Docker's clients while the `with` block runs, and yield the variable that leads them here."""
        socket = FOLDER / f"{os.getpid()}.sock"
        with subprocess.Popen(
            [*self.command, "system", "service", "--time=0", f"unix://{socket}"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as service:
            try:
                until(socket.exists, "podman's socket")
                yield {"DOCKER_HOST": f"unix://{socket}"}
            finally:
                service.terminate()
                service.wait()
                socket.unlink(missing_ok=True)

    def stand_in(self, command: Path) -> None:
        """Write a `docker` that does what a page says, with this storage, its layers and this machine's network."""
        podman, options = shlex.join(self.command), shlex.join(build_options())
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(
            "#!/bin/bash\n"
            "verb=$1; shift\n"
            "export PODMAN_IGNORE_CGROUPSV1_WARNING=1\n"
            'case "$verb" in\n'
            f'build) exec {podman} build "${{@/--no-cache/--layers}}" {options} ;;\n'
            f'run) [[ " $* " == *" --network "* ]] || set -- --network host "$@"; exec {podman} run "$@" ;;\n'
            f'compose) exec {tool("docker-compose")} "$@" ;;\n'
            f'*) exec {podman} "$verb" "$@" ;;\n'
            "esac\n",
            "utf-8",
        )
        command.chmod(0o755)

    @contextlib.contextmanager
    def container(self, *arguments: str) -> Iterator[Container]:
        """Create a container, not yet started, and remove it with the `with` block."""
        identity = self.says("create", "--network=host", *arguments)
        try:
            yield Container(self, identity)
        finally:
            self("rm", "--force", "--time=0", "--volumes", identity)


class Container:
    """One container: its start, its first process, its log and its end."""

    def __init__(self, podman: Podman, identity: str) -> None:
        self.identity = identity
        self._podman = podman

    def start(self) -> None:
        """Start it."""
        self._podman.says("start", self.identity)

    def start_and_signal(self, number: signal.Signals, *, after: float) -> None:
        """Start it, and send its first process a signal so many seconds after that has become the image's program."""
        self._podman.says("init", self.identity)  # all of a start but the last step
        first = self.pid
        command, deadline = (
            Path("/proc") / str(first) / "comm",
            time.monotonic() + _PATIENCE,
        )
        before = command.read_text("utf-8")
        with subprocess.Popen(
            [*self._podman.command, "start", self.identity],
            env=self._podman.environment,
            stdout=subprocess.DEVNULL,
        ) as start:
            while command.read_text("utf-8") == before:
                assert time.monotonic() < deadline, "it never began"
            time.sleep(after)  # the moment is the caller's business
            os.kill(first, number)
            start.wait(_PATIENCE)

    @property
    def pid(self) -> int:
        """The first process, as this machine numbers it; 0 when it has ended."""
        return int(
            self._podman.says("inspect", "--format={{.State.Pid}}", self.identity)
        )

    def wait(self) -> int:
        """Wait for its own end and return its exit code."""
        return int(self._podman.says("wait", self.identity))


@contextlib.contextmanager
def alone(what: str = "image") -> Iterator[None]:
    """Keep other processes of the same run from this: the images, or names that only one test can use at a time."""
    with (FOLDER / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base() -> str:
    """Return the name of the image that the Containerfile begins with."""
    found = _FROM.search(CONTAINERFILE.read_text("utf-8"))
    assert found is not None
    return found[1]


def _settings() -> Path:
    """Return a file that has podman forget a command in a container some seconds after that has ended, not minutes.

    With none, Compose may ask how the command ended when podman knows no longer.
    """
    file = FOLDER / "containers.conf"
    file.write_text("[engine]\nexit_command_delay = 10\n", "utf-8")
    return file


def build_options() -> list[str]:
    """Return what a build on this machine needs beside the page's words: its package index and its certificates."""
    settings = FOLDER / "pip.conf"
    index = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip() or os.environ.get("PIP_INDEX_URL", "")
    lines = ["[global]", *([f"index-url = {index}"] if index else [])]
    # Podman's own may be above the machine's.
    limits = (
        "--ulimit=nofile=1024:1024",
        "--ulimit=nproc=1024:1024",
    )
    options = ["--network=host", "--pull=never", "--format=docker", *limits]
    if _CERTIFICATES.exists():
        lines.append("cert = /run/index/ca.crt")
        options.append(f"--volume={_CERTIFICATES}:/run/index/ca.crt:ro")
    settings.write_text("\n".join(lines) + "\n", "utf-8")
    return [*options, f"--volume={settings}:/etc/pip.conf:ro"]
