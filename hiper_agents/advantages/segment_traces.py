"""Segment traces: a value before every decision, one trace through all of them, a factor for segments in between.

The decisions of an episode stand in a row: at turn t the switch (t > 0), the subgoal (where a segment opens), the
action. Each has an error d, what it changed in value:

    switch   d_q(t) = (V_high(t) if SWITCH else V_low(t)) - V_switch(t)
    subgoal  d_o(t) = V_low(t) - V_high(t)
    action   d_a(t) = r_t + g V_switch(t+1) - V_low(t)

and the advantage of decision i is the sum over j >= i of g^(turns between) lam^(decisions between) kappa^(segments
opened between) d_j, lam being the trace. A SWITCH belongs to the segment that it opens, but its own error carries no
kappa, for the weight must not depend on the outcome.

kappa = 1 is GAE over decisions; trace = kappa = 1 is Monte Carlo; trace = 1, kappa = 0, kappa_high = h is
`estimate_hae` with lambda_low = 1 and lambda_high = h.
"""

from dataclasses import dataclass

import numpy as np

from hiper_agents.advantages.hae import Advantages, continuations
from hiper_agents.advantages.turns import Floats, Turns
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_number

CONTINUATIONS = ("none", "bootstrap")
"""The rules for truncated episodes that one chain of decisions can follow; "released" continues two."""


@dataclass(frozen=True)
class SegmentTraceConfig:
    """What segment traces have beside discount, trace and truncation."""

    kappa: float = 1.0
    """Factor on everything behind the opening of another segment, between 0 and 1."""
    kappa_high: float | None = None
    """The same for the credit of subgoals; None: kappa."""

    def __post_init__(self) -> None:
        check_number(self.kappa, "kappa", 0, 1)
        if self.kappa_high is not None:
            check_number(self.kappa_high, "kappa_high", 0, 1)


def estimate_segment_traces(
    turns: Turns,
    discount: float = 1.0,
    trace: float = 0.95,
    kappa: float = 1.0,
    kappa_high: float | None = None,
    truncation: str = "none",
) -> Advantages:
    """Estimate the advantages of actions, subgoals and switches by one trace through all decisions.

    Args:
        turns: Whole episodes with `value_switch`, rows in any order. Its entries at turn 0 are not read.
        discount: Discount per turn, between 0 and 1.
        trace: Trace decay from one decision to the next, between 0 and 1.
        kappa: Factor on everything behind the opening of another segment, between 0 and 1.
        kappa_high: The same for the credit of subgoals; None: kappa.
        truncation: What follows an episode cut off by a step limit: "none" or "bootstrap" (`Turns.final_value`).

    Returns:
        The same record as `estimate_hae`; switch entries are NaN at turn 0, where nothing is left to be kept.

    Raises:
        TypeError: A setting is no number.
        ValueError: A setting is out of range, the turns have no `value_switch`, or truncation="bootstrap" without
            `Turns.final_value` while an episode is truncated.
    """
    check_number(discount, "discount", 0, 1)
    check_number(trace, "trace", 0, 1)
    check_choice(truncation, CONTINUATIONS, "truncation of segment traces")
    chosen = SegmentTraceConfig(kappa, kappa_high)
    if turns.value_switch is None:
        raise ValueError(
            "segment traces read a value before every KEEP or SWITCH; give value_switch, or use hae, which needs none"
        )
    out = {name: np.full(len(turns), np.nan) for name in ("low", "high", "switch")}
    factors = np.array([[kappa], [kappa if chosen.kappa_high is None else kappa_high]], dtype=np.float64)
    next_value = continuations(turns, truncation)[0]
    following = np.zeros(
        (2, len(next_value))
    )  # the trace from the next turn on: for actions and switches, for subgoals
    for rows in turns.rows_backwards():
        at, opens = turns.episode_index[rows], turns.boundary[rows]
        value_low, value_switch = turns.value_low[rows], turns.value_switch[rows]
        value_high = np.where(opens, turns.value_high[rows], 0.0)  # may be anything where no segment opens

        action = turns.reward[rows] + discount * (next_value[at] + trace * following[:, at]) - value_low
        subgoal = value_low - value_high + trace * action
        error = np.where(opens, value_high, value_low) - value_switch
        switch = error + trace * np.where(opens, subgoal, action)

        out["low"][rows] = action[0]
        out["high"][rows] = np.where(opens, subgoal[1], np.nan)
        out["switch"][rows] = np.where(turns.turn[rows] > 0, switch[0], np.nan)
        next_value[at] = value_switch
        following[:, at] = error + trace * np.where(opens, factors * subgoal, action)
    return _gather(turns, out, turns.value_switch)


def _gather(turns: Turns, out: dict[str, Floats], value_switch: Floats) -> Advantages:
    """Put advantages together with what the values are to learn, their sums."""
    return Advantages(
        advantage_low=out["low"],
        advantage_high=out["high"],
        advantage_switch=out["switch"],
        return_low=out["low"] + turns.value_low,
        return_high=np.where(turns.boundary, out["high"] + turns.value_high, np.nan),
        return_switch=out["switch"] + value_switch,
        boundary=turns.boundary.copy(),
    )
