"""The milestones on the way to several goals."""

from collections.abc import Sequence

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.milestones import HouseholdMilestones


class LongMilestones:
    """The milestones of all goals, each named by its goal's number, from 1: "2 held"; those of different goals may mix.

    Args:
        goals: The goals.
    """

    def __init__(self, goals: Sequence[Goal]) -> None:
        self._parts = {number: HouseholdMilestones(goal) for number, goal in enumerate(goals, 1)}
        self.names = tuple(f"{number} {name}" for number, part in self._parts.items() for name in part.names)

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""
        return [f"{number} {name}" for number, part in self._parts.items() for name in part.watch(action, observation)]
