"""The examples for Prometheus: held against its own tools, and carried out by a server and a node_exporter."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.support.tools import checked, ended, tool, until
from tests.services.servers.server import Server
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Answer, Webhook
from tests.support.figures import Figures, read
from tests.support.harness import Watcher
from tests.support.lived_in import LivedIn
from watcher.publish.documents import PREFIX

pytestmark = pytest.mark.deployment

_FOLDER = program.ROOT / "deploy" / "prometheus"
_TESTS = program.ROOT / "tests" / "deploy" / "rules_test.yml"
_TYPES = {
    "the older format": "text/plain; version=0.0.4; charset=utf-8",
    "OpenMetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}


class _Prometheus(Server):
    """A Prometheus with the example's settings, which reads the figures of one web server each second."""

    target = ""

    def prepare(self) -> None:
        settings = yaml.safe_load((_FOLDER / "prometheus.yml").read_text("utf-8"))
        (job,) = settings["scrape_configs"]
        job["static_configs"] = [{"targets": [self.target]}]
        job["scrape_interval"] = "1s"
        settings["global"] = {"evaluation_interval": "1s"}
        settings["rule_files"] = [str(_FOLDER / "rules.yml")]
        (self.folder / "prometheus.yml").write_text(json.dumps(settings), "utf-8")

    def command(self) -> list[str]:
        return [
            tool("prometheus"),
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def is_ready(self) -> bool:
        """Return whether it has read what it had stored."""
        try:
            return "Ready" in _text(f"http://127.0.0.1:{self.port}/-/ready")
        except OSError:
            return False

    def value(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression as they are now."""
        query = urllib.parse.urlencode({"query": expression})
        answer = _text(f"http://127.0.0.1:{self.port}/api/v1/query?{query}")
        found: list[dict[str, Any]] = json.loads(answer)["data"]["result"]
        return found


class _NodeExporter(Server):
    """A node_exporter that shows what lies in its folder `figures`, and nothing else."""

    def command(self) -> list[str]:
        return [
            tool("prometheus-node-exporter"),
            "--collector.disable-defaults",
            "--collector.textfile",
            "--collector.textfile.directory=figures",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def figures(self) -> Figures:
        """Return ours of the figures that it shows."""
        lines = _text(f"http://127.0.0.1:{self.port}/metrics").splitlines()
        assert "node_textfile_scrape_error 0" in lines
        ours = [one for one in lines if PREFIX in one and "node_textfile" not in one]
        return read("\n".join([*ours, "# EOF\n"]))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watcher]:
    """A watcher that publishes what is run, and owes an alert to a channel that is down."""
    with FakeRegistry() as registry:
        comfyui = LivedIn(tmp_path / "studio")
        comfyui.put("alpha", "1.0.0")
        registry.catalog.publish("alpha", "1.0.0", status="flagged")
        watch = Watcher(
            tmp_path,
            registry,
            installs=[str(comfyui.root)],
            publish_installs=True,
            alert_urls="json://127.0.0.1:9/",
        )
        watch.check(code=1)
        yield watch


@pytest.fixture
def figures(watch: Watcher) -> str:
    """What the program prints."""
    return watch.run("metrics").out


def _text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_promtool_finds_nothing_wrong(tmp_path: Path, figures: str) -> None:
    """The figures, the rules, the settings and what the rules say of made-up figures are as Prometheus wants them."""
    path = tmp_path / "metrics.prom"
    path.write_text(figures, "utf-8")
    with path.open("rb") as stream:
        done = ended(tool("promtool"), "check", "metrics", stdin=stream)
    assert (done.code, done.out, done.err) == (0, "", "")
    lint = ("--lint=all", "--lint-fatal")
    checked("promtool", "check", "rules", *lint, str(_FOLDER / "rules.yml"))
    checked("promtool", "check", "config", *lint, str(_FOLDER / "prometheus.yml"))
    checked("promtool", "test", "rules", str(_TESTS))


@pytest.mark.parametrize("sent_as", _TYPES.values(), ids=[*_TYPES])
def test_a_server_reads_the_file(
    tmp_path: Path, figures: str, webhook: Webhook, sent_as: str
) -> None:
    """It has each figure of the file."""
    prometheus = _Prometheus(tmp_path / "prometheus")
    prometheus.target = f"127.0.0.1:{webhook.port}"
    shown = Answer(body=figures.encode(), headers={"Content-Type": sent_as})
    webhook.answer["/metrics.prom"] = shown
    with prometheus:
        until(
            lambda: len(prometheus.value(f"{PREFIX}build_info")) == 1,
            "a scrape",
        )
        series = prometheus.value(f'{{__name__=~"{PREFIX}.*"}}')
    assert _as_figures(series) == read(figures)


def test_node_exporter_shows_what_cron_writes(tmp_path: Path, watch: Watcher) -> None:
    """The line for cron leaves a file that everybody may read, and the textfile collector takes it, or a link to it."""
    line = (_FOLDER / "comfy-watch-metrics").read_text("utf-8").splitlines()[-1]
    script = line.partition(" root ")[2]
    exporter = _NodeExporter(tmp_path / "exporter")
    (exporter.folder / "figures").mkdir()
    for words, here in (
        ("/var/lib/prometheus/node-exporter", str(exporter.folder / "figures")),
        ("/usr/local/bin/comfy-watch metrics", '"$@"'),
    ):
        assert words in script
        script = script.replace(words, here)
    done = watch.shell(f"umask 022; {script}", "metrics")
    assert (done.code, done.out, done.err) == (0, "", "")
    (written,) = (exporter.folder / "figures").iterdir()
    assert written.stat().st_mode & 0o777 == 0o644
    expected = read(written.read_text("utf-8"))
    with exporter:
        assert exporter.figures() == expected
        written.rename(exporter.folder / "metrics.prom")
        assert exporter.figures() == {}
        written.symlink_to(exporter.folder / "metrics.prom")
        assert exporter.figures() == expected


def _as_figures(series: list[dict[str, Any]]) -> Figures:
    """Return the figures of series, without what a server says of where they came from."""
    found: Figures = {}
    for one in series:
        labels = one["metric"]
        name = labels.pop("__name__").removeprefix(PREFIX)
        given = [labels[key] for key in labels.keys() - {"job", "instance"}]
        found[name, "".join(given)] = float(one["value"][1])
    return found
