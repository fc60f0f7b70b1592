"""Postfix, which takes mail for one mailbox."""

from __future__ import annotations

import email
import email.policy
import os
import pwd
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode

from tests.services.servers.authority import Authority
from tests.services.servers.server import Server, lack, need, run, until

READER = "reader@example.org"
USER, PASSWORD = "watcher", "s3cret-of-mail"
_LOGINS = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
sasldb_path: {path}
"""
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n -  0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n -  - trivial-rewrite
bounce    unix  - - n -  0 bounce
defer     unix  - - n -  0 bounce
trace     unix  - - n -  0 bounce
verify    unix  - - n -  1 verify
proxymap  unix  - - n -  - proxymap
tlsmgr    unix  - - n 1000? 1 tlsmgr
error     unix  - - n -  - error
retry     unix  - - n -  - error
discard   unix  - - n -  - discard
virtual   unix  - n n -  - virtual
anvil     unix  - - n -  1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix(Server):
    """Postfix's `master` with a queue of its own. `settings` are lines of `main.cf`.

    With `logins="yes"` it takes mail only from a user who has logged in.
    """

    programs = ("postfix", "master", "postconf")
    packages = "postfix sasl2-bin libsasl2-modules"

    def __init__(self, folder: Path, *, logins: str = "no", **settings: str) -> None:
        super().__init__(folder)
        self._logins = logins == "yes"
        self._settings = settings
        self.authority = Authority(folder / "tls")
        self._spool: Path | None = None

    @property
    def spool(self) -> Path:
        """The folder of what Postfix stores; it is none of pytest's, which nobody else may enter."""
        if self._spool is None:
            self._spool = Path(tempfile.mkdtemp(prefix="postfix-"))
            self._spool.chmod(0o711)
        return self._spool

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        shutil.rmtree(self.spool)

    def prepare(self) -> None:
        """Write the settings, and have Postfix make its queue."""
        if os.geteuid() != 0:
            lack("Postfix can only be started by root")
        owner = pwd.getpwnam("postfix")
        for name in ("conf", "queue", "data", "mail"):
            (self.spool / name).mkdir(exist_ok=True)
        for name in ("data", "mail"):
            os.chown(self.spool / name, owner.pw_uid, owner.pw_gid)
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": str(self.spool / "queue"),
            "data_directory": str(self.spool / "data"),
            "maillog_file": str(self.spool / "maillog"),
            "maillog_file_prefixes": str(self.spool),
            "multi_instance_enable": "no",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "localhost",
            "mydestination": "",
            "alias_maps": "",
            "alias_database": "",
            "virtual_mailbox_domains": "example.org",
            "virtual_mailbox_maps": f"inline:{{ {READER}=reader/ }}",
            "virtual_mailbox_base": str(self.spool / "mail"),
            "virtual_mailbox_limit": "0",
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{owner.pw_uid}",
            "virtual_gid_maps": f"static:{owner.pw_gid}",
            "mynetworks": "127.0.0.0/8",
            "smtpd_recipient_restrictions": "reject_unauth_destination",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(self.authority.certificate),
            "smtpd_tls_key_file": str(self.authority.key),
            **(self._with_logins(owner) if self._logins else {}),
            **self._settings,
        }
        conf = self.spool / "conf"
        (conf / "main.cf").write_text(
            "".join(f"{name} = {value}\n" for name, value in settings.items()), "utf-8"
        )
        (conf / "master.cf").write_text(_SERVICES.format(port=self.port), "utf-8")
        run("postfix", "-c", str(conf), "check")

    def _with_logins(self, owner: pwd.struct_passwd) -> dict[str, str]:
        """Make the one user, and return the settings that ask for a login."""
        need("saslpasswd2", packages=self.packages)
        folder = self.spool / "sasl"
        folder.mkdir(exist_ok=True)
        users = folder / "users"
        (folder / "smtpd.conf").write_text(_LOGINS.format(path=users), "utf-8")
        subprocess.run(
            ["saslpasswd2", "-p", "-c", "-u", "localhost", "-f", str(users), USER],
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin"},
            input=PASSWORD.encode(),
            check=True,
        )
        os.chown(users, owner.pw_uid, owner.pw_gid)
        return {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_local_domain": "localhost",
            "cyrus_sasl_config_path": str(folder),
            "smtpd_tls_auth_only": "yes",
            "mynetworks": "",
            "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
        }

    def command(self) -> Sequence[str]:
        """Return the command of the process that starts the others."""
        return "master", "-c", str(self.spool / "conf"), "-d"

    def is_ready(self) -> bool:
        """Return whether it greets."""
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as client:
                return client.noop()[0] == 250
        except OSError:
            return False

    def url(self, to: str = READER, *, tls: bool = False, password: str = "") -> str:
        """Return the apprise URL that mails to an address; with a password its user logs in."""
        query = {
            "from": "watcher@example.org",
            "to": to,
            "mode": "starttls" if tls else "insecure",
        }
        if password:
            query["user"] = USER
        login = f"{USER}:{password}@" if password else ""
        return f"{'mailtos' if tls else 'mailto'}://{login}localhost:{self.port}?{urlencode(query)}"

    def mails(self) -> list[EmailMessage]:
        """Return what lies in the mailbox, once nothing is left in the queue, in the order in which it came."""
        queue = self.spool / "queue"
        waiting = [
            queue / name for name in ("maildrop", "incoming", "active", "deferred")
        ]
        until(
            lambda: (
                not any(
                    file.is_file() for folder in waiting for file in folder.rglob("*")
                )
            ),
            "the mail queue",
        )
        files = sorted(
            (self.spool / "mail" / "reader" / "new").glob("*"),
            key=lambda file: file.stat().st_mtime_ns,
        )
        return [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in files
        ]
