"""What `audit` prints on a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import pytest

from tests.support.factories import HARMLESS, version
from watcher.cli.commands.audit import lines
from watcher.model.event import Grade, grade_of
from watcher.model.finding import Finding
from watcher.model.pack import Inventory, Pack, PackKind
from watcher.model.reading import ReadFailure
from watcher.model.scan import Scan
from watcher.model.version import SafeVersion
from watcher.polling.audit import Audit
from watcher.text.sanitize import Trusted


def finding(
    name: str, verdict: Grade, *, safe: str | None = "1.1.0", **fields: Any
) -> Finding:
    """Make a finding about a pack with this name."""
    pack = Pack(folder=name, kind=PackKind.REGISTRY, id=name, version="1.0.0")
    given: dict[str, Any] = {"install": "here", "detail": fields.pop("reason", "")}
    known = None if safe == "" else SafeVersion(safe)
    return Finding(
        pack=pack,
        grade=verdict,
        id=name,
        node=name,
        safe_version=known,
        **given | fields,
    )


def shown(*findings: Finding, width: int | None = 60, **fields: Any) -> list[str]:
    """Return the lines without their colours."""
    named = dict.fromkeys((one.install, one.named) for one in findings)
    places = [Inventory(install=place, named=is_named) for place, is_named in named]
    given: dict[str, Any] = {
        "inventories": places,
        "findings": findings,
        "problems": (),
        **fields,
    }
    return [click.unstyle(line) for line in lines(Audit(**given), 0, width)]


def test_a_reason_has_a_line_of_its_own() -> None:
    """On a terminal it is below its row, so that the rows can be read at a glance; in a pipe a row is one line."""
    findings = (
        finding("evil", Grade.BANNED, reason="Adware"),
        finding("fine", Grade.OK),
    )
    assert shown(*findings) == [
        "PACK  VERSION  VERDICT  WHAT TO DO",
        "evil  1.0.0    banned   stop ComfyUI, remove it, read why",
        "    not banned: 1.1.0; reason: Adware",
        "",
        "2 packs (0.0 s): 1 banned, 1 ok",
    ]
    assert [" ".join(line.split()) for line in shown(*findings, width=None)[:3]] == [
        "PACK VERSION VERDICT WHAT TO DO WHY",
        "evil 1.0.0 banned stop ComfyUI, remove it, read why not banned: 1.1.0; reason: Adware",
        "fine 1.0.0 ok - -",
    ]


@pytest.mark.parametrize(
    ("scan", "reason", "shown_as"),
    [
        (
            replace(HARMLESS, is_known=False),
            "1 finding",
            "nobody has reviewed it; informational findings: net, in x.py:1",
        ),
        (
            HARMLESS,
            "1 finding",
            "the only finding is informational, and earlier versions had it too",
        ),
        (
            replace(HARMLESS, is_whole=False),
            "at least 1 finding",
            "nobody has reviewed it; reason: at least 1 finding",
        ),
        (None, "By hand", "nobody has reviewed it; reason: By hand"),
        (None, Trusted("Not read"), "nobody has reviewed it; Not read"),
        (None, "", "nobody has reviewed it; the registry gives no reason"),
    ],
)
def test_why_a_version_is_flagged(
    scan: Scan | None, reason: str, shown_as: str
) -> None:
    """In words if all that was found is known, ours not as a reason; a clone says first by what it is judged."""
    grade = grade_of("flagged", scan=scan)
    one = finding("odd", grade, reason=reason, scan=scan)
    unlisted = shown(one, width=None)[1]
    assert "gives no reason" not in unlisted
    one = replace(one, row=version("1.0.0", "flagged"))
    row = shown(one, width=None)[1]
    assert row.replace("\u2024", ".").endswith(f"  {shown_as}")
    assert ("flagged (info)" in row) is (scan is HARMLESS)
    clone = replace(one, by="a clone whose file says 1.0.0")
    text = shown(clone, width=None)[1].replace("\u2024", ".")
    assert text.endswith(f"  a clone whose file says 1.0.0; {shown_as}")


def test_a_reason_that_several_packs_have_is_not_repeated() -> None:
    """On a terminal it is below the first of them; another reason is said again, and so are all in a pipe."""
    down = "it could not be checked: cannot reach it: refused"
    packs = [finding(name, Grade.UNKNOWN, safe="", why=down) for name in ("one", "two")]
    own = finding("own", Grade.UNKNOWN, safe="", why="it has no id")
    assert [line.split()[0] for line in shown(*packs, own)[:6]] == [
        *("PACK", "one", "it", "two", "own", "it"),
    ]
    assert down in shown(*packs, own, width=None)[2]


def test_a_column_says_where_a_pack_is() -> None:
    """It is there if there are several installs, and for what files name, with its line."""
    bad = finding("evil", Grade.BANNED, install="studio")
    fine = finding("fine", Grade.OK, install="laptop")
    head, row, *_ = shown(bad, fine, width=80)
    assert (head.split()[0], row.split()[0]) == ("WHERE", "studio")
    named = replace(bad, install="Dockerfile", named=True)
    named = replace(named, pack=replace(named.pack, line=7))
    assert shown(named, width=80)[1].split()[0] == "Dockerfile:7"
    assert shown(bad, width=80)[0].startswith("PACK")


def test_many_packs_are_counted() -> None:
    """A terminal gets the first ones that are not fine, a pipe gets all."""
    bad = [finding(f"bad-{number:02}", Grade.UNKNOWN) for number in range(60)]
    fine = [finding(f"fine-{number:02}", Grade.OK) for number in range(60)]
    found = shown(*bad, *fine)
    assert [line.split()[0] for line in found[1:51]] == [
        f"bad-{number:02}" for number in range(50)
    ]
    assert found[51] == "and 10 more packs; --json has all"
    assert "60 ok" in " ".join(found[52:])
    assert len(shown(*bad, *fine, width=None)) == 123


def test_the_summary_says_what_is_missing() -> None:
    """Installs and packs that could not be read are counted, also where nothing else is shown."""
    gone = ReadFailure(error="gone")
    places = [
        Inventory(install=name, failure=gone, places=frozenset())
        for name in ("here", "there")
    ]
    one = finding("pack", Grade.UNKNOWN, gaps=(gone,))
    assert " ".join(shown(one, inventories=places)[-2:]).endswith(
        "; 2 installs could not be read in full; 1 pack could not be checked in full"
    )


def test_evidence_is_no_link() -> None:
    """A file's name in it stays as it is: these are the program's words. In the registry's a dot is made inert."""
    evidence = "no .git and no pyproject.toml"
    pack = Pack(folder="folder", kind=PackKind.UNKNOWN, evidence=evidence)
    ours = Finding(install="here", pack=pack, grade=Grade.UNKNOWN, why=evidence)
    text = "\n".join(
        shown(ours, finding("evil", Grade.BANNED, reason="see evil.toml"), width=None)
    )
    assert evidence in text
    assert "evil.toml" not in text
