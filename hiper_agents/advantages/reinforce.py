"""REINFORCE (Williams, 1992) with a baseline: the discounted reward to come, less what was to be expected.

    A(t) = G_t - baseline,    G_t = r_t + g r_(t+1) + ...

baseline="value": the value before each decision, as the policy told it. With any values, exact or not, the policy
gradient is the true one in expectation, for a value knows nothing of the decision after it. The same as segment traces
with trace = kappa = 1.
baseline="mean": the mean G over all turns of the other episodes of the batch, 0 where there are none. The turn's own
episode is left out, as in RLOO, for a mean that holds it would pull every advantage towards nothing.
"""

from dataclasses import dataclass

import numpy as np

from hiper_agents.advantages.hae import Advantages, continuations
from hiper_agents.advantages.segment_traces import CONTINUATIONS
from hiper_agents.advantages.turns import Floats, Turns, sum_rewards_to_come
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_number

BASELINES = ("value", "mean")


@dataclass(frozen=True)
class ReinforceConfig:
    """What reinforce has beside discount and truncation."""

    baseline: str = "value"
    """What is taken off the reward to come: the "value" before each decision, or the "mean" over the other episodes."""

    def __post_init__(self) -> None:
        check_choice(self.baseline, BASELINES, "baseline")


def estimate_reinforce(
    turns: Turns, discount: float = 1.0, baseline: str = "value", truncation: str = "none"
) -> Advantages:
    """Estimate the advantages of all choices by the reward that was to come, less a baseline.

    Args:
        turns: Whole episodes, rows in any order. With the baseline "mean" no values are read.
        discount: Discount per turn, between 0 and 1.
        baseline: "value" or "mean".
        truncation: What follows an episode cut off by a step limit: "none" or "bootstrap" (`Turns.final_value`).

    Returns:
        The same record as `estimate_hae`; returns are G whatever the baseline. Switch entries are NaN at turn 0, where
        nothing is left to be kept, and with the baseline "value" where the turns have no `value_switch`.

    Raises:
        TypeError: The discount is no number.
        ValueError: A setting is out of range or does not exist, or truncation="bootstrap" without `Turns.final_value`
            while an episode is truncated.
    """
    check_number(discount, "discount", 0, 1)
    check_choice(truncation, CONTINUATIONS, "truncation of reinforce")
    ReinforceConfig(baseline)
    to_come = sum_rewards_to_come(turns, discount, continuations(turns, truncation)[0])
    later = turns.turn > 0
    values_switch = np.full(len(turns), np.nan) if turns.value_switch is None else turns.value_switch
    low, high, switch = turns.value_low, turns.value_high, values_switch
    if baseline == "mean":
        low = high = switch = average_others(turns, to_come)
    return Advantages(
        advantage_low=to_come - low,
        advantage_high=np.where(turns.boundary, to_come - np.where(turns.boundary, high, 0.0), np.nan),
        advantage_switch=np.where(later, to_come - switch, np.nan),
        return_low=to_come,
        return_high=np.where(turns.boundary, to_come, np.nan),
        return_switch=np.where(later & ~np.isnan(values_switch), to_come, np.nan),
        boundary=turns.boundary.copy(),
    )


def average_others(turns: Turns, values: Floats) -> Floats:
    """Return the mean of the values over all turns of the other episodes, 0 where there are none, shape [turns]."""
    rows = turns.order
    sums = np.bincount(turns.episode_index[rows], values[rows], minlength=len(turns.num_turns))
    others = turns.num_turns.sum() - turns.num_turns
    means = np.where(others > 0, (sums.sum() - sums) / np.maximum(others, 1), 0.0)
    return np.asarray(means[turns.episode_index], dtype=np.float64)
