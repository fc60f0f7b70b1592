"""The formats in which `audit` prints what it found, each a pure function of that."""

FORMATS = ("table", "json", "sarif")
"""The words of `--format`, the default first."""
