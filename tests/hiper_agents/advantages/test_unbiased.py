"""With exact values every estimator's policy gradient is the true one: an option-MDP, enumerated."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import pytest

from hiper_agents.advantages import (
    Advantages,
    HAEConfig,
    Turns,
    estimate_gae,
    estimate_hae,
    estimate_reinforce,
    estimate_segment_traces,
)

HORIZON, STATES, SUBGOALS, ACTIONS = 3, 2, 2, 2
DISCOUNT = 0.9
STEP = 1e-30
"""Along the imaginary axis, where a slope is no difference of two numbers that are nearly the same."""


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits)
    return weights / weights.sum(axis=-1, keepdims=True)


@dataclass
class OptionMDP:
    """States, subgoals and actions that are drawn one after the other; policies are softmax tables."""

    rng: np.random.Generator
    switch: np.ndarray = field(init=False)  # [state, subgoal, KEEP or SWITCH]
    subgoal: np.ndarray = field(init=False)  # [state, subgoal]
    action: np.ndarray = field(init=False)  # [state, subgoal, action]

    def __post_init__(self) -> None:
        self.switch = self.rng.normal(size=(STATES, SUBGOALS, 2))
        self.subgoal = self.rng.normal(size=(STATES, SUBGOALS))
        self.action = self.rng.normal(size=(STATES, SUBGOALS, ACTIONS))
        self.reward = self.rng.normal(size=(STATES, ACTIONS))
        self.moves = self.rng.dirichlet(np.ones(STATES), size=(STATES, ACTIONS))

    def solve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the exact values low[t, state, subgoal], high[t, state], switch[t, state, subgoal before]."""
        acts, chooses, keeps = softmax(self.action), softmax(self.subgoal), softmax(self.switch)
        kind = np.result_type(acts, chooses, keeps)
        low, high = np.zeros((HORIZON, STATES, SUBGOALS), kind), np.zeros((HORIZON, STATES), kind)
        switch = np.zeros((HORIZON + 1, STATES, SUBGOALS), kind)
        for t in reversed(range(HORIZON)):
            after = np.einsum("sag,go->soa", self.moves, switch[t + 1])
            low[t] = (acts * (self.reward[:, None, :] + DISCOUNT * after)).sum(axis=-1)
            high[t] = (chooses * low[t]).sum(axis=-1)
            switch[t] = keeps[..., 0] * low[t] + keeps[..., 1] * high[t][:, None]
        return low, high, switch

    def objective(self) -> complex:
        return complex(self.solve()[1][0, 0])


@dataclass
class Trajectory:
    """What was drawn at each turn, and the probability of it all."""

    chance: float
    states: list[int]
    switches: list[bool]
    subgoals: list[int]
    actions: list[int]


def enumerate_trajectories(world: OptionMDP) -> Iterator[Trajectory]:
    """Yield every trajectory from state 0; the first turn always opens a segment."""
    for switches in product([True, False], repeat=HORIZON - 1):
        for subgoals in product(range(SUBGOALS), repeat=HORIZON):
            whole = [True, *switches]
            if any(not whole[t] and subgoals[t] != subgoals[t - 1] for t in range(1, HORIZON)):
                continue
            for actions in product(range(ACTIONS), repeat=HORIZON):
                for later in product(range(STATES), repeat=HORIZON - 1):
                    yield weigh(world, Trajectory(1.0, [0, *later], whole, list(subgoals), list(actions)))


def weigh(world: OptionMDP, path: Trajectory) -> Trajectory:
    for t, (state, subgoal, action) in enumerate(zip(path.states, path.subgoals, path.actions, strict=True)):
        if t > 0:
            before = path.subgoals[t - 1]
            path.chance *= world.moves[path.states[t - 1], path.actions[t - 1], state]
            path.chance *= softmax(world.switch[state, before])[int(path.switches[t])]
        if path.switches[t]:
            path.chance *= softmax(world.subgoal[state])[subgoal]
        path.chance *= softmax(world.action[state, subgoal])[action]
    return path


def make_turns(world: OptionMDP, paths: list[Trajectory], flat: bool) -> Turns:
    rows = [(number, t) for number in range(len(paths)) for t in range(HORIZON)]
    low, high, switch = world.solve()
    states = [paths[n].states[t] for n, t in rows]
    switch_value = [
        switch[t, state, paths[n].subgoals[t - 1]] if t else high[0, state]
        for state, (n, t) in zip(states, rows, strict=True)
    ]
    low_value = [low[t, state, paths[n].subgoals[t]] for state, (n, t) in zip(states, rows, strict=True)]
    return Turns(
        episode=np.array([n for n, _ in rows]),
        turn=np.array([t for _, t in rows]),
        switch=np.array([paths[n].switches[t] for n, t in rows]),
        terminated=np.array([t == HORIZON - 1 for _, t in rows]),
        reward=np.array([world.reward[state, paths[n].actions[t]] for state, (n, t) in zip(states, rows, strict=True)]),
        value_low=np.array(switch_value if flat else low_value),
        value_high=np.array([high[t, state] for state, (_, t) in zip(states, rows, strict=True)]),
        value_switch=np.array(switch_value),
    )


