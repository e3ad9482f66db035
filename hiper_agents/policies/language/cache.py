"""Keys and values of many growing texts, a row and a length each.

Texts of any lengths go through the model side by side as one line of tokens, so that nothing is filled up: `RowCache`
keeps each token's keys and values in its text's row, and plans over which stripes of neighbouring rows attention is
computed, each as far as its longest text reaches. The keys of a row begin at position 0, so positions are those of
training. Transformers' own caches serve none of this: theirs have one length for all rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import Cache

STEP = 256
"""Rows reach a multiple of so many positions."""
GROWTH = 1.5
"""Whenever they grow, at least by so much, for all is copied then."""


@dataclass
class Stripe:
    """Neighbouring rows whose new tokens attend together.

    Attributes:
        tokens: Which of the new tokens are theirs.
        rows: Which rows, some perhaps without new tokens.
        top: How many positions of them are looked at.
        width: New tokens of the row that has most.
        spots: Where each of the tokens stands in a grid of rows and `width`; None if they just fill it.
        mask: 0 where a spot of the grid sees a position, minus infinity where not, shape [rows, 1, width, top]; None if
            all see all.
    """

    tokens: slice
    rows: slice
    top: int
    width: int
    spots: Tensor | None
    mask: Tensor | None
    wide_masks: dict[tuple[int, torch.dtype], Tensor] = field(default_factory=dict)

    def widen_mask(self, repeats: int, dtype: torch.dtype) -> Tensor | None:
        """Return the mask for queries of several heads that share keys, shape [rows, 1, repeats * width, top]."""
        if self.mask is None:
            return None
        if (repeats, dtype) not in self.wide_masks:
            wide = self.mask[:, :, None].expand(-1, -1, repeats, -1, -1).flatten(2, 3)
            self.wide_masks[repeats, dtype] = wide.to(dtype)
        return self.wide_masks[repeats, dtype]


@dataclass(frozen=True)
class Plan:
    """Where a line of new tokens goes, T of them.

    Attributes:
        rows: Each one's row, shape [T].
        positions: Each one's position in its text, shape [T].
        stripes: The rows that they are in.
    """

    rows: Tensor
    positions: Tensor
    stripes: Sequence[Stripe]


class RowCache(Cache):
    """Keys and values per row.

    Args:
        device: Where they are.
        limit: How long a text gets at most; None if that is not known.

    Attributes:
        lengths: How many tokens of its text each row holds.
    """

    def __init__(self, device: torch.device, limit: int | None = None) -> None:
        super().__init__(layers=[])
        self.device, self.limit = device, limit
        self.lengths: list[int] = []
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._reach = STEP
        self._plan: Plan | None = None

    @property
    def num_bytes(self) -> int:
        """How much memory the keys and values take."""
        return sum(each.nbytes for each in (*self._keys, *self._values))

    def empty_row(self, row: int) -> None:
        """Make a row ready for another text; rows that are low are neighbours, so take the lowest."""
        self.lengths += [0] * (row + 1 - len(self.lengths))
        self.lengths[row] = 0

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return the length of the longest row."""
        return max(self.lengths, default=0)

    def plan(self, rows: Sequence[int], widths: Sequence[int]) -> Plan:
        """Make room for new tokens and count them in.

        Args:
            rows: Rows in use, ascending.
            widths: How many new tokens each gets, at least one; in the line of tokens they follow each other.
        """
        starts = [self.lengths[row] for row in rows]
        for row, start, width in zip(rows, starts, widths, strict=True):
            self.lengths[row] = start + width
        longest = max(self.lengths)
        if longest > self._reach:
            wanted = max(longest, int(GROWTH * self._reach))
            self._reach = -(-(wanted if self.limit is None else max(longest, min(wanted, self.limit))) // STEP) * STEP
        places = [_Place(*place) for place in zip(rows, starts, widths, strict=True)]
        positions = np.concatenate([np.arange(place.start, place.top) for place in places])
        stripes: list[Stripe] = []
        for part in _part_rows(places, self.device.type):
            stripes.append(_lay_stripe(part, stripes[-1].tokens.stop if stripes else 0, self.device))
        line = torch.from_numpy(np.repeat(rows, widths)).to(self.device)
        self._plan = Plan(line, torch.from_numpy(positions).to(self.device), stripes)
        return self._plan

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Keep the keys and values of the planned tokens, and return all that there are.

        Args:
            key_states: Shape [1, heads, T, size].
            value_states: The same.
            layer_idx: Which layer's.
            *args: Not read.
            **kwargs: Not read.

        Returns:
            Keys and values, shape [rows, heads, positions, size].
        """
        if self._plan is None:
            raise RuntimeError("tokens come without a plan of their rows")
        both = []
        for kept, new in ((self._keys, key_states), (self._values, value_states)):
            if layer_idx == len(kept):
                kept.append(new.new_zeros(0, new.shape[1], 0, new.shape[3]))
            kept[layer_idx] = whole = self._widen(kept[layer_idx])
            whole[self._plan.rows, :, self._plan.positions] = new[0].transpose(0, 1)
            both.append(whole)
        return both[0], both[1]

    def _widen(self, kept: Tensor) -> Tensor:
        num_rows, num_heads, reach, size = kept.shape
        if num_rows >= len(self.lengths) and reach >= self._reach:
            return kept
        wanted = num_rows if num_rows >= len(self.lengths) else max(len(self.lengths), int(GROWTH * num_rows))
        wider = kept.new_zeros(wanted, num_heads, max(reach, self._reach), size)
        wider[:num_rows, :, :reach] = kept
        return wider


LOOK_COST = 6
"""What fetching one position's keys and values costs, in products of a query and a key."""
CALL_COSTS = {"cpu": 4000, "cuda": 1_000_000}
"""What one more call of attention costs, in the same, by the kind of device."""
MAX_GRIDS = {"cpu": 1 << 20, "cuda": 1 << 25}
"""How many pairs of a token and a position one mask holds at most, unless a single row has more."""


class _Place(NamedTuple):
    """A row that gets `width` tokens from position `start` on."""

    row: int
    start: int
    width: int

    @property
    def top(self) -> int:
        return self.start + self.width


def _part_rows(places: Sequence[_Place], device: str) -> Iterator[Sequence[_Place]]:
    """Part rows into stripes: neighbours go together while filling them up costs less than another call."""
    call_cost, max_grid = (each.get(device, each["cuda"]) for each in (CALL_COSTS, MAX_GRIDS))
    first = low = top = width = cost = 0
    for number, place in enumerate(places):
        alone = place.top * (place.width + LOOK_COST)
        joint_top, joint_width = max(top, place.top), max(width, place.width)
        area = (place.row - low + 1) * joint_top
        joint = area * (joint_width + LOOK_COST)
        if number == first or joint > cost + alone + call_cost or area * joint_width > max_grid:
            if number > first:
                yield places[first:number]
            first, low, top, width, cost = number, place.row, place.top, place.width, alone
        else:
            top, width, cost = joint_top, joint_width, joint
    yield places[first:]


def _lay_stripe(places: Sequence[_Place], before: int, device: torch.device) -> Stripe:
    low, num_rows = places[0].row, places[-1].row - places[0].row + 1
    width, top = max(place.width for place in places), max(place.top for place in places)
    starts = torch.zeros(num_rows, dtype=torch.long)
    for place in places:
        starts[place.row - low] = place.start
    mask = None
    if width > 1 or int(starts.min()) + 1 < top:
        last = starts.to(device)[:, None] + torch.arange(width, device=device)
        hidden = torch.arange(top, device=device) > last[:, None, :, None]
        mask = torch.zeros(hidden.shape, device=device).masked_fill_(hidden, float("-inf"))
    num_tokens, spots = sum(place.width for place in places), None
    if num_tokens != num_rows * width:
        numbers = np.concatenate([np.arange(place.width) + (place.row - low) * width for place in places])
        spots = torch.from_numpy(numbers).to(device)
    return Stripe(slice(before, before + num_tokens), slice(low, low + num_rows), top, width, spots, mask)
