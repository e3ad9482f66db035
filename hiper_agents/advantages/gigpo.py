"""GiGPO (arXiv 2505.10978): episodes against their group, and turns against those that acted in the same state.

    A(t) = A_grpo + weight (d_t - mean) [/ (deviation + 1e-6)]

d_t is the discounted reward from turn t on; mean and deviation go over the turns of the group in t's state. The
paper's anchor state is the text of the observation; here it is any key, best the environment's own snapshot.
"""

from hiper_agents.advantages.groups import GroupConfig, compare_episodes, compare_turns
from hiper_agents.advantages.marks import Labels, number_groups, number_labels, number_pairs
from hiper_agents.advantages.turns import Floats, Turns, sum_rewards_to_come
from webshop_server.allowed_types import check_number


def estimate_gigpo(
    turns: Turns,
    group: Labels,
    state: Labels,
    discount: float = 0.95,
    weight: float = 1.0,
    normalise_std: bool = False,
    by: str = "episode",
) -> Floats:
    """Estimate how much better an episode did than its group, and went on than others from the same state.

    Args:
        turns: Whole episodes, rows in any order; only ids, turn numbers and rewards are read.
        group: Id of the group of each turn, integers or names, shape [turns].
        state: Key of the state that each turn acts in, hashable, shape [turns].
        discount: Discount per turn of the reward to come, between 0 and 1.
        weight: Weight of the comparison within states.
        normalise_std: Whether both comparisons are divided by their deviations.
        by: How episodes are counted, "episode" or "turn"; within states every turn counts.

    Returns:
        Advantages, float64, shape [turns], in the rows' order.

    Raises:
        TypeError: Ids or states that cannot be told apart, or a setting of another kind.
        ValueError: Not one group and state a turn, an episode in two groups, or a setting out of range.
    """
    check_number(discount, "discount", 0, 1)
    config, numbers = GroupConfig(weight, normalise_std, by), number_groups(turns, group)
    anchor = number_pairs(numbers, number_labels(state, "state", len(turns)))
    to_come = sum_rewards_to_come(turns, discount)
    return compare_episodes(turns, numbers, config) + weight * compare_turns(turns, to_come, anchor, config)
