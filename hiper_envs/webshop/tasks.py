"""The tasks of a WebShop split, by id and by position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np

from webshop_server.allowed_names import nearest_name
from webshop_server.catalogue.goals import KINDS


class WebShopTasks(Sequence[str]):
    """The task ids of a split, "synthetic-1500" for the goal at position 1500; made when asked for."""

    def __init__(self, kind: str, positions: np.ndarray[Any, np.dtype[np.uint32]]) -> None:
        self.kind = kind
        self.positions = positions

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [f"{self.kind}-{position}" for position in self.positions[index].tolist()]
        return f"{self.kind}-{self.positions[index]}"

    def __iter__(self) -> Iterator[str]:
        return (f"{self.kind}-{position}" for position in self.positions.tolist())

    def __contains__(self, task: object) -> bool:
        return isinstance(task, str) and self.find(task) is not None

    def find(self, task: str) -> int | None:
        """Return the goal's position for a task id of this split, None for any other text."""
        kind, _, digits = task.rpartition("-")
        if kind != self.kind or not digits.isdecimal() or len(digits) > 9 or digits != str(int(digits)):
            return None
        place = int(np.searchsorted(self.positions, int(digits)))
        is_found = place < len(self.positions) and self.positions[place] == int(digits)
        return int(digits) if is_found else None

    def find_nearest(self, task: str) -> str | None:
        """Return the task of this split that is nearest to a mistyped one: by its kind, then by its number.

        However many tasks there are, only the kinds' names are compared.
        """
        kind, _, digits = task.rpartition("-")
        if not digits.isdecimal() or nearest_name(kind, KINDS) != self.kind:
            return None
        place = int(np.searchsorted(self.positions, min(int(digits[:12]), int(self.positions[-1]))))
        return self[place]
