"""What the record of bans says at the end of every life of a pack, whatever happened to its versions and to polls."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import example, given
from hypothesis import strategies as st

from tests.properties.test_endings import KEY, Life, Step, steps
from tests.support.factories import minute
from tests.support.parameters import examples
from watcher.model.event import Event, Kind
from watcher.model.snapshot import Ban
from watcher.model.version import ACTIVE, BANNED, DELETED, FLAGGED, PENDING


@dataclass
class Seen:
    """What was seen of bans, by version text; "" for the pack: the judge of the record."""

    bans: dict[str, Ban] = field(default_factory=dict)

    def take(
        self, statuses: dict[str, str], events: tuple[Event, ...], now: str
    ) -> None:
        """Take the statuses that a poll showed, and its events."""
        said = {
            event.version or "": event for event in events if event.kind is Kind.BANNED
        }
        for text, status in statuses.items():
            known = self.bans.get(text)
            if status == BANNED:
                begun = Ban(since=now, changed=now)
                after = replace(known or begun, until="")
                if text in said and said[text].reason:
                    after = replace(after, reason=said[text].reason)
            elif status in {ACTIVE, PENDING, FLAGGED} and known and not known.until:
                after = replace(known, until=now)
            else:
                continue
            if after != known:
                self.bans[text] = replace(after, changed=now)


_MOVES = (
    *("nameless", BANNED, "nameless", DELETED, "gone", "", ""),
    *(ACTIVE, BANNED, FLAGGED),
)
_ONE = [(Step(moves={"1.0": move}, found={"1.0": "high"}), False) for move in _MOVES]


@examples(300)
@example(_ONE)
@given(
    st.lists(
        st.tuples(steps(), st.booleans()),
        max_size=20,
    )
)
def test_a_ban_lasts_until_something_good_is_seen(
    life: list[tuple[Step, bool]],
) -> None:
    """Each record says what was seen of its version: what is missing or deleted ends none, nor does a poll that died
    before it was saved begin one.
    """
    lived, seen = Life(), Seen()
    for step, dies in life:
        before = lived.state
        events = lived.poll(step)
        if dies:
            lived.state = before
            continue
        node = lived.state.snapshot.nodes.get(KEY)
        of_pack = BANNED if node and node.banned else ACTIVE
        listed = lived.listed if step.answer in {"whole", "cut"} else ()
        known = before.snapshot.nodes.get(KEY)
        if known and known.banned and of_pack == BANNED:
            listed = ()  # while the ban of a pack lasts, its rows say nothing
        shown = {one.version: one.status for one in listed} | {"": of_pack}
        seen.take(shown, events, minute(lived.number))
        bans = [("", node.ban)] if node and node.ban else []
        bans += [
            (one.row.version, one.ban)
            for one in (node.versions if node else ())
            if one.ban
        ]
        assert dict(bans) == seen.bans
        assert len(bans) == len(seen.bans)
