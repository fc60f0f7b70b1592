"""`make bench`: what a poll costs, against bounds that a person would notice. It prints one table and fails nothing.

`python -m bench [--beside ENVIRONMENT] [ROW…]` measures the named rows. With another virtual environment, of another
commit, that program is measured in turn with this one. Each answer comes after 50 ms where nothing else is said.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import (
    PLAIN,
    ContenderError,
    Cost,
    RegistryProcess,
    memory_mb,
    print_table,
    registry,
    run,
)

CONCURRENCY = 16
"""Requests under way at once: the program's default, given to every contender."""
LATENCY = 0.05
ROUNDS = 5
WHOLE = (5100, 30_600)
"""Nodes and versions of a registry, as in 2026. It has more than 300 pages, so 300 nodes of it are asked one by one."""
PUBLISHED = (5100, 33_000)
EVENTS = 10_000
"""Of the history that is published with it."""
LARGE = (20_000, 150_000)
POLLS = (200, 2000)
"""Polls of `run` after which its memory is looked at."""
NVCHECKER = Path(".venv-bench/bin/nvchecker").absolute()
_IMPORTS = "import httpx, pydantic_settings"
_RUN_WITHOUT_PAUSE = """
from watcher.cli.main import main
from watcher.settings import parsing
parsing.SHORTEST_INTERVAL = 0.0
main()
"""

Row = tuple[str, str, str]
"""What was measured, its figure, and the bound with whether it holds."""
Programs = Mapping[str, Path]
"""The `bin` folders of the environments that are measured, by the name that a row has for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The least of some runs, which leaves a disturbance of the machine out."""

    cost: Cost
    answering: float
    """Seconds from the first request to the last answer, by the registry's clock."""
    requests: int


