"""A real cron with crontabs, users and a mail system of its own, in namespaces that end with it."""

from __future__ import annotations

import email
import email.policy
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.deploy.support.tools import ended, need_root, tool, until
from tests.support import program
from tests.support.program import Completed

USER, UID = "ada", 4321
HOME = f"/home/{USER}"
_SPOOL = "/var/mail"
_SENDMAIL = f"""#!/bin/sh
umask 0
new=$(mktemp {_SPOOL}/.XXXXXX)
cat > "$new"
mv "$new" {_SPOOL}/$(date +%s%N)
"""
_PAM = "".join(
    f"{kind} required pam_permit.so\n" for kind in ("auth", "account", "session")
)
"""Who may use cron is not what is tried here, and the usual rules fail in a container."""
_WORLD = f"""
cd "$1"
mkdir -p bin etc home mail orig run sbin state tables tabs
cp -a /etc/. etc; cp -a /usr/local/bin/. bin; cp -a "$1"/inside/. .
ln -sfn {shlex.quote(str(program.ROOT / ".venv" / "bin" / "comfy-watch"))} bin/comfy-watch
mount --bind /usr/sbin orig
ln -s "$1"/orig/* sbin; rm -f sbin/sendmail sbin/cron; cp orig/cron sbin/cron; cp sendmail sbin/sendmail
for two in bin:/usr/local/bin etc:/etc home:/home mail:{_SPOOL} run:/run state:/var/lib sbin:/usr/sbin \\
    tabs:/var/spool/cron/crontabs; do mount --bind "$1/${{two%%:*}}" "${{two#*:}}"; done
"""
_OPENED = """
mkdir -p "$1"/hidden/{number}
mount --bind {closed} "$1"/hidden/{number}
mount -t tmpfs -o mode=755 none {closed}
mkdir -p {needed}
mount --bind "$1"/hidden/{number}/{inside} {needed}
"""
"""Lets every user reach a folder below one that is closed to others, as root's home is."""


class Cron:
    """What a machine has on which cron runs: a user with a home, tables, and the mails that cron has sent."""

    def __init__(self, folder: Path) -> None:
        need_root()
        for name in ("cron", "unshare", "nsenter", "mount", "useradd"):
            tool(name)
        self._folder = folder
        self.home = folder / "inside" / "home" / USER
        (self.home / ".local" / "bin").mkdir(parents=True)
        (self.home / ".local" / "bin" / "comfy-watch").symlink_to(
            program.ROOT / ".venv" / "bin" / "comfy-watch"
        )
        (folder / "sendmail").write_text(_SENDMAIL)
        (folder / "sendmail").chmod(0o755)
        self._world: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Set the world up; it ends with the process that holds it."""
        ready = self._folder / "ready"
        script = "".join(
            (
                _WORLD,
                *self._opened(),
                self._etc(),
                f"touch {ready}\nexec sleep infinity\n",
            )
        )
        self._world = subprocess.Popen(
            [
                *(
                    tool("unshare"),
                    "--mount",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "--mount-proc",
                ),
                *("bash", "-euc", script, "bash", str(self._folder)),
            ],
            stdin=subprocess.DEVNULL,
        )
        until(
            lambda: (
                ready.exists() or self._world is None or self._world.poll() is not None
            ),
            "the namespaces",
        )
        assert self._world.poll() is None, "the namespaces cannot be set up"
        self.home = self._folder / "home" / USER
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._world is not None:
            self._world.kill()  # and with it everything in its namespaces
            self._world.wait()

    def run(self, words: str, *, user: str = "root") -> Completed:
        """Carry out words in the world, in a shell of a user; sudo is taken out where root needs none."""
        home = HOME if user == USER else "/root"
        shell = [
            "env",
            "-i",
            f"HOME={home}",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
        ]
        as_user = (
            ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
            if user == USER
            else []
        )
        script = (
            f"cd {home}\n{words.replace('sudo -u', 'runuser -u').replace('sudo ', '')}"
        )
        return ended(*self._enter(), *as_user, *shell, "bash", "-euc", script)

    def does(self, words: str, *, user: str = "root") -> str:
        """Carry out words as `run` does and return what was said; AssertionError if they fail."""
        done = self.run(words, user=user)
        assert done.code == 0, done
        return done.out

    def once(self, line: str) -> list[str]:
        """Start cron with a user's line, whose time is now, let it carry that out, and return the mails of it."""
        command = line.split(maxsplit=5)[5].strip()
        end = self.home / "ended"
        end.unlink(missing_ok=True)
        table = self._folder / "tabs" / USER
        table.write_text(f"@reboot {command}; echo $? > $HOME/ended\n")
        table.chmod(0o600)
        self.does("rm -f /run/crond.reboot")
        with self.running() as cron:
            until(end.exists, "the line to end")
            until(lambda: not _children(cron), "the mail to be sent")
        table.unlink()
        return self.mails()

    @contextmanager
    def running(self) -> Iterator[int]:
        """Run cron in the foreground, and end it; yields its process id."""
        enter = [
            *self._enter(),
            "env",
            "-i",
            "PATH=/usr/bin:/bin",
            "/usr/sbin/cron",
            "-f",
        ]
        with subprocess.Popen(enter, stdin=subprocess.DEVNULL) as cron:
            try:
                until(lambda: bool(_children(cron.pid)), "cron")
                yield _children(cron.pid)[0]
            finally:
                for child in _children(cron.pid):
                    os.kill(child, 15)
                cron.wait()

    def mails(self) -> list[str]:
        """Return the text of each mail since the last time."""
        found = []
        for path in sorted((self._folder / "mail").glob("[0-9]*")):
            message = email.message_from_bytes(
                path.read_bytes(), policy=email.policy.default
            )
            found.append(str(message.get_content()))
            path.unlink()
        return found

    def owners(self, folder: str) -> set[str]:
        """Return who owns a folder and everything in it."""
        return set(self.does(f"find {folder} -printf '%u\\n'").split())

    def _enter(self) -> list[str]:
        assert self._world is not None
        (inside,) = _children(self._world.pid)
        return [tool("nsenter"), f"--target={inside}", "--mount", "--pid"]

    def _etc(self) -> str:
        passwd = f"{USER}:*:{UID}:{UID}::{HOME}:/bin/sh"
        return f"""
            sed -i /^{USER}:/d /etc/passwd; echo {shlex.quote(passwd)} >> /etc/passwd
            rm -rf /etc/cron.*/* /etc/comfy-watch; : > /etc/crontab
            mkdir -p /etc/cron.d; printf %s {shlex.quote(_PAM)} > /etc/pam.d/cron
            chown -hR {UID}:{UID} {HOME}; chmod 1777 {_SPOOL}; chmod 755 /home /run /var/lib
        """

    def _opened(self) -> Iterator[str]:
        """Make the program, and Python, which may be in root's home, known to every user of the world."""
        for number, needed in enumerate(
            (program.ROOT, Path(sys.base_prefix).resolve())
        ):
            closed = [
                path
                for path in (*reversed(needed.parents), needed)
                if not path.stat().st_mode & 0o001
            ]
            if closed and closed[0] != needed:
                inside = shlex.quote(str(needed.relative_to(closed[0])))
                yield _OPENED.format(
                    number=number,
                    closed=shlex.quote(str(closed[0])),
                    needed=shlex.quote(str(needed)),
                    inside=inside,
                )


def _children(parent: int) -> list[int]:
    """Return the processes that a process has started and that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, ppid = path.read_text("utf-8").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        if int(ppid) == parent and state != "Z":
            found.append(int(path.parent.name))
    return found
