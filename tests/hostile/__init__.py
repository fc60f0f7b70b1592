"""Strangers' worst: what they may write, and parsers that tell what came of it in each output."""
