"""A message is found again by its reference: alone, or merged with others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import channel, event, minute
from watcher.alerts.reference import events_of, key_of, reference_of
from watcher.model.channel import Channel, Grouping, grouped
from watcher.model.event import Event, Kind

_KINDS = (Kind.BANNED, Kind.NEW, Kind.PENDING)


def _history(*sizes: int) -> tuple[Event, ...]:
    """Return the events of several polls, so many of each."""
    return tuple(
        event(
            f"{poll}.{number}",
            _KINDS[(poll + number) % 3],
            node=f"n{number % 4}",
            at=minute(poll),
        )
        for poll, size in enumerate(sizes)
        for number in range(size)
    )


_CHANNELS = [
    channel("all", kinds=frozenset(Kind)),
    channel("some", kinds=frozenset({Kind.BANNED}), nodes=("n1", "n2")),
    channel("nodes", grouping=Grouping.NODE),
    channel("events", grouping=Grouping.EVENT, nodes=("n3",)),
]


def _messages(past: tuple[Event, ...], to: Channel) -> list[tuple[Event, ...]]:
    """Return the channel's messages that may be merged: of one pack, where it wants one for each."""
    polls = [
        tuple(one for one in past if one.at == at)
        for at in dict.fromkeys(one.at for one in past)
    ]
    messages = [message for poll in polls for message in grouped(to, poll)]
    if to.grouping is Grouping.NODE:
        return [
            message for message in messages if message[0].node == messages[-1][0].node
        ]
    return messages


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=12),
    st.sampled_from(_CHANNELS),
    st.tuples(st.integers(0, 11), st.integers(0, 11)),
)
def test_a_message_is_found(
    sizes: list[int], to: Channel, run: tuple[int, int]
) -> None:
    """Whatever the channel takes, and whichever polls in a row were merged."""
    past = _history(*sizes)
    messages = _messages(past, to)[min(run) : max(run) + 1]
    if to.grouping is Grouping.EVENT:
        messages = messages[:1]
    sent = tuple(one for message in messages for one in message)
    found = events_of(reference_of(sent), past, _CHANNELS)
    assert sorted(one.id for one in found) == sorted(one.id for one in sent)


def test_a_reference_needs_no_order() -> None:
    """A message that is merged worst first has the reference of its events in any order."""
    past = _history(3, 3)
    assert reference_of(past) == reference_of(past[::-1]) != reference_of(past[1:])


def test_what_is_not_found() -> None:
    """Nothing is said where an event is missing, or where today's channels take other events."""
    past = _history(9, 9, 9)
    only = channel("only", kinds=frozenset({Kind.BANNED, Kind.NEW}), nodes=("n1", "n2"))
    sent = tuple(
        one for one in past if one.node in only.nodes and one.kind in only.kinds
    )
    assert events_of(reference_of(sent), past, [only]) == sent
    assert events_of(reference_of(sent), past, []) == ()
    assert events_of(reference_of(past[:9]), past[1:], [only]) == ()


def test_a_large_history_is_searched_at_once() -> None:
    """Runs of polls are not tried one by one: thousands of polls take no thousands of times as long."""
    past = _history(*[3] * 3000)
    assert events_of(reference_of(past[300:6000]), past, []) == past[300:6000]
    assert events_of("00000001", past, []) == ()


def test_messages_with_one_reference_have_two_keys() -> None:
    """A reference has 32 bits, so two messages may share one; the key tells them apart, and needs no order either."""
    one, other = event("e10732"), event("e52101")
    assert reference_of([one]) == reference_of([other])
    assert key_of([one]) != key_of([other])
    assert key_of([one, other]) == key_of([other, one])
