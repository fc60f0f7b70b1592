"""Lives of ComfyUIs at random: packs that are installed, disabled and removed, volumes that come and go, crashes.

`InstallsMachine` is `PairedMachine` with all that hangs on what is run in every life, and few versions of few packs in
a registry that always answers, so that what is run is bad more often. `python -m tests.chaos.installed_lives` lives
many lives and prints its figures as one JSON line.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.chaos.lives import run
from tests.chaos.paired_lives import PairedMachine, installs, packs
from tests.chaos.paired_model import How
from tests.chaos.swept_lives import FIRST, ROCK, VERSIONS

_OF_OTHERS = (
    *("ban", "break_all", "break_packs", "break_pages", "choose"),
    *("move_others", "refuse", "replace_archive", "serve_records_or_not", "settle"),
    *("shift", "take_away", "unsettle", "vanish_or_return"),
)
"""The rules that are tried in the lives of pairs alone."""

versions = st.sampled_from((ROCK, VERSIONS[0]))
statuses = st.sampled_from(("active", "flagged", "banned"))


class InstallsMachine(PairedMachine):
    """Three ComfyUIs, and what may happen to them."""

    a_few = 0

    @initialize(
        before=st.booleans(),
        watch=st.sampled_from([(FIRST, ()), ((), ("*",)), (("Alpha",), ("[bg]*",))]),
        status=statuses,
        there=st.lists(
            st.tuples(installs, versions, st.sampled_from([How.REGISTRY, How.GIT])),
            max_size=3,
        ),
    )
    def begin(
        self,
        before: bool,
        watch: tuple[tuple[str, ...], tuple[str, ...]],
        status: str,
        there: list[tuple[str, str, How]],
    ) -> None:
        """The watcher may have been there before the first pack. It may sweep the registry, or ask for each pack."""
        features = {"acceptances", "crashes"}
        PairedMachine.begin(self, 1, watch, features, [], set(), set())
        self.channels = []
        if before:
            self.poll(0)
        self.publish_or_move("alpha", ROCK, status)
        for install, version, how in there:
            self.put(install, "alpha", version, how)
        self.poll(0)

    @rule(pack=packs, version=versions, status=statuses)
    def publish_or_move(
        self, pack: str, version: str, status: str, days: int = 0
    ) -> None:
        """A version of a pack appears, or goes to another status."""
        super().publish_or_move(pack, version, status, days)

    @rule(pack=packs, version=versions, on=st.booleans())
    def deprecate(self, pack: str, version: str, on: bool) -> None:
        """A version's deprecation is set."""
        super().deprecate(pack, version, on)

    def close_books(self) -> None:
        """Poll once more."""
        self.poll(0)


for _name in _OF_OTHERS:
    setattr(InstallsMachine, _name, None)


if __name__ == "__main__":
    run(InstallsMachine, 600, 30)  # an exposure comes in about one of three
