"""GraphGPO and G2PO: graphs worked out by hand, a second derivation in dictionaries, and what must not matter."""

from typing import Any

import numpy as np
import pytest

from hiper_agents.advantages import GraphConfig, Turns, estimate_g2po, estimate_graphgpo, estimate_grpo
from hiper_agents.advantages.g2po import measure_errors, pool_values
from hiper_agents.advantages.graphgpo import measure_progress
from hiper_agents.advantages.graphs import GOAL, NOWHERE, build_graph, measure_distances

REACHED = "!"
"""Ends a way that reached the goal."""


def play(*ways: str) -> tuple[Turns, list[str]]:
    """Return episodes whose turns act in the states that the letters name; the last turn of "ab!" is rewarded."""
    plain = [way.removesuffix(REACHED) for way in ways]
    last = np.concatenate([np.arange(len(way)) == len(way) - 1 for way in plain])
    won = np.repeat([way.endswith(REACHED) for way in ways], [len(way) for way in plain])
    zeros = np.zeros(len(last))
    turns = Turns(
        episode=np.repeat(np.arange(len(ways)), [len(way) for way in plain]),
        turn=np.concatenate([np.arange(len(way)) for way in plain]),
        switch=np.zeros(len(last), dtype=bool),
        terminated=last & won,
        reward=(last & won).astype(float),
        value_low=zeros,
        value_high=zeros,
    )
    return turns, [letter for way in plain for letter in way]


def progress(*ways: str, **told: Any) -> list[float]:
    turns, states = play(*ways)
    return measure_progress(build_graph(turns, [0] * len(turns), states, **told)).tolist()


@pytest.mark.parametrize(
    ("ways", "shortened"),
    [
        (["abc!"], [1, 1, 1]),  # a single episode, straight to the goal
        (["abab!"], [1, -1, 1, 1]),  # there and back again
        (["aab!"], [0, 1, 1]),  # a turn that changes nothing
        (["abcd!", "abd!"], [1, 0, 1, 1, 1, 1, 1]),  # c is a detour: from there the goal is no nearer than from b
        (["ab", "cb!"], [1, -2, 1, 1]),  # a failed episode came on the way of another; its end leads nowhere
        (["ax", "ab!"], [-1, 0, 1, 1]),  # a dead end, one turn farther than the farthest that has a way
        (["ab", "cd"], [0, 0, 0, 0]),  # nobody reached the goal
        (["a!"], [1]),
        (["a"], [0]),
        (["abcabc!"], [1, 1, -2, 1, 1, 1]),  # a cycle costs what it led away
    ],
)
def test_progress_by_hand(ways: list[str], shortened: list[float]) -> None:
    assert progress(*ways) == shortened


def test_distances_by_hand() -> None:
    turns, states = play("abcd!", "aed!", "axy")
    graph = build_graph(turns, [0] * len(turns), states)
    distance, nowhere = measure_distances(graph)
    found = {state: distance[node] for state, node in zip(states, graph.source, strict=True)}
    assert found == {"a": 3, "b": 3, "c": 2, "d": 1, "e": 2, "x": 4, "y": 4}
    assert set(nowhere) == {4}
    assert graph.target[states.index("d")] == GOAL and graph.target[-1] == NOWHERE


def test_edges_are_standardised_over_their_group_by_hand() -> None:
    turns, states = play("abab!")  # shortened by 1, -1, 1, 1: mean .5, deviation 1
    np.testing.assert_allclose(estimate_graphgpo(turns, [0] * 4, states), np.array([0.5, -1.5, 0.5, 0.5]) / (1 + 1e-6))
    centred = estimate_graphgpo(turns, [0] * 4, states, normalise_std=False, weight=2.0)
    np.testing.assert_allclose(centred, [1.0, -3.0, 1.0, 1.0])
    within = estimate_graphgpo(turns, [0] * 4, states, normalise_std=False, among="state")
    np.testing.assert_allclose(within, [0, -1, 0, 1])  # both turns in a lead to b; in b one goes back, one arrives
    both = estimate_graphgpo(turns, [0] * 4, states, normalise_std=False, among="both")
    np.testing.assert_allclose(both, [0.5, -2.5, 0.5, 1.5])


