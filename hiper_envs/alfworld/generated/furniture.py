"""The furniture of a room: the pieces that are recorded, and those that the record leaves out.

The wheel's lists have no stove burners, coffee machines or laundry hampers, few towel holders and garbage cans, and no
cabinets, drawers and shelves that cannot be opened. These pieces are added per floor plan, always the same ones.
"""

import random
from dataclasses import dataclass

from hiper_envs.alfworld.generated.locations import (
    GRID,
    STEPS,
    Location,
    Point,
    Points,
    Position,
    find_wall_spots,
    locate,
)
from hiper_envs.alfworld.generated.tables import load_types

BESIDE = {
    "StoveBurner": "CounterTop",
    "CoffeeMachine": "CounterTop",
    "Toaster": "CounterTop",
    "SinkBasin": "CounterTop",
}
"""Furniture that stands on another one rather than at a wall."""
HEIGHTS = {
    "StoveBurner": 0.92,
    "CoffeeMachine": 0.9,
    "Toaster": 0.9,
    "SinkBasin": 0.91,
    "TowelHolder": 1.42,
    "HandTowelHolder": 1.48,
    "ToiletPaperHanger": 0.72,
    "Cabinet": 0.42,
    "Drawer": 0.58,
    "Shelf": 1.1,
}
"""Metres above the floor of furniture that the wheel does not list; 0 for the rest."""
BURNER_OFFSETS = ((0.0, 0.0), (0.43, 0.0), (0.0, 0.21), (0.43, 0.21))
"""Metres along and away from the wall."""
SURPLUS_TYPES = ("Cabinet", "Drawer", "Shelf")
SURPLUS_SHARE = 0.5
MAX_SURPLUS = 5
BASINS = {"SinkBasin": "Sink", "BathtubBasin": "Bathtub"}


@dataclass(frozen=True)
class Furniture:
    """A fixed receptacle of a room; `name` is AI2-THOR's id, such as 'Sink|-01.33|+00.92|-00.75|SinkBasin'."""

    name: str
    type: str
    position: Position
    is_openable: bool
    location: Location


def read_furniture(name: str, point: Point, points: Points, floor_plan: int) -> Furniture:
    """Return a recorded piece: its id, with its vetted standing point.

    Args:
        name: The piece's AI2-THOR id, its type and position in metres.
        point: Its vetted standing point.
        points: The room's reachable points.
        floor_plan: Number of the room.
    """
    kind = name.split("|")[4] if name.count("|") == 4 else name.split("|")[0]
    x, height, z = (float(part) for part in name.split("|")[1:4])
    location = locate(points, (x, height, z), (kind, floor_plan), point)
    return Furniture(name, kind, (x, height, z), kind in load_types().openable, location)


def write_name(kind: str, position: Position) -> str:
    """Return the AI2-THOR id of a thing at a position, such as 'Mug|-00.40|+00.40|-02.27'."""
    numbers = "|".join(f"{value:+06.2f}" if round(value, 2) else "00.00" for value in position)
    return f"{BASINS[kind]}|{numbers}|{kind}" if kind in BASINS else f"{kind}|{numbers}"


def add_unlisted(floor_plan: int, points: Points, listed: list[Furniture], types: frozenset[str]) -> list[Furniture]:
    """Return the recorded furniture of a room, and all that must be there by the types of the room beside it.

    Args:
        floor_plan: Number of the room.
        points: Its reachable points.
        listed: The recorded pieces.
        types: Types of furniture that must be there.
    """
    return listed + _Unlisted(floor_plan, points, listed, types).pieces()


class _Unlisted:
    """One room's furniture being completed."""

    def __init__(self, floor_plan: int, points: Points, listed: list[Furniture], types: frozenset[str]) -> None:
        self.floor_plan = floor_plan
        self.points = points
        self.listed = listed
        self.types = types
        self.generator = random.Random(floor_plan)
        self.walls = list(find_wall_spots(points))
        self.names = {piece.name for piece in listed}

    def pieces(self) -> list[Furniture]:
        listed = {piece.type for piece in self.listed}
        missing = [kind for kind in load_types().receptacles if kind in self.types and kind not in listed]
        added = [piece for kind in missing for piece in self._add_missing(kind)]
        return added + self._add_surplus()

    def _draw(self, count: int) -> int:
        return int(self.generator.random() * count)

    def _add_missing(self, kind: str) -> list[Furniture]:
        if kind in SURPLUS_TYPES:
            return [self._beside(kind, kind) for _ in range(1 + self._draw(3))]
        if kind == "StoveBurner":
            return self._burners()
        count = 1 + self._draw(2) if kind == "HandTowelHolder" else 1
        return [self._beside(kind, BESIDE.get(kind, "")) for _ in range(count)]

    def _add_surplus(self) -> list[Furniture]:
        """About half of the real rooms have some cabinets, drawers or shelves more than listed, never openable."""
        kinds = [kind for kind in SURPLUS_TYPES if any(piece.type == kind for piece in self.listed)]
        if not kinds or self.generator.random() >= SURPLUS_SHARE:
            return []
        chosen = [kinds[self._draw(len(kinds))] for _ in range(1 + self._draw(MAX_SURPLUS))]
        return [self._beside(kind, kind) for kind in chosen]

    def _beside(self, kind: str, neighbour: str) -> Furniture:
        """Put a piece next to a listed neighbour, or at a wall where the room has no such neighbour."""
        anchors = [piece for piece in self.listed if piece.type == neighbour]
        while True:
            if anchors:
                anchor = anchors[self._draw(len(anchors))]
                shift = (0.3 + 0.6 * self.generator.random()) * (1 if self.generator.random() < 0.5 else -1)
                height = HEIGHTS.get(kind, 0.0) if kind != neighbour else anchor.position[1]
                piece = self._piece(kind, _shift(anchor, height, shift, 0.0))
            else:
                x, z, direction = self.walls[self._draw(len(self.walls))]
                reach = 0.4 + 0.2 * self.generator.random()
                step = STEPS[direction]
                position = (x * GRID + step[0] * reach, HEIGHTS.get(kind, 0.0), z * GRID + step[1] * reach)
                piece = self._piece(kind, position)
            if piece.name not in self.names:
                self.names.add(piece.name)
                return piece

    def _burners(self) -> list[Furniture]:
        counters = [piece for piece in self.listed if piece.type == "CounterTop"] or self.listed
        anchor, start = counters[self._draw(len(counters))], 0.4 + 0.3 * self.generator.random()
        return [
            self._piece("StoveBurner", _shift(anchor, HEIGHTS["StoveBurner"], start + along, away))
            for along, away in BURNER_OFFSETS
        ]

    def _piece(self, kind: str, position: Position) -> Furniture:
        x, height, z = (round(value, 2) for value in position)
        location = locate(self.points, (x, height, z), (kind, self.floor_plan), None)
        is_openable = kind in load_types().openable and kind not in SURPLUS_TYPES
        return Furniture(write_name(kind, (x, height, z)), kind, (x, height, z), is_openable, location)


def _shift(anchor: Furniture, height: float, along: float, away: float) -> Position:
    """Return a position beside a piece of furniture: metres along its front and behind it, as seen by its user."""
    x, _, z = anchor.position
    ahead_x, ahead_z = STEPS[anchor.location[2]]
    return x + ahead_z * along + ahead_x * away, height, z + ahead_x * along + ahead_z * away
