"""torch's library of pictures, which every ComfyUI has: the Manager downloads archives with a function of it."""
