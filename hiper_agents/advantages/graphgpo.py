"""GraphGPO (arXiv 2605.26684): a turn is worth how much nearer it came to the goal, over the graph of its group.

    A(t) = weight (p - mean) [/ (deviation + 1e-6)] + episode_weight A_grpo,    p = potential(s') - potential(s)

s is the state that the turn acts in and s' the one that it leads to; potential(s) = -distance(s), so that p is by how
many turns the distance to the goal was shortened. Mean and deviation go over all turns of the group. A group that never
reached the goal has no distances, and its turns are worth the same.

How the paper was read. Its abstract says by what an edge is worth: how much the transition reduces the distance to the
goal. Its equations take r omega ** (distance(s') + 1), compared among the edges that leave the same state, plus the
episode's advantage. That is `among="state"`, `distance_discount=omega`, `episode_weight=1`: within a state
omega ** distance(s') differs from p by what is the same for all its edges, and the factor r omega drops out when it is
divided by the deviation. An edge alone in its state is then worth nothing; compared over the group, a way back is worth
less than the way forth though each is alone.
"""

from typing import Any

import numpy as np

from hiper_agents.advantages.graphs import (
    GOAL,
    NOWHERE,
    GraphConfig,
    StateGraph,
    build_graph,
    credit_edges,
    measure_distances,
)
from hiper_agents.advantages.groups import GroupConfig
from hiper_agents.advantages.marks import Labels
from hiper_agents.advantages.turns import Booleans, Floats, Turns


def estimate_graphgpo(
    turns: Turns,
    group: Labels,
    state: Labels,
    success: Booleans | None = None,
    final_state: Any = None,
    weight: float = 1.0,
    normalise_std: bool = True,
    by: str = "episode",
    among: str = "group",
    episode_weight: float = 0.0,
    distance_discount: float | None = None,
) -> Floats:
    """Estimate how much nearer to the goal each turn came than others, over the graph of its group's episodes.

    Args:
        turns: Whole episodes, rows in any order; only ids, turn numbers, ends and rewards are read.
        group: Id of the group of each turn, integers or names, shape [turns].
        state: Key of the state that each turn acts in, hashable, shape [turns].
        success: Whether the turn reached the goal, booleans of shape [turns]; only last turns can. None: episodes
            whose last turn was rewarded did.
        final_state: Key of the state after the turn, shape [turns]; read at last turns of episodes that were cut off.
            None, there or as a whole: they lead nowhere.
        weight: Weight of the comparison of edges.
        normalise_std: Whether the comparisons are divided by their deviations.
        by: How episodes are counted, "episode" or "turn"; every turn counts as an edge.
        among: "group", "state" (the paper's) or "both"; see `GraphConfig`.
        episode_weight: Weight of the comparison of episodes; 1 in the paper.
        distance_discount: None, or the paper's omega; see `GraphConfig`.

    Returns:
        Advantages, float64, shape [turns], in the rows' order.

    Raises:
        TypeError: Ids or states that cannot be told apart, a success that is no boolean, or a setting of another kind.
        ValueError: Not one of each a turn, an episode in two groups, a success in mid-episode, or a setting out of
            range.
    """
    groups = GroupConfig(weight, by=by)
    graphs = GraphConfig(among, normalise_std, episode_weight, distance_discount)
    graph = build_graph(turns, group, state, success, final_state)
    return credit_edges(turns, graph, measure_progress(graph, distance_discount), groups, graphs)


def measure_progress(graph: StateGraph, distance_discount: float | None = None) -> Floats:
    """Return by how much each turn raised the potential of its state, shape [turns].

    Args:
        graph: Where the turns lie.
        distance_discount: None: the potential is the distance to the goal, negative; else this number to its power.
    """
    distance, nowhere = measure_distances(graph)
    before = distance[graph.source]
    after = np.where(graph.target == NOWHERE, nowhere, 0.0)
    inner = graph.target > GOAL
    after[inner] = distance[graph.target[inner]]
    if distance_discount is None:
        return np.asarray(before - after, dtype=np.float64)
    return np.asarray(np.power(distance_discount, after) - np.power(distance_discount, before), dtype=np.float64)
