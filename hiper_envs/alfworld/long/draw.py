"""The goals that one house is asked for at once: a function of the game and its id, the same in every process.

The first is the game's own; those of k goals are the first ones of those of k + 1. Whether they can be reached,
together and one after the other, is tried by the solver as they are drawn.
"""

import hashlib
import random
from dataclasses import dataclass
from typing import TypeVar

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.problem import Problem
from hiper_envs.alfworld.generated.tasks import LAMP, write_sentence
from hiper_envs.alfworld.long.wishes import Wishes, list_wishes, spell_types
from hiper_envs.alfworld.rules.conditions import Condition, ends_in_hand, mask_things
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.alfworld.rules.situation import State
from hiper_envs.alfworld.rules.solver import plan_goal
from hiper_envs.alfworld.rules.world import compile_goals

T = TypeVar("T")
EDITION = "long goals 1"
"""Counted up if other goals are ever drawn for the same ids."""


@dataclass(frozen=True)
class Task:
    """One of several goals.

    Attributes:
        goal: What has to hold.
        sentence: ALFWorld's sentence for it.
    """

    goal: Goal
    sentence: str


def draw_tasks(problem: Problem, task_id: str, num_goals: int) -> list[Task]:
    """Return the first goals of a game, fewer if the house has no more.

    Each is about another type of thing and does not hold at the start; there is one look_at at the most, for one hand
    holds one thing. The kinds are drawn evenly among those that are left.

    Args:
        problem: The game.
        task_id: Its id, which decides.
        num_goals: How many goals are wanted.
    """
    tasks = [Task(problem.goal, problem.task)]
    if num_goals == 1:
        return tasks
    drawn = _Draw(problem, task_id)
    if not drawn.take(problem.goal):
        return tasks
    while len(tasks) < num_goals and (task := drawn.draw()) is not None:
        tasks.append(task)
    return tasks


class _Draw:
    """Goals drawn so far, and where a game stands in which they have been reached."""

    def __init__(self, problem: Problem, task_id: str) -> None:
        self.engine = Engine(problem)
        self.random = random.Random(int.from_bytes(hashlib.sha256(f"{EDITION}:{task_id}".encode()).digest()))
        self.wishes: Wishes = list_wishes(self.engine.world, spell_types(problem.facts))
        self.things = 0
        self.last: tuple[Condition, ...] | None = None
        # With all goals reached but the one that ends in hand, and with all reached in the order in which they came.
        self.together = self.in_order = self.engine.world.start

    def draw(self) -> Task | None:
        """Return another goal; None if the house has no more."""
        while self.wishes:
            kind = self._choose(list(self.wishes))
            goals = self.wishes[kind]
            while goals:
                name = self._choose(list(goals))
                goal = self._choose(goals[name])
                goals[name].remove(goal)
                if not goals[name]:
                    del goals[name]
                if self.take(goal):
                    place = goal.receptacle_type or LAMP
                    return Task(goal, write_sentence(kind, goal.object_type, place, self.random))
            del self.wishes[kind]
        return None

    def take(self, goal: Goal) -> bool:
        """Take a goal up if it can be reached beside the others; return whether it can."""
        (conditions,) = compile_goals(self.engine.world, [goal])
        things = mask_things(conditions)
        self.engine.set_state(self.engine.world.start)
        if things & self.things or self.engine.satisfies(conditions):
            return False
        if plan_goal(self.engine, conditions) is None or not self._reach(conditions):
            return False
        self.things |= things
        self._forget(goal)
        return True

    def _reach(self, goal: tuple[Condition, ...]) -> bool:
        in_hand = ends_in_hand(goal)
        together = self.together if in_hand else self._go_on(self.together, goal)
        in_order = self._go_on(self.in_order, goal)
        last = goal if in_hand else self.last
        if together is None or in_order is None or (last and self._go_on(together, last) is None):
            return False
        self.together, self.in_order, self.last = together, in_order, last
        return True

    def _go_on(self, state: State, goal: tuple[Condition, ...]) -> State | None:
        """Return where the shortest plan of a goal leads; None if there is none."""
        self.engine.set_state(state)
        plan = [] if self.engine.satisfies(goal) else plan_goal(self.engine, goal)
        if plan is None:
            return None
        for command in plan:
            self.engine.step(command)
        return self.engine.get_state()

    def _forget(self, goal: Goal) -> None:
        """Strike out what is not wished for beside a goal: the same type of thing, and a second look_at."""
        if goal.kind == "look_at":
            self.wishes.pop("look_at", None)
        for kind in list(self.wishes):
            self.wishes[kind].pop(goal.object_type, None)
            if not self.wishes[kind]:
                del self.wishes[kind]

    def _choose(self, choices: list[T]) -> T:
        return choices[int(self.random.random() * len(choices))]
