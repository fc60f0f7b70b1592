"""Sending: what is due, to every channel at once, each on its own."""
