"""A runner of GitHub's, simulated: it carries out the steps of an action.yml in order, each as a process of its own.

What it does is what GitHub documents: the shell's options, the files for outputs and the summary, the commands in the
log and how they are stopped, conditions and contexts. Steps that use another action are played.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.support.expressions import Contexts

_COMMAND = re.compile(r"\A\s*::([a-z-]+|[0-9a-f]{32})(?: ([^:]*))?::(.*)\Z")
_OLD_COMMAND = re.compile(r"##\[([a-z-]+)[^\]]*\]")
_ANNOTATIONS = ("error", "warning", "notice")
_PATIENCE = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An annotation as GitHub shows it."""

    level: str
    title: str
    text: str


@dataclass(slots=True, kw_only=True)
class Finished:
    """How the action ended: the exit code of the first step that failed, else 0."""

    code: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    """Of each step, by its name."""
    summary: str = ""
    annotations: list[Annotation] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Commands in the log that are no annotations: there should be none."""
    log: str = ""

    def said(self, level: str) -> list[str]:
        """Return the texts of the annotations of a level, each with its title."""
        return [
            f"{one.title}: {one.text}" for one in self.annotations if one.level == level
        ]

    def read_log(self, text: str) -> None:
        """Obey the commands in a step's log as a runner does, also where it does not document that."""
        self.log += text
        stopped_by = ""
        for line in re.split(r"\r\n|\n|\r", text):
            found = _COMMAND.match(line)
            if stopped_by:
                stopped_by = "" if found and found[1] == stopped_by else stopped_by
            elif found and found[1] == "stop-commands":
                stopped_by = found[3]
            elif found and found[1] in _ANNOTATIONS:
                self.annotations.append(_annotation(found))
            elif found:
                self.unknown.append(line)
            if not stopped_by:
                self.unknown += _OLD_COMMAND.findall(line)
        assert not stopped_by, "commands were stopped and never taken up again"


def read_outputs(text: str) -> dict[str, str]:
    """Return the outputs that are in a step's file."""
    lines = [line.partition("=") for line in text.splitlines()]
    assert [line for line in lines if not line[0] or not line[1]] == [], (
        "these are no outputs"
    )
    return {name: value for name, _, value in lines}


@dataclass(slots=True, kw_only=True)
class Runner:
    """A machine that runs jobs, one after the other; each has an empty `temp`.

    `environment` is what a step's process gets besides what a runner sets. `caches` is GitHub's store of caches, by
    key. `before` has functions to call before steps, by their names.
    """

    folder: Path
    action: Path
    environment: Mapping[str, str]
    github: Mapping[str, str]
    prepare: Callable[[Path], None]
    """Called with each job's `temp`."""
    caches: dict[str, dict[str, bytes]] = field(default_factory=dict)
    runs: int = 0

    def use(
        self,
        inputs: Mapping[str, str],
        env: Mapping[str, str] | None = None,
        before: Mapping[str, Callable[[], object]] | None = None,
    ) -> Finished:
        """Carry out a job whose only step uses the action, and has `env` as its variables.

        An input `fail_on` is the action's `fail-on`. The log may have no command but annotations.
        """
        self.runs += 1
        temp, workspace = (
            self.folder / "temp" / str(self.runs),
            self.folder / "workspace",
        )
        temp.mkdir(parents=True)
        workspace.mkdir(exist_ok=True)
        self.prepare(temp)
        job = _Job(runner=self, temp=temp, workspace=workspace, env=dict(env or {}))
        given = {name.replace("_", "-"): text for name, text in inputs.items()}
        done = job.run(given, before or {})
        assert done.unknown == []
        return done


