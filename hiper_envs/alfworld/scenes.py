"""The 120 rooms: their furniture, where one stands to use it, and what may lie in them.

The facts (ids, positions, standing points, type tables) are those of AI2-THOR's rooms as alfworld ships them, read by
`extract_scenes`. The wheel's lists leave some furniture out (stove burners, coffee machines, towel holders, cabinets
that cannot be opened ...): these pieces are added per floor plan, always the same ones, beside what is known.
"""

import gzip
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

GRID = 0.25
"""Metres between two neighbouring points; locations count in these steps."""
CAMERA_HEIGHT = 1.65
"""Metres; the value that reproduces the recorded camera angles."""
TOO_CLOSE = 0.5
ANGLE_STEP = 15
LOWEST_ANGLE, HIGHEST_ANGLE = -30, 60
NORTH, EAST, SOUTH, WEST = range(4)
STEPS = {NORTH: (0, 1), EAST: (1, 0), SOUTH: (0, -1), WEST: (-1, 0)}

Position = tuple[float, float, float]
"""x, height, z in metres."""
Location = tuple[int, int, int, int]
"""x, z in grid steps, direction (0 north, 1 east, 2 south, 3 west), camera angle in degrees downwards."""
Point = tuple[int, int]

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
class Types:
    """The tables that say which type is what; all in the PDDL spelling without the ending 'Type'."""

    objects: tuple[str, ...]
    receptacles: tuple[str, ...]
    movable_receptacles: frozenset[str]
    contents: dict[str, tuple[str, ...]]
    """Receptacle type, fixed or movable, to the object types that it may hold."""
    properties: dict[str, frozenset[str]]
    """cleanable, heatable, coolable, toggleable, sliceable: object types."""
    openable: frozenset[str]
    pickupable: frozenset[str]
    forced_angles: dict[tuple[str, int | None], int]
    rooms: dict[str, range]
    goals: dict[str, tuple[str, ...]]
    """Kind of goal to its sentences, with {obj}, {recep} and {toggle}."""


@dataclass(frozen=True)
class Furniture:
    """A fixed receptacle of a room; `name` is AI2-THOR's id, such as 'Sink|-01.33|+00.92|-00.75|SinkBasin'."""

    name: str
    type: str
    position: Position
    is_openable: bool
    location: Location


@dataclass(frozen=True)
class Scene:
    """One floor plan."""

    floor_plan: int
    room: str
    furniture: tuple[Furniture, ...]
    types: frozenset[str]
    """Every object and receptacle type of the room."""
    points: npt.NDArray[np.int64]
    """Reachable points, two rows: x and z in grid steps."""

    def locate(self, position: Position, object_type: str) -> Location:
        """Returns where an agent stands, and how it looks, to reach something of this type at this position."""
        return _locate(self.points, position, (object_type, self.floor_plan), None)

    def start(self, generator: random.Random) -> Location:
        """Draws an agent's first location: any reachable point, any direction, looking slightly down."""
        index = int(generator.random() * self.points.shape[1])
        return int(self.points[0, index]), int(self.points[1, index]), int(generator.random() * 4), 30


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    packed = (files("hiper_envs.alfworld") / "data" / "scenes.json.gz").read_bytes()
    data: dict[str, Any] = json.loads(gzip.decompress(packed))
    return data


@lru_cache(maxsize=1)
def load_types() -> Types:
    """Returns the type tables, read once."""
    types, contents = _data()["types"], {name: tuple(inside) for name, inside in _data()["types"]["contents"].items()}
    return Types(
        objects=tuple(types["objects"]),
        receptacles=tuple(types["receptacles"]),
        movable_receptacles=frozenset(types["movable_receptacles"]),
        contents=contents,
        properties={name: frozenset(members) for name, members in types["properties"].items()},
        openable=frozenset(types["openable"]),
        pickupable=frozenset(name for inside in contents.values() for name in inside),
        forced_angles={(name, floor_plan): angle for name, floor_plan, angle in types["forced_horizon"]},
        rooms={room: range(*bounds) for room, bounds in types["rooms"].items()},
        goals={kind: tuple(sentences) for kind, sentences in _data()["goals"].items()},
    )


def floor_plans() -> tuple[int, ...]:
    """Returns the numbers of all 120 floor plans, ascending."""
    return tuple(sorted(int(number) for number in _data()["scenes"]))


def room_of(floor_plan: int) -> str:
    """Returns Kitchen, LivingRoom, Bedroom or Bathroom."""
    return next(room for room, numbers in load_types().rooms.items() if floor_plan in numbers)


def scene_types(floor_plan: int) -> frozenset[str]:
    """Returns every object and receptacle type of a floor plan, without placing its furniture."""
    return frozenset(_data()["scenes"][str(floor_plan)]["types"])


