"""Flat generalised advantage estimation: one chain through the whole episode, blind to segments."""

from dataclasses import replace

import numpy as np

from hiper_agents.advantages.hae import Advantages, HAEConfig, continuations
from hiper_agents.advantages.turns import Turns


def estimate_gae(turns: Turns, config: HAEConfig | None = None) -> Advantages:
    """Estimate flat advantages with `value_low`, `lambda_low` and no regard to segments.

    Args:
        turns: Whole episodes, rows in any order; `value_high` and `value_switch` are not read.
        config: `discount`, `lambda_low` and `truncation` are used.

    Returns:
        The same record as `estimate_hae`: `advantage_low` and `return_low` hold the flat advantages and
        returns, the other arrays are NaN; `boundary` is true at turn 0 alone, the whole episode being one chain.

    Raises:
        ValueError: truncation="bootstrap" without `Turns.final_value` while an episode is truncated.
    """
    config = config or HAEConfig()
    next_value = continuations(turns, config.truncation)[0]
    next_advantage = np.zeros(len(next_value))
    advantage = np.zeros(len(turns))
    for rows in turns.rows_backwards():
        at = turns.episode_index[rows]
        delta = turns.reward[rows] + config.discount * next_value[at] - turns.value_low[rows]
        advantage[rows] = delta + config.discount * config.lambda_low * next_advantage[at]
        next_value[at], next_advantage[at] = turns.value_low[rows], advantage[rows]
    nothing = np.full(len(turns), np.nan)
    flat = Advantages(
        advantage_low=advantage,
        advantage_high=nothing,
        advantage_switch=nothing.copy(),
        return_low=advantage + turns.value_low,
        return_high=nothing.copy(),
        return_switch=nothing.copy(),
        boundary=turns.boundary,
    )
    return replace(flat, boundary=turns.turn == 0)
