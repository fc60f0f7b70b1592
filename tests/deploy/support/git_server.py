"""A git server on loopback: git's own HTTP backend, behind the password that a workflow's token is."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

_READABLE = ("PATH_INFO", "QUERY_STRING", "CONTENT_TYPE")


class GitServer:
    """Serves bare repositories of a folder while its `with` block runs; only to who has the `token`."""

    def __init__(self, folder: Path, token: str) -> None:
        self.folder = folder
        self.credentials = (
            "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()
        )

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="git", daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def create(self, name: str) -> Path:
        """Make an empty repository that takes pushes, and return its folder."""
        path = self.folder / name
        path.mkdir(parents=True)
        self.git(path, "init", "--quiet", "--bare", "--initial-branch=main")
        self.git(path, "config", "http.receivepack", "true")
        return path

    def git(self, path: Path, *args: str, given: str | None = None) -> str:
        """Run git on a repository as its owner would on the server, with `given` on stdin; return what it said."""
        who = {
            f"GIT_{role}_{what}": "owner"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *args],
            cwd=path,
            env={"PATH": os.environ["PATH"], "HOME": os.devnull, **who},
            input=given or "",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
        return done.stdout


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, owner: GitServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        owner = self.server.owner
        if self.headers.get("Authorization") != owner.credentials:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        found = (path, query, self.headers.get("Content-Type") or "")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(owner.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            **dict(zip(_READABLE, found, strict=True)),
        }
        length = int(self.headers.get("Content-Length") or 0)
        done = subprocess.run(
            ["git", "http-backend"],
            env=environment,
            input=self.rfile.read(length),
            capture_output=True,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Write nothing: what matters is in the repository."""
