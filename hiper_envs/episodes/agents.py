"""What an agent is."""

from collections.abc import Mapping
from typing import Protocol


class Agent(Protocol):
    """What plays: anything with these two methods."""

    def reset(self, seed: int) -> None:
        """Forget the last episode; draw whatever is random from `seed`."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the whole reply to an observation."""
