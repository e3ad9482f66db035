"""Games made from nothing but their id, in milliseconds: `generate('v2/train/pick_...-Bowl-None-DiningTable-23/2')`.

The id is the seed (through SHA-256): a game is the same in every process and on every machine; nothing is stored.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.problem import Fact, Problem
from hiper_envs.alfworld.generated import first_placement
from hiper_envs.alfworld.generated.furniture import Furniture
from hiper_envs.alfworld.generated.locations import Location
from hiper_envs.alfworld.generated.placement import Wanted, place_things
from hiper_envs.alfworld.generated.scenes import Scene, load_scene
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.alfworld.generated.tasks import TOOLS, Task, parse_task_id, task_ids, write_sentence
from hiper_envs.alfworld.generated.things import Thing

__all__ = ["generate", "task_ids"]

AGENT = "agent1"
ESCAPES = str.maketrans({"|": "_bar_", "+": "_plus_", "-": "_minus_", ".": "_dot_"})
"""How PDDL names spell the marks of AI2-THOR's ids."""


def generate(task_id: str) -> Problem:
    """Return the game of an id: one of `task_ids(split)`, or any other that reads like them and can be built.

    Raises:
        ValueError: in one sentence, when the id does not say what can be built.
    """
    task = parse_task_id(task_id)
    seed = int.from_bytes(hashlib.sha256(task.id.encode()).digest())
    generator = random.Random(seed)
    scene = load_scene(task.floor_plan)
    receptacle_type = None if task.kind == "look_at" else task.receptacle_type
    things = _place_things(scene, generator, task)
    start = scene.start(generator)
    return Problem(
        name=f"plan_{task.id.translate(str.maketrans('/-', '__'))}",
        entities=_declare(scene, things, start),
        facts=tuple(_state(scene, things, start)),
        goal=Goal(task.kind, task.object_type, receptacle_type),
        task=write_sentence(task.kind, task.object_type, task.receptacle_type, generator),
    )


def _place_things(scene: Scene, generator: random.Random, task: Task) -> list[Thing]:
    number = 2 if task.kind == "pick_two" else 1
    if task.edition == 1:
        receptacle_type = None if task.kind == "look_at" else task.receptacle_type
        return first_placement.place_things(scene, generator, task.object_type, receptacle_type, number)
    destination = frozenset([task.receptacle_type])
    if task.kind in TOOLS:
        wanted = Wanted(task.object_type, number, frozenset([TOOLS[task.kind]]), destination)
    else:
        wanted = Wanted(task.object_type, number, destination if task.kind != "look_at" else frozenset())
    return place_things(scene, generator, wanted)


@lru_cache(maxsize=2**13)
def _escape(name: str) -> str:
    return name.translate(ESCAPES)


def _write_location(location: Location) -> str:
    return _escape("loc|" + "|".join(str(number) for number in location))


def _declare(scene: Scene, things: Sequence[Thing], start: Location) -> dict[str, str]:
    """Return PDDL name -> PDDL type of everything: the agent, the types, and what is in the room."""
    types = load_types()
    entities = {AGENT: "agent"} | {kind: "object" for kind in types.objects}
    entities |= {f"{kind}Type": "otype" for kind in types.objects}
    entities |= {f"{kind}Type": "rtype" for kind in types.receptacles}
    entities |= {name: "object" for name in sorted(_escape(thing.name) for thing in things)}
    entities |= {_escape(piece.name): "receptacle" for piece in scene.furniture}
    places = {piece.location for piece in scene.furniture} | {thing.location for thing in things} | {start}
    return entities | {_write_location(place): "location" for place in sorted(places)}


def _state(scene: Scene, things: Sequence[Thing], start: Location) -> Iterator[Fact]:
    """Yield the facts that hold at the start, each once."""
    for piece in scene.furniture:
        yield "receptacleType", _escape(piece.name), f"{piece.type}Type"
    for thing in things:
        yield "objectType", _escape(thing.name), f"{thing.type}Type"
    yield from _capacities(scene.furniture, things)
    yield from _abilities(things)
    for piece in scene.furniture:
        if piece.is_openable:
            yield "openable", _escape(piece.name)
    yield "atLocation", AGENT, _write_location(start)
    for thing in things:
        if thing.container is not None:
            yield "inReceptacleObject", _escape(thing.name), _escape(thing.container)
        if thing.holder is not None:
            yield "inReceptacle", _escape(thing.name), _escape(thing.holder.name)
    for piece in scene.furniture:
        yield "receptacleAtLocation", _escape(piece.name), _write_location(piece.location)
    for thing in things:
        yield "objectAtLocation", _escape(thing.name), _write_location(thing.location)


def _capacities(furniture: Sequence[Furniture], things: Sequence[Thing]) -> Iterator[Fact]:
    """Yield what may lie in what, for the types that are there."""
    present = {thing.type for thing in things}
    for kind in dict.fromkeys(piece.type for piece in furniture):
        for content in load_types().contents.get(kind, ()):
            if content in present:
                yield "canContain", f"{kind}Type", f"{content}Type"


def _abilities(things: Sequence[Thing]) -> Iterator[Fact]:
    types = load_types()
    abilities = {"pickupable": types.pickupable, "isReceptacleObject": types.movable_receptacles} | types.properties
    for ability, able in abilities.items():
        for thing in things:
            if thing.type in able:
                yield ability, _escape(thing.name)
