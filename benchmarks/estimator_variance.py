"""The variance of estimators on values against flat GAE's, by enumerating every episode of small option worlds.

Usage: python benchmarks/estimator_variance.py [--worlds 12] [--horizon 5] [--seed 0]

A world has two states, two subgoals and two actions, drawn at random with its policy; an episode of five turns begins
in either state, so that there are 165,888 of them. Values are exact and nothing is discounted. For each estimator and
trace decay it prints the total variance of the gradient estimate of one episode over that of flat GAE at the same
decay, the mean and the extremes over the worlds, and the largest bias of all. Four minutes at the default size.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from hiper_agents.advantages import Advantages, HAEConfig, Turns, estimate_gae, estimate_hae, estimate_segment_traces

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
NUM = 2
"""Of states, of subgoals, of actions."""
DECAYS = (0.0, 0.5, 0.9, 0.95, 1.0)
ESTIMATORS: dict[str, Callable[[Turns, float], Advantages]] = {
    "HAE": lambda turns, decay: estimate_hae(turns, HAEConfig(1.0, decay, decay)),
    "decision GAE": lambda turns, decay: estimate_segment_traces(turns, 1.0, decay, 1.0),
    "kappa = 0": lambda turns, decay: estimate_segment_traces(turns, 1.0, decay, 0.0),
}
COLUMNS = ("episode", "turn", "switch", "terminated", "reward", "value_low", "value_high", "value_switch")


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return probabilities along the last axis; complex logits too."""
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


