"""systemd itself, as the first process of a namespace, with the program in /opt/comfy-watch.

Its root folder is this machine's, but for /opt, /run, /var/cache, /var/lib and what is written to /etc.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Self

from tests.deploy.support.tools import ended, lack, need_root, search_path, tool, until
from tests.support import program
from tests.support.program import Completed

LOG = "/run/comfy-watch.log"
"""Where the units' stderr goes, since there is no journal."""

_PATIENCE = 60.0
_TARGETS = (
    "sysinit",
    "basic",
    "shutdown",
    "umount",
    "final",
    "network-online",
    "multi-user",
    "timers",
    "sockets",
    "exit",
)
_INNER = """
mount -t cgroup2 none /sys/fs/cgroup
mount -t proc proc /proc
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/units /run/lock /run/etc /run/work /run/keep
mkdir /run/keep/python /run/keep/packages /run/keep/watcher /run/keep/deploy
mount --bind "$BASE" /run/keep/python
mount --bind "$PACKAGES" /run/keep/packages
mount --bind "$ROOT/watcher" /run/keep/watcher
mount --bind "$ROOT/deploy" /run/keep/deploy
mount -t tmpfs -o mode=755 none /var/lib
mount -t tmpfs -o mode=755 none /var/cache
mount -t tmpfs -o mode=755 none /opt
mount -t tmpfs -o mode=755 none /home
mkdir -p /opt/python /opt/comfy-watch/bin "/opt/comfy-watch/lib/$PYTHON/site-packages" /opt/comfy-watch/app/watcher \\
    /opt/deploy
mount --move /run/keep/python /opt/python
mount --move /run/keep/packages "/opt/comfy-watch/lib/$PYTHON/site-packages"
mount --move /run/keep/watcher /opt/comfy-watch/app/watcher
mount --move /run/keep/deploy /opt/deploy
printf 'home = /opt/python/bin\\n' > /opt/comfy-watch/pyvenv.cfg
ln -s "/opt/python/bin/$PYTHON" /opt/comfy-watch/bin/python
printf '%s\\n' '#!/opt/comfy-watch/bin/python' 'import sys' 'sys.path.insert(0, "/opt/comfy-watch/app")' \\
    'from watcher.__main__ import main' 'main()' > /opt/comfy-watch/bin/comfy-watch
chmod 755 /opt/comfy-watch/bin/comfy-watch
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work overlay /etc
rm -rf /etc/comfy-watch
mount -t tmpfs -o mode=755 none /etc/systemd/system
for target in $TARGETS; do
    printf '[Unit]\\nDefaultDependencies=no\\n' > "/run/units/$target.target"
done
mount --make-rshared /
exec "$SYSTEMD" --system --log-target=null --show-status=no --unit=multi-user.target
"""


class ServiceManager:
    """A running systemd; a context manager."""

    def __enter__(self) -> Self:
        need_root()
        unshare, self._enter, setpriv = (
            tool("unshare"),
            tool("nsenter"),
            tool("setpriv"),
        )
        mounts = Path("/proc/self/mountinfo").read_text("utf-8")
        found = re.search(r"^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 ", mounts, re.MULTILINE)
        if found is None or not Path("/usr/lib/systemd/systemd").exists():
            lack("systemd, or a cgroup of the second version for it, is missing")
        self._group = Path(found[1], f"comfy-watch-{os.getpid()}")
        self._group.mkdir()
        isolated = "--mount --pid --fork --cgroup --uts --ipc --propagation private --kill-child"
        self._process = subprocess.Popen(
            [
                setpriv,
                "--pdeathsig",
                "KILL",  # it ends with the tests, however these end
                "/bin/bash",
                "-euc",
                f'echo $$ > "$GROUP/cgroup.procs"; exec {unshare} {isolated} bash -euc "$INNER"',
            ],
            env={
                "PATH": search_path(),
                "GROUP": str(self._group),
                "INNER": _INNER,
                "ROOT": str(program.ROOT),
                "BASE": sys.base_prefix,
                "PACKAGES": sysconfig.get_path("purelib"),
                "PYTHON": f"python{sys.version_info[0]}.{sys.version_info[1]}",
                "TARGETS": " ".join(_TARGETS),
                "SYSTEMD": "/usr/lib/systemd/systemd",
                "SYSTEMD_UNIT_PATH": "/etc/systemd/system:/run/units",
                "container": "test",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._first = 0
        try:
            until(self._is_up, "systemd")
        except AssertionError:
            self.__exit__()
            lack("systemd cannot run in a namespace here")
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Unshare's child, and all with it, ends with unshare.
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
        deadline = time.monotonic() + _PATIENCE
        while self._group.exists() and time.monotonic() < deadline:
            for group in sorted(
                self._group.rglob("*/"), key=lambda path: -len(path.parts)
            ):
                _remove(group)
            _remove(self._group)
            time.sleep(0.05)  # the kernel is still ending what was in it

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "it has ended"
        if not self._first:
            children = (
                Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
                .read_text("ascii")
                .split()
            )
            self._first = int(children[0]) if children else 0
        if (
            not self._first
            or Path(f"/proc/{self._first}/comm").read_text("utf-8").strip() != "systemd"
        ):
            return False
        return self.shell("systemctl is-active multi-user.target").code == 0

    def shell(self, words: str) -> Completed:
        """Carry out words in a shell of root's, beside systemd."""
        enter = f"{self._enter} -t {self._first} -m -p -u -i -C".split()
        env = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
        }
        return ended(*enter, "/bin/bash", "-euo", "pipefail", "-c", words, env=env)

    def done(self, words: str) -> str:
        """Carry out words that end well, and return what they say."""
        done = self.shell(words)
        assert done.code == 0, done
        return done.out

    def shown(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.done(f"systemctl show --value --property={name} {unit}").strip()


def _remove(group: Path) -> None:
    with contextlib.suppress(OSError):  # it still holds a process
        group.rmdir()
