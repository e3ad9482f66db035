"""The fast engine: ALFWorld's own rules, stated directly, word for word equal to the official engine."""

import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.rules.commands import is_reachable, list_commands
from hiper_envs.alfworld.rules.conditions import Condition
from hiper_envs.alfworld.rules.describe import (
    describe_hands,
    describe_object,
    describe_receptacle,
    describe_start,
    describe_surroundings,
)
from hiper_envs.alfworld.rules.situation import Situation, State
from hiper_envs.alfworld.rules.world import compile_world

NOTHING_HAPPENS = "Nothing happens."
PUT_WORDS = {"move": (" to ", "You move the {} to the {}."), "put": (" in/on ", "You put the {} in/on the {}.")}


class Output(NamedTuple):
    """What an engine answers.

    Attributes:
        text: The engine's own words.
        admissible: Every command that does something now, in string order.
        won: Whether the goal holds now, or all of several goals; it can cease to hold later.
    """

    text: str
    admissible: list[str]
    won: bool


class Engine(Situation):
    """Plays one game: a situation that commands change, in a world that engines of the same problem share.

    Args:
        problem: The game.
        name_seed: Deals the numbers in the names out at random ("mug 2" may be "mug 1"); None gives the official names.
    """

    def __init__(self, problem: Problem, name_seed: int | None = None) -> None:
        self.problem = problem
        self.world = compile_world(problem, None if name_seed is None else random.Random(name_seed))
        self._separator, self._put_text = PUT_WORDS[self.world.grammar]
        self.set_state(self.world.start)

    @property
    def task(self) -> str:
        """The goal sentence, without 'Your task is to: '."""
        return self.world.task

    def reset(self) -> Output:
        """Begin the game again."""
        self.set_state(self.world.start)
        return Output(describe_start(self.world, self), list_commands(self.world, self), self.is_won())

    def step(self, command: str) -> Output:
        """Play one command; anything but an admissible one does nothing."""
        verb, _, rest = command.strip().partition(" ")
        act = _VERBS.get(verb)
        text = act(self, rest) if act is not None else None
        return Output(NOTHING_HAPPENS if text is None else text, list_commands(self.world, self), self.is_won())

    def look(self) -> str:
        """Return what the command "look" says here."""
        return describe_surroundings(self.world, self)

    def set_state(self, state: State) -> None:
        """Go on from a state of this same game.

        Raises:
            ValueError: The state belongs to another game.
        """
        if len(state.contents) != len(self.world.receptacles) or len(state.placed) != len(self.world.locations):
            raise ValueError("this state belongs to another game: its receptacles or locations are not this game's")
        super().set_state(state)

    def replay(self, commands: Iterable[str]) -> None:
        """Begin the game again and play these commands."""
        self.set_state(self.world.start)
        for command in commands:
            self.step(command)

    def is_won(self) -> bool:
        """Return whether the goal holds now, or all of several goals."""
        for conditions in self.world.conditions:
            if not self.satisfies(conditions):
                return False
        return True

    def satisfies(self, conditions: Iterable[Condition]) -> bool:
        """Return whether the conditions of a goal hold now."""
        for condition in conditions:  # a generator in all() costs more than the conditions themselves
            if not condition.holds(self):
                return False
        return True

    def _look(self, rest: str) -> str | None:
        return None if rest else describe_surroundings(self.world, self)

    def _inventory(self, rest: str) -> str | None:
        return None if rest else describe_hands(self.world, self)

    def _help(self, rest: str) -> str | None:
        return None if rest else self.world.help_text

    def _find_receptacle(self, name: str) -> int | None:
        """Return the receptacle of this name if it is at the agent's location."""
        receptacle = self.world.receptacle_by_name.get(name)
        return receptacle if receptacle in self.world.here[self.location] else None

    def _find_held(self, name: str) -> int | None:
        entity = self.world.object_by_name.get(name)
        return entity if entity in self.held else None

    def _go(self, rest: str) -> str | None:
        world = self.world
        receptacle = world.receptacle_by_name.get(rest[3:]) if rest.startswith("to ") else None
        if receptacle is None:
            return None
        for place in world.places[receptacle]:
            if place != self.location:
                self.location = place
                arrival = world.receptacles[receptacle] if world.grammar == "move" else world.locations[place]
                return f"You arrive at {arrival}. {describe_receptacle(self.world, self, receptacle)}"
        return None

    def _open(self, rest: str) -> str | None:
        receptacle = self._find_receptacle(rest)
        if receptacle is None or not (self.world.openable & ~self.opened) >> receptacle & 1:
            return None
        self.opened |= 1 << receptacle
        return f"You open the {rest}. {describe_receptacle(self.world, self, receptacle)}"

    def _close(self, rest: str) -> str | None:
        receptacle = self._find_receptacle(rest)
        if receptacle is None or not (self.world.openable & self.opened) >> receptacle & 1:
            return None
        self.opened &= ~(1 << receptacle)
        return f"You close the {rest}."

    def _take(self, rest: str) -> str | None:
        name, _, receptacle_name = rest.partition(" from ")
        entity = self.world.object_by_name.get(name)
        receptacle = self._find_receptacle(receptacle_name)
        if entity is None or receptacle is None or self.hands_full or not is_reachable(self.world, self, receptacle):
            return None
        if entity not in self.contents[receptacle] or not self.world.pickupable >> entity & 1:
            return None
        self.contents[receptacle] = without(self.contents[receptacle], entity)
        self.placed[self.location] = without(self.placed[self.location], entity)
        self.taken.add((entity, receptacle))
        self.held = with_one_more(self.held, entity)
        self.hands_full = True
        return f"You pick up the {name} from the {receptacle_name}."

    def _move(self, rest: str) -> str | None:
        return self._put_down(rest) if self.world.grammar == "move" else None

    def _put(self, rest: str) -> str | None:
        return self._put_down(rest) if self.world.grammar == "put" else None

    def _put_down(self, rest: str) -> str | None:
        name, _, receptacle_name = rest.partition(self._separator)
        entity = self._find_held(name)
        receptacle = self._find_receptacle(receptacle_name)
        if entity is None or receptacle is None or not is_reachable(self.world, self, receptacle):
            return None
        if not self.world.accepts[receptacle] >> entity & 1:
            return None
        self.contents[receptacle] = with_one_more(self.contents[receptacle], entity)
        self.placed[self.location] = with_one_more(self.placed[self.location], entity)
        self.taken.discard((entity, receptacle))
        self.held = without(self.held, entity)
        self.hands_full = False
        return self._put_text.format(name, receptacle_name)

    def _treat(self, rest: str, able: int, appliances: int) -> tuple[int, str] | None:
        """Return the object's bit and the words 'X using the R', if the held object can be treated here."""
        name, _, receptacle_name = rest.partition(" with ")
        entity = self._find_held(name)
        receptacle = self._find_receptacle(receptacle_name)
        if entity is None or receptacle is None or not (able >> entity & 1 and appliances >> receptacle & 1):
            return None
        return 1 << entity, f"{name} using the {receptacle_name}."

    def _clean(self, rest: str) -> str | None:
        found = self._treat(rest, self.world.cleanable, self.world.sinks)
        if found is None:
            return None
        self.clean |= found[0]
        return f"You clean the {found[1]}"

    def _heat(self, rest: str) -> str | None:
        found = self._treat(rest, self.world.heatable, self.world.microwaves)
        if found is None:
            return None
        self.hot |= found[0]
        self.cool &= ~found[0]
        return f"You heat the {found[1]}"

    def _cool(self, rest: str) -> str | None:
        found = self._treat(rest, self.world.coolable, self.world.fridges)
        if found is None:
            return None
        self.cool |= found[0]
        self.hot &= ~found[0]
        return f"You cool the {found[1]}"

    def _use(self, rest: str) -> str | None:
        entity = self.world.object_by_name.get(rest)
        if entity is None or not self.world.toggleable >> entity & 1:
            return None
        if not any(entity in self.contents[receptacle] for receptacle in self.world.here[self.location]):
            return None
        self.toggled |= 1 << entity
        return f"You turn on the {rest}."

    def _slice(self, rest: str) -> str | None:
        name, _, knife_name = rest.partition(" with ")
        entity = self.world.object_by_name.get(name)
        knife = self._find_held(knife_name)
        if entity is None or knife is None or not self.world.knives >> knife & 1:
            return None
        if not self.world.sliceable >> entity & 1 or entity not in self.placed[self.location]:
            return None
        self.sliced |= 1 << entity
        return f"You sliced the {name} with the {knife_name}."

    def _examine(self, rest: str) -> str | None:
        receptacle = self._find_receptacle(rest)
        if receptacle is not None:
            return describe_receptacle(self.world, self, receptacle)
        entity = self._find_held(rest)
        return None if entity is None else describe_object(self.world, self, entity)


# One table for all engines: bound methods in each engine would tie it into a cycle that only the collector frees.
_VERBS: dict[str, Callable[[Engine, str], str | None]] = {
    "look": Engine._look,
    "inventory": Engine._inventory,
    "help": Engine._help,
    "go": Engine._go,
    "open": Engine._open,
    "close": Engine._close,
    "take": Engine._take,
    "move": Engine._move,
    "put": Engine._put,
    "clean": Engine._clean,
    "heat": Engine._heat,
    "cool": Engine._cool,
    "use": Engine._use,
    "slice": Engine._slice,
    "examine": Engine._examine,
}


def without(entities: tuple[int, ...], entity: int) -> tuple[int, ...]:
    """Return the sorted tuple without one of its members, which need not be there."""
    return tuple([other for other in entities if other != entity])


def with_one_more(entities: tuple[int, ...], entity: int) -> tuple[int, ...]:
    """Return the sorted tuple with one more member, unless it is there already."""
    return entities if entity in entities else tuple(sorted((*entities, entity)))
