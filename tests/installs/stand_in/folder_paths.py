"""Where a ComfyUI keeps what: the part of its module of this name that the Manager asks for."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parent
base_path = str(_ROOT)
models_dir = str(_ROOT / "models")
folder_names_and_paths: dict[str, tuple[list[str], set[str]]] = {
    "custom_nodes": ([str(_ROOT / "custom_nodes")], set())
}


def get_folder_paths(name: str) -> list[str]:
    """Return the folders of a kind."""
    return list(folder_names_and_paths[name][0])


def get_user_directory() -> str:
    """Return the folder of what users keep."""
    return str(_ROOT / "user")


def get_system_user_directory(name: str) -> str:
    """Return the folder that an extension of ComfyUI has for itself."""
    return str(_ROOT / "user" / f"__{name}")
