"""ComfyUI's interface for packs: only its name, by which tools know a ComfyUI."""
