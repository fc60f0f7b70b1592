"""Comfy Watch: tells you when a ComfyUI node pack has a new, deprecated, flagged or banned version."""

__version__ = "0.3.0"
