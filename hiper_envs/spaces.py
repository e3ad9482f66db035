"""A space of texts that takes any Unicode and checks in constant time.

`gymnasium.spaces.Text` refuses 'é', walks every character of every observation, and, held in the shared memory of
`AsyncVectorEnv`, comes back as other text. This one has no fixed alphabet, so Gymnasium passes it as an object.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

SAMPLE_WORDS = (
    "look",
    "inventory",
    "go to desk 1",
    "open drawer 1",
    "search[red shoes]",
    "click[next >]",
    "click[buy now]",
    "",
    "naïve café",
    "你好",
    "🙂",
)
MAX_LENGTH = 1_000_000


class UnicodeText(spaces.Space[str]):
    """All strings of at most `max_length` characters.

    Args:
        max_length: The longest text that belongs to the space, in characters.
        samples: The texts that `sample` draws from.
        seed: Seed of the space's own generator.
    """

    def __init__(
        self,
        max_length: int = MAX_LENGTH,
        samples: Sequence[str] = SAMPLE_WORDS,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        self.max_length = max_length
        self.samples = tuple(samples)
        super().__init__(dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """A text has no fixed-size array form."""
        return False

    def contains(self, x: Any) -> bool:
        """Return whether `x` is a string that is short enough."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Draw one of the sample texts; masks mean nothing here and are refused."""
        if mask is not None or probability is not None:
            raise ValueError("UnicodeText.sample takes neither mask nor probability; give it None")
        return str(self.samples[self.np_random.integers(len(self.samples))])

    def __eq__(self, other: object) -> bool:
        """Two spaces are equal when they hold the same texts."""
        return isinstance(other, UnicodeText) and other.max_length == self.max_length

    def __hash__(self) -> int:
        """Equal spaces have equal hashes."""
        return hash((type(self).__name__, self.max_length))

    def __repr__(self) -> str:
        """Show how to make the space."""
        return f"UnicodeText({self.max_length})"
