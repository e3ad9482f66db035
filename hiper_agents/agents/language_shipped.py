"""The small language models that come with the package, one for each world, as one agent."""

import json
from pathlib import Path
from typing import Any

from hiper_agents.agents.language_policy import (
    TEMPERATURE,
    CardValue,
    LanguagePolicyAgent,
    open_language_policy,
    tell_training,
)
from hiper_agents.agents.shipped import WEIGHTS, ShippedAgent
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import FACTS

FAMILY = "language-small"


def list_language_weights() -> list[str]:
    """Return the names of the shipped language models, like "language-small-alfworld-hiper"."""
    root = Path(str(WEIGHTS))
    return sorted(path.parent.name for path in root.glob(f"{FAMILY}-*/{FACTS}"))


class ShippedLanguageAgent(ShippedAgent):
    """Plays with the shipped small language models; which world it is in, it sees from the first observation.

    Args:
        kind: "hiper" or "flat".
        world: "alfworld" or "webshop" to refuse any other; None for those there are weights for.
        temperature: Divides the scores before each draw; 0 takes the likeliest token.
        decoding: "free", "format" or "admissible"; None for the one that the weights were trained with.

    Raises:
        ModelError: This package ships no such weights.
    """

    def __init__(
        self, kind: str, world: str | None = None, temperature: float = TEMPERATURE, decoding: str | None = None
    ) -> None:
        super().__init__(kind, world, temperature)
        self._options: dict[str, Any] = {"temperature": temperature, "decoding": decoding}
        shipped = list_language_weights()
        self.worlds = tuple(each for each in self.worlds if name_weights(each, kind) in shipped)
        if not self.worlds:
            raise ModelError(
                f"this package ships no weights of {FAMILY}-{kind}{'' if world is None else f' for {world}'}; shipped:"
                f" {', '.join(shipped) or 'none'}; train your own with hiper train and name its folder instead"
            )
        self._made: dict[str, LanguagePolicyAgent] = {}

    @property
    def card(self) -> dict[str, CardValue]:
        """What plays, for the header of a run."""
        card: dict[str, CardValue] = {"model": f"{FAMILY}-{self.kind}", "temperature": self.temperature}
        for world in self.worlds:
            told: dict[str, Any] = json.loads((_find(world, self.kind) / FACTS).read_text(encoding="utf-8"))
            settings = {**told["policy"], **{name: value for name, value in self._options.items() if value is not None}}
            card |= {f"{world}_{name}": settings[name] for name in ("layout", "decoding", "max_reply_tokens")}
            card |= {f"{world}_{name}": value for name, value in tell_training(told).items()}
        return card

    @property
    def usage(self) -> Any:
        """Tokens of the last reply, see `LanguagePolicyAgent`."""
        return getattr(self._agent, "usage", None)

    def make_agent(self, world: str) -> LanguagePolicyAgent:
        """Return what plays in a world; loaded once."""
        if world not in self._made:
            self._made[world] = open_language_policy(_find(world, self.kind), **self._options)
        return self._made[world]


def name_weights(world: str, kind: str) -> str:
    """Return the name of the weights of a world and a kind of agent."""
    return f"{FAMILY}-{world}-{kind}"


def _find(world: str, kind: str) -> Path:
    return Path(str(WEIGHTS)) / name_weights(world, kind)
