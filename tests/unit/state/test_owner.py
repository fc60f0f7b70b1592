"""What root does in another user's state folder: it stays theirs, and nothing there leads root elsewhere."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.factories import going_out
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from tests.support.fork_server import ForkServer
from tests.support.harness import Watcher
from watcher.errors import StateError
from watcher.state import files
from watcher.state.store import StateFolder

USER, GROUP = 54_321, 54_322

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root can write in another user's folder and keep it",
)


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A folder of another user, which that user can reach."""
    with tempfile.TemporaryDirectory() as made:
        os.chown(made, USER, GROUP)
        Path(made).chmod(0o755)
        yield Path(made)


def owners(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the owner and group of all that is in a folder."""
    return {
        path.name: ((about := path.lstat()).st_uid, about.st_gid)
        for path in folder.rglob("*")
    }


def as_user(work: Callable[[], None]) -> int:
    """Do work in a process of the other user and return how that ended: 0 if well."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(USER)
            work()
        except BaseException:  # noqa: BLE001 - a fork of the tests must end here, whatever happens
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_each_file_that_a_poll_of_root_writes_is_the_users(
    theirs: Path, registry: FakeRegistry, webhook: Webhook, fork_server: ForkServer
) -> None:
    """With alerts, a channel that fails and history, all of the folder is the user's, who can poll again."""
    registry.catalog.publish("alpha", "1.0.0")
    watch = Watcher(
        theirs,
        registry,
        fork_server=fork_server,
        alert_urls=webhook.apprise_url(),
        baseline="full",
    )
    webhook.answer["/"] = 500
    assert watch.run("check").code == 1
    expected = {
        "state",
        "lock",
        "snapshot.json",
        "outbox.json",
        "checks.json",
        "addresses.json",
        "history.jsonl",
    }
    assert owners(theirs) == dict.fromkeys(expected, (USER, GROUP))
    assert as_user(lambda: _polls(theirs / "state")) == 0
    webhook.answer.clear()
    # Notes, without the lock, that a backoff is over.
    assert watch.run("test-alerts").code == 0
    registry.catalog.publish("alpha", "1.1.0")
    assert watch.run("check").code == 0
    assert set(owners(theirs).values()) == {(USER, GROUP)}


def _polls(state: Path) -> None:
    """Do what a poll does with the folder."""
    folder = StateFolder(state)
    with folder.locked("test"):
        found = folder.load()
        assert found.outbox.queues
        folder.write_ack(going_out(), folder.write_sending(going_out(), []))
        folder.prepare(found.outbox, found.snapshot.revision)
        folder.save_checks(found.checks, found.snapshot.revision)
        folder.compact(found.outbox, found.snapshot.revision)


def _uses_all(folder: StateFolder) -> None:
    with folder.locked():
        folder.load()
        folder.history()
        folder.write_sending(going_out(), [])


def test_roots_own_folder_stays_roots(tmp_path: Path) -> None:
    """In root's own folder nothing is given away, and a link is followed."""
    (tmp_path / "elsewhere").touch()
    (tmp_path / "history.jsonl").symlink_to("elsewhere")
    files.append(tmp_path / "history.jsonl", b"line\n")
    files.replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "elsewhere").read_bytes() == b"line\n"
    assert set(owners(tmp_path).values()) == {(0, 0)}


@pytest.mark.parametrize(
    "name", ["lock", "acks.jsonl", "history.jsonl", "snapshot.json"]
)
@pytest.mark.parametrize("kind", ["link", "dangling", "second name", "pipe"])
def test_nothing_in_the_folder_leads_root_elsewhere(
    theirs: Path, tmp_path: Path, name: str, kind: str
) -> None:
    """A link, a second name of root's file and a pipe are refused in one line, at once; root's file stays as it was."""
    roots = tmp_path / "shadow"
    if kind != "dangling":
        roots.write_bytes(b"root's own")
    match kind:
        case "second name":
            os.link(roots, theirs / name)
        case "pipe":
            os.mkfifo(theirs / name)
        case _:
            (theirs / name).symlink_to(roots)
    with pytest.raises(
        StateError, match=rf"root uses only regular files with one name.*\({name}\)"
    ):
        _uses_all(StateFolder(theirs))
    if kind == "dangling":
        assert not roots.exists()
    else:
        assert (roots.read_bytes(), roots.stat().st_uid) == (b"root's own", 0)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_that_all_may_write_is_not_trusted(tmp_path: Path, mode: int) -> None:
    """In root's folder that others may write no link is followed either; what root makes there is root's."""
    tmp_path.chmod(mode)
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with (
        pytest.raises(StateError, match="root uses only"),
        StateFolder(tmp_path).locked(),
    ):
        pass
    files.replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").stat().st_uid == 0
    tmp_path.chmod(0o700)


def test_only_a_new_file_is_given_away(theirs: Path) -> None:
    """What somebody else has in the folder keeps its owner, and is written all the same."""
    path = theirs / "history.jsonl"
    path.touch()
    files.append(path, b"line\n")
    assert (path.stat().st_uid, path.read_bytes()) == (0, b"line\n")


def test_modes_are_private(theirs: Path) -> None:
    """A folder and a file that are given to their user are private as ever."""
    files.make_folder(theirs / "one" / "two")
    files.replace_file(theirs / "one" / "two" / "file", b"")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in sorted(theirs.rglob("*"))]
    assert (modes, {*owners(theirs).values()}) == (
        [0o700, 0o700, 0o600],
        {(USER, GROUP)},
    )