@cache
def load_scene(floor_plan: int) -> Scene:
    """Returns one floor plan; the same furniture every time.

    Raises:
        ValueError: when there is no such floor plan.
    """
    recorded = _data()["scenes"].get(str(floor_plan))
    if recorded is None:
        raise ValueError(f"unknown floor plan {floor_plan}; there are 1-30, 201-230, 301-330 and 401-430")
    points = np.array(recorded["points"], dtype=np.int64)
    listed = [_listed(name, (x, z), points, floor_plan) for name, x, z in recorded["furniture"]]
    types = scene_types(floor_plan)
    furniture = listed + _Unlisted(floor_plan, points, listed, types).pieces()
    return Scene(floor_plan, room_of(floor_plan), tuple(sorted(furniture, key=lambda piece: piece.name)), types, points)


def _listed(name: str, point: Point, points: npt.NDArray[np.int64], floor_plan: int) -> Furniture:
    kind = name.split("|")[4] if name.count("|") == 4 else name.split("|")[0]
    x, height, z = (float(part) for part in name.split("|")[1:4])
    location = _locate(points, (x, height, z), (kind, floor_plan), point)
    return Furniture(name, kind, (x, height, z), kind in load_types().openable, location)


def write_name(kind: str, position: Position) -> str:
    """Returns the AI2-THOR id of a thing at a position, such as 'Mug|-00.40|+00.40|-02.27'."""
    numbers = "|".join(f"{value:+06.2f}" if round(value, 2) else "00.00" for value in position)
    return f"{BASINS[kind]}|{numbers}|{kind}" if kind in BASINS else f"{kind}|{numbers}"


class _Unlisted:
    """Adds the furniture that a room has, going by its types, and that the wheel's list leaves out."""

    def __init__(
        self, floor_plan: int, points: npt.NDArray[np.int64], listed: list[Furniture], types: frozenset[str]
    ) -> None:
        self.floor_plan = floor_plan
        self.points = points
        self.listed = listed
        self.types = types
        self.generator = random.Random(floor_plan)
        self.walls = list(_wall_spots(points))
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
        """Puts a piece next to a listed neighbour, or at a wall where the room has no such neighbour."""
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
        location = _locate(self.points, (x, height, z), (kind, self.floor_plan), None)
        is_openable = kind in load_types().openable and kind not in SURPLUS_TYPES
        return Furniture(write_name(kind, (x, height, z)), kind, (x, height, z), is_openable, location)


def _shift(anchor: Furniture, height: float, along: float, away: float) -> Position:
    """Returns a position beside a piece of furniture: metres along its front and behind it, as seen by its user."""
    x, _, z = anchor.position
    ahead_x, ahead_z = STEPS[anchor.location[2]]
    return x + ahead_z * along + ahead_x * away, height, z + ahead_x * along + ahead_z * away


def _wall_spots(points: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Yields (x, z, direction) for every reachable point and direction with nothing reachable ahead."""
    reachable = {(int(x), int(z)) for x, z in points.T}
    for x, z in sorted(reachable):
        for direction, (step_x, step_z) in STEPS.items():
            if (x + step_x, z + step_z) not in reachable:
                yield x, z, direction


def _locate(
    points: npt.NDArray[np.int64], position: Position, kind: tuple[str, int], known_point: Point | None
) -> Location:
    """Returns the location from which a thing is used, as the games' own generator chooses it.

    The standing point is the vetted one or the nearest reachable one (first of equals, by the sum of both distances);
    the agent turns along the longer distance, steps back once when closer than half a metre, and looks at the thing.
    """
    x, z = position[0] / GRID, position[2] / GRID
    stand_x, stand_z = known_point or _nearest(points, x, z)
    ahead_x, ahead_z = x - stand_x, z - stand_z
    if abs(ahead_x) > abs(ahead_z):
        direction = EAST if ahead_x > 0 else WEST
    else:
        direction = NORTH if ahead_z > 0 else SOUTH
    if math.hypot(ahead_x * GRID, ahead_z * GRID, CAMERA_HEIGHT - position[1]) < TOO_CLOSE:
        back_x, back_z = stand_x - STEPS[direction][0], stand_z - STEPS[direction][1]
        if bool(((points[0] == back_x) & (points[1] == back_z)).any()):
            stand_x, stand_z, ahead_x, ahead_z = back_x, back_z, x - back_x, z - back_z
    distance = max(abs(ahead_x), abs(ahead_z)) * GRID
    angle = round(math.degrees(math.atan2(CAMERA_HEIGHT - position[1], distance)) / ANGLE_STEP) * ANGLE_STEP
    forced = load_types().forced_angles
    angle = forced.get(kind, forced.get((kind[0], None), max(LOWEST_ANGLE, min(HIGHEST_ANGLE, angle))))
    return stand_x, stand_z, direction, angle


def _nearest(points: npt.NDArray[np.int64], x: float, z: float) -> Point:
    index = int(np.argmin(np.abs(points[0] - x) + np.abs(points[1] - z)))
    return int(points[0, index]), int(points[1, index])
