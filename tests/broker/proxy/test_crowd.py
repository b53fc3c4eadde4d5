"""How many may be connected at once, to a worker and from one address."""

from __future__ import annotations

import pytest

from broker.proxy.crowd import Crowd, Room


def test_whoever_comes_beyond_the_limit_is_told_and_a_tenth_more_later_not_even_that() -> None:
    crowd = Crowd(connections=10, per_address=None)
    rooms = [crowd.enter()[0] for _ in range(12)]
    assert rooms == [Room.FREE] * 10 + [Room.FULL, Room.NONE]


def test_a_connection_that_ended_makes_room() -> None:
    crowd = Crowd(connections=1, per_address=1)
    _, leave = crowd.enter()
    room, forget = crowd.recognise("192.0.2.1")
    assert room is Room.FREE
    assert crowd.recognise("192.0.2.1")[0] is Room.FULL
    leave()
    forget()
    assert crowd.present == 0
    assert crowd.enter()[0] is Room.FREE


def test_one_address_does_not_take_the_room_of_another() -> None:
    crowd = Crowd(connections=100, per_address=2)
    assert [crowd.recognise("192.0.2.1")[0] for _ in range(4)] == [Room.FREE, Room.FREE, Room.FULL, Room.NONE]
    assert crowd.recognise("192.0.2.2")[0] is Room.FREE


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_a_subscriber_of_ipv6_is_a_network_of_64_bits(one: str, other: str, *, same: bool) -> None:
    crowd = Crowd(connections=100, per_address=1)
    crowd.recognise(one)
    assert (crowd.recognise(other)[0] is Room.FULL) == same


def test_addresses_without_connections_are_forgotten() -> None:
    crowd = Crowd(connections=100, per_address=1)
    for number in range(50):
        _, forget = crowd.recognise(f"192.0.2.{number}")
        forget()
    assert not crowd._addresses
