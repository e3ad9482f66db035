"""Agents for both worlds, how they are trained, and their advantages.

The reference agents are made by `random()`, `expert()`, `hiper()` and `flat()`, which take nothing and serve both
worlds, and `rule()`, which knows WebShop only. `language(source)` plays with a causal language model on this machine,
trained or not; `language_small_hiper()` and `language_small_flat()` with the shipped small ones.
Torch is imported when one of the trained agents is made, not before.
"""

from collections.abc import Mapping
from typing import Any, cast

from hiper_envs.episodes.agents import Agent
from webshop_server.extras import naming_extra

__all__ = ["expert", "flat", "hiper", "language", "language_small_flat", "language_small_hiper", "random", "rule"]


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
        source: A folder that training saved, which is played as it was trained; or any folder that transformers saved,
            or a model's name on the hub, which are asked with a prompt.
        options: temperature, dtype, device, num_threads, max_reply_tokens; of a trained one decoding too, of any other
            prompt. See `hiper_agents.agents.local_models.make_local_agent`.

    Raises:
        ModelError: The model cannot be had.
        ValueError: An option is wrong.
        MissingExtraError: The extra `agents` is not installed.
    """
    with naming_extra():
        from hiper_agents.agents.local_models import make_local_agent

    return make_local_agent(source, **options)


def language_small_hiper() -> Agent:
    """Return the HiPER agent that is a small language model, with the shipped weights.

    Raises:
        ModelError: This package ships none.
        MissingExtraError: The extra `agents` is not installed.
    """
    with naming_extra():
        from hiper_agents.agents.language_shipped import ShippedLanguageAgent

    return ShippedLanguageAgent("hiper")


def language_small_flat() -> Agent:
    """Return the small language model without segments, with the shipped weights.

    Raises:
        ModelError: This package ships none.
        MissingExtraError: The extra `agents` is not installed.
    """
    with naming_extra():
        from hiper_agents.agents.language_shipped import ShippedLanguageAgent

    return ShippedLanguageAgent("flat")


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
