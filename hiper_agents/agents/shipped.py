"""The trained weights that come with the package, as agents for both worlds."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import torch

from hiper_agents.policies.agent import PolicyAgent
from hiper_agents.policies.compact.policy import CompactPolicy
from hiper_agents.training.checkpoint import load_network, load_tensors
from hiper_agents.worlds import WORLDS, recognise_world
from hiper_envs.episodes.agents import Agent
from webshop_server.allowed_names import check_choice

WEIGHTS = resources.files("hiper_agents") / "weights"


def list_weights() -> list[str]:
    """Return the names of the shipped weights, like "alfworld-hiper"."""
    return sorted(
        entry.name.removesuffix(".safetensors") for entry in WEIGHTS.iterdir() if ".safetensors" in entry.name
    )


def read_card(name: str) -> dict[str, Any]:
    """Return how shipped weights were made and what they reached.

    Raises:
        ValueError: There are no such weights.
    """
    check_choice(name, list_weights(), "weights")
    card: dict[str, Any] = json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    return card


@lru_cache(maxsize=8)
def load_policy(path_or_name: str) -> tuple[CompactPolicy, dict[str, Any]]:
    """Load weights from a .safetensors file or shipped ones by name.

    Returns:
        The policy, shared by all callers, and the settings it was trained with.

    Raises:
        ValueError: There are no such weights, or they are of another network.
        FileNotFoundError: There is no such file.
    """
    if path_or_name.endswith(".safetensors"):
        path = Path(path_or_name)
    else:
        check_choice(path_or_name, list_weights(), "weights")
        path = Path(str(WEIGHTS / f"{path_or_name}.safetensors"))
    saved = load_tensors(path)
    settings: dict[str, Any] = saved.state["config"]
    policy = CompactPolicy(has_subgoals=settings["has_subgoals"])
    load_network(policy.network, saved.tensors, path)
    policy.network.eval()
    return policy, settings


class ShippedAgent:
    """Plays with shipped weights; which world it is in, it sees from the first observation.

    Args:
        kind: "hiper" or "flat".
        world: "alfworld" or "webshop" to refuse any other; None for either.
        temperature: Of the draws; None takes that of the weights' settings, 0 the likeliest decisions.
        num_threads: Threads for torch, in the whole process; the network is too small for more than one.
    """

    def __init__(
        self, kind: str, world: str | None = None, temperature: float | None = None, num_threads: int | None = 1
    ) -> None:
        self.kind = check_choice(kind, ("hiper", "flat"), "kind of agent")
        self.worlds: tuple[str, ...] = WORLDS if world is None else (check_choice(world, WORLDS, "world"),)
        self.temperature = temperature
        if num_threads is not None:
            torch.set_num_threads(num_threads)
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode and its world; draw from `seed`."""
        self._seed = seed
        self._agent: Agent | None = None

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply to an observation.

        Raises:
            ValueError: The world is one there are no weights for.
        """
        if self._agent is None:
            self._agent = self._open(observation, info)
        return self._agent.act(observation, info)

    def _open(self, observation: str, info: Mapping[str, object]) -> Agent:
        world = recognise_world(observation, cast(Mapping[str, Any], info))
        if world not in self.worlds:
            raise ValueError(
                f"the {self.kind} agent has weights for {' and '.join(self.worlds)}, but this observation is from"
                f" {'another world' if world == 'plain' else world}: {observation[:60]!r}"
            )
        agent = self.make_agent(world)
        agent.reset(self._seed)
        return agent

    def make_agent(self, world: str) -> Agent:
        """Return what plays in a world."""
        policy, settings = load_policy(f"{world}-{self.kind}")
        return PolicyAgent(policy, settings["temperature"] if self.temperature is None else self.temperature)


class HiPERAgent(ShippedAgent):
    """The reference agent: switches, subgoals and actions, trained by imitation and PPO on HAE advantages."""

    def __init__(self, world: str | None = None, temperature: float | None = None) -> None:
        super().__init__("hiper", world, temperature)


class FlatAgent(ShippedAgent):
    """The same network without segments, trained by imitation and PPO on flat GAE."""

    def __init__(self, world: str | None = None, temperature: float | None = None) -> None:
        super().__init__("flat", world, temperature)
