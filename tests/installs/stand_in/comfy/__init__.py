"""ComfyUI's own package: a part of it."""
