"""Episodes for learning say how they ended: only the world's own ends are ends."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.wrappers import TransformReward

from hiper_agents.advantages import HAEConfig, Preset, compute_advantages, estimate_graphgpo
from hiper_agents.policies.compact.policy import CompactPolicy
from hiper_agents.training.arena import Arena, disturb_rewards
from hiper_agents.training.batch import gather_turns, make_learning_batch
from hiper_agents.training.config import make_config
from hiper_agents.training.demonstrations import record_expert
from hiper_agents.training.rollout import Rollout, Seat, play_tasks
from tests.hiper_agents.toy import RoomsExpert, register_toy


def add_one(reward: Any) -> float:
    return float(reward) + 1.0


def play(max_turns: int, group_size: int = 1, num_envs: int = 2, **changes: Any) -> list[Rollout]:
    config = make_config({"name": "toy", "env_id": register_toy(), **changes})
    torch.manual_seed(0)
    worlds = [TransformReward(gym.make(config.env_id, max_episode_steps=max_turns), add_one) for _ in range(num_envs)]
    envs = [disturb_rewards(env, config) for env in worlds]
    tasks = [task // group_size for task in range(6)]
    return play_tasks(envs, CompactPolicy(), tasks, np.random.default_rng(0), group_size=group_size)


def test_an_episode_that_the_limit_cuts_off_is_not_terminated() -> None:
    rollouts = play(max_turns=1)
    assert [rollout.terminated for rollout in rollouts] == [False] * 6
    assert {rollout.num_turns for rollout in rollouts} == {1}
    turns, _ = gather_turns(rollouts)
    assert not turns.terminated.any()


@pytest.mark.parametrize("max_turns", [3, 200])
def test_an_episode_that_the_world_ends_is_terminated_on_its_last_turn(max_turns: int) -> None:
    env = gym.make(register_toy(), max_episode_steps=max_turns)
    rollouts = record_expert([env], CompactPolicy(), RoomsExpert, range(3), np.random.default_rng(0))
    assert all(rollout.terminated and rollout.success for rollout in rollouts)
    turns, _ = gather_turns(rollouts)
    assert turns.terminated.tolist() == [False, False, True] * 3


def test_both_ends_in_one_batch() -> None:
    rollouts = [*play(max_turns=1), *play(max_turns=200)]
    turns, _ = gather_turns(rollouts)
    last = np.cumsum([rollout.num_turns for rollout in rollouts]) - 1
    assert turns.terminated[last].tolist() == [False] * 6 + [True] * 6
    assert turns.terminated.sum() == 6


def test_delayed_rewards_reach_the_learner_and_scores_stay() -> None:
    for late, plain in zip(play(2, reward_delay=1), play(2), strict=True):
        assert late.rewards == [0.0, sum(plain.rewards)] and plain.rewards == [1.0, 1.0]
        assert [turn.reply for turn in late.decisions] == [turn.reply for turn in plain.decisions]
        assert (late.score, late.success) == (plain.score, plain.success)


def test_noise_hangs_on_the_episode_and_on_the_runs_seed() -> None:
    plain = play(1, group_size=3)
    runs = [play(1, group_size=3, reward_noise=0.5, seed=seed) for seed in (0, 0, 1)]
    noise = [[rollout.rewards[0] for rollout in run] for run in runs]
    assert noise[0] == noise[1] != noise[2]
    assert len(set(noise[0])) == 6, "episodes of a group share their seed and not their noise"
    assert [rollout.score for rollout in runs[0]] == [rollout.score for rollout in plain]
    apart = [rollout.rewards[0] for rollout in play(1, group_size=3, num_envs=6, reward_noise=0.5)]
    assert apart == noise[0], "whichever environment plays an episode"


@pytest.mark.parametrize(
    "changes", [{"reward_delay": 2}, {"reward_noise": 0.1}, {"reward_delay": 2, "reward_noise": 1}]
)
def test_only_what_is_trained_in_is_disturbed(changes: dict[str, Any]) -> None:
    settings = {"name": "toy", "env_id": register_toy(), "num_envs": 1}
    arena, plain = Arena(make_config(settings | changes)), Arena(make_config(settings))
    kinds = [[str(env) for env in envs] for envs in (arena.train_envs, arena.eval_envs, plain.train_envs)]
    assert kinds[1] == kinds[2] != kinds[0]
    assert ("Delayed" in kinds[0][0]) == ("reward_delay" in changes)
    assert ("Noisy" in kinds[0][0]) == ("reward_noise" in changes)
    assert plain.train_envs is plain.eval_envs


def test_a_state_that_cannot_be_a_key_is_told_by_its_text() -> None:
    seat = Seat(gym.make("hiper/WebShop-v0", split="train_disjoint"), CompactPolicy(True), keeps_states=True)
    seat.start(0, 0)
    assert {seat._state()} == {seat.observation}


def test_houses_with_too_few_goals_are_never_played() -> None:
    settings = {"name": "x", "env_id": "hiper/ALFWorldLong-v0", "train_split": "valid_seen", "num_envs": 1}
    for num_goals, is_short in ((3, False), (8, True)):
        arena = Arena(make_config({**settings, "env_options": {"games": "generated", "num_goals": num_goals}}))
        inner: Any = arena.train_envs[0].unwrapped
        for stage in ("train", "evaluate"):
            played = {inner.tasks[place] for group in arena.pool(stage).groups for place in group}
            assert played == {task for task in inner.tasks if inner.count_goals(task) >= num_goals}
            assert (len(played) < len(inner.tasks)) == is_short


def play_in_household(max_turns: int) -> list[Rollout]:
    torch.manual_seed(0)
    options: dict[str, Any] = {"games": "generated", "max_episode_steps": max_turns}
    envs: list[Any] = [gym.make("hiper/ALFWorld-v0", **options) for _ in range(4)]
    tasks = [0, 0, 1, 1]
    return play_tasks(envs, CompactPolicy(), tasks, np.random.default_rng(0), keeps_states=True, group_size=2)


def test_the_state_that_a_limit_cut_off_is_kept_as_the_next_turn_would_have_had_it() -> None:
    for short, long in zip(play_in_household(3), play_in_household(4), strict=True):
        assert len(short.states) == short.num_turns == 3
        assert short.states == long.states[:3] and short.final_state == long.states[3] != short.states[0]


def test_estimators_on_graphs_read_states_successes_and_ends() -> None:
    rollouts = [*play(200, group_size=2), *play(1, group_size=2)]
    for number, rollout in enumerate(rollouts):
        rollout.group = 0
        rollout.success = number == 0
        rollout.states = [min(t, 1) for t in range(rollout.num_turns)]
        rollout.final_state = None if rollout.terminated else 1
    found = make_learning_batch(rollouts, Preset(normalises=False, estimator="graphgpo")).advantages["action"]
    turns, _ = gather_turns(rollouts)
    states = [state for rollout in rollouts for state in rollout.states]
    success = turns.is_last & (turns.episode == 0)
    after = [1] * len(turns)
    expected = estimate_graphgpo(turns, [0] * len(turns), states, success, after)
    np.testing.assert_array_equal(found, expected)
    assert np.abs(expected - estimate_graphgpo(turns, [0] * len(turns), states, success)).max() > 0.1
    assert len(set(np.round(expected[~success], 9))) > 1


def test_estimators_on_graphs_learn_from_the_household() -> None:
    rollouts = play_in_household(6)
    for name in ("graphgpo", "g2po", "dr_grpo"):
        batch = make_learning_batch(rollouts, Preset(HAEConfig(0.95), normalises=False, estimator=name))
        assert np.isfinite(batch.advantages["action"]).all()
    assert compute_advantages(gather_turns(rollouts)[0], Preset(estimator="reinforce")).boundary[0]
