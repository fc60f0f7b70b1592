"""A package of ComfyUI."""
