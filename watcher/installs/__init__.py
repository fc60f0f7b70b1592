"""Installed packs: what a ComfyUI has, read from its folder, from its Manager over HTTP, or from a snapshot."""
