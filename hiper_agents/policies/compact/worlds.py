"""Which kind of memory fits which world."""

from collections.abc import Mapping
from typing import Any

from hiper_agents.policies.compact.alfworld_memory import ALFWorldMemory
from hiper_agents.policies.compact.memory import Memory
from hiper_agents.policies.compact.plain_memory import PlainMemory
from hiper_agents.policies.compact.webshop_memory import WebShopMemory
from hiper_agents.worlds import recognise_world

MEMORIES: Mapping[str, type[Memory]] = {"alfworld": ALFWorldMemory, "webshop": WebShopMemory, "plain": PlainMemory}


def open_memory(observation: str, info: Mapping[str, Any], has_subgoals: bool = True) -> Memory:
    """Return a fresh memory of the kind that fits the texts of the episode's first observation.

    Args:
        observation: The first observation.
        info: What came with it.
        has_subgoals: Whether the agent chooses subgoals.
    """
    kind = MEMORIES[recognise_world(observation, info)]
    return kind(str(info["instruction"]), observation, info["admissible_actions"], has_subgoals)
