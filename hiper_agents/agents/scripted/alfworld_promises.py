"""What the ALFWorld expert expects before it has looked: counts over what training games show, see `count_promises`."""

from functools import cache
from importlib.resources import files

import msgspec

PRIOR_PIECES = 3.0
"""Pieces of each kind of furniture that are taken to have been looked into before anything was counted."""
UNLIKELY = 0.01
"""In how many of them a thing is taken to have lain."""


class Promises(msgspec.Struct, frozen=True):
    """The data file.

    Attributes:
        closed: The types of furniture most of which are closed when a game begins.
        holding: Thing -> furniture -> (pieces with such a thing, all pieces in games that have one).
    """

    closed: frozenset[str]
    holding: dict[str, dict[str, tuple[int, int]]]


@cache
def _load() -> "Promises":
    content = (files("hiper_agents.agents.scripted") / "data" / "promises.json").read_bytes()
    return msgspec.json.decode(content, type=Promises)


def is_closed_at_first(kind: str) -> bool:
    """Return whether a kind of furniture has doors that are closed when a game begins."""
    return kind in _load().closed


def promise_of(kind: str, thing: str) -> float:
    """Return how often a piece of furniture of a kind holds such a thing in games that have one.

    Args:
        kind: Type of the furniture ("drawer").
        thing: Type of the thing ("spoon"); one never seen is expected nowhere in particular.
    """
    found, seen = _load().holding.get(thing, {}).get(kind, (0, 0))
    return (found + PRIOR_PIECES * UNLIKELY) / (seen + PRIOR_PIECES)
