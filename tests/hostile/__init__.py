"""Hostile text: what anybody may write, and parsers that find what came of it in each output."""
