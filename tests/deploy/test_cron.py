"""cron: what docs/cron.md says, done by a real cron, and what lands in the mailbox."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.deploy.support.cron import USER, Cron
from tests.deploy.support.tools import until
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.markdown import marked

pytestmark = pytest.mark.deployment

_README = (program.ROOT / "README.md").read_text("utf-8")
_DEPLOY = program.ROOT / "deploy" / "cron"
_ON_PATH = "PATH=$HOME/.local/bin:$PATH\n"
"""What `pipx ensurepath` does for a shell, and not for cron."""


_block = partial(marked, "cron.md")


def steps(registry: FakeRegistry, cron: Cron) -> None:
    """Do the steps of the README as a user, with settings for one node pack of this registry as the edit."""
    registry.catalog.publish("alpha", "1.0.0")
    shown = re.findall(
        r"^<!-- step -->\n```sh\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL
    )
    first, last = shown[0], shown[-1]
    assert first.split() == ["comfy-watch", "init"]
    cron.does(_ON_PATH + first, user=USER)
    give(cron, registry.url)
    cron.does(_ON_PATH + last, user=USER)


@pytest.fixture
def cron(tmp_path: Path) -> Iterator[Cron]:
    """A machine with cron."""
    with Cron(tmp_path) as world:
        yield world


def give(cron: Cron, registry_url: str) -> None:
    """Write over the user's settings file, which the README's first step has written, as in an editor."""
    path = cron.home / ".config" / "comfy-watch" / "comfy-watch.toml"
    path.write_text(settings(registry_url), "utf-8")


def settings(registry_url: str) -> str:
    """Return settings that watch one node pack and want no alerts."""
    given = {
        "nodes": ["alpha"],
        "registry_url": registry_url,
        "alert_urls": "none",
        "retries": 0,
    }
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items())


def test_the_page_has_the_files() -> None:
    """The lines of the page are those of the files, word by word."""
    assert _block("crontab") == (_DEPLOY / "crontab").read_text("utf-8")
    assert _block("cron.d") == (_DEPLOY / "comfy-watch").read_text("utf-8")


def test_a_users_line(cron: Cron, registry: FakeRegistry) -> None:
    """It goes on with the settings and the state of the README's steps, says nothing while all is well, and a shell
    sees what it found.
    """
    line = _block("crontab")
    steps(registry, cron)
    cron.does(f"crontab -u {USER} - <<'END'\n{line}END")
    assert line in cron.does(f"crontab -u {USER} -l")
    cron.does(_block("try"), user=USER)
    registry.catalog.publish("alpha", "1.1.0")
    assert cron.once(line) == []
    history = cron.does("~/.local/bin/comfy-watch history", user=USER)
    assert "1.1.0" in history
    assert history.count("baseline") == 1
    cron.does(_block("works"), user=USER)
    assert cron.owners(f"/home/{USER}/.local/state/comfy-watch") == {USER}


def test_a_problem_that_lasts(cron: Cron, registry: FakeRegistry) -> None:
    """It is mailed when it begins and when it is over, and not by each poll."""
    steps(registry, cron)
    give(cron, "http://127.0.0.1:9")
    (mail,) = cron.once(_block("crontab"))
    assert mail.startswith("error: the registry cannot be read: ")
    assert cron.once(_block("crontab")) == []
    give(cron, registry.url)
    assert cron.once(_block("crontab")) == ["no longer: the registry cannot be read\n"]


def test_the_machines_file(cron: Cron, registry: FakeRegistry) -> None:
    """Within a minute cron polls as the user comfy-watch, who goes on with a user's state, and keeps it when root
    polls; no mail.
    """
    steps(registry, cron)
    cron.does(_block("system"))
    cron.does(f"HOME=/home/{USER}\n{_block('move')}")
    cron.does(
        f"cat > /etc/comfy-watch/comfy-watch.toml <<'END'\n{settings(registry.url)}END"
    )
    registry.catalog.publish("alpha", "1.0.1")
    said = cron.does(_block("system-try").partition("\n")[2])
    assert "1.0.1" in said
    assert "baseline" not in said
    assert cron.owners("/var/lib/comfy-watch") == {"comfy-watch"}
    modes = cron.does(
        "stat -c '%a %U' /etc/comfy-watch /etc/comfy-watch/comfy-watch.toml /etc/comfy-watch/alert_urls"
    )
    assert modes.splitlines() == ["755 root", "644 root", "600 comfy-watch"]
    before = len(registry.requests)
    each_minute = _block("cron.d").replace("*/15 ", "* ")
    cron.does(f"cat > /etc/cron.d/comfy-watch <<'END'\n{each_minute}END")
    with cron.running():
        until(lambda: len(registry.requests) > before, "a poll", patience=90)
        until(
            lambda: (
                cron.run("flock --nonblock /var/lib/comfy-watch/lock true").code == 0
            ),
            "its end",
        )
    registry.catalog.publish("alpha", "1.1.0")
    assert "alpha" in cron.does("/usr/local/bin/comfy-watch status")
    assert cron.run("/usr/local/bin/comfy-watch check").code == 4
    assert cron.owners("/var/lib/comfy-watch") == {"comfy-watch"}
    cron.does(
        "setpriv --reuid comfy-watch --regid comfy-watch --clear-groups /usr/local/bin/comfy-watch check"
    )
    assert cron.mails() == []