@dataclass(frozen=True, slots=True)
class Watch:
    """A program that watches some nodes, in a folder of its own."""

    programs: Path
    folder: Path

    def command(self, name: str, *options: str) -> list[str]:
        """Return a command of the program."""
        return [str(self.programs / "comfy-watch"), *self._given(name, *options)]

    def run_without_pause(self) -> list[str]:
        """Return the command that polls without end."""
        given = self._given("run", "--set", "interval=0.001")
        return [str(self.programs / "python"), "-c", _RUN_WITHOUT_PAUSE, *given]

    def _given(self, name: str, *options: str) -> list[str]:
        return [name, *options, "--config", str(self.folder / "comfy-watch.toml")]

    def first(self) -> Cost:
        """Make a baseline, and return what that cost."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        return run(self.command("check"), self.folder)


@dataclass(frozen=True, slots=True)
class Stage:
    """A registry, and the programs that have a baseline of it."""

    server: RegistryProcess
    folder: Path
    watches: Mapping[str, Watch]

    def quiet(self, **others: Sequence[str]) -> dict[str, Measured]:
        """Run a quiet poll of each program and the other commands in turn, round after round."""
        commands = {
            name: watch.command("check") for name, watch in self.watches.items()
        }
        return self._measured({**commands, **others})

    def costs(
        self, watch: Watch, others: Mapping[str, Sequence[str]]
    ) -> dict[str, Measured]:
        """Run a quiet poll of one program, as `check`, and other commands of it in turn, round after round."""
        return self._measured({"check": watch.command("check"), **others})

    def _measured(self, commands: Mapping[str, Sequence[str]]) -> dict[str, Measured]:
        found: dict[str, list[Measured]] = {}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                self.server.seen()
                cost = run(command, self.folder)
                seen = self.server.seen()
                one = Measured(
                    cost=cost, answering=seen.seconds, requests=seen.requests
                )
                found.setdefault(name, []).append(one)
        return {name: _least(each) for name, each in found.items()}


def _least(each: Sequence[Measured]) -> Measured:
    costs = [one.cost for one in each]
    cost = Cost(
        seconds=min(one.seconds for one in costs),
        cpu=min(one.cpu for one in costs),
        peak_mb=min(one.peak_mb for one in costs),
    )
    return Measured(
        cost=cost,
        answering=min(one.answering for one in each),
        requests=max(one.requests for one in each),
    )


@contextlib.contextmanager
def stage(
    programs: Programs,
    nodes: Sequence[str],
    *,
    of: tuple[int, int] = WHOLE,
    latency: float = LATENCY,
) -> Iterator[Stage]:
    """Serve a registry, and let each program make its baseline of some nodes."""
    with (
        tempfile.TemporaryDirectory(prefix="comfy-watch-bench-") as root,
        registry(nodes=of[0], versions=of[1], latency=latency) as server,
    ):
        watches: dict[str, Watch] = {}
        for name, folder in programs.items():
            watch = Watch(folder, Path(root) / f"watch-{len(watches)}")
            watch.folder.mkdir()
            settings = [
                f"nodes = {json.dumps(nodes)}",
                f'registry_url = "{server.url}"',
                'state_dir = "state"',
                'alert_urls = "none"',
                f"concurrency = {CONCURRENCY}",
            ]
            text = "\n".join(settings)
            (watch.folder / "comfy-watch.toml").write_text(text, "utf-8")
            watch.first()
            watches[name] = watch
        yield Stage(server, Path(root), watches)


def nodes(count: int) -> list[str]:
    """Return the ids of the first nodes."""
    return [f"node-{number}" for number in range(count)]


def answers_need(requests: int) -> float:
    """Return the seconds that so many answers need, `CONCURRENCY` at once."""
    return math.ceil(requests / CONCURRENCY) * LATENCY


def bound(text: str, *holds: bool) -> str:
    """Return the cell of a bound."""
    return f"{text}: {'holds' if all(holds) else 'MISSED'}"


def few(programs: Programs) -> Iterator[Row]:
    """20 packs, each asked: from the first request to the last answer."""
    need = answers_need(20)
    with stage(programs, nodes(20)) as one:
        for name, got in one.quiet().items():
            ratio = got.answering / need
            figure = f"{ratio:.2f}x of {need:.2f} s ({got.cost})"
            yield f"20 packs{name}", figure, bound("<= 1.3x", ratio <= 1.3)


def many(programs: Programs) -> Iterator[Row]:
    """300 packs, each asked, beside nvchecker with as many requests at once."""
    with stage(programs, nodes(300)) as one:
        found = one.quiet(nvchecker=nvchecker(one, 300))
        other = found.pop("nvchecker").cost
        for name, got in found.items():
            ratio = got.cost.seconds / other.seconds
            figure = f"{ratio:.2f}x of nvchecker's {other.seconds:.2f} s ({got.cost})"
            holds = ratio <= 1, got.cost.peak_mb <= 60
            yield f"300 packs, each asked{name}", figure, bound("<= 1x, 60 MB", *holds)


def whole(programs: Programs) -> Iterator[Row]:
    """A whole registry, quiet: all that it takes beside the start of a process."""
    pages = math.ceil(WHOLE[1] / 100)
    need = answers_need(pages)
    with stage(programs, ["*"]) as one:
        found = one.quiet(imports=[str(PLAIN / "python"), "-c", _IMPORTS])
        start = found.pop("imports").cost.seconds
        for name, got in found.items():
            ratio = (got.cost.seconds - start) / need
            figure = f"{ratio:.2f}x of {need:.2f} s, {got.requests} requests for {pages} pages ({got.cost})"
            holds = ratio <= 1.5, got.cost.peak_mb <= 110
            yield f"a whole registry{name}", figure, bound("<= 1.5x, 110 MB", *holds)


def start(programs: Programs) -> Iterator[Row]:
    """One pack, beside a process that only imports the two largest libraries."""
    with stage(programs, nodes(1)) as one:
        found = one.quiet(imports=[str(PLAIN / "python"), "-c", _IMPORTS])
        imports = found.pop("imports").cost.seconds
        for name, got in found.items():
            more = got.cost.seconds - imports
            figure = f"{more:.2f} s more than importing httpx and pydantic-settings ({imports:.2f} s)"
            yield f"one pack{name}", figure, bound("<= 0.2 s more", more <= 0.2)


def growth(programs: Programs) -> Iterator[Row]:
    """A registry five times as large, without latency: time and memory grow no faster than its versions."""
    costs: dict[str, list[Cost]] = {}
    for size in (WHOLE, LARGE):
        with stage(programs, ["*"], of=size, latency=0.0) as one:
            for name, got in one.quiet().items():
                costs.setdefault(name, []).append(got.cost)
    most = LARGE[1] / WHOLE[1]
    for name, (small, large) in costs.items():
        seconds = large.seconds / small.seconds
        memory = large.peak_mb / small.peak_mb
        figure = f"time {seconds:.1f}x, memory {memory:.1f}x ({large})"
        holds = seconds <= most, memory <= most
        title = f"{LARGE[0]:,} packs, {LARGE[1]:,} versions{name}"
        yield title, figure, bound(f"linear: <= {most:.1f}x", *holds)


def memory(programs: Programs) -> Iterator[Row]:
    """`run`, poll upon poll without a pause or latency: its memory stays level."""
    with stage(programs, nodes(1), latency=0.0) as one:
        for name, watch in one.watches.items():
            early, late = _memory_of(watch, one.server)
            figure = f"{early:.1f} MB after {POLLS[0]}, {late:.1f} MB after {POLLS[1]}"
            level = bound("level: <= 1.05x", late <= 1.05 * early)
            yield f"{POLLS[1]:,} polls of run{name}", figure, level


def _memory_of(watch: Watch, server: RegistryProcess) -> list[float]:
    """Return the memory of `run` after each number of polls, of which each is one request."""
    found: list[float] = []
    server.seen()
    with (
        (watch.folder / "run.txt").open("wb") as output,
        subprocess.Popen(
            watch.run_without_pause(), cwd=watch.folder, stdout=output, stderr=output
        ) as running,
    ):
        for polls in POLLS:
            while server.seen(forget=False).requests < polls:
                if running.poll() is not None:
                    raise ContenderError(f"run exited {running.returncode}")
                time.sleep(0.05)
            found.append(memory_mb(running.pid))
        running.send_signal(signal.SIGTERM)
    return found


def loopback(programs: Programs) -> Iterator[Row]:
    """Without latency: figures alone, since nobody's registry is that near."""
    for title, watched in (("300 packs", nodes(300)), ("a whole registry", ["*"])):
        with stage(programs, watched, latency=0.0) as one:
            quiet = one.quiet()
            for name, watch in one.watches.items():
                yield f"{title}, no latency, first{name}", str(watch.first()), ""
                yield f"{title}, no latency, quiet{name}", str(quiet[name].cost), ""


