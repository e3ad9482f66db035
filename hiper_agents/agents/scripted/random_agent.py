"""The agent that takes any admissible action."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from hiper_envs.reply import write_reply

SWITCH_RATE = 0.2
SHOP_SUBGOALS = (
    "search for the product",
    "choose a product",
    "inspect the product",
    "choose the options",
    "buy the product",
)


class RandomAgent:
    """Plays either world: uniform among the admissible actions, with segments that begin by chance.

    In the shop a new subgoal is any of the shop's; elsewhere it is the action itself.

    Args:
        switch_rate: Chance of a new segment on each turn after the first.
    """

    def __init__(self, switch_rate: float = SWITCH_RATE) -> None:
        if not 0.0 <= switch_rate <= 1.0:
            raise ValueError(f"switch_rate is a chance and must lie between 0 and 1, got {switch_rate!r}")
        self.switch_rate = switch_rate
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Start over; equal seeds give equal replies to equal observations."""
        self._rng = random.Random(seed)
        self._subgoal = ""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply.

        Raises:
            ValueError: `info` has no admissible actions to choose from.
        """
        actions = info.get("admissible_actions")
        if not isinstance(actions, Sequence) or isinstance(actions, str) or not actions:
            raise ValueError(f"this agent needs info['admissible_actions'], a list with an action, got {actions!r}")
        action = str(actions[int(self._rng.random() * len(actions))])
        switches = not self._subgoal or self._rng.random() < self.switch_rate
        if switches:
            subgoal = SHOP_SUBGOALS[int(self._rng.random() * len(SHOP_SUBGOALS))]
            self._subgoal = subgoal if "has_search_bar" in info else action
        return write_reply(action, self._subgoal, switches)
