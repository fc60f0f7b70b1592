"""What the Manager imports of ComfyUI's module of this name."""

from __future__ import annotations

NODE_CLASS_MAPPINGS: dict[str, type] = {}
EXTENSION_WEB_DIRS: dict[str, str] = {}
