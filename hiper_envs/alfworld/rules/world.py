"""What no command changes in a game: its things, names, places, abilities and ready-made command texts."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import NamedTuple
from weakref import WeakKeyDictionary

from hiper_envs.alfworld.games.problem import Goal, Problem
from hiper_envs.alfworld.rules.conditions import Condition, compile_goal
from hiper_envs.alfworld.rules.names import name_entities
from hiper_envs.alfworld.rules.situation import State

ABILITIES = ("pickupable", "cleanable", "heatable", "coolable", "toggleable", "sliceable")


class Tools(NamedTuple):
    """The receptacles of one location that treat what is held."""

    sinks: tuple[int, ...]
    fridges: tuple[int, ...]
    microwaves: tuple[int, ...]


NO_TOOLS = Tools((), (), ())


@dataclass(frozen=True, slots=True)
class World:
    """The unchanging part of one game; entities are indices in the order of their ids.

    Attributes:
        objects: Names of the objects ("mug 2").
        receptacles: Names of the receptacles.
        locations: Names of the locations ("loc 12"); only old games show them.
        object_ids: PDDL names of the objects, in lowercase; so are `receptacle_ids`.
        object_types: Per object, its types in lowercase without 'type'; so are `receptacle_types`.
        object_by_name: Name -> index; so is `receptacle_by_name`.
        here: Per location, the receptacles there.
        doors: Per location, the receptacles there that open and close.
        tools: Per location, the sinks, the fridges and the microwaves there.
        places: Per receptacle, its locations.
        accepts: Per receptacle, a bit mask of the objects that fit.
        openable: Bit mask of receptacles; so are `sinks`, `microwaves` and `fridges`.
        pickupable: Bit mask of objects; so are the abilities, `knives` and `boxes` (objects that hold others).
        inside: Per box, the objects in it, which never change.
        examine: Per location, the commands to examine its receptacles, sorted.
        go: Per location, the commands to go elsewhere, sorted.
        standing: The commands that are always admissible, sorted.
        conditions: Per goal, what has to hold; the game is won when all goals hold.
        grammar: "move" or "put".
        help_text: Answer to 'help', or None.
        start: The first state.
        task: The goal sentence.
    """

    objects: tuple[str, ...]
    receptacles: tuple[str, ...]
    locations: tuple[str, ...]
    object_ids: tuple[str, ...]
    receptacle_ids: tuple[str, ...]
    object_types: tuple[tuple[str, ...], ...]
    receptacle_types: tuple[tuple[str, ...], ...]
    object_by_name: Mapping[str, int]
    receptacle_by_name: Mapping[str, int]
    here: tuple[tuple[int, ...], ...]
    doors: tuple[tuple[int, ...], ...]
    tools: tuple[Tools, ...]
    places: tuple[tuple[int, ...], ...]
    accepts: tuple[int, ...]
    openable: int
    sinks: int
    microwaves: int
    fridges: int
    pickupable: int
    cleanable: int
    heatable: int
    coolable: int
    toggleable: int
    sliceable: int
    knives: int
    boxes: int
    inside: Mapping[int, tuple[int, ...]]
    examine: tuple[tuple[str, ...], ...]
    go: tuple[tuple[str, ...], ...]
    standing: tuple[str, ...]
    conditions: tuple[tuple[Condition, ...], ...]
    grammar: str
    help_text: str | None
    start: State
    task: str


# Worlds of problems that somebody still holds; a world does not hold its problem.
_WORLDS: WeakKeyDictionary[Problem, World] = WeakKeyDictionary()


def compile_world(problem: Problem, shuffle: random.Random | None = None) -> World:
    """Work the unchanging part of a game out; one world serves all engines of a problem.

    Args:
        problem: The game.
        shuffle: Deals the numbers of the names out in random order, in a world of its own; None gives the official
            names.
    """
    if shuffle is not None:
        return _Compiler(problem, shuffle).compile()
    world = _WORLDS.get(problem)
    if world is None:
        world = _WORLDS[problem] = _Compiler(problem, None).compile()
    return world


class _Compiler:
    """One pass over a game's facts."""

    def __init__(self, problem: Problem, shuffle: random.Random | None) -> None:
        self.problem = problem
        kinds = {entity.lower(): kind for entity, kind in problem.entities.items()}
        lowercase = _Lowercase()
        self.facts: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for predicate, *words in problem.facts:
            self.facts[lowercase[predicate]].append(tuple([lowercase[word] for word in words]))
        mentioned = {word for facts in self.facts.values() for fact in facts for word in fact}
        self.names = name_entities(mentioned, shuffle)
        ids: dict[str, list[str]] = defaultdict(list)
        for word in sorted(mentioned):
            ids[kinds[word]].append(word)
        self.objects, self.receptacles, self.locations = ids["object"], ids["receptacle"], ids["location"]
        # Ids are unique over all three kinds, so one table will do.
        self.index = {word: i for ids in (self.objects, self.receptacles, self.locations) for i, word in enumerate(ids)}

    def compile(self) -> World:
        problem = self.problem
        objects, receptacles = self.name(self.objects), self.name(self.receptacles)
        here = self.group("receptacleatlocation", len(self.locations), member=0, key=1)
        object_types = self.types("objecttype", self.objects)
        receptacle_types = self.types("receptacletype", self.receptacles)
        things, furniture = masks_by_type(object_types), masks_by_type(receptacle_types)
        openable = self.mask("openable")
        sinks = reduce(or_, [furniture.get(kind, 0) for kind in problem.sink_types])
        tools = [sinks, furniture.get("fridge", 0), furniture.get("microwave", 0)]
        inside = self.group("inreceptacleobject", len(self.objects), member=0, key=1)
        abilities = {name: self.mask(name) for name in ABILITIES}
        return World(
            objects=objects,
            receptacles=receptacles,
            locations=self.name(self.locations),
            object_ids=tuple(self.objects),
            receptacle_ids=tuple(self.receptacles),
            object_types=object_types,
            receptacle_types=receptacle_types,
            object_by_name={name: i for i, name in enumerate(objects)},
            receptacle_by_name={name: i for i, name in enumerate(receptacles)},
            here=here,
            places=self.group("receptacleatlocation", len(receptacles), member=1, key=0),
            doors=tuple(_select(found, openable) for found in here),
            tools=tuple(_find_tools(found, tools) for found in here),
            accepts=self.accepts(things, receptacle_types),
            openable=openable,
            sinks=tools[0],
            fridges=tools[1],
            microwaves=tools[2],
            knives=things.get("knife", 0) | things.get("butterknife", 0),
            boxes=self.mask("isreceptacleobject"),
            inside={box: tuple(i for i in found if i != box) for box, found in enumerate(inside) if found},
            examine=tuple(tuple(sorted(f"examine {receptacles[i]}" for i in found)) for found in here),
            go=self.go_commands(receptacles),
            standing=("inventory", "look") if problem.help_text is None else ("help", "inventory", "look"),
            conditions=tuple(_compile_goals(problem.goals, things, furniture, abilities, here)),
            grammar=problem.grammar,
            help_text=problem.help_text,
            start=self.start(),
            task=problem.task,
            **abilities,
        )

    def name(self, ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.names[entity] for entity in ids)

    def mask(self, predicate: str) -> int:
        return sum(1 << self.index[fact[-1]] for fact in set(self.facts[predicate]))

    def group(self, predicate: str, size: int, member: int, key: int) -> tuple[tuple[int, ...], ...]:
        """Return, per entity at place `key` of the facts, the sorted entities at place `member`."""
        groups: list[set[int]] = [set() for _ in range(size)]
        for fact in self.facts[predicate]:
            groups[self.index[fact[key]]].add(self.index[fact[member]])
        return tuple(tuple(sorted(group)) for group in groups)

    def types(self, predicate: str, ids: list[str]) -> tuple[tuple[str, ...], ...]:
        types: list[set[str]] = [set() for _ in ids]
        for entity, kind in self.facts[predicate]:
            types[self.index[entity]].add(kind.removesuffix("type"))
        return tuple(tuple(sorted(kinds)) for kinds in types)

    def accepts(self, things: Mapping[str, int], receptacle_types: tuple[tuple[str, ...], ...]) -> tuple[int, ...]:
        fitting: dict[str, int] = defaultdict(int)
        for receptacle, entity in self.facts["cancontain"]:
            fitting[receptacle.removesuffix("type")] |= things.get(entity.removesuffix("type"), 0)
        masks = []
        for kinds in receptacle_types:
            mask = 0
            for kind in kinds:
                mask |= fitting[kind]
            masks.append(mask)
        return tuple(masks)

    def go_commands(self, receptacles: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        places = self.group("receptacleatlocation", len(receptacles), member=1, key=0)
        commands = sorted((f"go to {name}", found) for name, found in zip(receptacles, places, strict=True) if found)
        return tuple(
            tuple([command for command, found in commands if found != (place,)]) for place in range(len(self.locations))
        )

    def start(self) -> State:
        return State(
            location=self.index[self.facts["atlocation"][0][1]],
            held=tuple(sorted({self.index[fact[1]] for fact in self.facts["holds"]})),
            hands_full=bool(self.facts["holdsany"]),
            contents=self.group("inreceptacle", len(self.receptacles), member=0, key=1),
            placed=self.group("objectatlocation", len(self.locations), member=0, key=1),
            taken=(),
            opened=self.mask("opened"),
            clean=self.mask("isclean"),
            hot=self.mask("ishot"),
            cool=self.mask("iscool"),
            sliced=self.mask("issliced"),
            toggled=self.mask("istoggled"),
        )


class _Lowercase(dict[str, str]):
    """Remembers the lowercase of the words that facts repeat."""

    def __missing__(self, word: str) -> str:
        self[word] = word.lower()
        return self[word]


def compile_goals(world: World, goals: Iterable[Goal]) -> list[tuple[Condition, ...]]:
    """Return the conditions that each of some goals would have in a world."""
    things, furniture = masks_by_type(world.object_types), masks_by_type(world.receptacle_types)
    abilities = {name: getattr(world, name) for name in ABILITIES}
    return list(_compile_goals(goals, things, furniture, abilities, world.here))


def _compile_goals(
    goals: Iterable[Goal],
    things: Mapping[str, int],
    furniture: Mapping[str, int],
    abilities: Mapping[str, int],
    here: tuple[tuple[int, ...], ...],
) -> Iterator[tuple[Condition, ...]]:
    receptacles = {kind: _select(range(mask.bit_length()), mask) for kind, mask in furniture.items()}
    return (compile_goal(goal, things, receptacles, abilities, here) for goal in goals)


def masks_by_type(types: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    """Return type -> bit mask of those that are of it."""
    masks: dict[str, int] = {}
    for index, kinds in enumerate(types):
        for kind in kinds:
            masks[kind] = masks.get(kind, 0) | 1 << index
    return masks


def _select(indices: Iterable[int], mask: int) -> tuple[int, ...]:
    return tuple([index for index in indices if mask >> index & 1])


def _find_tools(here: tuple[int, ...], masks: list[int]) -> Tools:
    found = Tools(*(_select(here, mask) for mask in masks))
    return found if any(found) else NO_TOOLS
