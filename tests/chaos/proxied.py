"""Every message to every service behind the proxy, and every answer of each: what is valid, inert and understood.

`python -m tests.chaos.proxied` does all of it and prints its figures as one JSON line; what should be zero and is not
is on stderr.
"""

from __future__ import annotations

import tests.support.offline.sitecustomize  # noqa: F401 - keeps this process on loopback
from tests.chaos.figures import Result, counting
from tests.proxied.answers import ELSEWHERE, believed, misread, rounds
from tests.proxied.incidents import SERVICES, confused
from tests.proxied.peer import LOGIN_PAGE
from tests.proxied.post_office import PostOffice, post_office
from tests.proxied.scenes import SCENES, hostile
from tests.proxied.services.table import PEERS
from tests.support import factories
from watcher.model.event import Kind

_INVENTED = 100
_MESSAGES, _ANSWERS, _INCIDENTS = (
    "bad messages",
    "misread answers",
    "confused incidents",
)


def everything(office: PostOffice) -> Result:
    """Deliver everything to everybody, and have everybody answer in every way."""
    result = counting(_MESSAGES, _ANSWERS, _INCIDENTS)
    for events in (
        *(scene() for scene in SCENES.values()),
        *map(hostile, range(1, _INVENTED)),
    ):
        _count(result, _MESSAGES, office.wrong(PEERS.values(), events))
        result.add("messages", len(PEERS))
    for words in rounds():
        _count(result, _ANSWERS, misread(office, words))
        result.add("answers", len(words))
    for reply in (LOGIN_PAGE, ELSEWHERE):
        _count(result, _ANSWERS, believed(office, reply))
    for kind in Kind:
        version = (
            None if kind in (Kind.BASELINE, Kind.FAILING, Kind.RECOVERED) else "1.2.0"
        )
        event = factories.event("e", kind, node="comfyui-night-lights", version=version)
        _count(result, _INCIDENTS, office.wrong(SERVICES, (event,)))
        result.add("incidents", len(SERVICES))
    _count(result, _INCIDENTS, confused(office))
    return result


def _count(result: Result, promise: str, wrong: list[str]) -> None:
    for sentence in wrong:
        result.wrong(promise, sentence)


def main() -> None:
    """Do everything and print the figures."""
    with post_office(PEERS.values()) as office:
        everything(office).show()


if __name__ == "__main__":
    main()
