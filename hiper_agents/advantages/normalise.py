"""Normalisation of advantages over the turns that own the tokens they are credited to."""

from dataclasses import dataclass, replace

import numpy as np

from hiper_agents.advantages.hae import Advantages
from hiper_agents.advantages.turns import Booleans, Floats, as_floats, as_mask, check_count, check_sizes

EPSILON = 1e-8
CONSTANT_SPREAD = 1e-12
"""Values whose standard deviation is at most this share of the largest of them differ by rounding alone; of less
precise ones, four times the rounding of a single one."""


@dataclass(frozen=True, eq=False)
class Masks:
    """Which turns own action, subgoal and switch tokens; shape [turns] each, None where every turn does.

    A boundary without a subgoal has nothing to credit with a high advantage, and so on.
    """

    action: Booleans | None = None
    subgoal: Booleans | None = None
    switch: Booleans | None = None


def normalise(values: Floats, mask: Booleans | None = None) -> Floats:
    """Return (values - mean) / (population standard deviation + 1e-8) over the masked, non-NaN entries.

    Values that differ by rounding alone, in the precision that they come in, come back as zeros, not as noise.

    Args:
        values: Advantages, shape [turns]; NaN where none is assigned.
        mask: Entries to use, booleans of shape [turns]; the others come back as NaN. None: all.

    Returns:
        A new array of the same shape.

    Raises:
        TypeError: The values are no numbers, or the mask holds no booleans.
        ValueError: The shapes do not fit, or a value is infinite or too large to be squared.
    """
    rounding = _tell_rounding(values)
    values = check_sizes(as_floats(values, "values"), "values")
    used = ~np.isnan(values)
    if mask is not None:
        used &= as_mask(mask, "mask", len(values))
    out = np.full(len(values), np.nan)
    if used.any():
        chosen = values[used]
        spread = chosen.std()
        is_constant = spread <= rounding * np.abs(chosen).max()
        out[used] = 0.0 if is_constant else (chosen - chosen.mean()) / (spread + EPSILON)
    return out


def apply_masks(advantages: Advantages, masks: Masks) -> Advantages:
    """Return the advantages with NaN at the turns that own no such tokens.

    Raises:
        TypeError: A mask holds no booleans.
        ValueError: A mask has another shape than the advantages.
    """
    return replace(
        advantages,
        advantage_low=_keep(advantages.advantage_low, masks.action, "action"),
        advantage_high=_keep(advantages.advantage_high, masks.subgoal, "subgoal"),
        advantage_switch=_keep(advantages.advantage_switch, masks.switch, "switch"),
    )


def normalise_advantages(advantages: Advantages, masks: Masks | None = None) -> Advantages:
    """Normalise low, high and switch advantages, each apart; returns stay as they are.

    Args:
        advantages: As estimated.
        masks: Turns that own the tokens; by default every turn (high: every boundary).

    Returns:
        New advantages; NaN where none is assigned.

    Raises:
        TypeError: A mask holds no booleans.
        ValueError: A mask has another shape, or an advantage is infinite or too large.
    """
    masked = apply_masks(advantages, masks or Masks())
    return replace(
        masked,
        advantage_low=normalise(masked.advantage_low),
        advantage_high=normalise(masked.advantage_high),
        advantage_switch=normalise(masked.advantage_switch),
    )


def explained_variance(values: Floats, returns: Floats) -> float:
    """Return 1 - var(returns - values) / var(returns) over the turns that own a return.

    Where all returns are the same but for rounding there is nothing to explain, and 0 / 0 is settled as scikit-learn
    settles it: 1.0 if the values are off by one and the same amount everywhere, else 0.0. NaN if no turn owns a return.

    Args:
        values: Predicted values, shape [turns]; read at the turns that own a return.
        returns: Returns, shape [turns]; NaN at turns that own none.

    Raises:
        TypeError: They are no numbers.
        ValueError: The shapes differ, a value that is read is NaN, or one is infinite or too large to be squared.
    """
    rounding, of_both = _tell_rounding(returns), max(_tell_rounding(returns), _tell_rounding(values))
    returns = check_sizes(as_floats(returns, "returns"), "returns")
    values = as_floats(values, "values")
    check_count(values, "values", len(returns))
    known = ~np.isnan(returns)
    if not known.any():
        return float("nan")
    returns, values = returns[known], check_sizes(values[known], "values")
    if np.isnan(values).any():
        raise ValueError(f"values is nan at entry {np.flatnonzero(known)[np.isnan(values)][0]}, which owns a return")
    size = max(np.abs(returns).max(), np.abs(values).max())
    if _spread(returns) <= rounding * np.abs(returns).max():
        return float(_spread(returns - values) <= of_both * size)
    with np.errstate(over="ignore"):  # a number below all that can be written is -inf
        return 1.0 - float(np.square(_spread(returns - values) / _spread(returns)))


def _spread(values: Floats) -> np.float64:
    """Return the standard deviation, of the tiniest and largest values too, whose squares are no numbers."""
    size = np.abs(values).max()
    return np.float64(size * (values / size).std() if size else 0.0)


def _tell_rounding(values: Floats) -> float:
    """Return up to which share of the largest value a spread is rounding alone."""
    kind = np.asarray(values).dtype
    return max(CONSTANT_SPREAD, 4 * float(np.finfo(kind).eps)) if kind.kind == "f" else CONSTANT_SPREAD


def _keep(values: Floats, mask: Booleans | None, name: str) -> Floats:
    if mask is None:
        return values.copy()
    return np.where(as_mask(mask, f"the mask of {name} tokens", len(values)), values, np.nan)