def publish(programs: Programs) -> Iterator[Row]:
    """A whole registry with a long history as files, beside other commands; and what a quiet poll pays for them."""
    with stage(programs, ["*"], of=PUBLISHED, latency=0.0) as one:
        for name, watch in one.watches.items():
            run(_history(watch, EVENTS), watch.folder)
            site = watch.folder / "site"
            others = {
                "publish": watch.command("publish", str(site)),
                "status": watch.command("status", "--json"),
                "history": watch.command("history", "--json", "--limit", str(EVENTS)),
                "publishing": watch.command(
                    "check", "--set", f"publish_dir={watch.folder}/site"
                ),
            }
            found = {other: got.cost for other, got in one.costs(watch, others).items()}
            cost, size = found["publish"], (site / "index.html").stat().st_size / 1e6
            beside = ", ".join(f"{of} {found[of]}" for of in ("status", "history"))
            holds = cost.cpu <= 2, cost.peak_mb <= 150, size <= 1
            yield (
                f"publish a whole registry{name}",
                f"{cost}, page {size:.2f} MB ({beside})",
                bound("<= 2 s CPU, 150 MB, 1 MB", *holds),
            )
            more = found["publishing"].cpu - found["check"].cpu
            yield f"a quiet poll that publishes it{name}", f"{more:.2f} s CPU more", ""
    with stage(programs, nodes(20), latency=0.0) as one:
        for name, watch in one.watches.items():
            run(_history(watch, 500), watch.folder)
            command = watch.command(
                "check", "--set", f"publish_dir={watch.folder}/site"
            )
            found = {
                other: got.cost
                for other, got in one.costs(watch, {"publishing": command}).items()
            }
            more = found["publishing"].cpu - found["check"].cpu
            yield (
                f"20 packs, a quiet poll that publishes{name}",
                f"{more:.2f} s CPU more ({found['publishing']})",
                bound("<= 0.1 s more", more <= 0.1),
            )


def _history(watch: Watch, events: int) -> list[str]:
    given = [str(watch.folder / "state"), str(events)]
    return [sys.executable, "-m", "bench.history", *given]


def nvchecker(one: Stage, count: int) -> list[str]:
    """Have nvchecker know status and deprecation of every version of some nodes; return the command of a quiet run."""
    settings, old, new = (
        one.folder / name for name in ("nvchecker.toml", "old.json", "new.json")
    )
    wanted = "[.versions[]|[.version,.status,.deprecated]]|tojson"
    head = f'[__config__]\noldver = "{old}"\nnewver = "{new}"\nmax_concurrency = {CONCURRENCY}\n'
    each = [
        f'["{node}"]\nsource = "jq"\nfilter = \'{wanted}\'\n'
        f'url = "{one.server.url}/versions?nodeId={node}&page=1&pageSize=100"\n'
        for node in nodes(count)
    ]
    settings.write_text(head + "".join(each), "utf-8")
    given = ["--file", str(settings), "--logger", "json", "--failures"]
    command = [str(NVCHECKER), *given]
    run(command, one.folder)
    if len(json.loads(new.read_bytes())["data"]) != count:
        raise ContenderError("nvchecker did not read every node")
    new.replace(old)
    return command


ROWS: Mapping[str, Callable[[Programs], Iterator[Row]]] = {
    row.__name__: row
    for row in (few, many, whole, start, growth, memory, publish, loopback)
}


def main() -> None:
    """Measure all rows, or those named, then print the table; what could not be measured says why in its place."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--beside", type=Path, help="another virtual environment")
    given = parser.parse_args()
    programs = {"": PLAIN}
    if given.beside is not None:
        programs[f" ({given.beside.name})"] = given.beside.absolute() / "bin"
    rows: list[Row] = [("measured", "figure", "bound")]
    for name in given.rows or ROWS:
        measure = ROWS[name]
        print(f"{name}: {measure.__doc__}", file=sys.stderr, flush=True)
        try:
            rows.extend(measure(programs))
        except (ContenderError, OSError, ValueError) as error:
            rows.append((name, f"not measured: {error}", ""))
    print_table(rows)


if __name__ == "__main__":
    main()
