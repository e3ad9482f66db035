"""Which goals a house allows, read from the game's own facts; so generated and released games are treated alike.

What makes little sense is left out as in `generated.tasks`: things are not put back into what treats them, nothing is
stored in a toaster, two things do not lie in a coffee machine, and under a lamp one looks at what real tasks look at.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_

from hiper_envs.alfworld.games.goals import Goal, GoalKind
from hiper_envs.alfworld.generated.tasks import LAMP, LIGHT_OBJECTS, TOOLS, is_destination
from hiper_envs.alfworld.rules.conditions import PLACEMENTS
from hiper_envs.alfworld.rules.world import World, masks_by_type

KINDS: tuple[GoalKind, ...] = ("pick", "look_at", "clean", "heat", "cool", "pick_two")
Wishes = dict[GoalKind, dict[str, list[Goal]]]
"""Kind of goal -> type of the thing, sorted -> the goals, sorted by where the thing goes."""


def list_wishes(world: World, spelling: Mapping[str, str]) -> Wishes:
    """Return the goals of all kinds that a house has the things, the furniture and the tools for.

    Args:
        world: The game's unchanging part, and its first state.
        spelling: Types in lowercase -> as PDDL spells them ("Bowl").
    """
    house = _House(world, spelling)
    wishes = {kind: dict(house.list_goals(kind)) for kind in KINDS}
    return {kind: goals for kind, goals in wishes.items() if goals}


class _House:
    """What can be taken, and what there is to put it in or to treat it with."""

    def __init__(self, world: World, spelling: Mapping[str, str]) -> None:
        self.world = world
        reachable = [receptacle for receptacle, places in enumerate(world.places) if places]
        there = {entity for receptacle in reachable for entity in world.start.contents[receptacle]}
        lying = reduce(or_, [1 << entity for entity in there], 0)
        masks = masks_by_type(world.object_types)
        self.has_lamp = bool(world.toggleable & lying & masks.get(LAMP.lower(), 0))
        self.things = {spelling[kind]: mask & lying & world.pickupable for kind, mask in sorted(masks.items())}
        self.fitting: dict[str, int] = {}
        for receptacle in reachable:
            for kind in world.receptacle_types[receptacle]:
                self.fitting[spelling[kind]] = self.fitting.get(spelling[kind], 0) | world.accepts[receptacle]
        self.reachable = reduce(or_, [1 << receptacle for receptacle in reachable], 0)

    def list_goals(self, kind: GoalKind) -> Iterator[tuple[str, list[Goal]]]:
        """Yield the types of things that goals of a kind may be about, and the goals."""
        if kind == "look_at":
            for name, mask in self.things.items():
                if mask and self.has_lamp and name in LIGHT_OBJECTS:
                    yield name, [Goal(kind, name, None)]
            return
        if not self.has_tool(kind):
            return
        _, ability, count = PLACEMENTS[kind]
        able = -1 if ability is None else int(getattr(self.world, ability))
        for name, mask in self.things.items():
            if (mask & able).bit_count() >= count:
                places = sorted(place for place, fitting in self.fitting.items() if fitting & mask & able)
                goals = [Goal(kind, name, place) for place in places if is_destination(kind, place)]
                if goals:
                    yield name, goals

    def has_tool(self, kind: GoalKind) -> bool:
        """Return whether there is what treats things so, if anything has to."""
        world = self.world
        tools = {"clean": world.sinks, "heat": world.microwaves, "cool": world.fridges}
        return kind not in TOOLS or bool(tools[kind] & self.reachable)


def spell_types(facts: tuple[tuple[str, ...], ...]) -> dict[str, str]:
    """Return the types that facts name: in lowercase without 'type' -> in PDDL's spelling without 'Type'."""
    ends = (fact[-1] for fact in facts if fact[0].lower() in ("objecttype", "receptacletype"))
    return {end.lower().removesuffix("type"): end[: -len("type")] for end in ends}
