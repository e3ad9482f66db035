"""Estimators on graphs of states against their definitions, written out slowly, and what follows from those."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_agents.advantages import Turns, estimate_g2po, estimate_graphgpo
from tests.hiper_agents.advantages.batches import fractions, generators, random_turns


def define_graphgpo(turns: Turns, group: Any, state: Any, success: Any, final_state: Any) -> np.ndarray:
    """Return the centred progress of each turn, by relaxing every edge until nothing changes."""
    edges = []
    for row in range(len(turns)):
        here = (group[row], state[row])
        after = np.flatnonzero((turns.episode == turns.episode[row]) & (turns.turn == turns.turn[row] + 1))
        if len(after):
            edges.append((here, (group[row], state[after[0]])))
        elif success[row]:
            edges.append((here, "goal"))
        else:
            edges.append((here, "nowhere" if turns.terminated[row] else (group[row], final_state[row])))
    distance: dict[Any, float] = {node: np.inf for edge in edges for node in edge} | {"goal": 0.0, "nowhere": np.inf}
    for _ in edges:
        for here, there in edges:
            distance[here] = min(distance[here], 1 + distance[there])
    out = np.zeros(len(turns))
    for number in set(group):
        rows = [row for row in range(len(turns)) if group[row] == number]
        known = [distance[node] for row in rows for node in edges[row] if distance[node] < np.inf]
        far = max(known, default=0.0) + 1
        near = {node: far if distance[node] == np.inf else distance[node] for row in rows for node in edges[row]}
        worth = np.array([near[edges[row][0]] - near[edges[row][1]] for row in rows])
        out[rows] = worth - worth.mean()
    return out


def make_marks(rng: np.random.Generator, turns: Turns, num_states: int = 6) -> dict[str, Any]:
    return {
        "group": rng.integers(0, 3, size=len(turns.num_turns))[turns.episode_index],
        "state": rng.integers(0, num_states, size=len(turns)),
        "success": turns.is_last & turns.terminated & (rng.random(len(turns)) < 0.7),
        "final_state": rng.integers(0, num_states, size=len(turns)),
    }


@given(generators)
@settings(max_examples=150, deadline=None)
def test_graphgpo_is_its_definition(rng: np.random.Generator) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    found = estimate_graphgpo(turns, **marks, normalise_std=False)
    np.testing.assert_allclose(found, define_graphgpo(turns, **marks), atol=1e-12)


@given(generators, fractions)
@settings(max_examples=100, deadline=None)
def test_g2po_is_its_definition(rng: np.random.Generator, discount: float) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    group, state = marks["group"], marks["state"]
    to_come, after = np.zeros(len(turns)), np.full(len(turns), -1)
    for row in range(len(turns)):
        later = (turns.episode == turns.episode[row]) & (turns.turn >= turns.turn[row])
        to_come[row] = (discount ** (turns.turn[later] - turns.turn[row]) * turns.reward[later]).sum()
        following = np.flatnonzero(later & (turns.turn == turns.turn[row] + 1))
        after[row] = following[0] if len(following) else -1
    value = np.array([to_come[(group == group[row]) & (state == state[row])].mean() for row in range(len(turns))])
    error = turns.reward + discount * np.where(after >= 0, value[after], 0.0) - value
    expected = np.array([error[row] - error[group == group[row]].mean() for row in range(len(turns))])
    found = estimate_g2po(turns, group, state, discount, normalise_std=False)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@given(generators, st.sampled_from(["group", "state", "both"]), st.booleans(), st.none() | st.floats(0.05, 0.95))
@settings(max_examples=100, deadline=None)
def test_names_of_episodes_and_groups_do_not_matter(
    rng: np.random.Generator, among: str, divides: bool, omega: float | None
) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    columns = {field.name: getattr(turns, field.name) for field in fields(Turns)}
    renamed = Turns(**columns | {"episode": rng.permutation(len(turns.num_turns))[turns.episode_index]})
    other = marks | {"group": [f"task {7 - number}" for number in marks["group"]]}
    ways: dict[str, Any] = {"among": among, "normalise_std": divides, "episode_weight": 0.5}
    found = [
        (
            estimate_graphgpo(each, **told, **ways, distance_discount=omega),
            estimate_g2po(each, told["group"], told["state"], **ways),
        )
        for each, told in ((turns, marks), (renamed, other))
    ]
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
        assert np.isfinite(ours).all()


@given(generators, st.floats(1e-3, 1e3))
@settings(max_examples=60, deadline=None)
def test_scale_of_rewards(rng: np.random.Generator, scale: float) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    columns = {field.name: getattr(turns, field.name) for field in fields(Turns)}
    scaled = Turns(**columns | {"reward": turns.reward * scale})
    np.testing.assert_array_equal(estimate_graphgpo(turns, **marks), estimate_graphgpo(scaled, **marks))
    group, state = marks["group"], marks["state"]
    ours, theirs = (estimate_g2po(each, group, state, normalise_std=False) for each in (turns, scaled))
    np.testing.assert_allclose(ours * scale, theirs, rtol=1e-6, atol=1e-9 * scale)


@given(generators, st.sampled_from(["group", "state"]))
@settings(max_examples=60, deadline=None)
def test_comparisons_sum_to_nothing_and_deviate_by_one(rng: np.random.Generator, among: str) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    for found in (
        estimate_graphgpo(turns, **marks, among=among),
        estimate_g2po(turns, marks["group"], marks["state"], among=among),
    ):
        for number in set(marks["group"].tolist()):
            inside = found[marks["group"] == number]
            assert inside.sum() == pytest.approx(0, abs=1e-6)
            if among == "group" and len(inside) > 1 and np.abs(inside).max() > 0:
                assert inside.std(ddof=1) == pytest.approx(1, abs=1e-3)


@given(generators)
def test_groups_that_never_reached_the_goal_have_no_credit(rng: np.random.Generator) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    none = marks | {"success": np.zeros(len(turns), bool)}
    assert not estimate_graphgpo(turns, **none).any()
