"""Attention of new tokens over the rows that hold their texts, in place of a transformers model's own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from hiper_agents.policies.language.cache import Plan, RowCache, Stripe
from hiper_agents.policies.language.network import LanguageNetwork

ATTENTION = "hiper_rows"
MANY = 256
"""From so many new tokens of a row on, keys are copied for heads that share them."""


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

    Heads that share keys are queries of one head as long as they are few, which spares copies of the keys; many would
    want a large mask, and keys are copied instead.

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
    line = query[0]
    seen = query.new_empty(num_tokens, num_heads, value.shape[-1])
    for stripe in row_plan.stripes:
        rows, top, width = stripe.rows, stripe.top, stripe.width
        num_rows = rows.stop - rows.start
        grid = line[:, stripe.tokens]
        if stripe.spots is not None:
            filled = line.new_zeros(num_heads, num_rows * width, size)
            filled[:, stripe.spots] = grid
            grid = filled
        queries = grid.reshape(num_heads, num_rows, width, size).transpose(0, 1)
        found = _attend(stripe, queries, key[rows, :, :top], value[rows, :, :top], scaling)
        found = found.reshape(num_rows, num_heads, width, -1).transpose(1, 2).reshape(num_rows * width, num_heads, -1)
        seen[stripe.tokens] = found if stripe.spots is None else found[stripe.spots]
    return seen[None], None


def _attend(stripe: Stripe, queries: Tensor, keys: Tensor, values: Tensor, scaling: float | None) -> Tensor:
    """Return what queries of the shape [rows, heads, width, size] find."""
    num_rows, num_heads, width, size = queries.shape
    num_shared = keys.shape[1]
    repeats = num_heads // num_shared
    if width < MANY:
        queries = queries.reshape(num_rows, num_shared, repeats * width, size)
        mask = stripe.widen_mask(repeats, queries.dtype)
    else:
        keys, values = (each.repeat_interleave(repeats, 1) for each in (keys, values))
        mask = stripe.widen_mask(1, queries.dtype)
    return scaled_dot_product_attention(queries, keys, values, attn_mask=mask, scale=scaling)


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


def read_line(
    network: LanguageNetwork,
    cache: RowCache,
    rows: Sequence[int],
    widths: Sequence[int],
    line: Sequence[int],
    marked: Sequence[bool] | None,
    before: Sequence[int] | None,
) -> Tensor:
    """Read new tokens of many texts, side by side, T in all; `attention_over_rows` is to be on.

    Args:
        network: What reads.
        cache: Its keys and values of what was read of the texts before.
        rows: The texts' rows, ascending.
        widths: How many new tokens each has.
        line: The tokens, one text's after the other's.
        marked: Whether each also stands in its task's sentence; None for a network that does not ask.
        before: The token before each; None for such a network.

    Returns:
        Hidden states, shape [T, hidden].
    """
    plan = cache.plan(rows, widths)

    def lay(numbers: Sequence[int] | None) -> Tensor | None:
        return None if numbers is None else torch.tensor([numbers], device=cache.device)

    hidden = network.read(
        torch.tensor([line], device=cache.device),
        lay(marked),
        lay(before),
        cache=cache,
        attention_mask=torch.zeros(1, 1, 1, 1, device=cache.device),
        position_ids=plan.positions[None],
        row_plan=plan,
    )
    return hidden[0]