@dataclass(slots=True, kw_only=True)
class _Job:
    runner: Runner
    temp: Path
    workspace: Path
    env: dict[str, str]
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: Finished = field(default_factory=Finished)

    def run(
        self, inputs: Mapping[str, str], before: Mapping[str, Callable[[], object]]
    ) -> Finished:
        definition = yaml.safe_load(
            (self.runner.action / "action.yml").read_text("utf-8")
        )
        assert inputs.keys() <= definition["inputs"].keys(), (
            "GitHub warns of an unknown input"
        )
        github = {
            **self.runner.github,
            "run_id": str(4000 + self.runner.runs),
            "run_attempt": "1",
        }
        values: dict[str, Any] = {
            "github": github,
            "runner": {"temp": str(self.temp)},
            "steps": self.steps,
        }
        fresh = Contexts(values=values)
        values["inputs"] = {
            name: inputs.get(name, fresh.fill(one.get("default", "")))
            for name, one in definition["inputs"].items()
        }
        for step in definition["runs"]["steps"]:
            if (call := before.get(step["name"])) is not None:
                call()
            contexts = Contexts(values=values, failed=self.done.code != 0)
            outputs: dict[str, str] = {}
            code = (
                self._step(step, contexts, outputs)
                if contexts.holds(step.get("if"))
                else None
            )
            outcome = {None: "skipped", 0: "success"}.get(code, "failure")
            self.done.outcomes[step["name"]] = outcome
            self.steps[step.get("id", step["name"])] = {
                "outputs": outputs,
                "outcome": outcome,
            }
            self.done.code = self.done.code or code or 0
        contexts = Contexts(values=values)
        self.done.outputs = {
            name: contexts.fill(one["value"])
            for name, one in definition["outputs"].items()
        }
        return self.done

    def _step(
        self, step: Mapping[str, Any], contexts: Contexts, outputs: dict[str, str]
    ) -> int:
        given = {
            name: contexts.fill(str(value))
            for name, value in step.get("with", {}).items()
        }
        if "uses" in step:
            return self._play(step["uses"].partition("@")[0], given)
        assert step["shell"] == "bash"
        own = {
            name: contexts.fill(str(value))
            for name, value in step.get("env", {}).items()
        }
        if "PAUSES" in own:
            own["PAUSES"] = "0.01 0.01"
        files = {
            f"GITHUB_{name}": self.temp / f"_{name.lower()}_{len(self.steps)}"
            for name in ("OUTPUT", "STEP_SUMMARY")
        }
        for file in files.values():
            file.touch()
        script = self.temp / f"_script_{len(self.steps)}.sh"
        script.write_text(contexts.fill(step["run"]), "utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=self.workspace,
            env={
                **self._surroundings(contexts),
                **self.env,
                **own,
                **{name: str(path) for name, path in files.items()},
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
        self.done.read_log(done.stdout.decode("utf-8", "replace"))
        self.done.summary += files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        outputs |= read_outputs(files["GITHUB_OUTPUT"].read_text("utf-8"))
        return done.returncode

    def _surroundings(self, contexts: Contexts) -> dict[str, str]:
        github = contexts.values["github"]
        return {
            **self.runner.environment,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.runner.action),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            **{
                f"GITHUB_{name.upper()}": value
                for name, value in github.items()
                if name != "token"
            },
        }

    def _play(self, action: str, given: Mapping[str, str]) -> int:
        """Do what another action does; a cache is found by its key, else the newest that begins with `restore-keys`."""
        caches = self.runner.caches
        match action:
            case "actions/setup-python":
                assert given["python-version"]
            case "actions/cache/restore":
                keys = [
                    key
                    for key in reversed(caches)
                    if key.startswith(given["restore-keys"].strip())
                ]
                if key := (
                    given["key"] if given["key"] in caches else next(iter(keys), "")
                ):
                    Path(given["path"]).mkdir(parents=True)
                    for name, content in caches[key].items():
                        Path(given["path"], name).write_bytes(content)
            case "actions/cache/save":
                assert given["key"] not in caches, "GitHub keeps what a key has"
                caches[given["key"]] = {
                    file.name: file.read_bytes()
                    for file in Path(given["path"]).iterdir()
                }
            case _:
                raise ValueError(
                    f"this simulation of a runner does not know the action {action}"
                )
        return 0


def _annotation(found: re.Match[str]) -> Annotation:
    parts = (part.partition("=") for part in (found[2] or "").split(","))
    given = {
        name: _unescaped(value.replace("%3A", ":").replace("%2C", ","))
        for name, _, value in parts
    }
    return Annotation(
        level=found[1],
        title=given.get("title", ""),
        text=_unescaped(found[3]),
    )


def _unescaped(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def python_on_path(folder: Path) -> str:
    """Return a PATH on which `python` is this one, as after setup-python, and nothing else of this environment."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "python").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8"
    )
    (folder / "python").chmod(0o755)
    system = [
        path
        for path in os.environ["PATH"].split(os.pathsep)
        if not Path(path, "comfy-watch").exists()
    ]
    return os.pathsep.join((str(folder), *system))


def copied_action(source: Path, target: Path) -> None:
    """Copy what GitHub downloads of a repository for an action, but for what none of its steps needs."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "tests", "bench", "docs")
    shutil.copytree(source, target, ignore=left_out)