def test_one_edge_has_one_worth_whoever_takes_it_by_hand() -> None:
    turns, states = play("abc", "abd!")
    found = estimate_graphgpo(turns, [0] * 6, states)
    assert found[0] == found[3] > 0 > found[1] and found[4] == found[3]
    with_episodes = estimate_graphgpo(turns, [0] * 6, states, episode_weight=1.0)
    np.testing.assert_allclose(with_episodes - found, estimate_grpo(turns, [0] * 6, normalise_std=True))


def test_groups_have_graphs_of_their_own() -> None:
    turns, states = play("ab", "ab!")
    assert estimate_graphgpo(turns, [0, 0, 1, 1], states)[:2].tolist() == [0.0, 0.0]
    assert estimate_graphgpo(turns, [0, 0, 0, 0], states, normalise_std=False)[0] > 0


def test_success_is_what_is_said_of_it() -> None:
    turns, states = play("ab!", "ac!")
    only_first = np.array([False, True, False, False])
    assert measure_progress(build_graph(turns, [0] * 4, states, only_first)).tolist() == [1, 1, -1, 0]
    assert measure_progress(build_graph(turns, [0] * 4, states)).tolist() == [1, 1, 1, 1]


def test_the_state_that_an_episode_was_cut_off_in_goes_on() -> None:
    ways = ("ab", "cde!")
    assert progress(*ways) == [0, 0, 1, 1, 1]
    assert progress(*ways, final_state=[None, "d", None, None, None]) == [1, 1, 1, 1, 1]
    assert progress(*ways, final_state=[None, "somewhere else", None, None, None]) == [0, 0, 1, 1, 1]
    told = [*"xd", *"xx", "d"]
    assert progress(*ways, final_state=told) == [1, 1, 1, 1, 1]  # only read at an end that was cut off
    assert progress("ab", "cd!", final_state=[None, "b", None, None]) == [0, 0, 1, 1]  # in a circle, without a way
    turns, states = play(*ways)
    apart = build_graph(turns, [0, 0, 1, 1, 1], states, final_state=[None, "d", None, None, None])
    assert apart.target[1] == NOWHERE  # the state of another group is no way


