"""A language policy as an agent: the weights of a folder that training saved, played as they were trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch

from hiper_agents.policies.agent import PolicyAgent
from hiper_agents.policies.language.decision import LanguageDecision
from hiper_agents.policies.language.make import open_policy
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_envs.episodes.record import Usage
from webshop_server.allowed_types import check_integer, check_number

TEMPERATURE = 0.4
"""Of the draws, unless another is asked for: greedy play goes in circles, and training's 1 is careless."""

MODEL = "model"
"""What training calls the folder of the model in a run's own."""
CardValue = str | int | float | bool | None


class LanguagePolicyAgent:
    """Plays with a language policy; the same seed draws the same replies.

    Args:
        policy: The policy.
        name: Its name, for the card.
        facts: What was saved along with it, of which the card tells what trained it.
        temperature: Divides the scores before each draw; 0 takes the likeliest token.

    Attributes:
        usage: Tokens and finish reason of the last reply.

    Raises:
        ValueError: The temperature is none.
    """

    def __init__(
        self,
        policy: LanguagePolicy,
        name: str,
        facts: Mapping[str, Any] | None = None,
        temperature: float = TEMPERATURE,
    ) -> None:
        self.name, self.facts = name, facts or {}
        self._agent = PolicyAgent(policy, check_number(temperature, "temperature", 0, 100))

    @property
    def policy(self) -> LanguagePolicy:
        """What decides."""
        return cast(LanguagePolicy, self._agent.policy)

    @property
    def card(self) -> dict[str, CardValue]:
        """What plays, for the header of a run."""
        config, model = self.policy.config, self.policy.network.model
        return {
            "model": self.name,
            "parameters": sum(weights.numel() for weights in self.policy.network.parameters()),
            "dtype": str(model.dtype).removeprefix("torch."),
            "layout": config.layout,
            "decoding": config.decoding,
            "has_subgoals": self.policy.has_subgoals,
            "temperature": self._agent.temperature,
            "max_reply_tokens": config.max_reply_tokens,
            **tell_training(self.facts),
        }

    @property
    def usage(self) -> Usage | None:
        """Tokens of the last reply and of all that stands before it, and why it ended; None where none was drawn."""
        decision = cast(LanguageDecision | None, self._agent.decision)
        if decision is None:
            return None
        return Usage(decision.start, len(decision.ids), None, decision.finish_reason)

    def reset(self, seed: int) -> None:
        """Forget the last episode; draw from `seed`."""
        self._agent.reset(seed)

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Draw the reply to an observation.

        Raises:
            ModelError: Not even this observation leaves room for a reply in what the model can look back on, or its
                weights are no numbers.
        """
        return self._agent.act(observation, info)


def open_language_policy(
    folder: str | Path,
    *,
    temperature: float = TEMPERATURE,
    decoding: str | None = None,
    max_reply_tokens: int | None = None,
    dtype: str = "float32",
    device: str = "cpu",
    num_threads: int | None = 1,
) -> LanguagePolicyAgent:
    """Return an agent that plays with a folder that training saved.

    Args:
        folder: The folder.
        temperature: Divides the scores before each draw; 0 takes the likeliest token.
        decoding: "free", "format" or "admissible"; None for the one it was trained with.
        max_reply_tokens: The longest reply; None for the length it was trained with.
        dtype: Numbers that the weights are held in: "float32", "bfloat16" or "float16".
        device: Where the model is: "cpu", "cuda", ...
        num_threads: Threads for torch, in the whole process, see `set_threads`.

    Raises:
        ModelError: The folder holds no policy.
        ValueError: A setting is wrong.
    """
    set_threads(num_threads)
    asked = {"decoding": decoding, "max_reply_tokens": max_reply_tokens}
    changes = {name: value for name, value in asked.items() if value is not None}
    policy, facts = open_policy(Path(folder).expanduser(), dtype=dtype, device=device, **changes)
    return LanguagePolicyAgent(policy, name_folder(folder), facts, temperature)


def set_threads(num_threads: int | None) -> None:
    """Let torch compute with so many threads in this process; None leaves them as they are.

    One is the agents' default: several workers do not fight for the same cores then, and the same seed gives the same
    bytes on any machine of a kind, however many cores it has.

    Raises:
        ValueError: It is no number of threads.
    """
    if num_threads is not None:
        torch.set_num_threads(check_integer(num_threads, "num_threads", 1))


def name_folder(folder: str | Path) -> str:
    """Return what a folder's model is called: by the folder, or by the run's where it is the model of a run."""
    path = Path(folder).expanduser().resolve()
    return path.parent.name if path.name == MODEL and path.parent.name else path.name


def tell_training(facts: Mapping[str, Any]) -> dict[str, CardValue]:
    """Return how weights came to be, of what was saved along with them: by which configuration and command.

    A finished run ships a card with both; the model in a run's own folder has its configuration alone.
    """
    told: dict[str, Any] = {}
    for source in (facts.get("config"), facts.get("card")):
        told |= source if isinstance(source, dict) else {}
    named = (("trained_as", told.get("name")), ("trained_by", told.get("made_by")))
    return {name: value for name, value in named if isinstance(value, str)}
