"""What the registry's scanner found in a version, as values: why it was flagged."""

from __future__ import annotations

from dataclasses import replace

from watcher.values import frozen

MOST_KEPT = 100
"""Findings of a version that the snapshot keeps."""

MOST_IN_EVENT = 20
"""Findings that an event has."""

INFO = "info"
"""The only severity that is harmless; also without any a finding is not."""

_FROM_WORST = (
    *("critical", "error", "high", "medium", "warning", "moderate", "low"),
    "",
    INFO,
)
_RANKS = {name: rank for rank, name in enumerate(_FROM_WORST)}
# A word that is not known counts as a warning.
_UNKNOWN_RANK = 4.5


@frozen
class ScanFinding:
    """One thing that the scanner found. Every text is untrusted."""

    rule: str
    """The scanner's name of what it looks for; "" if it says none."""
    severity: str
    """How bad the scanner calls it, in lower case; "" if it does not say."""
    file: str
    """Where it is in the archive; "" if it does not say."""
    line: int | None
    """The line there."""

    @property
    def is_harmless(self) -> bool:
        """Whether the scanner calls it informational, and says what and where it is."""
        return self.severity == INFO and bool(self.rule and self.file)


@frozen
class Scan:
    """What the scanner found in one version."""

    items: tuple[ScanFinding, ...]
    """Each rule and file once, the worst first. Of many only the first are kept."""
    count: int
    """How many findings there are, those that are left out included."""
    is_whole: bool = False
    """The reason consists of findings, and all of them were read."""
    is_known: bool = False
    """Each rule and file was in the findings of an earlier version of the pack."""

    @property
    def places(self) -> set[tuple[str, str]]:
        """The rules and files of its findings."""
        return {(one.rule, one.file) for one in self.items}

    @property
    def is_informational(self) -> bool:
        """Whether every finding is informational.

        What is left out of `items` is no worse than the last of them, so that these are enough.
        """
        are_calm = all(finding.is_harmless for finding in self.items)
        return self.is_whole and bool(self.items) and are_calm

    @property
    def is_harmless(self) -> bool:
        """Whether every finding is informational, and known from an earlier version."""
        return self.is_known and self.is_informational


def severity_rank(severity: str) -> float:
    """Return a key that sorts severities worst first: none at all is worse than `info`."""
    return _RANKS.get(severity, _UNKNOWN_RANK)


def badness(finding: ScanFinding) -> float:
    """Return a key that sorts findings worst first. What is harmless comes last."""
    is_vague = finding.severity == INFO and not finding.is_harmless
    return severity_rank("" if is_vague else finding.severity)


def shortened(scan: Scan, most: int) -> Scan:
    """Return the scan with at most so many of its findings."""
    return scan if len(scan.items) <= most else replace(scan, items=scan.items[:most])
