"""Normalisation of advantages over the turns that own the tokens they are credited to."""

from dataclasses import dataclass, replace

import numpy as np

from hiper_agents.advantages.hae import Advantages
from hiper_agents.advantages.turns import Booleans, Floats

EPSILON = 1e-8


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

    Args:
        values: Advantages, shape [turns]; NaN where none is assigned.
        mask: Entries to use; the others come back as NaN. None: all.

    Returns:
        A new array of the same shape.
    """
    used = ~np.isnan(values) if mask is None else mask & ~np.isnan(values)
    out = np.full(len(values), np.nan)
    if used.any():
        chosen = values[used]
        out[used] = (chosen - chosen.mean()) / (chosen.std() + EPSILON)
    return out


def apply_masks(advantages: Advantages, masks: Masks) -> Advantages:
    """Return the advantages with NaN at the turns that own no such tokens."""
    return replace(
        advantages,
        advantage_low=_keep(advantages.advantage_low, masks.action),
        advantage_high=_keep(advantages.advantage_high, masks.subgoal),
        advantage_switch=_keep(advantages.advantage_switch, masks.switch),
    )


def normalise_advantages(advantages: Advantages, masks: Masks | None = None) -> Advantages:
    """Normalise low, high and switch advantages, each apart; returns stay as they are.

    Args:
        advantages: As estimated.
        masks: Turns that own the tokens; by default every turn (high: every boundary).

    Returns:
        New advantages; NaN where none is assigned.
    """
    masked = apply_masks(advantages, masks or Masks())
    return replace(
        masked,
        advantage_low=normalise(masked.advantage_low),
        advantage_high=normalise(masked.advantage_high),
        advantage_switch=normalise(masked.advantage_switch),
    )


def explained_variance(values: Floats, returns: Floats) -> float:
    """Return 1 - var(returns - values) / var(returns) over the turns that own a return; NaN if that is undefined.

    Args:
        values: Predicted values, shape [turns].
        returns: Returns, shape [turns]; NaN at turns that own none.
    """
    known = ~np.isnan(returns)
    spread = float(np.var(returns[known])) if known.any() else 0.0
    if spread == 0.0:
        return float("nan")
    return 1.0 - float(np.var(returns[known] - values[known])) / spread


def _keep(values: Floats, mask: Booleans | None) -> Floats:
    return values.copy() if mask is None else np.where(mask, values, np.nan)
