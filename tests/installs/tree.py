"""A ComfyUI folder as the programs leave it: packs of each kind, installed, switched, cloned and disabled by them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.installs.network import GitHub, Network, Published, project
from tests.installs.tools import Tools

_GITHUB = "https://github.com"
_STAND_IN = Path(__file__).parent / "stand_in"
_LISTING = "881334633_nodes.json"
"""The Manager's own name for its copy of the listing: a hash of the address."""

_REPOSITORIES = {
    "alpha": "ann/ComfyUI-Alpha",
    "bravo": "ann/ComfyUI-Bravo",
    "charlie": "ann/ComfyUI-Charlie",
    "Delta-Pack": "ann/ComfyUI-Delta",
    "echo": "ann/ComfyUI-Echo",
    "foxtrot": "ann/ComfyUI-Foxtrot",
    "golf": "ann/ComfyUI-Golf",
    "hotel": "ann/ComfyUI-Hotel",
    "papa": "ann/ComfyUI-Papa",
    "comfyui-manager": "ltdrdata/ComfyUI-Manager",
}
_VERSIONS = {
    "alpha": ("1.0.0", "1.2.0"),
    "bravo": ("2.5",),
    "charlie": ("1.0.0",),
    "Delta-Pack": ("0.3.1",),
    "echo": ("2.0.0-alpha.21",),
    "foxtrot": ("4.0.0",),
    "golf": ("1.4.0",),
    "hotel": ("3.0.0",),
    "papa": ("1.0.0",),
    "comfyui-manager": ("3.41",),
}
_PACKS = tuple(
    Published(id=id_, versions=versions, repository=f"{_GITHUB}/{_REPOSITORIES[id_]}")
    for id_, versions in _VERSIONS.items()
)
"""What the registry has when the packs are installed."""
_GONE = "foxtrot"
"""What it has no more when they are listed."""
_UNREGISTERED = (
    "bob/ComfyUI-India",
    "bob/ComfyUI-Juliet",
    "bob/ComfyUI-Kilo",
    "bob/ComfyUI-Lima",
    "bob/ComfyUI-Mike",
    "bob/ComfyUI-Sierra",
    "bob/ComfyUI-Tango",
)
_FORK = "mallory/ComfyUI-Alpha-Fork"
_MANAGER = "Comfy-Org/ComfyUI-Manager"
"""Where the Manager's own repository has moved; the registry has the address from before."""


def build(tools: Tools, github: GitHub) -> None:
    """Build the folder. What the programs cannot do by themselves is done as people do it, with git and by hand."""
    _prepare(tools, github)
    _list(tools.root, _PACKS)
    nodes = tools.root / "custom_nodes"

    first = (
        "alpha@1.0.0",
        "bravo@2.5",
        "charlie@1.0.0",
        "Delta-Pack@0.3.1",
        "echo@2.0.0-alpha.21",
        "foxtrot@4.0.0",
    )
    tools.cm_cli("install", "--no-deps", "--exit-on-fail", *first, "papa@1.0.0")
    tools.comfy("node", "registry-install", "golf")
    tools.cm_cli(
        "install", "--no-deps", "--exit-on-fail",
        "alpha@1.2.0",  # a switch
        "hotel@nightly",
        "papa@nightly",  # the Manager keeps the registry's 1.0.0, disabled
        *(f"{_GITHUB}/{name}" for name in ("bob/ComfyUI-India", "bob/ComfyUI-Juliet")),
    )  # fmt: skip
    tools.cm_cli("disable", "charlie", "ComfyUI-Juliet@unknown")

    for name in (
        "bob/ComfyUI-Kilo",
        "bob/ComfyUI-Lima",
        "bob/ComfyUI-Mike",
        _FORK,
        _MANAGER,
    ):
        tools.run("git", "clone", "--quiet", f"{_GITHUB}/{name}.git", cwd=nodes)
    tools.run("git", "pack-refs", "--all", cwd=nodes / "ComfyUI-Kilo")
    tools.run("git", "checkout", "--quiet", "--detach", cwd=nodes / "ComfyUI-Lima")
    (nodes / "ComfyUI-Mike").rename(nodes / "ComfyUI-Mike.disabled")
    tools.run(
        "git", "clone", "--quiet", f"{_GITHUB}/bob/ComfyUI-Sierra", cwd=tools.home
    )
    (nodes / "ComfyUI-Sierra").symlink_to(tools.home / "ComfyUI-Sierra")
    separate = f"--separate-git-dir={tools.home / 'tango.git'}"
    tools.run(
        "git", "clone", "--quiet", separate, f"{_GITHUB}/bob/ComfyUI-Tango", cwd=nodes
    )

    for name in ("november.py", "oscar.py.disabled", "websocket_image_save.py"):
        (nodes / name).write_text("NODE_CLASS_MAPPINGS = {}\n", "utf-8")
    (nodes / "romeo").mkdir()
    (nodes / "romeo" / "__init__.py").write_text("NODE_CLASS_MAPPINGS = {}\n", "utf-8")
    _list(tools.root, tuple(pack for pack in _PACKS if pack.id != _GONE))


def network() -> Network:
    """Return the network from which the folder is built."""
    return Network(_PACKS)


def _prepare(tools: Tools, github: GitHub) -> None:
    shutil.copytree(_STAND_IN, tools.root, ignore=shutil.ignore_patterns("__pycache__"))
    (tools.root / "custom_nodes").mkdir()
    manager = tools.root / "user" / "__manager"
    (manager / "cache").mkdir(parents=True)
    (manager / "config.ini").write_text(
        "[default]\nnetwork_mode = offline\nuse_uv = false\n", "utf-8"
    )
    tools.home.mkdir()
    (tools.home / ".gitconfig").write_text(github.configuration, "utf-8")
    for id_, name in _REPOSITORIES.items():
        github.create(
            name,
            {"pyproject.toml": project(id_, _VERSIONS[id_][-1], f"{_GITHUB}/{name}")},
        )
    for name in _UNREGISTERED:
        github.create(name, {"__init__.py": ""})
    github.create(
        _FORK,
        {
            "pyproject.toml": project(
                "alpha", "1.0.0", f"{_GITHUB}/{_REPOSITORIES['alpha']}"
            )
        },
    )
    github.create(
        _MANAGER,
        {"pyproject.toml": project("comfyui-manager", "3.41", f"{_GITHUB}/{_MANAGER}")},
    )


def _list(root: Path, packs: tuple[Published, ...]) -> None:
    """Write the Manager's copy of the listing, as its daily download would."""
    listing = json.dumps({"nodes": [pack.listed for pack in packs]})
    (root / "user" / "__manager" / "cache" / _LISTING).write_text(listing, "utf-8")
