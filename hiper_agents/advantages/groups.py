"""GRPO and RLOO: an episode against the others of its group, without values.

A group holds the episodes of one task that were played from one start. R is the summed reward of an episode.

    GRPO      (arXiv 2402.03300)  A = (R - mean) / (deviation + 1e-6) over the group
    Dr. GRPO  (arXiv 2503.20783)  A = R - mean, and no division by an episode's length in the loss: as every loss here,
              which is a mean over all turns of a minibatch, an episode's share growing with its turns
    RLOO      (arXiv 2402.14740)  A = (R - mean) n / (n - 1), the same as R less the mean of the other n - 1 episodes

The deviation is the sample one (n - 1). The released codes (verl-agent) count an episode once for each of its turns,
so that long ones weigh more in mean, deviation and n: that is by="turn". As there, an episode alone in its group is
compared with nothing, and its advantage is R.
"""

from dataclasses import dataclass

import numpy as np

from hiper_agents.advantages.hae import Advantages
from hiper_agents.advantages.marks import Labels, number_groups
from hiper_agents.advantages.normalise import CONSTANT_SPREAD
from hiper_agents.advantages.turns import LARGEST, Booleans, Floats, Integers, Turns
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, check_number

COUNTED = ("episode", "turn")
EPSILON = 1e-6
LARGEST_WEIGHT = 1e30
_LONE_DEVIATION = float(np.float32(1) + np.float32(EPSILON))
"""What the released code, in single precision, divides the score of a lone episode by."""


@dataclass(frozen=True)
class GroupConfig:
    """Settings of the estimators that compare turns of a group."""

    weight: float = 1.0
    """Weight of the comparison of turns beside that of episodes (gigpo, beacon, graphgpo, g2po)."""
    normalise_std: bool = False
    """Whether what is centred is divided by its deviation too (grpo, gigpo, beacon)."""
    by: str = "episode"
    """What counts once when episodes are compared: "episode", or "turn" as in the released codes."""
    milestone_reward: float = 10.0
    """Reward of reaching a milestone (beacon)."""

    def __post_init__(self) -> None:
        check_number(self.weight, "weight", 0, LARGEST_WEIGHT)
        check_flag(self.normalise_std, "normalise_std")
        check_choice(self.by, COUNTED, "way to count (by)")
        check_number(self.milestone_reward, "milestone_reward", 0, LARGEST)


def estimate_grpo(turns: Turns, group: Labels, normalise_std: bool = False, by: str = "episode") -> Floats:
    """Estimate how much better each turn's episode did than its group.

    Args:
        turns: Whole episodes, rows in any order; only ids, turn numbers and rewards are read.
        group: Id of the group of each turn, integers or names, shape [turns].
        normalise_std: Whether to divide by the deviation (GRPO) or not (Dr. GRPO).
        by: "episode", or "turn": every turn counts, as in the released codes.

    Returns:
        Advantages, float64, shape [turns], in the rows' order.

    Raises:
        TypeError: Ids of groups that are no ids, or a setting of another kind.
        ValueError: Not one group a turn or an episode in two of them, or a setting that does not exist.
    """
    config = GroupConfig(normalise_std=normalise_std, by=by)
    return compare_episodes(turns, number_groups(turns, group), config)


def estimate_dr_grpo(turns: Turns, group: Labels, by: str = "episode") -> Floats:
    """Estimate how much better each turn's episode did than its group, never divided by a deviation or a length.

    Args:
        turns: Whole episodes, rows in any order; only ids, turn numbers and rewards are read.
        group: Id of the group of each turn, integers or names, shape [turns].
        by: "episode", or "turn": every turn counts, as in the released codes.

    Returns:
        Advantages, float64, shape [turns], in the rows' order.

    Raises:
        TypeError: Ids of groups that are no ids.
        ValueError: Not one group a turn or an episode in two of them, or another `by`.
    """
    return estimate_grpo(turns, group, normalise_std=False, by=by)


def estimate_rloo(turns: Turns, group: Labels, by: str = "episode") -> Floats:
    """Estimate how much better each turn's episode did than the others of its group.

    Args:
        turns: Whole episodes, rows in any order; only ids, turn numbers and rewards are read.
        group: Id of the group of each turn, integers or names, shape [turns].
        by: "episode", or "turn": every turn counts, as in the released codes.

    Returns:
        Advantages, float64, shape [turns], in the rows' order.

    Raises:
        TypeError: Ids of groups that are no ids.
        ValueError: Not one group a turn or an episode in two of them, or another `by`.
    """
    config, numbers = GroupConfig(by=by), number_groups(turns, group)
    count = np.bincount(numbers[_counted(turns, by)])[numbers]
    return compare_episodes(turns, numbers, config) * np.where(count > 1, count / np.maximum(count - 1, 1), 1.0)


def compare_episodes(turns: Turns, group: Integers, config: GroupConfig) -> Floats:
    """Return each turn's summed reward of the episode, compared within the group; a lone one's as it is.

    Args:
        turns: Whole episodes.
        group: Number of each turn's group, from 0.
        config: `normalise_std` and `by` are used.
    """
    order, counted = turns.order, _counted(turns, config.by)
    totals = np.bincount(turns.episode_index[order], turns.reward[order]).astype(np.float64)  # int64 of no turns
    total = totals[turns.episode_index]
    is_lone = (np.bincount(group[counted]) == 1)[group]
    compared = compare_turns(turns, total, group, config, counted)
    return np.where(is_lone, total / (_LONE_DEVIATION if config.normalise_std else 1.0), compared)


def compare_turns(
    turns: Turns, values: Floats, cell: Integers, config: GroupConfig, counted: Booleans | None = None
) -> Floats:
    """Return values less the mean of their cell, divided by its deviation if the configuration says so.

    Args:
        turns: Whole episodes.
        values: One a turn.
        cell: Number of the set of turns that each turn is compared with, from 0.
        config: `normalise_std` is used.
        counted: Turns over which mean and deviation are taken, at least one a cell; None: all.
    """
    # In one order of turns, sums come out the same to the last bit however the rows lie.
    rows = turns.order if counted is None else turns.order[counted[turns.order]]
    count = np.bincount(cell[rows])
    apart = values - (np.bincount(cell[rows], values[rows]) / count)[cell]
    largest = np.zeros(len(count))
    np.maximum.at(largest, cell, np.abs(values))
    apart[np.abs(apart) <= CONSTANT_SPREAD * largest[cell]] = 0.0  # rounding, which a later division would make noise
    if not config.normalise_std:
        return apart
    variance = np.bincount(cell[rows], np.square(apart[rows])) / np.maximum(count - 1, 1)
    return apart / (np.sqrt(variance) + EPSILON)[cell]


def credit_choices(turns: Turns, advantage: Floats) -> Advantages:
    """Return advantages in which every choice of a turn has the turn's; there is nothing for values to learn."""
    nothing = np.full(len(turns), np.nan)
    return Advantages(
        advantage_low=advantage,
        advantage_high=np.where(turns.boundary, advantage, np.nan),
        advantage_switch=advantage.copy(),
        return_low=nothing,
        return_high=nothing.copy(),
        return_switch=nothing.copy(),
        boundary=turns.boundary.copy(),
    )


def _counted(turns: Turns, by: str) -> Booleans:
    """Return the turns by which episodes count: one each, or all."""
    return np.asarray((turns.turn == 0) | (by == "turn"), dtype=bool)