def test_the_papers_equations_are_a_setting() -> None:
    """R = 10 omega ** (distance + 1), compared within states by the sample deviation, plus the episode's."""
    ways, omega = ("abcd!", "abd!", "axb", "ab!"), 0.1
    turns, states = play(*ways)
    graph = build_graph(turns, [0] * len(turns), states)
    distance, nowhere = measure_distances(graph)
    reward = np.array(
        [
            10 * omega ** (1 + (0 if to == GOAL else nowhere[0] if to == NOWHERE else distance[to]))
            for to in graph.target
        ]
    )
    expected = np.zeros(len(turns))
    for state in set(states):
        rows = [row for row, other in enumerate(states) if other == state]
        if len(rows) > 1 and reward[rows].std() > 0:
            expected[rows] = (reward[rows] - reward[rows].mean()) / (reward[rows].std(ddof=1) + 1e-6)
    expected += estimate_grpo(turns, [0] * len(turns), normalise_std=True)
    found = estimate_graphgpo(
        turns, [0] * len(turns), states, among="state", episode_weight=1.0, distance_discount=omega
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_values_are_pooled_over_visits_by_hand() -> None:
    turns, states = play("ab!", "ac", "bb!")
    graph = build_graph(turns, [0] * 6, states)
    values = pool_values(turns, graph, 0.5)
    found = {state: values[node] for state, node in zip(states, graph.source, strict=True)}
    assert found == {"a": 0.25, "b": pytest.approx((1 + 0.5 + 1) / 3), "c": 0.0}
    b = found["b"]
    expected = [0.5 * b - 0.25, 1 - b, -0.25, 0.0, 0.5 * b - b, 1 - b]
    np.testing.assert_allclose(measure_errors(turns, graph, 0.5), expected, atol=1e-12)
    centred = estimate_g2po(turns, [0] * 6, states, 0.5, normalise_std=False)
    np.testing.assert_allclose(centred, np.array(expected) - np.mean(expected), atol=1e-12)
    standardised = estimate_g2po(turns, [0] * 6, states, 0.5)
    np.testing.assert_allclose(standardised, centred / (np.std(expected, ddof=1) + 1e-6), atol=1e-12)


def test_the_released_comparison_within_states_is_the_same() -> None:
    """There V is the mean of R g ** (turns to go + 1), and V(s') is compared: R at a success, 0 at a failure."""
    discount, (turns, states) = 0.95, play("abcd!", "abd!", "axb", "ab!", "bxx")
    to_go = turns.num_turns[turns.episode_index] - turns.turn
    won = np.isin(turns.episode, turns.episode[turns.reward > 0])
    score = won * discount**to_go
    value = {state: np.mean([score[row] for row in range(len(turns)) if states[row] == state]) for state in states}
    ends = turns.is_last
    following = np.array([value[states[row + 1]] if not end else turns.reward[row] for row, end in enumerate(ends)])
    expected = np.zeros(len(turns))
    for state in set(states):
        rows = [row for row, other in enumerate(states) if other == state]
        if len(rows) > 1:
            expected[rows] = following[rows] - following[rows].mean()
    found = estimate_g2po(turns, [0] * len(turns), states, discount, normalise_std=False, among="state")
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_long_way_is_no_trouble() -> None:
    count = 20_000
    zeros = np.zeros(count)
    last = np.arange(count) == count - 1
    turns = Turns(zeros.astype(int), np.arange(count), last & False, last, last.astype(float), zeros, zeros)
    graph = build_graph(turns, [0] * count, list(range(count, 0, -1)))
    assert measure_progress(graph).tolist() == [1.0] * count


TURNS, STATES = play("ab", "ac!")
NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"success": [True, False, False, True]}, "success is true at turn 0 of episode 0, which goes on after it"),
        ({"success": [0, 0, 0, 1]}, "success holds int64 values; it must hold booleans"),
        ({"success": [True]}, "success has 1 entries but there are 4 turns"),
        ({"state": [1, 2]}, "state has 2 entries but there are 4 turns"),
        ({"state": [1, None, 2, 3]}, "state is None at entry 1; give every turn one"),
        ({"state": [{}, 1, 2, 3]}, r"state is \{\} at entry 0, which cannot be hashed"),
        ({"final_state": [1, 2]}, "final_state has 2 entries but there are 4 turns"),
        ({"final_state": [None, [], None, None]}, r"final_state is \[\] at entry 1, which cannot be hashed"),
        ({"final_state": [None, NAN, None, None]}, "final_state is nan at entry 1"),
        ({"group": [0, 1, 0, 0]}, "episode 0 lies in the groups 0 and 1"),
        ({"among": "groups"}, "did you mean 'group'"),
        ({"by": "step"}, r"unknown way to count \(by\) 'step'"),
        ({"weight": -1}, "weight is -1; it must be a number between 0"),
        ({"episode_weight": NAN}, "episode_weight is nan; it must be a number between 0"),
        ({"distance_discount": 1.5}, "distance_discount is 1.5; it must be a number between 0 and 1"),
        ({"distance_discount": "a"}, "distance_discount must be a number between 0 and 1, got 'a'"),
        ({"normalise_std": 1}, "normalise_std must be True or False"),
    ],
)
def test_what_is_wrong_gets_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    arguments: dict[str, Any] = {"group": [0] * 4, "state": STATES}
    with pytest.raises((ValueError, TypeError), match=sentence):
        estimate_graphgpo(TURNS, **arguments | changes)
    if not {"success", "final_state", "distance_discount"} & set(changes):
        with pytest.raises((ValueError, TypeError), match=sentence):
            estimate_g2po(TURNS, **arguments | changes)


def test_g2po_checks_its_discount() -> None:
    with pytest.raises(ValueError, match=r"discount is 1\.5; it must be"):
        estimate_g2po(TURNS, [0] * 4, STATES, discount=1.5)
    assert GraphConfig().distance_discount is None


def test_no_turns() -> None:
    nothing = np.zeros(0)
    turns = Turns(nothing.astype(int), nothing.astype(int), nothing.astype(bool), nothing.astype(bool), *[nothing] * 3)
    assert estimate_graphgpo(turns, [], []).shape == estimate_g2po(turns, [], []).shape == (0,)
