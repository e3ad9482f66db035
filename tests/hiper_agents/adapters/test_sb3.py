"""Stable-Baselines3 trains on text worlds unchanged."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit

sb3 = pytest.importorskip("stable_baselines3", reason="needs the extra agents")
pytest.importorskip("sb3_contrib", reason="needs the extra agents")

from sb3_contrib import MaskablePPO  # noqa: E402
from stable_baselines3.common.env_checker import check_env  # noqa: E402

from hiper_agents.adapters.sb3 import ActionChoiceEnv, ActionView, TextVecEnv, hash_words  # noqa: E402

SMALL = {"max_actions": 4, "text_features": 16, "action_features": 4}
LEARNING = {"n_steps": 32, "batch_size": 256, "learning_rate": 1e-2, "gamma": 0.9, "seed": 0, "device": "cpu"}


@pytest.fixture
def vec_env(corridor: Any) -> TextVecEnv:
    return TextVecEnv(corridor, 8, ActionView(**SMALL), max_episode_steps=12)


def success_rate(model: Any, corridor: Any, is_masked: bool) -> float:
    env = ActionChoiceEnv(TimeLimit(corridor(), 12), ActionView(**SMALL))
    wins = 0
    for episode in range(30):
        features, info = env.reset(seed=episode)
        is_over = False
        while not is_over:
            masks = {"action_masks": env.action_masks()} if is_masked else {}
            action, _ = model.predict(features, deterministic=True, **masks)
            features, _, terminated, truncated, info = env.step(action)
            is_over = terminated or truncated
        wins += info["success"]
    return wins / 30


def test_single_view_passes_the_checker(corridor: Any) -> None:
    check_env(ActionChoiceEnv(corridor(), ActionView(**SMALL)))


@pytest.mark.parametrize("is_masked", [False, True])
def test_learns_the_corridor(vec_env: TextVecEnv, corridor: Any, is_masked: bool) -> None:
    algorithm = MaskablePPO if is_masked else sb3.PPO
    model = algorithm("MlpPolicy", vec_env, **LEARNING)
    before = success_rate(model, corridor, is_masked)
    model.learn(2048)
    assert before < 0.9 <= success_rate(model, corridor, is_masked)


def test_last_observation_and_truncation_reach_the_learner(vec_env: TextVecEnv) -> None:
    vec_env.seed(1)
    vec_env.reset()
    for turn in range(12):
        features, _, dones, infos = vec_env.step(np.full(8, 2))
        assert dones.all() == (turn == 11)
    assert all(
        info["TimeLimit.truncated"] and info["terminal_observation"].shape == features[0].shape for info in infos
    )


def test_same_seed_same_features(vec_env: TextVecEnv) -> None:
    vec_env.seed(5)
    first = vec_env.reset()
    vec_env.seed(5)
    assert np.array_equal(first, vec_env.reset())


def test_attributes_and_methods(vec_env: TextVecEnv) -> None:
    vec_env.reset()
    assert vec_env.get_attr("step_reward", 0) == [-0.125]
    assert vec_env.env_is_wrapped(TimeLimit) == [True] * 8 and not any(
        vec_env.env_is_wrapped(gym.wrappers.OrderEnforcing)
    )
    assert np.array_equal(np.stack(vec_env.env_method("action_masks")), vec_env.action_masks())
    assert vec_env.action_masks()[0].tolist() == [True, True, True, False]


def test_words_hash_alike_in_every_process() -> None:
    assert np.flatnonzero(hash_words("go to desk 1", 16)).tolist() == [4, 7, 9, 14]
    assert not hash_words("", 4).any() and np.isclose(np.linalg.norm(hash_words("é 你 \ud800", 8)), 1)


def test_bad_sizes_get_a_sentence() -> None:
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        ActionView(max_actions=0)
