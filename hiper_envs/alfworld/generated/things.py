"""An object of a generated game, and the draw that puts it somewhere."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hiper_envs.alfworld.generated.furniture import Furniture
from hiper_envs.alfworld.generated.locations import Location

T = TypeVar("T")


@dataclass(frozen=True)
class Thing:
    """An object of a game.

    `holder` is the receptacle in which it is found, None on the floor or inside a bowl only; `container` is the name of
    the bowl, pot or box that it lies in.
    """

    name: str
    type: str
    location: Location
    holder: Furniture | None
    container: str | None = None


def draw_weighted(generator: random.Random, choices: Sequence[T], weights: Sequence[float]) -> T:
    """Draw one of the choices, each as often as its weight says.

    Args:
        generator: Where chance comes from.
        choices: What to draw from.
        weights: One for each choice, not all 0.
    """
    left = generator.random() * sum(weights)
    for choice, weight in zip(choices, weights, strict=True):
        left -= weight
        if left < 0:
            return choice
    return choices[-1]
