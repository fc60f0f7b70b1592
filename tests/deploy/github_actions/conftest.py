"""A repository on a git server, a runner with the action, a registry and a webhook: all on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.support.actions_runner import (
    Finished,
    Runner,
    copied_action,
    python_on_path,
)
from tests.deploy.support.git_server import GitServer
from tests.deploy.support.tools import tool
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer, Webhook

REPOSITORY = "somebody/watch"
BRANCH = "comfy-watch-state"
TOKEN = "ghs_made_up_for_this_test"


@dataclass(frozen=True, kw_only=True)
class World:
    """What a workflow sees of the outside, and what it leaves there."""

    registry: FakeRegistry
    webhook: Webhook
    api: Webhook
    git: GitServer
    remote: Path
    runner: Runner

    def use(
        self,
        *,
        env: Mapping[str, str] | None = None,
        before: Mapping[str, Callable[[], object]] | None = None,
        runner: Runner | None = None,
        **inputs: str,
    ) -> Finished:
        """Run the workflow once; an input `alert_urls` is the action's `alert-urls`. No secret may show in its log."""
        given = {
            "nodes": "alpha",
            "alert_urls": self.webhook.apprise_url("/alerts?+token=apprise-secret"),
            **inputs,
        }
        settings = {
            "COMFY_WATCH_REGISTRY_URL": self.registry.url,
            "COMFY_WATCH_RETRIES": "0",
            **(env or {}),
        }
        done = (runner or self.runner).use(given, settings, before)
        assert not [
            secret
            for secret in (TOKEN, "apprise-secret")
            if secret in done.log + done.summary
        ]
        return done

    def commits(self, branch: str = BRANCH) -> list[str]:
        """Return the commits of the state's branch, newest first; none if there is no branch."""
        there = self._git("for-each-ref", f"refs/heads/{branch}")
        return self._git("log", "--format=%H", branch, "--").split() if there else []

    def files(self, commit: str = BRANCH) -> dict[str, str]:
        """Return the files of a commit."""
        names = self._git("ls-tree", "-r", "--name-only", commit).split()
        return {name: self._git("show", f"{commit}:{name}") for name in names}

    def put(
        self, files: Mapping[str, str], *, parent: str = "", branch: str = BRANCH
    ) -> str:
        """Set a branch to a new commit with these files, as by another's push, and return it."""
        blobs = {
            name: self._git("hash-object", "-w", "--stdin", given=text).strip()
            for name, text in files.items()
        }
        entries = "".join(
            f"100644 blob {blob}\t{name}\n" for name, blob in blobs.items()
        )
        tree = self._git("mktree", given=entries).strip()
        commit = self._git(
            "commit-tree", tree, *(("-p", parent) if parent else ()), "-m", "put"
        ).strip()
        self._git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def refuse_pushes(self, times: int) -> None:
        """Let the server refuse the next pushes, so many of them."""
        hook, count = self.remote / "hooks" / "pre-receive", self.remote / "refusals"
        count.write_text(str(times), "utf-8")
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            f'#!/bin/sh\nleft=$(cat "{count}")\n[ "$left" -gt 0 ] || exit 0\n'
            f'echo $((left - 1)) > "{count}"\necho "::error::not today" >&2\nexit 1\n',
            "utf-8",
        )
        hook.chmod(0o755)

    def another(self) -> Runner:
        """Return another machine that runs jobs of the same workflow."""
        here = self.runner
        return equipped(here.folder / "other", here.action, here.action, here.github)

    def alerts(self) -> list[str]:
        """Return the titles of the messages that have arrived."""
        return [message.json["title"] for message in self.webhook.messages("/alerts")]

    def _git(self, *args: str, given: str | None = None) -> str:
        return self.git.git(self.remote, *args, given=given)


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the action as GitHub downloads it, which is not this repository's own."""
    folder = tmp_path_factory.mktemp("action") / "comfy-watch"
    copied_action(program.ROOT, folder)
    return folder


@pytest.fixture
def world(
    tmp_path: Path, action: Path, registry: FakeRegistry, webhook: Webhook
) -> Iterator[World]:
    """A private repository with a workflow that has never run; the event of its runs says nothing of it."""
    tool("git")
    registry.catalog.publish("alpha", "1.0.0")
    (tmp_path / "event.json").write_text('{"schedule": "7,37 * * * *"}', "utf-8")
    (tmp_path / "git").mkdir()
    with Webhook() as api, GitServer(tmp_path / "git", TOKEN) as git:
        api.answer[f"/repos/{REPOSITORY}"] = Answer(body=b'{"private": true}')
        remote = git.create(REPOSITORY)
        github = {
            "api_url": api.url,
            "event_path": str(tmp_path / "event.json"),
            "ref_name": "main",
            "repository": REPOSITORY,
            "server_url": git.url,
            "token": TOKEN,
        }
        runner = equipped(tmp_path / "machine", action, action, github)
        yield World(
            registry=registry,
            webhook=webhook,
            api=api,
            git=git,
            remote=remote,
            runner=runner,
        )


def equipped(
    folder: Path, repository: Path, action: Path, github: Mapping[str, str]
) -> Runner:
    """Return a runner that has this environment's program where the action's step would install one."""
    home, there = folder / "home", folder / "program"
    home.mkdir(parents=True)
    python_on_path(there / "bin")
    (there / "bin" / "comfy-watch").symlink_to(
        program.ROOT / ".venv" / "bin" / "comfy-watch"
    )
    (there / "installed").write_text(str(repository), "utf-8")
    return Runner(
        folder=folder,
        action=action,
        environment={
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": python_on_path(folder / "python"),
            "PYTHONPATH": str(program.ROOT / "tests" / "support" / "offline"),
        },
        github=github,
        prepare=lambda temp: (temp / "comfy-watch-program").symlink_to(there),
    )
