"""Objects of a generated game, the draw that puts one somewhere, and a room that is being filled with them."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hiper_envs.alfworld.generated.furniture import Furniture, write_name
from hiper_envs.alfworld.generated.locations import GRID, Location, Position
from hiper_envs.alfworld.generated.scenes import Scene
from hiper_envs.alfworld.generated.tables import load_types

SPREAD = 0.3
"""Metres; how far things lie from the middle of their receptacle."""

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


class Filling:
    """One room being filled; what goes where is for the editions of the generator to say.

    Args:
        scene: The room.
        generator: Where chance comes from.

    Attributes:
        things: What it holds so far.
        loads: How many things each piece of furniture holds, by its name.
    """

    def __init__(self, scene: Scene, generator: random.Random) -> None:
        self.scene = scene
        self.generator = generator
        self.things: list[Thing] = []
        self.loads: Counter[str] = Counter()
        self._names: set[str] = set()

    def list_kinds(self) -> list[str]:
        """Return the room's object types: bowls and boxes first, so that other things can go into them."""
        types = load_types()
        kinds = [kind for kind in types.objects if kind in self.scene.types]
        return sorted(kinds, key=lambda kind: kind not in types.movable_receptacles)

    def put(self, kind: str, near: Furniture | None, holder: Furniture | None, container: str | None = None) -> None:
        """Put a thing somewhere in the room, under a name that no other has.

        Args:
            kind: Its type.
            near: The piece of furniture at which it lies; None for anywhere on the floor.
            holder: The receptacle in which it is found, see `Thing`.
            container: Name of the bowl, pot or box that it lies in.
        """
        position = self._draw_position(near)
        name = write_name(kind, position)
        while name in self._names:
            position = self._draw_position(near)
            name = write_name(kind, position)
        self._names.add(name)
        if near is not None:
            self.loads[near.name] += 1
        self.things.append(Thing(name, kind, self.scene.locate(position, kind), holder, container))

    def _draw_position(self, near: Furniture | None) -> Position:
        if near is None:
            index = int(self.generator.random() * self.scene.points.shape[1])
            x, height, z = GRID * float(self.scene.points[0, index]), 0.0, GRID * float(self.scene.points[1, index])
        else:
            x, height, z = near.position
        side, away = ((2 * self.generator.random() - 1) * SPREAD for _ in range(2))
        above = 0.1 * self.generator.random()
        return round(x + side, 2), round(height + above, 2), round(z + away, 2)
