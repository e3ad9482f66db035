"""Which comparisons within a group give the true policy gradient: a tiny world, every group of it enumerated."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from hiper_agents.advantages import Turns, estimate_grpo, estimate_rloo

GROUP = 3
LOGITS = np.array([0.4, -0.7])
"""Of going on at turn 0 (else the episode ends there), and of the better action at turn 1."""
EPISODES = {(False,): 0.5, (True, False): -1.0, (True, True): 2.0}
"""Choices of an episode and its reward at the end."""


def chance(choices: tuple[bool, ...], logits: np.ndarray) -> float:
    yes = 1 / (1 + np.exp(-logits))
    return float(np.prod([yes[t] if choice else 1 - yes[t] for t, choice in enumerate(choices)]))


def score(choices: tuple[bool, ...], turn: int) -> np.ndarray:
    """Return the gradient of the log-probability of one choice."""
    slope = np.zeros(2)
    slope[turn] = choices[turn] - 1 / (1 + np.exp(-LOGITS[turn]))
    return slope


def true_gradient() -> np.ndarray:
    def objective(logits: np.ndarray) -> float:
        return sum(chance(choices, logits) * reward for choices, reward in EPISODES.items())

    steps = 1e-6 * np.eye(2)
    return np.array([(objective(LOGITS + step) - objective(LOGITS - step)) / 2e-6 for step in steps])


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
    np.testing.assert_allclose(expected_gradient(estimate_rloo), true_gradient(), atol=1e-9)
    assert np.abs(true_gradient()).min() > 0.05


def test_centred_grpo_is_shorter_by_one_episode_in_the_group() -> None:
    np.testing.assert_allclose(expected_gradient(estimate_grpo), true_gradient() * (GROUP - 1) / GROUP, atol=1e-9)


@pytest.mark.parametrize(
    "estimate",
    [
        lambda turns, group: estimate_rloo(turns, group, by="turn"),
        lambda turns, group: estimate_grpo(turns, group, by="turn"),
        lambda turns, group: estimate_grpo(turns, group, normalise_std=True),
    ],
    ids=["rloo by turn", "grpo by turn", "grpo divided"],
)
def test_the_others_point_elsewhere(estimate: Callable[[Turns, np.ndarray], np.ndarray]) -> None:
    found, true = expected_gradient(estimate), true_gradient()
    cosine = found @ true / np.linalg.norm(found) / np.linalg.norm(true)
    assert cosine < 1 - 1e-6
