"""What services answer, and whether the program makes the right thing of it."""

from __future__ import annotations

import re
from itertools import zip_longest

from tests.proxied.peer import LOGIN_PAGE, Peer, Refusal, Reply
from tests.proxied.post_office import PostOffice
from tests.proxied.scenes import ban
from tests.proxied.services.table import PEERS
from watcher.delivery.outcome import Delivered, Outcome

ELSEWHERE = Reply(status=302, headers={"Location": "https://login.example/"})


def rounds() -> list[dict[str, str]]:
    """Return the refusals of all services by name, in as few rounds as one service has refusals."""
    lists = [[(peer.name, word) for word in peer.refusals] for peer in PEERS.values()]
    return [dict(filter(None, together)) for together in zip_longest(*lists)]


def misread(office: PostOffice, words: dict[str, str]) -> list[str]:
    """Have each of these services refuse a message in its way, and return what was made of it that is not so."""
    refusals = {name: PEERS[name].refusals[word] for name, word in words.items()}
    outcomes = office.refused(
        {name: refusal.reply for name, refusal in refusals.items()}, (ban(),)
    )
    wrong = {
        name: _wrong(PEERS[name], refusals[name], outcome)
        for name, outcome in outcomes.items()
    }
    return [f"{name}, {words[name]}: {why}" for name, why in wrong.items() if why]


def believed(office: PostOffice, reply: Reply) -> list[str]:
    """Have services give an answer that is not theirs, and return which one's message was then called delivered.

    A page is no answer of a service that answers in JSON; others say all with the status.
    """
    names = [
        name
        for name, peer in PEERS.items()
        if reply is not LOGIN_PAGE or peer.speaks_json
    ]
    outcomes = office.refused(dict.fromkeys(names, reply), (ban(),))
    return [
        name for name, outcome in outcomes.items() if outcome == Delivered()
    ] + office.proxy.strays


def _wrong(peer: Peer, refusal: Refusal, outcome: Outcome) -> str:
    if isinstance(outcome, Delivered):
        return "delivered"
    if not re.search(refusal.said, outcome.reason) or not outcome.reason:
        return f"{outcome.reason!r} does not name {refusal.said!r}"
    understood = str(outcome.cause), outcome.retry_after, outcome.unanswered
    if understood != (refusal.cause, refusal.retry_after, False):
        return f"{understood} is not {refusal.cause}, {refusal.retry_after}, False"
    secrets = re.findall(r"[A-Za-z0-9_-]{12,}", peer.url)
    is_leaking = peer.host in outcome.reason or any(
        secret in outcome.reason for secret in secrets
    )
    return f"{outcome.reason!r} has a part of the URL" if is_leaking else ""
