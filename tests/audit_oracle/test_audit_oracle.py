"""`audit` by the real program against an oracle of the contract: many installs, lies and answers."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit_oracle.comparing import CODES, Cell, Said, cells, disagreements
from tests.audit_oracle.endpoint import ENDPOINTS, GOOD, Endpoint, answer_as
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


class Installs:
    """Many ComfyUIs, one for each form, and what `audit` says of them."""

    def __init__(self, run: Run, registry: FakeRegistry, folder: Path) -> None:
        self._run, self._registry, self._folder = run, registry, folder
        self._paths: dict[tuple[str, str], Cell] = {}
        self._roots: dict[str, ComfyUI] = {}

    def add(self, chosen: Iterable[Cell]) -> None:
        """Install each cell's copy."""
        for cell in chosen:
            root = self._roots.get(cell.form.name)
            if root is None:
                root = self._roots[cell.form.name] = ComfyUI(
                    self._folder / cell.form.name
                )
            path = cell.form.build(root, cell.pack)
            self._paths[cell.form.name, path.name.removesuffix(".disabled")] = cell

    def audit(self) -> program.Completed:
        """Return what the program says of them all."""
        env = {
            "COMFY_WATCH_REGISTRY_URL": self._registry.url,
            "COMFY_WATCH_RETRIES": "0",
        }
        targets = map(str, self._folder.glob("*"))
        done = self._run("audit", *targets, "--json", env=env)
        assert "Traceback" not in done.err, done.err
        return done

    def found(self, document: Any) -> Iterator[tuple[Cell, Said | None]]:
        """Yield each cell with what the document says of it."""
        left = dict(self._paths)
        for said in document["packs"]:
            folder = Path(said["folder"]).name.removesuffix(".disabled")
            cell = left.pop((Path(said["install"]).name, folder), None)
            assert cell is not None, f"nothing was installed there: {said}"
            yield cell, said
        yield from ((cell, None) for cell in left.values())


def _grouped(endpoint: Endpoint) -> dict[str, list[Cell]]:
    groups: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells(endpoint):
        groups[cell.group].append(cell)
    return groups


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=[one.name for one in ENDPOINTS])
def test_every_cell(
    run: Run, filled: FakeRegistry, tmp_path: Path, endpoint: Endpoint
) -> None:
    """Each copy has a verdict that the contract allows, and copies of one class the exit code that they make alone."""
    answer_as(filled, endpoint)
    wrong: list[str] = []
    for group, chosen in _grouped(endpoint).items():
        installs = Installs(run, filled, tmp_path / group)
        installs.add(chosen)
        done = installs.audit()
        document = json.loads(done.out)
        wrong += disagreements(installs.found(document))
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
    if endpoint.name == "absent":
        of_all = [one for one in errors if not (one.get("node") or one.get("install"))]
        if not of_all:
            yield f"bans of whole packs were not looked at, and no error says so: {errors[:3]}"
        if group == "calm" and len(err.splitlines()) != 1:
            yield f"stderr does not say it once: {err}"
    elif group == "calm" and (errors or err):
        yield f"nothing was missing, and there are errors: {errors or err}"


def test_each_verdict_is_among_them() -> None:
    """Nearly all cells have one verdict, and each verdict and exit code is that of some."""
    every = list(cells(GOOD))
    fixed = [cell for cell in every if len({one.verdict for one in cell.outcomes}) == 1]
    assert len(fixed) > 0.85 * len(every)
    found = {outcome.verdict for cell in fixed for outcome in cell.outcomes}
    assert found == {*WORST_FIRST}
    assert {cell.group for cell in every} == {*CODES}
