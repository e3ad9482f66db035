"""The variance of estimators on values, by enumeration: what docs/estimators.md says of it, on smaller worlds."""

from collections import defaultdict

import numpy as np
import pytest

from benchmarks.estimator_variance import draw_world, enumerate_episodes, measure


def test_episodes_are_all_there_are() -> None:
    world = draw_world(np.random.default_rng(0), horizon=5)
    episodes = enumerate_episodes(world)
    assert len(episodes.chance) == 165_888
    assert episodes.chance.sum() == pytest.approx(1, abs=1e-12)
    few = enumerate_episodes(draw_world(np.random.default_rng(0), horizon=3))
    told = np.concatenate([few.states, few.switches, few.subgoals, few.actions], axis=1)
    assert len(np.unique(told, axis=0)) == len(told) == 8 * 12**2


@pytest.mark.parametrize("number", range(3))
def test_no_bias_at_any_decay(number: int) -> None:
    world = draw_world(np.random.default_rng([1, number]), horizon=3)
    assert np.abs(world.true_gradient()).max() > 0.05
    assert max(bias for _, _, _, bias in measure(world)) < 1e-13


@pytest.mark.slow
def test_who_has_less_variance_than_flat_gae_at_which_decay() -> None:
    ratios: dict[tuple[str, float], list[float]] = defaultdict(list)
    decays = (0.0, 0.5, 0.95, 1.0)
    for number in range(2):
        for name, decay, ratio, bias in measure(draw_world(np.random.default_rng([0, number]), horizon=4), decays):
            ratios[name, decay].append(ratio)
            assert bias < 1e-12
    means = {key: np.mean(each) for key, each in ratios.items()}
    for decay in decays:
        assert (means["HAE", decay] > 1) == (decay < 0.9)
        assert means["kappa = 0", decay] <= min(means["decision GAE", decay], 0.9)
        assert means["kappa = 0", decay] < means["HAE", decay]
        assert (means["decision GAE", decay] < 1) == (decay < 1)
    assert means["decision GAE", 1.0] == pytest.approx(1, abs=0.1)
    assert means["decision GAE", 0.0] == pytest.approx(means["kappa = 0", 0.0], abs=1e-12)
