"""Sending: what is due, to four channels at once, each on its own."""
