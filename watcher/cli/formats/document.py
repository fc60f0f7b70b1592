"""The JSON document of `audit`. Pure."""

from __future__ import annotations

from pathlib import Path

from watcher.changes.transitions import node_url
from watcher.cli.documents import AcceptedForm, AuditDocument, PackForm
from watcher.cli.formats.sarif import Run
from watcher.cli.formats.words import within
from watcher.cli.report import error_form
from watcher.model.finding import Acceptance, Finding
from watcher.polling.audit import Audit


def document(done: Audit, run: Run) -> AuditDocument:
    """Return what `audit --json` prints (docs/audit.md): every pack; paths are relative to the working folder."""
    return AuditDocument(
        started=run.started,
        finished=run.finished,
        packs=tuple(_form(one, run.folder) for one in done.findings),
        errors=tuple(map(error_form, done.problems)),
    )


def _form(finding: Finding, folder: Path) -> PackForm:
    pack, listed, advised = finding.pack, finding.listed, finding.safe_version
    return PackForm(
        install=finding.install,
        id=finding.id or pack.id,
        kind=pack.kind,
        version=pack.version,
        enabled=pack.enabled,
        folder=pack.folder,
        verdict=finding.verdict,
        severity=finding.grade.severity,
        status=listed.status if listed else None,
        deprecated=listed.deprecated if listed else None,
        reason=finding.reason,
        safe_version=advised.version if advised else "",
        accepted=_accepted(finding.acceptance),
        file=within(pack.file, folder) if pack.file else None,
        line=pack.line,
        url=node_url(finding.node) if finding.node else None,
    )


def _accepted(one: Acceptance | None) -> AcceptedForm | None:
    """Return how a finding is accepted; None if nothing accepts it."""
    if one is None:
        return None
    until = one.until.isoformat() if one.until else None
    return AcceptedForm(reason=one.reason or None, until=until)
