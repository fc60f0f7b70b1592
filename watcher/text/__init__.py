"""Untrusted text made safe to show, and secrets masked. Pure."""
