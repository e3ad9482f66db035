"""The graph of a group: its states are nodes, its turns are edges, and all its episodes lie in it together.

Two episodes that come through one state share a node, so that what one of them found out counts for the other. A last
turn that reached the goal leads to the goal, a node of its own. Any other last turn leads nowhere, but for one that a
step limit cut off in a state that somebody of the group went on from: there the graph goes on.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiper_agents.advantages.groups import LARGEST_WEIGHT, GroupConfig, compare_episodes, compare_turns
from hiper_agents.advantages.marks import Labels, list_labels, number_groups, number_labels, number_pairs
from hiper_agents.advantages.turns import Booleans, Floats, Integers, Turns, as_mask
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, check_number

COMPARED = ("group", "state", "both")
GOAL, NOWHERE = -1, -2
"""What a last turn leads to, where it is no node."""


@dataclass(frozen=True)
class GraphConfig:
    """What graphgpo and g2po have beside discount, weight and the way to count episodes."""

    among: str = "group"
    """Which edges an edge is compared with. group: all of its group. state: those that leave the same state, as in
    GraphGPO's paper. both: the sum of the two, as in G2PO's released code."""
    normalise_std: bool = True
    """Whether what is centred is divided by its deviation too."""
    episode_weight: float = 0.0
    """Weight of the comparison of episodes beside that of edges; 1 in both papers."""
    distance_discount: float | None = None
    """None: a state is worth less by 1 for each turn of its distance to the goal. Else it is worth this number to the
    power of the distance, as in GraphGPO's paper, whose runs have 0.1."""

    def __post_init__(self) -> None:
        check_choice(self.among, COMPARED, "set of edges to compare with (among)")
        check_flag(self.normalise_std, "normalise_std")
        check_number(self.episode_weight, "episode_weight", 0, LARGEST_WEIGHT)
        if self.distance_discount is not None:
            check_number(self.distance_discount, "distance_discount", 0, 1)


@dataclass(frozen=True, eq=False)
class StateGraph:
    """Turns as edges between the states of their groups.

    Attributes:
        group: Number of each turn's group, from 0, shape [turns].
        source: Node that each turn leaves, from 0, shape [turns]; states of two groups are two nodes.
        target: Node that it leads to, `GOAL` or `NOWHERE`, shape [turns].
    """

    group: Integers
    source: Integers
    target: Integers

    @property
    def num_nodes(self) -> int:
        """Number of states that a turn leaves."""
        return int(self.source.max(initial=-1)) + 1


def build_graph(
    turns: Turns, group: Labels, state: Labels, success: Booleans | None = None, final_state: Any = None
) -> StateGraph:
    """Put the episodes of each group into one graph.

    Args:
        turns: Whole episodes, rows in any order.
        group: Id of the group of each turn, shape [turns].
        state: Key of the state that each turn acts in, hashable, shape [turns].
        success: Whether the turn reached the goal, booleans of shape [turns]; only last turns can. None: episodes
            whose last turn was rewarded did.
        final_state: Key of the state after the turn, shape [turns]; read at last turns that neither ended the episode
            nor reached the goal, and there None where it is not known. None: nowhere known.

    Raises:
        TypeError: Ids or states that cannot be told apart, or a success that is no boolean.
        ValueError: Not one of each a turn, an episode in two groups, or a success in mid-episode.
    """
    numbers, reached = number_groups(turns, group), find_success(turns, success)
    number_labels(state, "state", len(turns))
    states = list_labels(state, "state", len(turns))
    goes_on = np.zeros(len(turns), dtype=bool)
    ends = list(states)
    if final_state is not None:
        after = list_labels(final_state, "final_state", len(turns))
        goes_on = turns.is_last & ~turns.terminated & ~reached & np.array([label is not None for label in after], bool)
        ends = [end if told else own for end, told, own in zip(after, goes_on, states, strict=True)]
        number_labels(ends, "final_state", len(turns))
    both = number_labels([*states, *ends], "state", 2 * len(turns))
    # An edge may lead to a state that nobody left: as a node nothing leads out of it, so it is nowhere.
    pairs = number_pairs(np.tile(numbers, 2), both)
    source, end = pairs[: len(turns)], pairs[len(turns) :]
    target = np.where(goes_on & np.isin(end, source), end, np.where(reached, GOAL, NOWHERE))
    before, now = turns.order[:-1], turns.order[1:]
    follows = turns.turn[now] > 0
    target[before[follows]] = source[now[follows]]
    return _close_gaps(numbers, source, target)


