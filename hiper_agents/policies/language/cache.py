"""Keys and values of many growing texts, a row and a length each, and attention over them.

Texts of any lengths go through the model side by side as one line of tokens, so that nothing is filled up: `RowCache`
keeps each token's keys and values in its text's row, and attention is computed over stripes of neighbouring rows,
each as far as its longest text reaches. The keys of a row begin at position 0, so positions are those of training.
Transformers' own caches serve none of this: theirs have one length for all rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.cache_utils import Cache

ATTENTION = "hiper_rows"
STEP = 256
"""Rows reach this many positions further whenever they grow."""


@dataclass
class Stripe:
    """Neighbouring rows whose new tokens attend together.

    Attributes:
        tokens: Which of the new tokens are theirs.
        rows: Which rows, some perhaps without new tokens.
        top: How many positions of them are looked at.
        width: New tokens of the row that has most.
        places: Where each of the tokens stands in a grid of rows and `width`; None if they just fill it.
        mask: 0 where a place of the grid sees a position, minus infinity where not, shape [rows, 1, width, top].
    """

    tokens: slice
    rows: slice
    top: int
    width: int
    places: Tensor | None
    mask: Tensor
    wide_masks: dict[int, Tensor] = field(default_factory=dict)

    def widen_mask(self, repeats: int) -> Tensor:
        """Return the mask for queries of several heads that share keys, shape [rows, 1, repeats * width, top]."""
        if repeats not in self.wide_masks:
            num_rows = self.mask.shape[0]
            wide = self.mask[:, :, None].expand(-1, -1, repeats, -1, -1)
            self.wide_masks[repeats] = wide.reshape(num_rows, 1, repeats * self.width, self.top)
        return self.wide_masks[repeats]


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

    Attributes:
        lengths: How many tokens of its text each row holds.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__(layers=[])
        self.device = device
        self.lengths: list[int] = []
        self._keys: list[Tensor] = []
        self._values: list[Tensor] = []
        self._reach = STEP
        self._plan: Plan | None = None

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
        self._reach = max(self._reach, -(-max(self.lengths) // STEP) * STEP)
        counts = torch.tensor(widths)
        firsts = torch.tensor(starts) - (counts.cumsum(0) - counts)
        positions = torch.arange(sum(widths)) + firsts.repeat_interleave(counts)
        stripes = [_lay_stripe(part, rows, starts, widths, self.device) for part in _part_rows(rows, starts, widths)]
        line = torch.tensor(rows).repeat_interleave(counts)
        self._plan = Plan(line.to(self.device), positions.to(self.device), stripes)
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
        wider = kept.new_zeros(max(num_rows, len(self.lengths)), num_heads, max(reach, self._reach), size)
        wider[:num_rows, :, :reach] = kept
        return wider


CALL_COST = 300
"""What one more call of attention costs on a processor, in positions of one row that a token looks at."""
MAX_GRID = 1 << 20
"""How many pairs of a token and a position one mask holds at most, unless a single row has more."""


def _part_rows(rows: Sequence[int], starts: Sequence[int], widths: Sequence[int]) -> Iterator[slice]:
    """Part rows into stripes: neighbours go together while filling them up costs less than another call."""
    first, low, top, width, cost = 0, rows[0], 0, 0, 0
    for number, row in enumerate(rows):
        own_top, own_width = starts[number] + widths[number], widths[number]
        joint_top, joint_width = max(top, own_top), max(width, own_width)
        joint = (row - low + 1) * joint_top * joint_width
        alone = own_top * own_width
        if number > first and (joint > cost + alone + CALL_COST or joint > MAX_GRID):
            yield slice(first, number)
            first, low, top, width, cost = number, row, own_top, own_width, alone
        else:
            top, width, cost = joint_top, joint_width, joint
    yield slice(first, len(rows))


def _lay_stripe(
    part: slice, rows: Sequence[int], starts: Sequence[int], widths: Sequence[int], device: torch.device
) -> Stripe:
    before = sum(widths[: part.start])
    own_rows, own_starts, own_widths = rows[part], starts[part], widths[part]
    low, num_rows, width = own_rows[0], own_rows[-1] - own_rows[0] + 1, max(own_widths)
    num_tokens, top = sum(own_widths), max(map(int.__add__, own_starts, own_widths))
    beginnings = torch.zeros(num_rows, dtype=torch.long)
    numbers = torch.tensor(own_rows) - low
    beginnings[numbers] = torch.tensor(own_starts)
    positions = beginnings[:, None] + torch.arange(width)
    hidden = torch.arange(top) > positions[:, None, :, None]
    mask = torch.zeros(hidden.shape).masked_fill_(hidden, float("-inf"))
    places = None
    if num_tokens != num_rows * width:
        counts = torch.tensor(own_widths)
        offsets = numbers * width - (counts.cumsum(0) - counts)
        places = (torch.arange(num_tokens) + offsets.repeat_interleave(counts)).to(device)
    return Stripe(slice(before, before + num_tokens), slice(low, low + num_rows), top, width, places, mask.to(device))


def attend_rows(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    row_plan: Plan | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend from a line of tokens to the rows that hold their texts, as transformers asks for it.

    Args:
        module: The layer's attention.
        query: Shape [1, heads, T, size].
        key: What `RowCache.update` returned.
        value: The same.
        attention_mask: Not read: a token sees the tokens of its text up to itself.
        scaling: What scores are multiplied by.
        row_plan: Where the tokens are.
        **kwargs: Not read.

    Returns:
        Shape [1, T, heads, size], and no weights.
    """
    assert row_plan is not None
    num_heads, num_tokens, size = query.shape[1:]
    num_shared = key.shape[1]
    repeats = num_heads // num_shared
    line = query[0].view(num_shared, repeats, num_tokens, size)
    seen = query.new_empty(num_tokens, num_heads, value.shape[-1])
    for stripe in row_plan.stripes:
        rows, top, width = stripe.rows, stripe.top, stripe.width
        num_rows = rows.stop - rows.start
        grid = line[:, :, stripe.tokens]
        if stripe.places is not None:
            filled = line.new_zeros(num_shared, repeats, num_rows * width, size)
            filled[:, :, stripe.places] = grid
            grid = filled
        queries = grid.reshape(num_shared, repeats, num_rows, width, size).permute(2, 0, 1, 3, 4)
        found = scaled_dot_product_attention(
            queries.reshape(num_rows, num_shared, repeats * width, size),
            key[rows, :, :top],
            value[rows, :, :top],
            attn_mask=stripe.widen_mask(repeats).to(query.dtype),
            scale=scaling,
        )
        found = found.reshape(num_rows, num_heads, width, -1).transpose(1, 2).reshape(num_rows * width, num_heads, -1)
        seen[stripe.tokens] = found if stripe.places is None else found[stripe.places]
    return seen[None], None


AttentionInterface.register(ATTENTION, attend_rows)


@contextmanager
def attention_over_rows(model: Any) -> Iterator[None]:
    """Let a model of transformers attend by `attend_rows` for a while."""
    config = model.config
    before = config._attn_implementation
    config._attn_implementation = ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = before
