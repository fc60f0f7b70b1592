"""A ComfyUI with or without its Manager on loopback: both HTTP APIs that list the installed packs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.support.fakes.webhook import Answer, Webhook

LISTS = {3: "/customnode/installed", 4: "/v2/customnode/installed"}
"""Where each generation of the Manager lists the packs."""

_JSON = {"Content-Type": "application/json; charset=utf-8"}


class FakeManager(Webhook):
    """Serves a list of packs as the Manager of a generation does; 0 is a ComfyUI without a Manager.

    `answer[path]` overrides. Every other path is not found.
    """

    def __init__(
        self, generation: int = 4, packs: Mapping[str, object] | None = None
    ) -> None:
        super().__init__()
        self.generation = generation
        self.packs = dict(packs or {})

    def answer_for(self, path: str) -> Answer:
        if path in self.answer:
            return super().answer_for(path)
        if path == LISTS.get(self.generation):
            return Answer(headers=_JSON, body=json.dumps(self.packs).encode())
        return Answer(status=404, body=b"404: Not Found")


def installed(
    pack: str, version: str, *, repository: str | None = None, enabled: bool = True
) -> dict[str, object]:
    """Return what the Manager says of one pack; a clone has a repository (`author/repo`), and a commit as version."""
    return {"ver": version, "cnr_id": pack, "aux_id": repository, "enabled": enabled}
