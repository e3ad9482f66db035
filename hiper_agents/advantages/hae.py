"""Hierarchical advantage estimation (HiPER, arXiv 2602.16165), as its released code computes it.

Segments b_k..e_k open at turn 0 and at every SWITCH. The continuation C at the end of a segment is the value
before the next subgoal is chosen; where no segment follows it is 0 or, at a step limit, what `truncation` says.

    low     delta_t = r_t + g V_next - V_low(t);  A_low(t) = delta_t + g lambda_low A_low(t+1), cut at e_k
    high    A_high(k) = R(b_k) - V_high(b_k) + g^d lambda_high A_high(k+1), d the length of segment k
    switch  A_switch(t) = R(t) - V_switch(t), with R(t) = r_t + g R(t+1) inside a segment and g C after its end
"""

from dataclasses import dataclass

import numpy as np

from hiper_agents.advantages.turns import Booleans, Floats, Integers, Turns
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_number

TRUNCATIONS = ("none", "bootstrap", "released")


@dataclass(frozen=True)
class HAEConfig:
    """Settings of the estimators."""

    discount: float = 1.0
    """Discount per turn, between 0 and 1."""
    lambda_low: float = 1.0
    """Trace decay between the turns of a segment (in flat GAE: of an episode), between 0 and 1."""
    lambda_high: float = 0.95
    """Trace decay between segments, between 0 and 1."""
    truncation: str = "none"
    """What follows an episode that a step limit cut off. none: nothing, for limits that belong to the task.
    bootstrap: `Turns.final_value`. released: the values at the last turn and the last segment's start, as in
    HiPER's released code, where with discount 1 they cancel and a failed one-segment episode teaches nothing."""

    def __post_init__(self) -> None:
        for name in ("discount", "lambda_low", "lambda_high"):
            check_number(getattr(self, name), name, 0, 1)
        check_choice(self.truncation, TRUNCATIONS, "truncation")


@dataclass(frozen=True, eq=False)
class Advantages:
    """Advantages and returns over turns, float64, in the rows' order, before any normalisation.

    High entries are NaN off boundaries; switch entries are NaN when the turns have no `value_switch`.
    """

    advantage_low: Floats
    advantage_high: Floats
    advantage_switch: Floats
    return_low: Floats
    return_high: Floats
    return_switch: Floats
    boundary: Booleans


@dataclass(eq=False)
class _Carry:
    """What a backward sweep knows, per episode, about everything after the current turn."""

    closes: Booleans  # the next turn opens a segment, or there is none
    low_after: Floats  # continuation C of the low chain
    high_after: Floats  # continuation C of the high and switch chains
    value_low: Floats
    advantage_low: Floats
    segment_return: Floats
    segment_discount: Floats
    advantage_high: Floats


def estimate_hae(turns: Turns, config: HAEConfig | None = None) -> Advantages:
    """Estimate the advantages of actions, subgoals and switches.

    Args:
        turns: Whole episodes, rows in any order.
        config: Discount, trace decays, and the rule for truncated episodes.

    Returns:
        Advantages and returns, shape [turns] each; return = advantage + value for each head.

    Raises:
        ValueError: truncation="bootstrap" without `Turns.final_value` while an episode is truncated.
    """
    config = config or HAEConfig()
    out = {name: np.full(len(turns), np.nan) for name in ("low", "high", "segment")}
    carry = _start(turns, config)
    for rows in turns.rows_backwards():
        _sweep_turn(turns, config, rows, carry, out)
    values_switch = np.full(len(turns), np.nan) if turns.value_switch is None else turns.value_switch
    has_switch = ~np.isnan(values_switch)
    return Advantages(
        advantage_low=out["low"],
        advantage_high=out["high"],
        advantage_switch=out["segment"] - values_switch,
        return_low=out["low"] + turns.value_low,
        return_high=np.where(turns.boundary, out["high"] + turns.value_high, np.nan),
        return_switch=np.where(has_switch, out["segment"], np.nan),
        boundary=turns.boundary.copy(),
    )


