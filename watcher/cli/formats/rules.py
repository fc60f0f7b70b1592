"""The rules of `audit --format sarif`: what each verdict means, and what to do about it, for a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from watcher.model.pack import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a verdict is explained. The texts are the program's own."""

    meaning: str
    remedy: str


RULES: dict[Verdict, Rule] = {
    Verdict.BANNED: Rule(
        meaning="Somebody has rejected this version of the node pack, or the whole pack, for the Comfy Registry.",
        remedy="Stop ComfyUI and remove it. If the reason speaks of malware, or there is none, change the passwords and"
        " keys that this machine held.",
    ),
    Verdict.FLAGGED: Rule(
        meaning="The registry's scanner has found something in this version that nobody has reviewed yet. Most harmless"
        " packs have a finding.",
        remedy="Read what was found. If you cannot judge it, install the version that the message names. A note says"
        " that all findings are informational and not new to the pack: then there is nothing to do.",
    ),
    Verdict.DELETED: Rule(
        meaning="This version, or the whole pack, is deleted in the Comfy Registry.",
        remedy="Install the version that the message names, or disable or remove the pack if there is none.",
    ),
    Verdict.DELISTED: Rule(
        meaning="The ComfyUI-Manager installed this pack from the Comfy Registry, which no longer lists this version,"
        " or the whole pack.",
        remedy="Install the version that the message names, or disable or remove the pack if there is none.",
    ),
    Verdict.PENDING: Rule(
        meaning="This version is uploaded, and no scan has judged it yet.",
        remedy="Wait for the scan, or use the version that the message names until then.",
    ),
    Verdict.DEPRECATED: Rule(
        meaning="The publisher advises against this version.",
        remedy="Install the version that the message names.",
    ),
    Verdict.UNKNOWN: Rule(
        meaning="The registry does not say anything that counts for this copy. It may come from elsewhere, or the"
        " registry did not answer. The message says why.",
        remedy="Make sure that you know where the pack comes from and that you trust it.",
    ),
    Verdict.OUTDATED: Rule(
        meaning="A newer version is active, not deprecated and old enough to be advised.",
        remedy="Install the version that the message names when it suits you.",
    ),
}
"""By verdict, worst first. A pack that is ok breaks none."""
