"""`audit` by the real program against an oracle of the contract: thousands of installs, lies and answers."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit_oracle import expected as oracle
from tests.audit_oracle.comparing import GROUPS, Cell, Said, cells, disagreements
from tests.audit_oracle.endpoint import ENDPOINTS, GOOD, Endpoint, answer_as
from tests.audit_oracle.situations import fill
from tests.support import program
from tests.support.comfyui import ComfyUI
from tests.support.fake_registry.server import FakeRegistry

Run = Callable[..., program.Completed]
_SHOWN = 60
"""How many kinds of disagreements a failure shows."""
_OF_PACK = re.compile(r" of [A-Za-z-]+(?=, GET)")


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

    def audit(self, *args: str) -> program.Completed:
        """Return what the program says of them all."""
        env = {
            "COMFY_WATCH_REGISTRY_URL": self._registry.url,
            "COMFY_WATCH_RETRIES": "0",
        }
        done = self._run(
            "audit", *map(str, self._folder.glob("*")), *args, "--json", env=env
        )
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


_AT_ONCE = {"good", "absent_404", "status_500", "half_hidden"}
"""The answers of which every fast run tries the cells; the others are as quick each, and many."""


@pytest.mark.parametrize(
    "endpoint",
    [
        pytest.param(
            one, id=one.name, marks=() if one.name in _AT_ONCE else pytest.mark.bounded
        )
        for one in ENDPOINTS
    ],
)
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
        wrong += (
            f"{group}: {one}"
            for one in disagreements(installs.found(document), done.code)
        )
        wrong += (
            f"{group}: {one}"
            for one in _of_errors(group, endpoint, document["errors"], done.err)
        )
    if wrong:
        pytest.fail(_summary(wrong))


def _of_errors(
    group: str, endpoint: Endpoint, errors: list[dict[str, Any]], err: str
) -> Iterator[str]:
    """Yield what is wrong with the errors of a run of one group."""
    if group.startswith("unanswered") and not errors:
        yield "something was not answered, and no error says so"
    if endpoint.name.startswith("absent"):
        of_all = [
            error
            for error in errors
            if error.get("node") is None and error.get("install") is None
        ]
        if not of_all or (group == "calm" and len(errors) > 1):
            yield f"bans of whole packs were not looked at, which these errors do not say once: {errors[:3]}"
        if group == "calm" and len(err.splitlines()) != 1:
            yield f"stderr does not say it once: {err}"
    elif group == "calm" and (errors or err):
        yield f"nothing was missing, and there are errors: {errors or err}"


def _summary(wrong: list[str]) -> str:
    """Return what is wrong, most frequent first, with an example of each."""
    alike: dict[str, list[str]] = defaultdict(list)
    for one in wrong:
        alike[_OF_PACK.sub("", one).partition(" (")[0]].append(one)
    often = sorted(alike.values(), key=len, reverse=True)
    return "\n".join(
        [
            f"{len(wrong)} disagreements",
            *(f"{len(some)} like {some[0]}" for some in often[:_SHOWN]),
        ]
    )


def test_there_are_enough() -> None:
    """There are thousands of cells; nearly all have one verdict; each verdict and each exit code is among them."""
    every = [cell for endpoint in ENDPOINTS for cell in cells(endpoint)]
    good = [cell for cell in every if cell.endpoint is GOOD]
    fixed = [
        cell
        for cell in good
        if len({outcome.verdict for outcome in cell.outcomes}) == 1
    ]
    assert len(good) > 2500
    assert len(every) > 12_000
    assert len(fixed) > 0.85 * len(good)
    assert {outcome.verdict for cell in fixed for outcome in cell.outcomes} == set(
        oracle.WORST_FIRST
    )
    assert set(Counter(cell.group for cell in good)) == set(GROUPS)


def _of_form(*names: str, group: str) -> list[Cell]:
    return [
        cell
        for cell in cells(GOOD)
        if cell.group.startswith(group) and cell.form.name in names
    ]


@pytest.mark.parametrize(
    ("group", "code"), [("calm", 2), ("unanswered", 2), ("failing", 3)]
)
def test_a_target_that_cannot_be_read(
    run: Run, filled: FakeRegistry, tmp_path: Path, group: str, code: int
) -> None:
    """A TARGET that cannot be read makes exit code 2 before 1 and after 3, and the others are judged."""
    answer_as(filled, GOOD)
    installs = Installs(run, filled, tmp_path / "installs")
    installs.add(_of_form("zip", group=group))
    done = installs.audit(str(tmp_path / "missing"))
    assert done.code == code
    assert all(said is not None for _, said in installs.found(json.loads(done.out)))


def test_what_is_accepted(run: Run, filled: FakeRegistry, tmp_path: Path) -> None:
    """An accepted copy makes no exit code 3, however its version is written, and whatever is banned."""
    answer_as(filled, GOOD)
    chosen = list(_of_form("zip", "unpacked", group="failing"))
    sure = [
        cell
        for cell in chosen
        if not any(outcome.unanswered for outcome in cell.outcomes)
    ]
    installs = Installs(run, filled, tmp_path / "installs")
    installs.add(sure)
    names = {cell.pack.id for cell in sure}
    findings = [f"{name}{of}=banned" for name in names for of in ("@v1.2", "")]
    done = installs.audit(
        *(word for finding in findings for word in ("--accept", finding))
    )
    assert done.code == 0
