"""The 120 rooms: their furniture, their object types, and the points that can be reached."""

import random
from dataclasses import dataclass
from functools import cache

import numpy as np

from hiper_envs.alfworld.generated.furniture import Furniture, add_unlisted, read_furniture
from hiper_envs.alfworld.generated.locations import Location, Points, Position, locate
from hiper_envs.alfworld.generated.tables import load_data, room_of, scene_types


@dataclass(frozen=True)
class Scene:
    """One floor plan."""

    floor_plan: int
    room: str
    furniture: tuple[Furniture, ...]
    types: frozenset[str]
    """Every object and receptacle type of the room."""
    points: Points

    def locate(self, position: Position, object_type: str) -> Location:
        """Return where an agent stands, and how it looks, to reach something of this type at this position."""
        return locate(self.points, position, (object_type, self.floor_plan), None)

    def start(self, generator: random.Random) -> Location:
        """Draw an agent's first location: any reachable point, any direction, looking slightly down."""
        index = int(generator.random() * self.points.shape[1])
        return int(self.points[0, index]), int(self.points[1, index]), int(generator.random() * 4), 30


@cache
def load_scene(floor_plan: int) -> Scene:
    """Return one floor plan; the same furniture every time.

    Raises:
        ValueError: when there is no such floor plan.
    """
    recorded = load_data()["scenes"].get(str(floor_plan))
    if recorded is None:
        raise ValueError(f"unknown floor plan {floor_plan}; there are 1-30, 201-230, 301-330 and 401-430")
    points = np.array(recorded["points"], dtype=np.int64)
    listed = [read_furniture(name, (x, z), points, floor_plan) for name, x, z in recorded["furniture"]]
    types = scene_types(floor_plan)
    furniture = add_unlisted(floor_plan, points, listed, types)
    return Scene(floor_plan, room_of(floor_plan), tuple(sorted(furniture, key=lambda piece: piece.name)), types, points)
