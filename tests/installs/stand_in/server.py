"""ComfyUI's server, as far as the Manager adds routes to it."""

from __future__ import annotations

from aiohttp import web


class PromptServer:
    """Holds the routes that extensions add while they are imported."""

    instance: PromptServer

    def __init__(self) -> None:
        self.routes = web.RouteTableDef()

    def send_sync(self, event: str, data: object, sid: str | None = None) -> None:
        """Send nothing: no page is open."""


PromptServer.instance = PromptServer()
