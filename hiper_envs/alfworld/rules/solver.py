"""Plans with full knowledge: the commands that win a game from wherever an engine stands.

Every receptacle is one `go` away from every other place, so a plan is a short list of stops and its length can be
counted without trying it. All sensible lists of stops are counted and the shortest is written out: which object, which
receptacle, which sink, microwave, fridge or lamp, where to leave what is in the way. The tests compare with a blind
search.

Several goals are brought about one after the other, each by its own shortest list, so their plan is short and not
always the shortest.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, permutations, product
from typing import NamedTuple

from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.rules.conditions import Condition, Held, Lit, Placed, ends_in_hand, mask_things
from hiper_envs.alfworld.rules.engine import Engine

PUT_COMMANDS = {"move": "move {} to {}", "put": "put {} in/on {}"}


class NoPlanError(ValueError):
    """The game cannot be won from this state."""


class Stop(NamedTuple):
    """One deed at one receptacle; `needs_open` says whether its door matters."""

    receptacle: int
    command: str | None
    needs_open: bool


Route = list[Stop]


def solve(engine: Engine, problem: Problem) -> list[str]:
    """Return commands that win the game from the engine's state; none if it is won already.

    They are as few as can be for one goal. Of several goals that of a thing in hand comes first, and one that ends with
    a thing in hand last. The engine is left as it is.

    Raises:
        NoPlanError: when there is no way, such as with a thing in hand that fits nowhere.
    """
    if engine.is_won():
        return []
    conditions = engine.world.conditions
    plan = plan_goal(engine, conditions[0]) if len(conditions) == 1 else _plan_all(engine)
    if plan is None:
        raise NoPlanError(f"{problem.name} ({problem.task}) can no longer be won from this state")
    return plan


def find_plan(engine: Engine) -> list[str]:
    """Return what `solve` does; no commands from where the game can no longer be won."""
    try:
        return solve(engine, engine.problem)
    except NoPlanError:
        return []


def find_plan_in_order(engine: Engine, first: int) -> list[str]:
    """Return commands after which the goals from a position on have held one after the other; none if there is no way.

    The engine is left as it is.
    """
    state, commands = engine.get_state(), list[str]()
    try:
        for goal in engine.world.conditions[first:]:
            plan = [] if engine.satisfies(goal) else plan_goal(engine, goal)
            if plan is None:
                return []
            for command in plan:
                engine.step(command)
            commands += plan
        return commands
    finally:
        engine.set_state(state)


def plan_goal(engine: Engine, goal: tuple[Condition, ...]) -> list[str] | None:
    """Return the fewest commands after which a goal that does not hold now does; None if there is no way."""
    plans = [_walk(engine, route) for route in _Router(engine).routes(goal)]
    return min(plans, key=len) if plans else None


def _plan_all(engine: Engine) -> list[str] | None:
    """Return what brings all goals about; a goal that another one undid is brought about again."""
    state, commands = engine.get_state(), list[str]()
    try:
        for _ in range(2 * len(engine.world.conditions)):
            plan = _plan_next(engine)
            if plan is None:
                return None
            for command in plan:
                commands.append(command)
                if engine.step(command).won:
                    return commands
        return None
    finally:
        engine.set_state(state)


def _plan_next(engine: Engine) -> list[str] | None:
    """Return the plan of one goal that does not hold: of a thing in hand first, of one that ends in hand last."""
    waiting = [goal for goal in engine.world.conditions if not engine.satisfies(goal)]
    held = sum(1 << entity for entity in engine.held)
    for goal in sorted(waiting, key=lambda goal: (ends_in_hand(goal), not mask_things(goal) & held)):
        plan = plan_goal(engine, goal)
        if plan is not None:
            return plan
    return None


def _walk(engine: Engine, route: Sequence[Stop]) -> list[str]:
    """Return the commands that make the stops in turn, with each door opened when it is first in the way."""
    world, place, closed = engine.world, engine.location, engine.world.openable & ~engine.opened
    commands = []
    for receptacle, command, needs_open in route:
        if place not in world.places[receptacle]:
            place = world.places[receptacle][0]
            commands.append(f"go to {world.receptacles[receptacle]}")
        if needs_open and closed >> receptacle & 1:
            closed &= ~(1 << receptacle)
            commands.append(f"open {world.receptacles[receptacle]}")
        if command is not None:
            commands.append(command)
    return commands


class _Router:
    """All sensible lists of stops from one state."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.world = engine.world
        self.reachable = [receptacle for receptacle, places in enumerate(self.world.places) if places]
        self.takes: dict[int, list[Stop]] = {}
        for receptacle in self.reachable:
            for entity in engine.contents[receptacle]:
                if self.world.pickupable >> entity & 1:
                    command = f"take {self.world.objects[entity]} from {self.world.receptacles[receptacle]}"
                    self.takes.setdefault(entity, []).append(Stop(receptacle, command, True))

    def routes(self, conditions: Sequence[Condition]) -> Iterator[Route]:
        for placed in (condition for condition in conditions if isinstance(condition, Placed)):
            yield from self._place(placed)
        held = [condition.objects for condition in conditions if isinstance(condition, Held)]
        lit = [condition.lamps for condition in conditions if isinstance(condition, Lit)]
        if held and lit:
            yield from self._light(held[0], lit[0])

    def _light(self, objects: int, lamps: int) -> Iterator[Route]:
        for entity in self._candidates(objects):
            for receptacle in self.reachable:
                for lamp in self.engine.contents[receptacle]:
                    if lamps >> lamp & 1:
                        is_on = self.engine.toggled >> lamp & 1
                        command = None if is_on else f"use {self.world.objects[lamp]}"
                        yield from self._fetch(entity, [Stop(receptacle, command, False)])

    def _place(self, goal: Placed) -> Iterator[Route]:
        for receptacle in set(goal.receptacles).intersection(self.reachable):
            fitting = self.world.accepts[receptacle] & goal.objects
            there = self._count_done(goal, receptacle)
            around = [entity for entity in self._candidates(fitting) if not self._is_done(goal, entity, receptacle)]
            for entities in permutations(around, goal.count - there):
                if not set(self.engine.held).intersection(entities[1:]):
                    yield from self._place_all(goal, entities, receptacle)

    def _count_done(self, goal: Placed, receptacle: int) -> int:
        return sum(self._is_done(goal, entity, receptacle) for entity in self.engine.contents[receptacle])

    def _is_done(self, goal: Placed, entity: int, receptacle: int) -> bool:
        is_there = entity in self.engine.contents[receptacle]
        return is_there and bool(goal.objects >> entity & 1) and self._is_treated(goal, entity)

    def _is_treated(self, goal: Placed, entity: int) -> bool:
        return goal.treatment is None or bool(getattr(self.engine, goal.treatment) >> entity & 1)

    def _place_all(self, goal: Placed, entities: Sequence[int], receptacle: int) -> Iterator[Route]:
        """Yield the routes that bring the objects one after the other."""
        first, *others = entities
        for treatment in self._treatments(goal, first):
            # No goal treats more than one object, so the others are only carried.
            for takes in product(*(self.takes[entity] for entity in others)):
                carries = [(take, self._put(entity, receptacle)) for entity, take in zip(others, takes, strict=True)]
                end = [*treatment, self._put(first, receptacle), *chain.from_iterable(carries)]
                yield from self._fetch(first, end)

    def _treatments(self, goal: Placed, entity: int) -> Iterator[Route]:
        if self._is_treated(goal, entity):
            yield []
            return
        verbs = {"clean": ("clean", self.world.sinks), "hot": ("heat", self.world.microwaves)}
        verb, appliances = verbs.get(goal.treatment or "", ("cool", self.world.fridges))
        for receptacle in self.reachable:
            if appliances >> receptacle & 1:
                command = f"{verb} {self.world.objects[entity]} with {self.world.receptacles[receptacle]}"
                yield [Stop(receptacle, command, False)]

    def _candidates(self, objects: int) -> list[int]:
        found = {*self.engine.held, *self.takes}
        return [entity for entity in sorted(found) if objects >> entity & 1]

    def _fetch(self, entity: int, then: Route) -> Iterator[Route]:
        """Yield the ways to have the object in hand and to go on; what is held instead is left somewhere first."""
        if entity in self.engine.held:
            yield then
            return
        for take in self.takes.get(entity, ()):
            for drop in self._drops(take):
                yield [*drop, take, *then]

    def _drops(self, take: Stop) -> Iterator[Route]:
        """Yield the ways to free the hands before taking something: on the spot, beside it, or on any surface."""
        if not self.engine.hands_full:
            yield []
            return
        places = {self.engine.location, *self.world.places[take.receptacle]}
        closed = self.world.openable & ~self.engine.opened
        for entity in self.engine.held:
            able = [receptacle for receptacle in self.reachable if self.world.accepts[receptacle] >> entity & 1]
            near = [receptacle for receptacle in able if places.intersection(self.world.places[receptacle])]
            far = sorted(set(able).difference(near), key=lambda receptacle: closed >> receptacle & 1)[:1]
            for receptacle in near + far:
                yield [self._put(entity, receptacle)]

    def _put(self, entity: int, receptacle: int) -> Stop:
        names = self.world.objects[entity], self.world.receptacles[receptacle]
        return Stop(receptacle, PUT_COMMANDS[self.world.grammar].format(*names), True)