def _close_gaps(group: Integers, source: Integers, target: Integers) -> StateGraph:
    """Number the nodes that turns leave from 0, without those that none does."""
    nodes, source = np.unique(source, return_inverse=True)
    inner = target >= 0
    target[inner] = np.searchsorted(nodes, target[inner])
    return StateGraph(group, source.reshape(-1).astype(np.int64), target.astype(np.int64))


def find_success(turns: Turns, success: Booleans | None) -> Booleans:
    """Return whether each turn reached the goal, shape [turns].

    Raises:
        TypeError: It holds no booleans.
        ValueError: There is not one a turn, or one is true in mid-episode.
    """
    if success is None:
        return np.asarray(turns.is_last & (turns.reward > 0), dtype=bool)
    reached = as_mask(success, "success", len(turns))
    early = np.flatnonzero(reached & ~turns.is_last)
    if len(early):
        raise ValueError(
            f"success is true at turn {turns.turn[early[0]]} of episode {turns.episode[early[0]]}, which goes on after"
            " it; mark the last turn of each episode that reached the goal, and no other"
        )
    return reached


def measure_distances(graph: StateGraph) -> tuple[Floats, Floats]:
    """Return how many turns each node is from the goal of its group, by the shortest way that the graph knows.

    A node without a way is one turn farther than the farthest that has one, as in GraphGPO's paper; in a group that
    never reached the goal that is 1 for all.

    Returns:
        Distances of the nodes, shape [nodes], and that of nowhere for each turn, shape [turns].
    """
    distance = np.full(graph.num_nodes, np.inf)
    ways: list[list[int]] = [[] for _ in range(graph.num_nodes)]
    for source, target in zip(graph.source.tolist(), graph.target.tolist(), strict=True):
        if target >= 0:
            ways[target].append(source)
        elif target == GOAL:
            distance[source] = 1.0
    waiting = deque(np.flatnonzero(distance == 1.0).tolist())
    while waiting:
        node = waiting.popleft()
        for source in ways[node]:
            if distance[source] == np.inf:
                distance[source] = distance[node] + 1.0
                waiting.append(source)
    farthest = np.zeros(int(graph.group.max(initial=-1)) + 1)
    has_way = np.isfinite(distance[graph.source])
    np.maximum.at(farthest, graph.group[has_way], distance[graph.source[has_way]])
    nowhere = farthest[graph.group] + 1.0
    without = np.isinf(distance[graph.source])
    distance[graph.source[without]] = nowhere[without]
    return distance, nowhere


def credit_edges(turns: Turns, graph: StateGraph, worth: Floats, groups: GroupConfig, graphs: GraphConfig) -> Floats:
    """Return each edge's worth compared with others', and its episode with its group.

    Args:
        turns: Whole episodes.
        graph: Where they lie.
        worth: Of each turn as an edge, shape [turns].
        groups: `weight` and `by` are used.
        graphs: Which edges are compared, whether they are divided, and the weight of the episodes.
    """
    config = GroupConfig(groups.weight, graphs.normalise_std, groups.by)
    credit = np.zeros(len(turns))
    if graphs.among in ("group", "both"):
        credit += config.weight * compare_turns(turns, worth, graph.group, config)
    if graphs.among in ("state", "both"):
        credit += config.weight * compare_turns(turns, worth, graph.source, config)
    if graphs.episode_weight:
        credit += graphs.episode_weight * compare_episodes(turns, graph.group, config)
    return credit
