"""REINFORCE: the reward to come less a baseline, and the member of segment traces that it is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.advantages import Turns, estimate_reinforce, estimate_segment_traces
from tests.hiper_agents.advantages.batches import fractions, generators, random_turns

truncations = st.sampled_from(["none", "bootstrap"])


@given(generators, fractions, truncations)
def test_with_values_it_is_a_member_of_segment_traces(
    rng: np.random.Generator, discount: float, truncation: str
) -> None:
    turns = random_turns(rng)
    ours = estimate_reinforce(turns, discount, "value", truncation)
    traces = estimate_segment_traces(turns, discount, 1.0, 1.0, truncation=truncation)
    for kind in ("low", "high", "switch"):
        found, expected = getattr(ours, f"advantage_{kind}"), getattr(traces, f"advantage_{kind}")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12, equal_nan=True)
        later = turns.turn > 0 if kind == "switch" else np.ones(len(turns), bool)
        found, expected = getattr(ours, f"return_{kind}"), getattr(traces, f"return_{kind}")
        np.testing.assert_allclose(found[later], expected[later], rtol=0, atol=1e-12, equal_nan=True)


@given(generators, fractions)
def test_the_mean_is_that_of_the_other_episodes(rng: np.random.Generator, discount: float) -> None:
    turns = random_turns(rng)
    found = estimate_reinforce(turns, discount, "mean")
    to_come = np.zeros(len(turns))
    for row in range(len(turns)):
        later = (turns.episode == turns.episode[row]) & (turns.turn >= turns.turn[row])
        to_come[row] = (discount ** (turns.turn[later] - turns.turn[row]) * turns.reward[later]).sum()
    expected = [to_come[row] - to_come[turns.episode != turns.episode[row]].mean() for row in range(len(turns))]
    np.testing.assert_allclose(found.advantage_low, expected, atol=1e-10)
    np.testing.assert_allclose(found.return_low, to_come, atol=1e-10)
    np.testing.assert_array_equal(np.isnan(found.advantage_high), ~turns.boundary)
    np.testing.assert_array_equal(np.isnan(found.advantage_switch), turns.turn == 0)


def test_with_the_mean_no_values_are_read() -> None:
    turns = random_turns(np.random.default_rng(2))
    blind = replace(turns, value_low=np.zeros(len(turns)), value_high=np.zeros(len(turns)), value_switch=None)
    ours, other = estimate_reinforce(turns, 0.9, "mean"), estimate_reinforce(blind, 0.9, "mean")
    for kind in ("low", "high", "switch"):
        np.testing.assert_array_equal(getattr(ours, f"advantage_{kind}"), getattr(other, f"advantage_{kind}"))
    assert np.isnan(other.return_switch).all() and np.isnan(estimate_reinforce(blind).advantage_switch).all()


def test_one_episode_alone_has_no_mean() -> None:
    zeros, never = np.zeros(2), np.zeros(2, bool)
    turns = Turns(np.zeros(2, int), np.arange(2), never, np.array([False, True]), np.array([0.0, 2.0]), zeros, zeros)
    np.testing.assert_allclose(estimate_reinforce(turns, 0.5, "mean").advantage_low, [1.0, 2.0])


def test_values_off_boundaries_may_be_anything() -> None:
    turns = random_turns(np.random.default_rng(3))
    changed = replace(turns, value_high=np.where(turns.boundary, turns.value_high, np.inf))
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(
            estimate_reinforce(turns).advantage_high, estimate_reinforce(changed).advantage_high
        )


def test_no_turns() -> None:
    nothing = np.zeros(0)
    numbers, claims = nothing.astype(int), nothing.astype(bool)
    turns = Turns(numbers, numbers, claims, claims, *[nothing] * 4)
    assert len(estimate_reinforce(turns).advantage_low) == len(estimate_reinforce(turns, 1.0, "mean").return_low) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"discount": 1.1}, r"discount is 1\.1; it must be a number between 0 and 1"),
        ({"discount": None}, "discount must be a number between 0 and 1, got None"),
        ({"baseline": "valu"}, "did you mean 'value'"),
        ({"truncation": "released"}, "unknown truncation of reinforce 'released'; allowed: none, bootstrap"),
    ],
)
def test_settings_get_a_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        estimate_reinforce(random_turns(np.random.default_rng(0)), **arguments)