def _start(turns: Turns, config: HAEConfig) -> _Carry:
    count = len(turns.num_turns)
    low_after, high_after = continuations(turns, config.truncation)
    zeros = np.zeros(count)
    return _Carry(
        closes=np.ones(count, dtype=bool),
        low_after=low_after,
        high_after=high_after,
        value_low=zeros.copy(),
        advantage_low=zeros.copy(),
        segment_return=zeros.copy(),
        segment_discount=zeros.copy(),
        advantage_high=zeros.copy(),
    )


def _sweep_turn(turns: Turns, config: HAEConfig, rows: Integers, carry: _Carry, out: dict[str, Floats]) -> None:
    """Take one turn of every episode that has it, given all turns after it."""
    discount = config.discount
    at = turns.episode_index[rows]
    closes = carry.closes[at]
    reward, value_low = turns.reward[rows], turns.value_low[rows]

    # At a segment's end the low chain goes on with C instead of the next turn's own value, and its trace is cut: what
    # a later subgoal earns is no credit of the actions under this one.
    next_value = np.where(closes, carry.low_after[at], carry.value_low[at])
    next_advantage = np.where(closes, 0.0, carry.advantage_low[at])
    low = reward + discount * next_value - value_low + discount * config.lambda_low * next_advantage
    # R(t) needs no value inside a segment: rewards to its end, then C. Read at the segment's first turn it is R(b_k),
    # so one running sum serves the switch at every turn and the subgoal at the boundary.
    after = np.where(closes, carry.high_after[at], carry.segment_return[at])
    segment_return = reward + discount * after
    segment_discount = discount * np.where(closes, 1.0, carry.segment_discount[at])

    out["low"][rows], out["segment"][rows] = low, segment_return
    carry.value_low[at], carry.advantage_low[at] = value_low, low
    carry.segment_return[at], carry.segment_discount[at] = segment_return, segment_discount
    carry.closes[at] = turns.boundary[rows]

    # Only now, at a boundary, is the segment whole and g^d known. Its V_high is the C of the segment before it, which
    # is taken from the next sweep on: the order of these two steps is what makes the recursion right.
    opens = turns.boundary[rows]
    rows, at = rows[opens], at[opens]
    value_high = turns.value_high[rows]
    decay = segment_discount[opens] * config.lambda_high
    high = segment_return[opens] - value_high + decay * carry.advantage_high[at]
    out["high"][rows] = carry.advantage_high[at] = high
    carry.low_after[at] = carry.high_after[at] = value_high


def continuations(turns: Turns, truncation: str) -> tuple[Floats, Floats]:
    """Return the values that follow each episode's last turn: for the low chain, and for high and switch.

    Args:
        turns: Whole episodes.
        truncation: One of TRUNCATIONS.

    Returns:
        Two arrays over episodes, in the order of `Turns.episode_index`; 0 where the episode terminated.
    """
    low, high = np.zeros(len(turns.num_turns)), np.zeros(len(turns.num_turns))
    rows = np.flatnonzero(turns.is_last & ~turns.terminated)
    at = turns.episode_index[rows]
    if truncation == "released":
        low[at] = turns.value_low[rows]
        high[at] = turns.value_high[_last_boundaries(turns)[at]]
    elif truncation == "bootstrap" and len(rows):
        if turns.final_value is None:
            raise ValueError(
                f"truncation 'bootstrap' needs final_value: {len(rows)} episodes were cut off by a step limit;"
                " give the value of the state after their last turn, or use truncation 'none'"
            )
        low[at] = high[at] = turns.final_value[rows]
    return low, high


def _last_boundaries(turns: Turns) -> Integers:
    """Return the row at which each episode's last segment opens."""
    rows = turns.order[turns.boundary[turns.order]]
    last = np.zeros(len(turns.num_turns), dtype=np.int64)
    last[turns.episode_index[rows]] = rows  # rows come in turn order, so the last write is the last boundary
    return last
