"""A message is delivered if its service says so, and what else a service says is understood."""

from __future__ import annotations

import pytest

from tests.proxied.answers import ELSEWHERE, believed, misread, rounds
from tests.proxied.peer import LOGIN_PAGE
from tests.proxied.post_office import PostOffice

pytestmark = pytest.mark.bounded


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=pytest.mark.bounded if number else ())
        for number in range(len(rounds()))
    ],
)
def test_a_refusal_is_understood(office: PostOffice, number: int) -> None:
    """What a service refuses is not delivered; the reason names the status or the service's word, never the URL; the
    cause and the wait follow from the answer.
    """
    assert misread(office, rounds()[number]) == []


def test_a_page_is_no_acknowledgement(office: PostOffice) -> None:
    """A page of HTML with 200, as a portal or a proxy sends it, is no word of a service that answers in JSON."""
    assert believed(office, LOGIN_PAGE) == []


@pytest.mark.bounded
def test_a_redirect_is_no_acknowledgement(office: PostOffice) -> None:
    """A message that a service answers with another address is not delivered, and nothing goes there."""
    assert believed(office, ELSEWHERE) == []
