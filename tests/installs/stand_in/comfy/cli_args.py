"""The command line of ComfyUI, with what the Manager reads of it."""

from __future__ import annotations

import argparse

_parser = argparse.ArgumentParser()
_parser.add_argument("--listen", default="127.0.0.1")
_parser.add_argument("--port", type=int, default=0)
_parser.add_argument("--enable-manager", action="store_true")
_parser.add_argument("--enable-manager-legacy-ui", action="store_true")
_parser.add_argument("--front-end-version", default="")
_parser.add_argument("--front-end-root")

args, _ = _parser.parse_known_args()
