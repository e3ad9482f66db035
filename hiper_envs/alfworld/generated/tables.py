"""The type tables, and what is recorded of the 120 rooms: facts about AI2-THOR, read by `extract_scenes`."""

import gzip
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

STATIC_PLACES = {
    "DeskLamp": ("Desk", "SideTable", "Dresser", "Shelf", "DiningTable", "CoffeeTable", "TVStand"),
    "HousePlant": ("SideTable", "CounterTop", "DiningTable", "Dresser", "CoffeeTable", "Desk", "TVStand", "Shelf"),
    "Television": ("TVStand", "Dresser", "SideTable", "Desk", "CoffeeTable", "Shelf"),
    "PaperTowelRoll": ("CounterTop", "DiningTable", "SideTable"),
    "TeddyBear": ("Bed", "Sofa", "ArmChair"),
}
"""Where things lie that can be seen but not picked up; all others stand on the floor or hang on a wall."""


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


@lru_cache(maxsize=1)
def load_data() -> dict[str, Any]:
    """Return the data file, read once."""
    packed = (files("hiper_envs.alfworld.generated") / "data" / "scenes.json.gz").read_bytes()
    data: dict[str, Any] = json.loads(gzip.decompress(packed))
    return data


@lru_cache(maxsize=1)
def load_types() -> Types:
    """Return the type tables, read once."""
    types, contents = (
        load_data()["types"],
        {name: tuple(inside) for name, inside in load_data()["types"]["contents"].items()},
    )
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
        goals={kind: tuple(sentences) for kind, sentences in load_data()["goals"].items()},
    )


def floor_plans() -> tuple[int, ...]:
    """Return the numbers of all 120 floor plans, ascending."""
    return tuple(sorted(int(number) for number in load_data()["scenes"]))


def room_of(floor_plan: int) -> str:
    """Return Kitchen, LivingRoom, Bedroom or Bathroom."""
    return next(room for room, numbers in load_types().rooms.items() if floor_plan in numbers)


def scene_types(floor_plan: int) -> frozenset[str]:
    """Return every object and receptacle type of a floor plan, without placing its furniture."""
    return frozenset(load_data()["scenes"][str(floor_plan)]["types"])
