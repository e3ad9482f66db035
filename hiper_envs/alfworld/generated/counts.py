"""What has been counted of the real games, see `count_games`, and the smoothed shares read off it."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from hiper_envs.alfworld.generated.tables import STATIC_PLACES, load_types

FLOOR = "Floor"
"""Where things lie that lie in no furniture."""
PRIOR_THINGS = 2.0
"""Things of each kind, of furniture and of number, that are taken to have been seen before anything was counted."""
PRIOR_SHARE = 0.1
"""How often a thing lies in furniture that the type tables allow, as far as nothing has been counted."""
PRIOR_NUMBERS = 4.0
PRIOR_WANTED = 5.0
"""Wanted things in each kind of furniture that are taken to have been seen just as often as expected."""


@dataclass(frozen=True)
class Counts:
    """The data file; see `GameCounts` for its parts."""

    places: Mapping[str, Mapping[str, tuple[int, int]]]
    numbers: Mapping[str, Mapping[int, int]]
    targets: Mapping[int, Mapping[int, int]]
    wanted: Mapping[str, tuple[int, float]]
    inside_share: float
    tasks: Mapping[str, int]


def load_data() -> dict[str, Any]:
    """Return the data file as it is."""
    packed = (files("hiper_envs.alfworld.generated") / "data" / "counts.json.gz").read_bytes()
    data: dict[str, Any] = json.loads(gzip.decompress(packed))
    return data


@lru_cache(maxsize=1)
def load_counts() -> Counts:
    """Return the counts, read once."""
    data = load_data()
    num_inside, num_things = data["inside"]
    return Counts(
        places=data["places"],
        numbers={kind: _read_numbers(numbers) for kind, numbers in data["numbers"].items()},
        targets={int(needed): _read_numbers(numbers) for needed, numbers in data["targets"].items()},
        wanted=data["wanted"],
        inside_share=num_inside / num_things,
        tasks=data["tasks"],
    )


def _read_numbers(numbers: Mapping[str, int]) -> dict[int, int]:
    return {int(number): count for number, count in numbers.items()}


@cache
def place_share(kind: str, place: str) -> float:
    """Return how often a thing of a kind lies in a kind of furniture (or on the floor) where there is such.

    A count of n among N such things, and the type tables' word for as much as `PRIOR_THINGS` things.
    """
    found, seen = load_counts().places.get(kind, {}).get(place, (0, 0))
    return (found + PRIOR_THINGS * _guess_share(kind, place)) / (seen + PRIOR_THINGS)


@cache
def wanted_factor(place: str) -> float:
    """Return how much more often a wanted thing lies in a kind of furniture than others of its kind do.

    Whoever recorded the real tasks had to see the thing: few lie in drawers.
    """
    found, expected = load_counts().wanted.get(place, (0, 0.0))
    return (found + PRIOR_WANTED) / (expected + PRIOR_WANTED)


def _guess_share(kind: str, place: str) -> float:
    types = load_types()
    if kind in types.pickupable:
        return PRIOR_SHARE if kind in types.contents.get(place, ()) else 0.0
    places = STATIC_PLACES.get(kind, ())
    return float(not places) if place == FLOOR else PRIOR_SHARE * (place in places)


@cache
def number_shares(kind: str) -> Mapping[int, float]:
    """Return how often a game with things of this kind has one, two ... of them."""
    own = load_counts().numbers.get(kind, {})
    usual = _usual_numbers(kind in load_types().pickupable)
    total = sum(own.values()) + PRIOR_NUMBERS
    return {
        number: (own.get(number, 0) + PRIOR_NUMBERS * usual.get(number, 0.0)) / total
        for number in sorted({*own, *usual})
    }


@cache
def _usual_numbers(is_pickupable: bool) -> Mapping[int, float]:
    """Return the numbers over all kinds that can be picked up; one of each other kind."""
    if not is_pickupable:
        return {1: 1.0}
    pickupable = load_types().pickupable
    totals: dict[int, int] = {}
    for kind, numbers in load_counts().numbers.items():
        for number, count in numbers.items() if kind in pickupable else ():
            totals[number] = totals.get(number, 0) + count
    return {number: count / sum(totals.values()) for number, count in totals.items()}
