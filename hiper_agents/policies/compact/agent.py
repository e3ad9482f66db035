"""The compact policy as an agent that writes replies like a language model's."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from hiper_agents.policies.compact.decide import decide
from hiper_agents.policies.compact.network import CompactNetwork
from hiper_agents.policies.compact.notes import Notes, open_notes
from hiper_envs.reply import write_reply


class CompactAgent:
    """Plays with a trained network.

    Args:
        network: The policy.
        has_subgoals: False for a flat agent, which writes KEEP and no subgoal throughout.
        temperature: Of the draws; 0 takes the likeliest decision.
    """

    def __init__(self, network: CompactNetwork, has_subgoals: bool = True, temperature: float = 1.0) -> None:
        self.network = network
        self.has_subgoals = has_subgoals
        self.temperature = temperature
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; draw from `seed`."""
        self._rng = np.random.default_rng(seed) if self.temperature > 0 else None
        self._notes: Notes | None = None

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply `<switch>...</switch><subgoal>...</subgoal><action>...</action>`."""
        admissible = cast(list[str], info["admissible_actions"])
        if self._notes is None:
            self._notes = open_notes(observation, cast(Mapping[str, Any], info), self.has_subgoals)
        else:
            self._notes.observe(observation, admissible)
        notes = self._notes
        if not notes.actions:
            return write_reply("", notes.subgoal if self.has_subgoals else "", False)
        decision = decide(self.network, [notes], self._rng, self.temperature or 1.0)[0]
        action = notes.actions[decision.action]
        notes.decide(decision.subgoal, decision.is_boundary, action)
        if not self.has_subgoals:
            return write_reply(action)
        return write_reply(action, notes.subgoal, decision.is_boundary)
