"""Agents for both worlds, how they are trained, and their advantages.

The reference agents are made by `random()`, `expert()`, `hiper()` and `flat()`, which take nothing and serve both
worlds, and `rule()`, which knows WebShop only; `language(source)` plays with a causal language model on this machine.
Torch is imported when `hiper`, `flat` or `language` is made, not before.
"""

from collections.abc import Mapping
from typing import Any, cast

from hiper_envs.episodes.agents import Agent
from webshop_server.extras import naming_extra

__all__ = ["expert", "flat", "hiper", "language", "random", "rule"]


def random() -> Agent:
    """Return the agent that takes any admissible action."""
    from hiper_agents.agents.scripted import RandomAgent

    return RandomAgent()


def rule() -> Agent:
    """Return WebShop's rule: search the instruction, buy the first product with the options that it names."""
    from hiper_agents.agents.scripted import RuleAgent

    return RuleAgent()


def expert() -> Agent:
    """Return the scripted expert, which picks its world's rules by the first observation."""
    return _Expert()


def hiper() -> Agent:
    """Return the HiPER agent with the shipped weights.

    Raises:
        MissingExtraError: The extra `agents` is not installed.
    """
    with naming_extra():
        from hiper_agents.agents.shipped import HiPERAgent

    return HiPERAgent()


def flat() -> Agent:
    """Return the agent without segments with the shipped weights.

    Raises:
        MissingExtraError: The extra `agents` is not installed.
    """
    with naming_extra():
        from hiper_agents.agents.shipped import FlatAgent

    return FlatAgent()


def language(source: Any, **options: Any) -> Agent:
    """Return an agent that draws its replies from a causal language model on this machine.

    Args:
        source: A folder that transformers saved, or a model's name on the hub.
        options: As `hiper_agents.agents.language.LanguageAgent` takes them: prompt, temperature, dtype, ...

    Raises:
        ModelError: The model cannot be had.
        MissingExtraError: The extra `agents` is not installed.
    """
    with naming_extra():
        from hiper_agents.agents.language import LanguageAgent

    return LanguageAgent(source, **options)


class _Expert:
    """Hands an episode to the expert of its world."""

    def __init__(self) -> None:
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode."""
        self._seed = seed
        self._agent: Agent | None = None

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the expert's reply."""
        if self._agent is None:
            self._agent = self._choose(observation, info)
            self._agent.reset(self._seed)
        return self._agent.act(observation, info)

    def _choose(self, observation: str, info: Mapping[str, object]) -> Agent:
        from hiper_agents.agents.scripted import ALFWorldExpert, WebShopExpert
        from hiper_agents.worlds import recognise_world

        world = recognise_world(observation, cast(Mapping[str, Any], info))
        if world == "plain":
            raise ValueError(f"there are experts for ALFWorld and WebShop; this is neither: {observation[:60]!r}")
        chosen: Agent = ALFWorldExpert() if world == "alfworld" else WebShopExpert()
        return chosen
