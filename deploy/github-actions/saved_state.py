"""The steps that bring the state back before the poll (`restore`) and keep it afterwards (`keep`).

Environment: `FOLDER` (an output of prepare.py), `STATE` and `STATE_NAME` as the inputs of action.yml; `PAUSES`, the
seconds between attempts to reach the branch; with `STATE=branch` also `GITHUB_TOKEN`; what the runner sets.
`FOLDER` gets `state`, which the program works on, `before`, a copy of what was restored, and `base`, the commit that it
came from. With `STATE=cache` another step has filled `state`, and one that follows saves it if the output `save` is
true.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import state_files
from state_branch import ForeignBranchError, GitError, StateBranch
from workflow_commands import annotate, refuse, say, set_output

_Value = TypeVar("_Value")
_OLD = timedelta(days=2)
_TITLE = "Comfy Watch: state"


def restore() -> int:
    """Bring the state back, and say so if there is none or it is old; return the exit code."""
    folder = Path(os.environ["FOLDER"])
    try:
        if _kept_on_a_branch():
            (folder / "base").write_text(
                _attempted(partial(_restored, folder)), "utf-8"
            )
        _copy(folder / "state", folder / "before")
    except (GitError, OSError) as error:
        annotate(
            "error", _TITLE, f"it could not be read, so nothing was polled. {error}"
        )
        return 4
    _say_what_is_unusual(folder / "before")
    return 0


def keep() -> int:
    """Save the state if it is worth it; return the exit code."""
    folder = Path(os.environ["FOLDER"])
    try:
        if not state_files.is_worth_saving(folder / "before", folder / "state"):
            say("Nothing changed but times and counts, so nothing is saved.")
            return 0
        if not _kept_on_a_branch():
            set_output("save", "true")
            return 0
        return _attempted(partial(_pushed, folder))
    except (GitError, OSError) as error:
        annotate(
            "error",
            _TITLE,
            "it could not be saved. The next run starts from the one before, so it reports again what this run has "
            f"reported. {error}",
        )
        return 1


def _copy(state: Path, target: Path) -> None:
    """Copy the files of a state, if there are any, into a new folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in state_files.names(state):
        shutil.copyfile(state / name, target / name)


def _attempted(work: Callable[[], _Value]) -> _Value:
    """Return what the work returns; after a GitError it is done again, after each of the pauses."""
    for pause in map(float, os.environ["PAUSES"].split()):
        try:
            return work()
        except GitError as error:
            say(f"Again in {pause:g} s: {error}")
            time.sleep(pause)
    return work()


def _kept_on_a_branch() -> bool:
    return os.environ["STATE"] == "branch"


def _branch(folder: Path) -> StateBranch:
    return StateBranch(
        url=f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}",
        name=os.environ["STATE_NAME"],
        objects=folder / "objects",
        token=os.environ["GITHUB_TOKEN"],
    )


def _restored(folder: Path) -> str:
    """Fill a new folder from the branch, and return the commit; "" if there is no branch."""
    # Of an earlier attempt, or use in the same job.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    branch = _branch(folder)
    tip = branch.tip()
    if tip:
        _read(branch, tip, folder / "state")
    return tip


def _read(branch: StateBranch, commit: str, folder: Path) -> None:
    try:
        branch.read(commit, folder)
    except ForeignBranchError as error:
        refuse(
            f"state-name: the branch {branch.name} was not made by this action: {error}; give another name"
        )


def _say_what_is_unusual(before: Path) -> None:
    if not state_files.names(before):
        annotate(
            "notice",
            _TITLE,
            "there is none yet, or it was deleted. What the registry shows now is the baseline, which is one message. "
            "Alerts that a deleted state still owed are not sent",
        )
        return
    polled = state_files.polled_at(before)
    if polled is None:
        annotate(
            "warning",
            _TITLE,
            "its age is not known: checks.json has no RFC 3339 time in UTC of the last poll",
        )
    elif (age := datetime.now(UTC) - polled) > _OLD:
        annotate(
            "warning",
            _TITLE,
            f"it is {age.days} days old (a poll of {polled:%Y-%m-%d %H:%M} UTC): the schedule did not run, or the "
            "state was set back. What has changed since then is reported now, also if it was reported before",
        )


def _pushed(folder: Path) -> int:
    """Push the state on top of what the branch holds now, and return the exit code; GitError if that fails."""
    branch = _branch(folder)
    tip = branch.tip()
    if tip not in ("", (folder / "base").read_text("utf-8")):
        theirs = folder / "theirs"
        shutil.rmtree(theirs, ignore_errors=True)
        _read(branch, tip, theirs)
        winner = state_files.goes_on(folder / "state", theirs)
        if winner != "ours":
            return _set_aside(winner)
        annotate(
            "notice",
            _TITLE,
            "another run has saved one meanwhile. This run polled later, so its state is kept",
        )
    branch.push(branch.commit(folder / "state", tip, _message(folder)))
    return 0


def _set_aside(winner: str) -> int:
    if winner:
        annotate(
            "warning",
            _TITLE,
            "another run has saved a later one meanwhile, which is kept. The next run reports again what only this run "
            "has seen",
        )
        return 0
    annotate(
        "error",
        _TITLE,
        "another run has saved one meanwhile, and each owes an alert that the other does not know. The saved one is "
        "kept. The next run reports again what only this run has seen, if it still holds",
    )
    return 1


def _message(folder: Path) -> str:
    polled = state_files.polled_at(folder / "state")
    when = f" after the poll of {polled:%Y-%m-%d %H:%M:%S} UTC" if polled else ""
    return f"State{when}\n\nRun {os.environ['GITHUB_RUN_ID']}. [skip ci]\n"


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit({"restore": restore, "keep": keep}[sys.argv[1]]())
