"""The formats in which `audit` prints what it found, each a pure function of that."""

FORMATS = ("table", "json", "markdown", "sarif")
"""The words of `--format`, the default first."""
