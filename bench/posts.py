"""The floor of `bench.delivery`: the same number of messages from a bare requests session, one after the other.

Run as `python -m bench.posts URL COUNT BYTES`.
"""

from __future__ import annotations

import sys

import requests


def post_all(url: str, count: int, size: int) -> None:
    """Post so many bytes of JSON again and again."""
    with requests.Session() as session:
        for _ in range(count):
            session.post(
                url, json={"message": "x" * size}, timeout=30
            ).raise_for_status()


if __name__ == "__main__":
    post_all(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
