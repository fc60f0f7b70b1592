"""The one table: service → URL, what it takes, what it answers."""

from __future__ import annotations

from tests.proxied.peer import Peer
from tests.proxied.services.chat import CHAT
from tests.proxied.services.posts import POSTS
from tests.proxied.services.push import PUSH
from tests.proxied.services.rooms import ROOMS
from tests.proxied.services.telegram import TELEGRAM

PEERS: dict[str, Peer] = {
    peer.name: peer for peer in (*CHAT, *TELEGRAM, *ROOMS, *PUSH, *POSTS)
}
