"""BEACON (arXiv 2605.06078): episodes against their group, and turns against those that work on the same milestone.

    A(t) = A_grpo + weight (s_t - mean) [/ (deviation + 1e-6)]

s_t = milestone_reward * discount ** (turns from t until the next milestone is reached; 0 on the turn that reaches it),
and 0 after the last one reached. Mean and deviation go over the turns of the group that have the same number of
milestones behind them. The paper finds milestones by likeness to an expert's plan; here the environment tells them.
"""

import numpy as np

from hiper_agents.advantages.groups import GroupConfig, compare_episodes, compare_turns
from hiper_agents.advantages.marks import Labels, number_groups, number_pairs
from hiper_agents.advantages.turns import Booleans, Floats, Integers, Turns, as_mask
from webshop_server.allowed_types import check_number


def estimate_beacon(
    turns: Turns,
    group: Labels,
    milestone: Booleans,
    discount: float = 0.9,
    weight: float = 1.0,
    normalise_std: bool = False,
    by: str = "episode",
    milestone_reward: float = 10.0,
) -> Floats:
    """Estimate how much better an episode did than its group, and came to its next milestone than others.

    Args:
        turns: Whole episodes, rows in any order; only ids, turn numbers and rewards are read.
        group: Id of the group of each turn, integers or names, shape [turns].
        milestone: Whether each turn reached a milestone, booleans of shape [turns].
        discount: Discount per turn until the milestone, between 0 and 1.
        weight: Weight of the comparison within milestones.
        normalise_std: Whether both comparisons are divided by their deviations.
        by: How episodes are counted, "episode" or "turn"; within milestones every turn counts.
        milestone_reward: Reward of reaching one, whatever the task's own.

    Returns:
        Advantages, float64, shape [turns], in the rows' order.

    Raises:
        TypeError: Ids of groups that are no ids, milestones that are no booleans, or a setting of another kind.
        ValueError: Not one group and mark a turn, an episode in two groups, or a setting out of range.
    """
    check_number(discount, "discount", 0, 1)
    config, numbers = GroupConfig(weight, normalise_std, by, milestone_reward), number_groups(turns, group)
    reached = as_mask(milestone, "milestone", len(turns))
    stage = number_pairs(numbers, count_reached(turns, reached))
    reward = milestone_reward * discount_until(turns, reached, discount)
    return compare_episodes(turns, numbers, config) + weight * compare_turns(turns, reward, stage, config)


def count_reached(turns: Turns, reached: Booleans) -> Integers:
    """Return how many milestones each turn's episode reached before it, shape [turns]."""
    out, before = np.zeros(len(turns), dtype=np.int64), np.zeros(len(turns.num_turns), dtype=np.int64)
    for rows in reversed(turns.rows_backwards()):
        at = turns.episode_index[rows]
        out[rows] = before[at]
        before[at] += reached[rows]
    return out


def discount_until(turns: Turns, reached: Booleans, discount: float) -> Floats:
    """Return discount ** (turns until the next milestone), 0 where none follows, shape [turns].

    Args:
        turns: Whole episodes.
        reached: Whether each turn reached a milestone.
        discount: Discount per turn.
    """
    out, after = np.zeros(len(turns)), np.zeros(len(turns.num_turns))
    for rows in turns.rows_backwards():
        at = turns.episode_index[rows]
        out[rows] = after[at] = np.where(reached[rows], 1.0, discount * after[at])
    return out
