"""Serves the routes of the Manager as ComfyUI does, on a free port of loopback, and prints its number."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import comfyui_manager
from aiohttp import web
from server import PromptServer


async def _serve() -> None:
    application = web.Application(middlewares=[comfyui_manager.create_middleware()])
    application.add_routes(PromptServer.instance.routes)
    runner = web.AppRunner(application)
    await runner.setup()
    ours = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, ours).start()
    print(f"serving on {ours.getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    os.environ["COMFYUI_PATH"] = str(Path(__file__).resolve().parent)
    comfyui_manager.start()
    asyncio.run(_serve())
