"""G2PO (arXiv 2606.22995): a turn is worth what it changed in value, the values being those of the states of its group.

    A(t) = weight (d - mean) [/ (deviation + 1e-6)] + episode_weight A_grpo,    d = r_t + g V(s') - V(s)

V(s) is the mean, over all turns of the group that act in s, of the discounted reward to come; V is 0 after an episode's
last turn, however it ended. Mean and deviation go over all turns of the group.

How the paper was read. It pools the value of a state over all visits and standardises the temporal-difference errors of
the edges over the whole graph: d above, with rewards and discount as they stand in a temporal-difference error
everywhere. The released code adds two comparisons: of V(s') among the edges that leave the same state, and of
V(s') - V(s), undiscounted, over the group, where V counts one discount more; beside them the episode's advantage. That
sum is `among="both"`, `episode_weight=1`, but for the discount in the second: within a state V(s) is the same for all,
so that the first is the released one to the last digit where only the last turn is rewarded.
"""

import numpy as np

from hiper_agents.advantages.graphs import GOAL, GraphConfig, StateGraph, build_graph, credit_edges
from hiper_agents.advantages.groups import GroupConfig
from hiper_agents.advantages.marks import Labels
from hiper_agents.advantages.turns import Floats, Turns, sum_rewards_to_come
from webshop_server.allowed_types import check_number


def estimate_g2po(
    turns: Turns,
    group: Labels,
    state: Labels,
    discount: float = 0.95,
    weight: float = 1.0,
    normalise_std: bool = True,
    by: str = "episode",
    among: str = "group",
    episode_weight: float = 0.0,
) -> Floats:
    """Estimate what each turn changed in the value of its group's states, against what others did.

    Args:
        turns: Whole episodes, rows in any order; only ids, turn numbers and rewards are read.
        group: Id of the group of each turn, integers or names, shape [turns].
        state: Key of the state that each turn acts in, hashable, shape [turns].
        discount: Discount per turn, between 0 and 1.
        weight: Weight of the comparison of edges.
        normalise_std: Whether the comparisons are divided by their deviations.
        by: How episodes are counted, "episode" or "turn"; every turn counts as an edge.
        among: "group", "state" or "both" (the released code's); see `GraphConfig`.
        episode_weight: Weight of the comparison of episodes; 1 in the released code.

    Returns:
        Advantages, float64, shape [turns], in the rows' order.

    Raises:
        TypeError: Ids or states that cannot be told apart, or a setting of another kind.
        ValueError: Not one group and state a turn, an episode in two groups, or a setting out of range.
    """
    check_number(discount, "discount", 0, 1)
    groups, graphs = GroupConfig(weight, by=by), GraphConfig(among, normalise_std, episode_weight)
    graph = build_graph(turns, group, state)
    return credit_edges(turns, graph, measure_errors(turns, graph, discount), groups, graphs)


def pool_values(turns: Turns, graph: StateGraph, discount: float) -> Floats:
    """Return the mean discounted reward to come over all visits to each state, shape [nodes].

    Args:
        turns: Whole episodes.
        graph: Where they lie.
        discount: Discount per turn.
    """
    rows = turns.order  # one order of summing, however the rows lie
    to_come, visits = sum_rewards_to_come(turns, discount)[rows], graph.source[rows]
    return np.asarray(np.bincount(visits, to_come) / np.bincount(visits), dtype=np.float64)


def measure_errors(turns: Turns, graph: StateGraph, discount: float) -> Floats:
    """Return the temporal-difference error of each turn on the pooled values, shape [turns].

    Args:
        turns: Whole episodes.
        graph: Where they lie.
        discount: Discount per turn.
    """
    values = pool_values(turns, graph, discount)
    after = np.zeros(len(turns))
    inner = graph.target > GOAL
    after[inner] = values[graph.target[inner]]
    return np.asarray(turns.reward + discount * after - values[graph.source], dtype=np.float64)
