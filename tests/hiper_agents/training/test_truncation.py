"""What is played, and what an update reads of it: truncated episodes above all."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from hiper_agents.advantages import HAEConfig, Preset, compute_advantages
from hiper_agents.policies.table import make_policy
from hiper_agents.training.batch import gather_turns, make_learning_batch
from hiper_agents.training.rollout import make_envs, play_tasks
from hiper_agents.training.trainer import Trainer
from hiper_envs.reply import write_reply
from tests.hiper_agents.toy import RoomsEnv, RoomsExpert, register_toy
from tests.hiper_agents.training.test_trainer import toy_config


class Step:
    """A decision of the clock below; the value before each choice tells which turn it is."""

    def __init__(self, turn: int) -> None:
        self.reply = write_reply("wait", "stay", switches=turn % 2 == 0)
        self.is_boundary = turn % 2 == 0
        self.chooses_action, self.chooses_subgoal, self.chooses_switch = True, self.is_boundary, turn > 0
        self.value_switch, self.value_high, self.value_low = 100.0 + turn, 200.0 + turn, 300.0 + turn


class Clock:
    """A policy, and a memory, that waits and opens a segment at every other turn."""

    def __init__(self, has_subgoals: bool) -> None:
        self.has_subgoals = has_subgoals
        self.turn = 0

    def open_memory(self, observation: str, info: Mapping[str, Any]) -> "Clock":
        return Clock(self.has_subgoals)

    def decide(self, memories: Sequence["Clock"], rng: Any = None, temperature: float = 1.0) -> list[Step]:
        return [Step(memory.turn) for memory in memories]

    def remember(self, decision: Step) -> None:
        pass

    def observe(self, observation: str, admissible: Sequence[str]) -> None:
        self.turn += 1


def play(has_subgoals: bool, judges_truncated: bool = True) -> Any:
    envs = make_envs(register_toy(), {}, 2)
    policy: Any = Clock(has_subgoals)
    return play_tasks(envs, policy, [0, 1, 2], np.random.default_rng(0), judges_truncated=judges_truncated)


@pytest.mark.parametrize(("has_subgoals", "after"), [(True, 108.0), (False, 308.0)])
def test_a_truncated_episode_goes_on_with_the_value_of_the_state_after_its_last_turn(
    has_subgoals: bool, after: float
) -> None:
    """Eight turns without reward: at discount 1 and decay 1 an action is worth what follows its segment."""
    rollouts = play(has_subgoals)
    assert [(each.num_turns, each.terminated, each.value_after) for each in rollouts] == [(8, False, after)] * 3
    turns, _ = gather_turns(rollouts)
    assert turns.final_value is not None
    last = turns.turn == 7
    assert np.isnan(turns.final_value[~last]).all() and (turns.final_value[last] == after).all()
    for estimator in ("hae", "gae"):
        preset = Preset(HAEConfig(1.0, 1.0, 1.0, "bootstrap"), normalises=False, estimator=estimator)
        found = compute_advantages(turns, preset)
        low = found.advantage_low[:8]
        if estimator == "gae":
            np.testing.assert_allclose(low, after - (300.0 + np.arange(8)))
        else:
            follows = np.array([202.0, 202, 204, 204, 206, 206, after, after])
            np.testing.assert_allclose(low, follows - (300.0 + np.arange(8)))
            np.testing.assert_allclose(found.advantage_high[:8:2], after - (200.0 + np.arange(0, 8, 2)))
            np.testing.assert_allclose(found.advantage_switch[:8], follows - (100.0 + np.arange(8)))


def test_nobody_judges_unasked() -> None:
    rollouts = play(True, judges_truncated=False)
    assert all(each.value_after is None for each in rollouts) and gather_turns(rollouts)[0].final_value is None
    batch = make_learning_batch(rollouts, Preset())
    assert np.isfinite(batch.advantages["action"]).all()


def test_asking_changes_nothing_that_is_played() -> None:
    envs, policy = make_envs(register_toy(), {}, 3), make_policy("compact", has_subgoals=True)
    replies = [
        [
            [decision.reply for decision in rollout.decisions]
            for rollout in play_tasks(envs, policy, [0, 1, 2, 3, 4], np.random.default_rng(3), judges_truncated=judges)
        ]
        for judges in (False, True)
    ]
    assert replies[0] == replies[1]


@pytest.mark.parametrize("has_subgoals", [True, False])
@pytest.mark.parametrize("truncation", ["bootstrap", "released", "none"])
def test_training_works_with_every_rule_of_truncation(
    tmp_path: Path, has_subgoals: bool, truncation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nearly all episodes of an untrained policy are cut off after three turns."""
    if "toy/ShortRooms-v0" not in gym.registry:
        gym.register("toy/ShortRooms-v0", entry_point=RoomsEnv, max_episode_steps=2)
    config = toy_config(
        env_id="toy/ShortRooms-v0",
        truncation=truncation,
        has_subgoals=has_subgoals,
        expert_episodes=0,
        updates=2,
        value_updates=0,
        evaluation_episodes=2,
    )
    trainer = Trainer(config, tmp_path, make_expert=RoomsExpert)
    before = {name: tensor.clone() for name, tensor in trainer.policy.network.state_dict().items()}
    metrics = trainer.run()
    assert metrics["turns"] == 2.0
    after = trainer.policy.network.state_dict()
    assert any((after[name] != before[name]).any() for name in before)
    assert all(tensor.isfinite().all() for tensor in after.values())


class Odd(RoomsEnv):
    """Pays what cannot be summed on the second turn."""

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self.count = getattr(self, "count", 0) + 1
        text, _, terminated, truncated, info = super().step(action)
        return text, self.pays if self.count % 2 == 0 else 0.0, terminated, truncated, info

    pays = float("nan")


@pytest.mark.parametrize("pays", [float("nan"), float("inf"), 1e308, 1e30, -1e13])
def test_rewards_that_cannot_be_summed_are_told_with_their_place(pays: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Odd, "pays", pays)
    policy: Any = Clock(True)
    with pytest.raises(
        ValueError,
        match=r"the reward [-+.\w]+ at turn 1 of task 4; it must be a finite number of at most 1e\+12",
    ):
        play_tasks([Odd()], policy, [4], np.random.default_rng(0))
