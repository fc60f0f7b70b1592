"""`audit` by the real program against an oracle of the contract: many installs, lies and answers."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit_oracle.comparing import CODES, Cell, cells, disagreements
from tests.audit_oracle.endpoint import Endpoint, answer_as
from tests.audit_oracle.expected import WORST_FIRST
from tests.audit_oracle.situations import fill
from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry

Run = Callable[..., program.Completed]


@pytest.fixture
def filled(registry: FakeRegistry) -> FakeRegistry:
    """The registry with all packs."""
    fill(registry.catalog)
    return registry


def _install(folder: Path, chosen: Iterable[Cell]) -> dict[tuple[str, str], Cell]:
    """Install each cell's copy, each form in a ComfyUI of its own; return the cells by the names of both folders."""
    found: dict[tuple[str, str], Cell] = {}
    roots: dict[str, ComfyUI] = {}
    for cell in chosen:
        name = cell.form.name
        if name not in roots:
            roots[name] = ComfyUI(folder / name)
        path = cell.form.build(roots[name], cell.pack)
        found[name, path.name.removesuffix(".disabled")] = cell
    return found


@pytest.mark.parametrize("endpoint", Endpoint, ids=lambda one: one.name)
def test_every_cell(
    run: Run, filled: FakeRegistry, tmp_path: Path, endpoint: Endpoint
) -> None:
    """Each copy has a verdict that the contract allows, and copies of one class the exit code that they make alone."""
    answer_as(filled, endpoint)
    env = {"COMFY_WATCH_REGISTRY_URL": filled.url, "COMFY_WATCH_RETRIES": "0"}
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells(endpoint):
        groups[cell.group].append(cell)
    wrong: list[str] = []
    for group, chosen in groups.items():
        folder = tmp_path / group
        left = _install(folder, chosen)
        done = run("audit", *map(str, folder.glob("*")), "--json", env=env)
        assert "Traceback" not in done.err, done.err
        document = json.loads(done.out)
        for said in document["packs"]:
            name = Path(said["folder"]).name.removesuffix(".disabled")
            wrong += disagreements(left.pop((Path(said["install"]).name, name)), said)
        wrong += (f"{cell}: missing" for cell in left.values())
        if done.code not in CODES[group]:
            wrong.append(f"{group}: exit {done.code}")
        wrong += _of_errors(group, endpoint, document["errors"], done.err)
    assert wrong == []


def _of_errors(
    group: str, endpoint: Endpoint, errors: list[dict[str, Any]], err: str
) -> Iterator[str]:
    """Yield what is wrong with the errors of a run of one group."""
    if group == "unanswered" and not errors:
        yield "something was not answered, and no error says so"
    if endpoint is Endpoint.ABSENT:
        of_all = [one for one in errors if not (one.get("node") or one.get("install"))]
        if not of_all:
            yield f"bans of whole packs were not looked at, and no error says so: {errors[:3]}"
        if group == "calm" and len(err.splitlines()) != 1:
            yield f"stderr does not say it once: {err}"
    elif group == "calm" and (errors or err):
        yield f"nothing was missing, and there are errors: {errors or err}"


def test_each_verdict_is_among_them() -> None:
    """Nearly all cells have one verdict, and each verdict and exit code is that of some."""
    every = list(cells(Endpoint.GOOD))
    fixed = [cell for cell in every if len({one.verdict for one in cell.outcomes}) == 1]
    assert len(fixed) > 0.85 * len(every)
    found = {outcome.verdict for cell in fixed for outcome in cell.outcomes}
    assert found == {*WORST_FIRST}
    assert {cell.group for cell in every} == {*CODES}