def add_score(table: np.ndarray, logits: np.ndarray, drawn: int, weight: float) -> None:
    """Add weight * d log p(drawn) / d logits."""
    table -= weight * softmax(logits)
    table[drawn] += weight


def policy_gradient(world: OptionMDP, paths: list[Trajectory], found: Advantages, flat: bool) -> list[np.ndarray]:
    """Return the expectation of the estimated gradient, in the three tables."""
    low = found.advantage_low.reshape(-1, HORIZON)
    high = low if flat else found.advantage_high.reshape(-1, HORIZON)
    switch = low if flat else found.advantage_switch.reshape(-1, HORIZON)
    gradient = [np.zeros_like(table) for table in (world.switch, world.subgoal, world.action)]
    for number, path in enumerate(paths):
        for t, state in enumerate(path.states):
            weight, subgoal = path.chance * DISCOUNT**t, path.subgoals[t]
            if t > 0:
                where = (state, path.subgoals[t - 1])
                credit = weight * switch[number, t]
                add_score(gradient[0][where], world.switch[where], int(path.switches[t]), credit)
            if path.switches[t]:
                add_score(gradient[1][state], world.subgoal[state], subgoal, weight * high[number, t])
            where = (state, subgoal)
            add_score(gradient[2][where], world.action[where], path.actions[t], weight * low[number, t])
    return gradient


def true_gradient(world: OptionMDP) -> list[np.ndarray]:
    gradient = []
    for name in ("switch", "subgoal", "action"):
        table = getattr(world, name)
        slopes = np.zeros_like(table)
        for index in np.ndindex(table.shape):
            moved = table.astype(complex)
            moved[index] += 1j * STEP
            setattr(world, name, moved)
            slopes[index] = world.objective().imag / STEP
        setattr(world, name, table)
        gradient.append(slopes)
    return gradient


Estimate = Callable[[Turns, HAEConfig], Advantages]


def with_kappa(kappa: float, kappa_high: float | None = None) -> Estimate:
    return lambda turns, config: estimate_segment_traces(turns, config.discount, config.lambda_low, kappa, kappa_high)


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("estimate", "flat"),
    [
        (estimate_hae, False),
        (estimate_gae, True),
        (with_kappa(1.0), False),
        (with_kappa(0.0), False),
        (with_kappa(0.3, 0.8), False),
        (lambda turns, config: estimate_reinforce(turns, config.discount), False),
    ],
    ids=["hae", "gae", "decision gae", "kappa 0", "kappa .3 and .8", "reinforce"],
)
def test_gradient_is_unbiased(decay: float, estimate: Estimate, flat: bool) -> None:
    world = OptionMDP(np.random.default_rng(7))
    paths = list(enumerate_trajectories(world))
    assert sum(path.chance for path in paths) == pytest.approx(1.0, abs=1e-12)
    found = estimate(make_turns(world, paths, flat), HAEConfig(DISCOUNT, decay, decay))
    ours, exact = policy_gradient(world, paths, found, flat), true_gradient(world)
    for ours_table, exact_table in zip(ours, exact, strict=True):
        np.testing.assert_allclose(ours_table, exact_table, rtol=0, atol=1e-12)
    assert max(np.abs(table).max() for table in exact) > 0.05


@pytest.mark.parametrize("decision_gae", [False, True])
def test_full_traces_need_no_exact_values(decision_gae: bool) -> None:
    world = OptionMDP(np.random.default_rng(8))
    paths = list(enumerate_trajectories(world))
    turns = make_turns(world, paths, flat=False)
    guess = np.random.default_rng(9).normal(size=(4, HORIZON, STATES, SUBGOALS, SUBGOALS))
    t, states, subgoals, before = (np.array(each).ravel() for each in zip(*list_places(paths), strict=True))
    wrong = replace(
        turns,
        value_low=guess[0, t, states, subgoals, 0],
        value_high=guess[1, t, states, 0, 0],
        value_switch=guess[2, t, states, before, 0],
    )
    found = with_kappa(1.0)(wrong, HAEConfig(DISCOUNT, 1.0)) if decision_gae else estimate_reinforce(wrong, DISCOUNT)
    for ours, exact in zip(policy_gradient(world, paths, found, flat=False), true_gradient(world), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-12)
    cut = estimate_hae(wrong, HAEConfig(DISCOUNT, 1.0, 1.0))
    off = policy_gradient(world, paths, cut, flat=False)[2] - true_gradient(world)[2]
    assert np.abs(off).max() > 1e-3  # a chain that ends with its segment trusts the value that it ends with


def list_places(paths: list[Trajectory]) -> Iterator[tuple[int, int, int, int]]:
    """Yield turn number, state, subgoal and the subgoal before of every turn."""
    for path in paths:
        for t in range(HORIZON):
            yield t, path.states[t], path.subgoals[t], path.subgoals[max(t - 1, 0)]
