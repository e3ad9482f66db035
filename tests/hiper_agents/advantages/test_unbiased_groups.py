"""Which comparisons within a group give the true policy gradient: a tiny world, every group of it enumerated."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from hiper_agents.advantages import (
    Turns,
    estimate_dr_grpo,
    estimate_g2po,
    estimate_graphgpo,
    estimate_grpo,
    estimate_reinforce,
    estimate_rloo,
)

GROUP = 3
COLUMNS = ("episode", "turn", "switch", "terminated", "reward", "value_low", "value_high")
LOGITS = np.array([0.4, -0.7])
"""Of going on at turn 0 (else the episode ends there), and of the better action at turn 1."""
EPISODES = {(False,): 0.5, (True, False): -1.0, (True, True): 2.0}
"""Choices of an episode and its reward at the end."""


def chance(choices: tuple[bool, ...], logits: np.ndarray) -> Any:
    yes = 1 / (1 + np.exp(-logits))
    return np.prod([yes[t] if choice else 1 - yes[t] for t, choice in enumerate(choices)])


def score(choices: tuple[bool, ...], turn: int) -> np.ndarray:
    """Return the gradient of the log-probability of one choice."""
    slope = np.zeros(2)
    slope[turn] = choices[turn] - 1 / (1 + np.exp(-LOGITS[turn]))
    return slope


def true_gradient() -> np.ndarray:
    def objective(logits: np.ndarray) -> Any:
        return sum(chance(choices, logits) * reward for choices, reward in EPISODES.items())

    return np.array([objective(LOGITS + step).imag / 1e-30 for step in 1e-30j * np.eye(2)])


def expected_gradient(estimate: Callable[[Turns, np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the expectation over all groups of the mean over episodes of advantage times score."""
    groups = list(product(EPISODES, repeat=GROUP))
    rows = [
        (number, number * GROUP + place, t, choices, t + 1 == len(choices))
        for number, group in enumerate(groups)
        for place, choices in enumerate(group)
        for t in range(len(choices))
    ]
    last = np.array([row[4] for row in rows])
    zeros = np.zeros(len(rows))
    turns = Turns(
        episode=np.array([row[1] for row in rows]),
        turn=np.array([row[2] for row in rows]),
        switch=np.zeros(len(rows), dtype=bool),
        terminated=last,
        reward=np.where(last, [EPISODES[row[3]] for row in rows], 0.0),
        value_low=zeros,
        value_high=zeros,
    )
    weights = [np.prod([chance(choices, LOGITS) for choices in group]) / GROUP for group in groups]
    assert sum(weights) * GROUP == pytest.approx(1.0, abs=1e-12)
    advantage = estimate(turns, np.array([row[0] for row in rows]))
    return np.sum(
        [weights[row[0]] * credit * score(row[3], row[2]) for row, credit in zip(rows, advantage, strict=True)], axis=0
    )


def test_rloo_is_unbiased() -> None:
    np.testing.assert_allclose(expected_gradient(estimate_rloo), true_gradient(), rtol=0, atol=1e-12)
    assert np.abs(true_gradient()).min() > 0.05


def test_centred_grpo_is_shorter_by_one_episode_in_the_group() -> None:
    for estimate in (estimate_grpo, estimate_dr_grpo):
        found = expected_gradient(estimate)
        np.testing.assert_allclose(found, true_gradient() * (GROUP - 1) / GROUP, rtol=0, atol=1e-12)


def test_reinforce_with_the_mean_of_the_other_episodes_is_unbiased() -> None:
    """A batch at a time, for the mean goes over all of it."""

    def estimate(turns: Turns, batch: np.ndarray) -> np.ndarray:
        found = np.zeros(len(turns))
        for number in np.unique(batch):
            rows = batch == number
            part = Turns(*(getattr(turns, name)[rows] for name in COLUMNS))
            found[rows] = estimate_reinforce(part, 1.0, "mean").advantage_low
        return found

    np.testing.assert_allclose(expected_gradient(estimate), true_gradient(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "estimate",
    [
        lambda turns, group: estimate_rloo(turns, group, by="turn"),
        lambda turns, group: estimate_grpo(turns, group, by="turn"),
        lambda turns, group: estimate_grpo(turns, group, normalise_std=True),
        lambda turns, group: estimate_graphgpo(turns, group, turns.turn, normalise_std=False),
        lambda turns, group: estimate_g2po(turns, group, turns.turn, 1.0),
    ],
    ids=["rloo by turn", "grpo by turn", "grpo divided", "graphgpo", "g2po"],
)
def test_the_others_point_elsewhere(estimate: Callable[[Turns, np.ndarray], np.ndarray]) -> None:
    found, true = expected_gradient(estimate), true_gradient()
    cosine = found @ true / np.linalg.norm(found) / np.linalg.norm(true)
    assert cosine < 1 - 1e-6
