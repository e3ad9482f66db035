"""Which tokens are marked for a small model: those that the task's sentence holds too, where the world speaks.

What the model said itself is never marked: a wrong name in a failed reply would look like the one that is wanted.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hiper_agents.policies.language.compact_layout import ACTS, END, REPLY, TASK

Flags = npt.NDArray[np.bool_]


class Marking:
    """Finds replies by the compact layout's marks around them.

    Args:
        tokenizer: The model's; one without those marks has no replies to find.
    """

    def __init__(self, tokenizer: Any) -> None:
        known = tokenizer.get_vocab()
        self._opening = known.get(REPLY)
        self._closing = [known[mark] for mark in (END, ACTS, TASK) if mark in known]
        self._bounds = frozenset((self._opening, *self._closing))

    def find_replies(self, ids: npt.NDArray[np.int64]) -> Flags:
        """Return which tokens belong to replies, their ends included, shape [..., tokens].

        A reply goes on to its end or, if it was cut off, to the next mark of the layout.

        Args:
            ids: Whole texts, shape [..., tokens].
        """
        place = np.arange(1, ids.shape[-1] + 1)
        opened = np.maximum.accumulate(np.where(ids == self._opening, place, 0), axis=-1)
        closed = np.maximum.accumulate(np.where(np.isin(ids, self._closing), place, 0), axis=-1)
        is_open = opened > closed
        found: Flags = np.zeros(ids.shape, dtype=bool)
        found[..., 1:] = is_open[..., :-1]
        return found

    def mark(self, ids: Sequence[int], begin: int, end: int, wanted: Collection[int]) -> list[bool]:
        """Return which of a text's tokens from `begin` to `end` are marked, as `find_replies` of the whole would say.

        Args:
            ids: The text.
            begin: Where to begin.
            end: Where to end.
            wanted: The tokens of the task's sentence.
        """
        bounds = self._bounds
        is_open = next((ids[at] == self._opening for at in range(begin - 1, -1, -1) if ids[at] in bounds), False)
        marked = []
        for token in ids[begin:end]:
            marked.append(not is_open and token in wanted)
            if token in bounds:
                is_open = token == self._opening
        return marked