@dataclass
class World:
    """An option-MDP with a softmax policy.

    Attributes:
        policy: Logits by kind of choice: switch [state, subgoal, KEEP or SWITCH], subgoal [state, subgoal] and action
            [state, subgoal, action].
        reward: Of each state and action.
        moves: Probabilities of the next state, [state, action, state].
        start: Probabilities of the first state.
        horizon: Number of turns.
    """

    policy: dict[str, npt.NDArray[Any]]
    reward: Floats
    moves: Floats
    start: Floats
    horizon: int

    def solve(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
        """Return the exact values low[t, state, subgoal], high[t, state] and switch[t, state, subgoal before]."""
        acts, chooses, keeps = (softmax(self.policy[kind]) for kind in ("action", "subgoal", "switch"))
        kind = np.result_type(acts, chooses, keeps)
        low, high = np.zeros((self.horizon, NUM, NUM), kind), np.zeros((self.horizon, NUM), kind)
        switch = np.zeros((self.horizon + 1, NUM, NUM), kind)
        for t in reversed(range(self.horizon)):
            after = np.einsum("sag,go->soa", self.moves, switch[t + 1])
            low[t] = (acts * (self.reward[:, None, :] + after)).sum(axis=-1)
            high[t] = (chooses * low[t]).sum(axis=-1)
            switch[t] = keeps[..., 0] * low[t] + keeps[..., 1] * high[t][:, None]
        return low, high, switch

    def true_gradient(self) -> Floats:
        """Return the gradient of the expected reward in all logits, exact by a complex step."""
        slopes = []
        for kind, logits in self.policy.items():
            for index in np.ndindex(logits.shape):
                moved = logits.astype(complex)
                moved[index] += 1e-30j
                stepped = World(self.policy | {kind: moved}, self.reward, self.moves, self.start, self.horizon)
                slopes.append((self.start @ stepped.solve()[1][0]).imag / 1e-30)
        return np.array(slopes)


def draw_world(rng: np.random.Generator, horizon: int) -> World:
    """Return a world with normal logits and rewards, and moves and starts that are uniform over all distributions."""
    policy = {
        "switch": rng.normal(size=(NUM, NUM, 2)),
        "subgoal": rng.normal(size=(NUM, NUM)),
        "action": rng.normal(size=(NUM, NUM, NUM)),
    }
    reward, moves = rng.normal(size=(NUM, NUM)), rng.dirichlet(np.ones(NUM), size=(NUM, NUM))
    return World(policy, reward, moves, rng.dirichlet(np.ones(NUM)), horizon)


@dataclass
class Episodes:
    """All episodes of a world, [episodes, turns] each; subgoals are the ones that hold, copied on KEEP."""

    chance: Floats
    states: Integers
    switches: npt.NDArray[np.bool_]
    subgoals: Integers
    actions: Integers


def enumerate_episodes(world: World) -> Episodes:
    """Return every episode with its probability."""
    later = [(s, o) for s, o in product((True, False), range(NUM)) if s or not o]  # KEEP has no subgoal to choose
    first = list(product(range(NUM), [(True, o) for o in range(NUM)], range(NUM)))
    turns = list(product(range(NUM), later, range(NUM)))
    grids = np.meshgrid(np.arange(len(first)), *[np.arange(len(turns))] * (world.horizon - 1), indexing="ij")
    tables = [np.array([(s, k, o, a) for s, (k, o), a in each]) for each in (first, turns)]
    told = np.stack([tables[min(t, 1)][grid.ravel()] for t, grid in enumerate(grids)], axis=1)
    states, switches, subgoals, actions = told[..., 0], told[..., 1].astype(bool), told[..., 2].copy(), told[..., 3]
    for t in range(1, world.horizon):
        subgoals[:, t] = np.where(switches[:, t], subgoals[:, t], subgoals[:, t - 1])
    acts, chooses, keeps = (softmax(world.policy[kind]) for kind in ("action", "subgoal", "switch"))
    chance = world.start[states[:, 0]]
    for t in range(world.horizon):
        if t:
            chance = chance * world.moves[states[:, t - 1], actions[:, t - 1], states[:, t]]
            chance = chance * keeps[states[:, t], subgoals[:, t - 1], switches[:, t].astype(int)]
        chance = chance * np.where(switches[:, t], chooses[states[:, t], subgoals[:, t]], 1.0)
        chance = chance * acts[states[:, t], subgoals[:, t], actions[:, t]]
    return Episodes(chance, states, switches, subgoals, actions)


def make_turns(world: World, episodes: Episodes, flat: bool = False) -> Turns:
    """Return the episodes as turns with exact values.

    Args:
        world: Where they were played.
        episodes: All of them.
        flat: Whether there is one value a turn, before all its choices.
    """
    low, high, switch = world.solve()
    count, horizon = episodes.states.shape
    t = np.tile(np.arange(horizon), (count, 1))
    before = np.concatenate([episodes.subgoals[:, :1], episodes.subgoals[:, :-1]], axis=1)
    value_high = high[t, episodes.states]
    value_switch = np.where(t > 0, switch[t, episodes.states, before], value_high)
    columns = (
        np.repeat(np.arange(count), horizon),
        t,
        episodes.switches,
        t == horizon - 1,
        world.reward[episodes.states, episodes.actions],
        value_switch if flat else low[t, episodes.states, episodes.subgoals],
        value_high,
        value_switch,
    )
    return Turns(**{name: each.ravel() for name, each in zip(COLUMNS, columns, strict=True)})


def estimate_gradients(world: World, episodes: Episodes, found: Advantages, flat: bool = False) -> Floats:
    """Return the gradient that each episode estimates, [episodes, logits].

    Args:
        world: Where they were played.
        episodes: All of them.
        found: Their advantages.
        flat: Whether all choices of a turn have its one advantage.
    """
    count, horizon = episodes.states.shape
    low = found.advantage_low.reshape(count, horizon)
    high = low if flat else np.nan_to_num(found.advantage_high).reshape(count, horizon)
    switch = low if flat else np.nan_to_num(found.advantage_switch).reshape(count, horizon)
    out = {kind: np.zeros((count, *logits.shape)) for kind, logits in world.policy.items()}
    chances = {kind: softmax(logits) for kind, logits in world.policy.items()}
    rows = np.arange(count)
    for t in range(horizon):
        state, subgoal, opens = episodes.states[:, t], episodes.subgoals[:, t], episodes.switches[:, t]
        before = episodes.subgoals[:, max(t - 1, 0)]
        chosen: tuple[tuple[str, tuple[Integers, ...], Integers, Floats], ...] = (
            ("switch", (state, before), opens.astype(np.int64), switch[:, t] * (t > 0)),
            ("subgoal", (state,), subgoal, np.where(opens, high[:, t], 0.0)),
            ("action", (state, subgoal), episodes.actions[:, t], low[:, t]),
        )
        for kind, where, drawn, credit in chosen:
            out[kind][(rows, *where)] -= credit[:, None] * chances[kind][where]
            out[kind][(rows, *where, drawn)] += credit
    return np.concatenate([each.reshape(count, -1) for each in out.values()], axis=1)


def measure(world: World, decays: tuple[float, ...] = DECAYS) -> Iterator[tuple[str, float, float, float]]:
    """Yield for each estimator and decay its variance over flat GAE's, its bias and flat GAE's.

    Args:
        world: Whose episodes are enumerated.
        decays: Trace decays.
    """
    episodes = enumerate_episodes(world)
    turns, flat_turns = make_turns(world, episodes), make_turns(world, episodes, flat=True)
    exact = world.true_gradient()

    def judge(gradients: Floats) -> tuple[float, float]:
        mean = episodes.chance @ gradients
        variance = episodes.chance @ np.square(gradients - mean).sum(axis=1)
        return float(variance), float(np.abs(mean - exact).max())

    for decay in decays:
        flat = estimate_gae(flat_turns, HAEConfig(1.0, decay))
        flat_variance, flat_bias = judge(estimate_gradients(world, episodes, flat, flat=True))
        for name, estimate in ESTIMATORS.items():
            variance, bias = judge(estimate_gradients(world, episodes, estimate(turns, decay)))
            yield name, decay, variance / flat_variance, max(bias, flat_bias)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--horizon", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    ratios: dict[tuple[str, float], list[float]] = {}
    largest = 0.0
    for number in range(given.worlds):
        world = draw_world(np.random.default_rng([given.seed, number]), given.horizon)
        for name, decay, ratio, bias in measure(world):
            ratios.setdefault((name, decay), []).append(ratio)
            largest = max(largest, bias)
    print("| variance over flat GAE's |", *[f"{decay:g} |" for decay in DECAYS])
    print("|---|" + "---|" * len(DECAYS))
    for name in ESTIMATORS:
        told = [ratios[name, decay] for decay in DECAYS]
        print(f"| {name} |", *[f"{np.mean(each):.2f} ({min(each):.2f} to {max(each):.2f}) |" for each in told])
    print(f"\nLargest bias: {largest:.1e}, over {given.worlds} worlds of {given.horizon} turns.")


if __name__ == "__main__":
    main()
