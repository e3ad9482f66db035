"""A policy as an agent that writes replies like a language model's."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from hiper_agents.policies.policy import Decision, Memory, Policy
from hiper_envs.reply import write_reply


class PolicyAgent:
    """Plays with a trained policy.

    Args:
        policy: The policy.
        temperature: Of the draws; 0 takes the likeliest decision.

    Attributes:
        decision: The last one; None before the first, and where there was nothing to decide.
    """

    def __init__(self, policy: Policy, temperature: float = 1.0) -> None:
        self.policy = policy
        self.temperature = temperature
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; draw from `seed`."""
        self._rng = np.random.default_rng(seed) if self.temperature > 0 else None
        self._memory: Memory | None = None
        self.decision: Decision | None = None

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply `<switch>...</switch><subgoal>...</subgoal><action>...</action>`."""
        self.decision = None
        admissible = cast(list[str], info["admissible_actions"])
        if self._memory is None:
            self._memory = self.policy.open_memory(observation, cast(Mapping[str, Any], info))
        else:
            self._memory.observe(observation, admissible)
        if not admissible:
            return write_reply("")
        decision: Decision = self.policy.decide([self._memory], self._rng, self.temperature or 1.0)[0]
        self._memory.remember(decision)
        self.decision = decision
        return str(decision.reply)
