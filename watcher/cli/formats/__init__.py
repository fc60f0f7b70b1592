"""The formats in which `audit` prints what it found, each a pure function of that."""

FORMATS = ("table", "json")
"""The words of `--format`, the default first."""
