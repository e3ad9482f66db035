"""Actions that go wrong, as a young policy's do, so that demonstrations show the way on from them."""

import re
from collections.abc import Sequence

import numpy as np

NUMBER = re.compile(r"\d+")
NAME = re.compile(r"[a-z]+ \d+")
LARGEST_NUMBER = 9
NUM_TRIES = 10
RANDOM_SHARE = 0.4
"""Share of disturbances that are admissible, and lead off the road rather than nowhere."""


class Disturber:
    """Draws actions instead of an expert's: another admissible one, or one to three that fail.

    Those that fail repeat the last action, have a wrong number, or a name from elsewhere in the episode.

    Args:
        rate: Share of turns at which it begins.
        rng: Where chance comes from.
    """

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        self.rate = rate
        self.rng = rng
        self._burst = 0
        self._last = ""
        self._names: dict[str, None] = {}

    def draw(self, wanted: str, admissible: Sequence[str]) -> str | None:
        """Return what is done instead of what the expert wants; None to let it.

        Args:
            wanted: The expert's action.
            admissible: What may be done.
        """
        self._names.update(dict.fromkeys(name for action in admissible for name in NAME.findall(action)))
        action = self._choose(wanted, admissible)
        self._last = action or wanted
        return action

    def _choose(self, wanted: str, admissible: Sequence[str]) -> str | None:
        if not self._burst:
            if self.rng.random() >= self.rate:
                return None
            if self.rng.random() < RANDOM_SHARE:
                return admissible[int(self.rng.integers(len(admissible)))]
            self._burst = int(self.rng.integers(1, 4))
        self._burst -= 1
        allowed = frozenset(admissible)
        drawn = (self._spoil(wanted) for _ in range(NUM_TRIES))
        return next((action for action in drawn if action not in allowed), None)

    def _spoil(self, wanted: str) -> str:
        kind = self.rng.random()
        if kind < 1 / 3 and self._last:
            return self._last
        if kind < 2 / 3 or not self._names:
            number = str(self.rng.integers(1, LARGEST_NUMBER + 1))
            return NUMBER.sub(number, wanted, count=1)
        names = list(self._names)
        return NAME.sub(names[int(self.rng.integers(len(names)))], wanted, count=1)
