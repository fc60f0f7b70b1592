"""The Comfy Registry over HTTP: requests, pages, listings."""
