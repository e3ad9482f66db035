"""Episodes for learning say how they ended: only the world's own ends are ends."""

import gymnasium as gym
import numpy as np
import pytest

from hiper_agents.policies.compact.policy import CompactPolicy
from hiper_agents.training.batch import gather_turns
from hiper_agents.training.demonstrations import record_expert
from hiper_agents.training.rollout import Rollout, play_tasks
from tests.hiper_agents.toy import RoomsExpert, register_toy


def play(max_turns: int) -> list[Rollout]:
    envs = [gym.make(register_toy(), max_episode_steps=max_turns) for _ in range(2)]
    return play_tasks(envs, CompactPolicy(), range(6), np.random.default_rng(0))


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
