"""The manifests: put together by kubectl, held against Kubernetes' schemas, and carried out by podman."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.support.person import Person, blocks
from tests.deploy.support.podman import CONTAINERFILE, Container, Podman, alone
from tests.deploy.support.tools import alerted, checked, tool, until
from tests.support import program
from tests.support.fake_registry.server import FakeRegistry
from tests.support.fakes.webhook import Webhook
from watcher import __version__

pytestmark = pytest.mark.deployment

_FOLDER = program.ROOT / "deploy" / "kubernetes"
_VERSIONS = ("1.29.0", "1.31.0", "1.33.0", "1.35.0", "1.37.0")
_NAME = "comfy-watch"


def _built(folder: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(checked("kubectl", "kustomize", str(folder))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the manifests, as somebody has it who adapts them."""
    return Path(shutil.copytree(_FOLDER, tmp_path / "kubernetes"))


def _with_cronjob(folder: Path) -> Path:
    """Put the CronJob in the Deployment's place, as the page says."""
    (words,) = (
        block for block in blocks("kubernetes.md", "sh") if block.startswith("sed ")
    )
    Person(folder.parent / f"{folder.name}-home").shell(
        words.replace("deploy/kubernetes", shlex.quote(str(folder)))
    )
    assert "- cronjob.yaml" in (folder / "kustomization.yaml").read_text("utf-8")
    return folder


@pytest.mark.parametrize("version", _VERSIONS)
def test_kubernetes_knows_every_field(folder: Path, version: str) -> None:
    """What kustomize builds, with the Deployment or with the CronJob, is valid for a strict server of this version."""
    for number, adapted in enumerate(
        (folder, _with_cronjob(Path(shutil.copytree(folder, folder.parent / "second"))))
    ):
        built = folder.parent / f"built-{number}.yaml"
        built.write_text(checked("kubectl", "kustomize", str(adapted)), "utf-8")
        said = checked(
            "kubernetes-validate",
            "--strict",
            "--kubernetes-version",
            version,
            str(built),
        )
        assert said.count(" passed for resource ") == len(_built(adapted)) == 3


def _pod_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the pod's spec of a Deployment or a CronJob."""
    owner = (
        document["spec"]["jobTemplate"] if document["kind"] == "CronJob" else document
    )
    pod: dict[str, Any] = owner["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("file", ["deployment.yaml", "cronjob.yaml"])
def test_a_restricted_namespace_takes_the_pod(file: str) -> None:
    """The pod has what the Pod Security Standard `restricted` asks for, a read-only root, and no token."""
    document = yaml.safe_load((_FOLDER / file).read_text("utf-8"))
    pod = _pod_of(document)
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {
        "configMap",
        "persistentVolumeClaim",
        "secret",
    }
    user, group = (
        pod["securityContext"]["runAsUser"],
        pod["securityContext"]["runAsGroup"],
    )
    assert f"\nUSER {user}:{group}\n" in CONTAINERFILE.read_text("utf-8")
    assert pod["securityContext"]["fsGroup"] == group


def test_no_two_pods_have_the_state_at_once() -> None:
    """The Deployment ends the old pod before it starts the new one, and the CronJob starts none beside another."""
    deployment, cronjob = (
        yaml.safe_load((_FOLDER / file).read_text("utf-8"))["spec"]
        for file in ("deployment.yaml", "cronjob.yaml")
    )
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert (
        cronjob["concurrencyPolicy"],
        cronjob["jobTemplate"]["spec"]["backoffLimit"],
    ) == ("Forbid", 0)


class Cluster:
    """What podman makes of manifests: a pod on this machine, with the claim, the settings and the Secret they name."""

    def __init__(self, podman: Podman, manifests: Path) -> None:
        self._podman = podman
        self._manifests = manifests

    def apply(self, documents: list[dict[str, Any]], alert_urls: str) -> None:
        """Start what the documents describe, beside the Secret that the page's words make of a file with alert URLs."""
        (words,) = (
            block for block in blocks("kubernetes.md", "sh") if "create secret" in block
        )
        (self._manifests.parent / "alert_urls").write_text(alert_urls, "utf-8")
        made = checked(
            *shlex.split(words),
            "--dry-run=client",
            "--output=yaml",
            cwd=self._manifests.parent,
        )
        secret = yaml.safe_load(made)
        self._manifests.write_text(yaml.safe_dump_all([secret, *documents]), "utf-8")
        self._podman.says("kube", "play", "--network=host", str(self._manifests))

    def container(self) -> Container:
        """Return the container that runs the program."""
        return Container(
            self._podman,
            self._podman.says(
                "ps", "--all", "--quiet", "--filter=name=-pod-comfy-watch"
            ),
        )

    def delete(self) -> None:
        """End and remove everything."""
        if self._manifests.exists():
            self._podman.says("kube", "down", "--force", str(self._manifests))
            for document in yaml.safe_load_all(self._manifests.read_text("utf-8")):
                self._podman("volume", "rm", "--force", document["metadata"]["name"])


@pytest.fixture
def cluster(podman: Podman, image: str, tmp_path: Path) -> Iterator[Cluster]:
    """An empty cluster that has the image."""
    tool("catatonit")
    podman.says("tag", image, f"registry.example.com/comfy-watch:{__version__}")
    with alone("cluster"):
        begun = Cluster(podman, tmp_path / "manifests.yaml")
        try:
            yield begun
        finally:
            begun.delete()


def _watching(folder: Path, registry: FakeRegistry) -> Path:
    """Have the settings watch one pack of the tests' registry."""
    registry.catalog.publish("rgthree-comfy", "1.0.0")
    settings = folder / "settings.toml"
    settings.write_text(
        f'nodes = ["rgthree-comfy"]\nregistry_url = "{registry.url}"\n', "utf-8"
    )
    return folder


def test_the_deployment_lives(
    cluster: Cluster, folder: Path, registry: FakeRegistry, webhook: Webhook
) -> None:
    """The pod polls with the ConfigMap's settings, alerts at the Secret's URL, and ends by SIGTERM with 0."""
    cluster.apply(_built(_watching(folder, registry)), webhook.apprise_url())
    assert alerted(webhook) == ["baseline"]
    container = cluster.container()
    assert container.run("id", "-u").out.strip() == "10001"
    assert "Read-only file system" in container.run("touch", "/x").err
    os.kill(container.pid, signal.SIGTERM)
    until(lambda: '"stopped"' in container.log, "the end")


def test_the_job_polls_once(
    cluster: Cluster, folder: Path, registry: FakeRegistry, webhook: Webhook
) -> None:
    """A pod of the CronJob polls once and ends with 0."""
    documents = _built(_with_cronjob(_watching(folder, registry)))
    (cronjob,) = (document for document in documents if document["kind"] == "CronJob")
    # Podman has no clock for it: this is what a cluster makes of it at its time.
    documents.remove(cronjob)
    documents.append({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": _NAME}, **cronjob["spec"]["jobTemplate"],
    })  # fmt: skip
    cluster.apply(documents, webhook.apprise_url())
    container = cluster.container()
    assert container.wait() == 0
    assert alerted(webhook) == ["baseline"]
