"""Every message to every service behind the proxy: what each gets is valid and inert.

`python -m tests.chaos.proxied` does all of it and prints its figures as one JSON line; what should be zero and is not
is on stderr.
"""

from __future__ import annotations

import tests.support.offline.sitecustomize  # noqa: F401 - keeps this process on loopback
from tests.chaos.figures import Result, counting
from tests.proxied.post_office import PostOffice, post_office
from tests.proxied.scenes import SCENES, hostile
from tests.proxied.services.table import PEERS
from tests.support import factories
from watcher.model.event import Event, Kind

_INVENTED = 100
_MESSAGES = "bad messages"


def everything(office: PostOffice) -> Result:
    """Deliver everything to everybody."""
    result = counting(_MESSAGES)
    for events in (
        *SCENES.values(),
        *map(hostile, range(1, _INVENTED)),
        *((_event(kind),) for kind in Kind),
    ):
        for sentence in office.wrong(PEERS.values(), events):
            result.wrong(_MESSAGES, sentence)
        result.add("messages", len(PEERS))
    return result


def _event(kind: Kind) -> Event:
    is_of_node = kind in (Kind.BASELINE, Kind.FAILING, Kind.RECOVERED)
    version = None if is_of_node else "1.2.0"
    return factories.event("e", kind, node="comfyui-night-lights", version=version)


def main() -> None:
    """Do everything and print the figures."""
    with post_office(PEERS.values()) as office:
        everything(office).show()


if __name__ == "__main__":
    main()
