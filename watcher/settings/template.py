"""The commented `comfy-watch.toml` that `init` writes: every setting, its default and what it means."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from watcher.errors import ConfigError
from watcher.settings import parsing

TEXT = """\
# Comfy Watch: settings.
#
# A line that begins with "#" right before a name is a setting at its default, or an example of one: take the "#" away
# and change it. `comfy-watch config` shows what is in effect and where it came from, and finds mistakes.
# Every setting can also come from the environment (COMFY_WATCH_INTERVAL=5m), or from a file named by the setting in a
# secrets folder (systemd's $CREDENTIALS_DIRECTORY, or /run/secrets).

# The node packs to watch, by id: the last part of the pack's address on registry.comfy.org, or the whole address.
# Default: none.
nodes = ["rgthree-comfy"]

# Which versions to look at: all five statuses, or fewer.
#statuses = ["active", "pending", "flagged", "banned", "deleted"]

# ---- Alerts -------------------------------------------------------------------------------------------------------

# Where alerts go, as apprise URLs. They are secrets: keep this file to yourself, or put them in the environment or a
# secrets folder. Each is a channel named by its scheme (discord, mailto; the second of a kind is discord-2), and gets
# every kind of event but "pending". `comfy-watch test-alerts` tries them all. Default: none; then `check` warns that
# alerts go nowhere, unless this says "none".
#alert_urls = ["discord://webhook_id/webhook_token", "mailto://user:password@example.com?to=you@example.com"]

# An alert that could not be delivered for so long is given up, with an error in the log.
#alert_expiry = "7d"

# What the first complete listing of a node does: "summary" (one alert that says what is watched and what is flagged,
# banned or deprecated today), "silent", or "full" (every version as an event).
#baseline = "summary"

# So many polls in a row must fail to read a node, or the registry, before a "failing" alert says so.
#failure_threshold = 3

# ---- Polling ------------------------------------------------------------------------------------------------------

# For `comfy-watch run`: the time from one poll to the next (90s, 15m, 1h, or seconds; at least 10s), and the share of
# it by which each wait is made shorter or longer at random.
#interval = "15m"
#jitter = 0.1

# Requests under way at once.
#concurrency = 16

# The longest that one whole request may take, its body included.
#timeout = "30s"

# How often a request is tried again after a network error, a 429 or a 5xx. A `Retry-After` of more than a minute ends
# the attempts of this poll.
#retries = 3

# The largest answer that is read, in MB after decompression; all pages of one node together may be no larger.
#max_response_mb = 32

# The registry to ask.
#registry_url = "https://api.comfy.org"

# ---- State and logs -----------------------------------------------------------------------------------------------

# What is known so far, and the alerts not yet delivered. A relative path starts at this file's folder. Under systemd
# the default is $STATE_DIRECTORY.
#state_dir = "state"

# "debug", "info", "warning" or "error".
#log_level = "info"

# "console", "json", or "auto": console on a terminal, JSON lines elsewhere. Logs go to stderr.
#log_format = "auto"

# ---- Channels with wishes of their own (these tables must stay at the end of the file) ------------------------------

# Like an entry of alert_urls, with a name of your choice and, if you like:
#   kinds     "all", or a list out of: banned, flagged, deleted, removed, failing, deprecated, changed, reinstated,
#             undeprecated, recovered, new, pending, baseline. Default: all of them but pending.
#   nodes     ids or patterns such as "comfyui-*". Default: every node.
#   grouping  "poll" (one message a poll, the default), "node" (one a node) or "event" (one an event).

#[[channels]]
#name = "security"
#url = "slack://token_a/token_b/token_c/channel"
#kinds = ["banned", "flagged", "failing"]
#nodes = ["comfyui-*", "rgthree-comfy"]
#grouping = "event"
"""


def write(path: Path) -> None:
    """Write `TEXT` to a new file that only its owner can read: it will hold secrets.

    Raises ConfigError if anything is at `path` already, which is then left as it is, or if nothing can be written, or
    if it is a URL.
    """
    try:
        parsing.path(str(path))
    except ValueError as refusal:
        raise ConfigError(str(refusal)) from None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path} exists already, and was left as it is", hint="move it away first") from None
    except FileNotFoundError:
        raise ConfigError(f"{path} cannot be written: its folder does not exist") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(TEXT)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
