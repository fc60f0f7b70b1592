"""The rules of the registry's scanner in plain words. Pure.

The rules are text matches, and most of them match how a pack runs ffmpeg or finds a folder. So the words say what a
rule sees in a file, and not what an attacker could do with it. Each is a verb phrase that goes on from "this version".
"""

from __future__ import annotations

from collections.abc import Mapping

from watcher.model.scan import ScanFinding
from watcher.text.sanitize import Trusted, sanitize_line

RULES: Mapping[str, str] = {
    "contains_blacklisted_url": "links to a site where anybody can put files",
    "contains_btc_address": "contains a Bitcoin address",
    "contains_custom_url_dependency": "has a dependency from outside PyPI",
    "contains_malicious_url": "links to an address on a malware list",
    "contains_obfuscated_url": "contains an encoded link",
    "contains_rm_rf": "contains the command rm -rf",
    "downloads_and_executes": "downloads a file and runs it",
    "imports_cryptography_py": "uses a cryptography library",
    "prohibited-string": "contains a text that the registry prohibits",
    "python_bytecode_manipulation": "imports or compiles code at run time",
    "python_command_injection_risk": "starts other programs",
    "python_database_connections": "opens a database",
    "python_dynamic_execution": "runs code from a text",
    "python_environment_manipulation": "reads or sets environment variables",
    "python_minified_code": "contains minified code",
    "python_network_operations": "uses the network",
    "python_privilege_escalation": "contains a word such as sudo",
    "python_sensitive_file_access": "reads a file by its path",
    "python_url_command_execution": "contains a command line",
    "susp_svg_onload_onerror_jul23": "mentions SVG beside onload or onerror",
    "vendored_known": "bundles a file of another project",
    "vendored_unknown": "bundles a file of unknown origin",
    "windows_process_manipulation": "opens other processes on Windows",
}
"""By the rule's name in lower case."""

_SEVERITY = "info_"
"""What the scanner itself puts before the name of some rules."""
_READ, _LONGEST_FILE = 300, 50
"""Characters of a file's name that are read, and those that are shown."""


def in_words(rule: str) -> str:
    """Return what a rule sees, in plain words that are `Trusted`; a rule that is not known as it is written."""
    words = RULES.get(rule.lower().removeprefix(_SEVERITY))
    return Trusted(words) if words else rule


def place(finding: ScanFinding) -> str:
    """Return the file and the line of a finding, sanitized; of a long name the end. "" if it has none."""
    file = sanitize_line(finding.file, _READ)
    if len(file) > _LONGEST_FILE:
        file = "…" + file[1 - _LONGEST_FILE :]
    is_known = bool(file) and finding.line is not None
    return f"{file}:{finding.line}" if is_known else file
