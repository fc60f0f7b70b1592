"""What happens in the demo's registry before each poll."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from watcher.fake_registry.catalog import Catalog
from watcher.fake_registry.made_up import made_up_registry


@dataclass(frozen=True, slots=True)
class Act:
    """One poll of the demo."""

    title: str
    change: Callable[[Catalog], object] = lambda _: None
    """What happens before the poll."""
    has_alert: bool = True


@dataclass(frozen=True, slots=True)
class Play:
    """One demo."""

    nodes: str
    """What is watched, as in the setting."""
    introduction: str
    """`{url}` is the registry's."""
    registry: Callable[[], Catalog]
    """Returns the registry as it is at first."""
    acts: tuple[Act, ...]
    moral: str


NODE = "comfyui-night-lights"

_FINDINGS = json.dumps(
    [
        {
            "issue_type": "reads_browser_passwords",
            "severity": "critical",
            "scanner": "demo",
            "description": "Collects saved passwords and posts them to a chat webhook",
            "file_path": "nodes/glow.py",
            "line_number": 42,
            "code_snippet": "requests.post(HOOK, json=steal())",
        },
        {
            "issue_type": "runs_shell",
            "severity": "info",
            "file_path": "install.py",
            "line_number": 7,
        },
    ]
)
_VERDICT = json.dumps({"message": "Steals passwords", "by": "a reviewer"})


def _one_pack() -> Catalog:
    catalog = Catalog()
    catalog.publish(NODE, "1.0.0")
    catalog.publish(NODE, "1.1.0")
    return catalog


ONE_PACK = Play(
    nodes=NODE,
    introduction=f"Watching {NODE} in a local registry at {{url}}.",
    registry=_one_pack,
    acts=(
        Act("First poll: what the registry lists today becomes the baseline."),
        Act(
            "A release: 1.2.0 is published.",
            lambda catalog: catalog.publish(NODE, "1.2.0"),
        ),
        Act(
            "A deprecation: the author withdraws 1.0.0.",
            lambda catalog: catalog.deprecate(NODE, "1.0.0"),
        ),
        Act(
            "A flag: a scanner finds something in 1.2.0.",
            lambda catalog: catalog.set_status(NODE, "1.2.0", "flagged", _FINDINGS),
        ),
        Act(
            "A ban: a reviewer agrees.",
            lambda catalog: catalog.set_status(NODE, "1.2.0", "banned", _VERDICT),
        ),
        Act(
            "A reinstatement: it was a false alarm.",
            lambda catalog: catalog.set_status(NODE, "1.2.0", "active"),
        ),
        Act("Nothing happens: a quiet poll.", has_alert=False),
    ),
    moral="Polling found every change, and each alert arrived once.",
)

_PACKS, _VERSIONS = 300, 1800
NEW_NODE = "comfyui-moon-phases"
_BURST_NODES = range(100, 160)
_FALSE_ALARM = json.dumps(
    [
        {
            "issue_type": "uses_eval",
            "severity": "info",
            "scanner": "demo",
            "file_path": "nodes.py",
        }
    ]
)


def _whole_registry() -> Catalog:
    catalog = made_up_registry(_PACKS - 1, _VERSIONS - 3)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        catalog.publish(NODE, version)
    return catalog


def _newcomers(catalog: Catalog) -> None:
    catalog.publish("comfyui-sunrise", "1.0.0")
    catalog.publish(NEW_NODE, "0.1.0", status="flagged", reason=_FINDINGS)


def _burst(catalog: Catalog) -> None:
    for number in _BURST_NODES:
        catalog.publish(
            f"node-{number}", "2.0.0", status="flagged", reason=_FALSE_ALARM
        )


WHOLE_REGISTRY = Play(
    nodes="*",
    introduction=f'Watching a whole local registry, {_PACKS} packs at {{url}}, with nodes = ["*"].',
    registry=_whole_registry,
    acts=(
        Act("First poll: one baseline for all packs."),
        Act(
            "A flag: a scanner finds something.",
            lambda c: c.set_status(NODE, "1.2.0", "flagged", _FINDINGS),
        ),
        Act(
            "A ban: a reviewer agrees.",
            lambda c: c.set_status(NODE, "1.2.0", "banned", _VERDICT),
        ),
        Act(
            "Releases: three packs have a new version. Of packs that nobody named only what is bad is an alert.",
            lambda catalog: [
                catalog.publish(f"node-{number}", "2.0.0") for number in range(3)
            ],
            has_alert=False,
        ),
        Act(
            "Two new packs: a harmless one, and one that is flagged from its first version.",
            _newcomers,
        ),
        Act(
            f"A burst: a new scanner flags {len(_BURST_NODES)} packs at once, in one message.",
            _burst,
        ),
        Act(
            "A deletion: an author deletes a version.",
            lambda c: c.set_status(NODE, "1.1.0", "deleted"),
        ),
        Act("Nothing happens: a quiet poll.", has_alert=False),
    ),
    moral="Each poll read the pages of all packs, asked about those that differ, and each alert arrived once.",
)
