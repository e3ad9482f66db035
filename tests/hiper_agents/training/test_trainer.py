"""Training on a toy world: it learns, it resumes exactly, and it loses nothing when killed."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.advantages import ESTIMATORS
from hiper_agents.tasks import TaskPool, draw_tasks, list_others, spread_tasks
from hiper_agents.training.checkpoint import load_tensors, save_tensors
from hiper_agents.training.config import TrainConfig, make_config
from hiper_agents.training.progress import Silence
from hiper_agents.training.trainer import CHECKPOINT, HISTORY, WEIGHTS, Trainer
from tests.hiper_agents.toy import RoomsEnv, RoomsExpert, register_toy


def toy_config(**changes: Any) -> TrainConfig:
    settings: dict[str, Any] = {
        "name": "toy",
        "env_id": register_toy(),
        "expert_episodes": 20,
        "imitation_epochs": 2,
        "imitation_minibatch": 16,
        "updates": 2,
        "value_updates": 1,
        "episodes_per_update": 16,
        "num_envs": 4,
        "ppo_minibatch": 32,
        "evaluation_episodes": 20,
    }
    return make_config(settings | changes)


def train(folder: Path, max_steps: int | None = None, **changes: Any) -> dict[str, Any]:
    return Trainer(toy_config(**changes), folder, make_expert=RoomsExpert).run(max_steps)


@pytest.mark.parametrize("has_subgoals", [True, False])
def test_imitation_learns(tmp_path: Path, has_subgoals: bool) -> None:
    metrics = train(
        tmp_path, has_subgoals=has_subgoals, imitation_epochs=30, imitation_lr=3e-3, updates=0, temperature=0.0
    )
    assert metrics["success"] >= 0.9
    assert metrics["segments"] == (2.0 if has_subgoals else 1.0)


def test_of_imitation_alone_the_last_evaluation_is_reported(tmp_path: Path) -> None:
    trainer = Trainer(
        toy_config(imitation_epochs=3, updates=0, imitation_evaluation_every=1), tmp_path, make_expert=RoomsExpert
    )
    metrics = trainer.run()
    assert [set(entry) >= {"evaluation"} for entry in trainer.history] == [True, True, True]
    assert metrics == trainer.history[-1]["evaluation"] | {"num_evaluations": 1}


@pytest.mark.parametrize("estimator", sorted(set(ESTIMATORS) - {"beacon"}))
def test_every_estimator_of_the_table_trains(tmp_path: Path, estimator: str) -> None:
    for has_subgoals in (True, False):
        changes = {"estimator": estimator, "has_subgoals": has_subgoals, "expert_episodes": 0, "group_size": 4}
        config = toy_config(**changes, evaluation_episodes=1, value_updates=0, lr=3e-3)
        trainer = Trainer(config, tmp_path / str(has_subgoals), make_expert=RoomsExpert)
        before = [weights.detach().clone() for weights in trainer.policy.network.parameters()]
        trainer.run()
        assert all(np.isfinite(entry["policy"]) for entry in trainer.history) and len(trainer.history) == 2
        explained = [name for name in trainer.history[0] if name.startswith("explained_")]
        assert bool(explained) == ESTIMATORS[estimator].uses_values
        assert not all(map(torch.equal, before, trainer.policy.network.parameters()))


@pytest.mark.parametrize("has_subgoals", [True, False])
def test_ppo_learns_without_an_expert(tmp_path: Path, has_subgoals: bool) -> None:
    changes = {"lr": 3e-3, "entropy_coefficient": 0.01, "episodes_per_update": 64, "ppo_minibatch": 64, "num_envs": 16}
    metrics = train(
        tmp_path,
        has_subgoals=has_subgoals,
        expert_episodes=0,
        updates=25,
        value_updates=0,
        evaluations_kept=1,
        **changes,
    )
    assert metrics["success"] >= 0.4  # chance is .05


def assert_same_run(first: Path, second: Path) -> None:
    assert (first / HISTORY).read_text() == (second / HISTORY).read_text()
    ours, theirs = load_tensors(first / WEIGHTS), load_tensors(second / WEIGHTS)
    assert ours.state == theirs.state
    assert all(torch.equal(ours.tensors[name], theirs.tensors[name]) for name in theirs.tensors)


@pytest.mark.parametrize("changes", [{}, {"reward_delay": 2, "reward_noise": 0.3}])
def test_a_resumed_run_is_the_same_run(tmp_path: Path, changes: dict[str, Any]) -> None:
    train(tmp_path / "whole", evaluation_every=1, **changes)
    for _ in range(4):
        train(tmp_path / "parts", max_steps=1, evaluation_every=1, **changes)
    metrics = train(tmp_path / "parts", evaluation_every=1, **changes)
    assert metrics["num_evaluations"] == 2
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


DIE_IN_THE_MIDDLE = """
import json, os, sys
from pathlib import Path
import toy
from hiper_agents.training.config import make_config
from hiper_agents.training.progress import Silence
from hiper_agents.training.trainer import Trainer

saved = []
def die(source, target):
    saved.append(target)
    if len(saved) == 2:
        os._exit(9)  # while the second checkpoint is being written
    os.rename(source, target)

os.replace = die
toy.register_toy()
Trainer(make_config(json.loads(sys.argv[1])), Path(sys.argv[2]), make_expert=toy.RoomsExpert).run()
"""


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    toys = Path(__file__).parent.parent
    paths = os.pathsep.join([str(toys), str(toys.parent.parent)])
    command = [sys.executable, "-c", DIE_IN_THE_MIDDLE, json.dumps(toy_config().to_dict()), str(tmp_path / "killed")]
    process = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": paths})
    assert process.returncode == 9
    assert load_tensors(tmp_path / "killed" / CHECKPOINT).state["step"] == 1
    train(tmp_path / "killed")
    train(tmp_path / "whole")
    assert_same_run(tmp_path / "whole", tmp_path / "killed")


class CountedEpochs(Silence):
    """Counts the epochs of each update."""

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.stage = ""

    def start(self, stage: str, total: int) -> None:
        self.stage = stage
        if stage == "learn":
            self.epochs.append(0)

    def advance(self) -> None:
        if self.stage == "learn":
            self.epochs[-1] += 1


@pytest.mark.parametrize(("target_kl", "epochs"), [(1e-9, 1), (1e9, 3)])
def test_an_update_stops_once_the_policy_has_moved_far_enough(tmp_path: Path, target_kl: float, epochs: int) -> None:
    config = toy_config(
        expert_episodes=0, updates=2, value_updates=0, ppo_epochs=3, ppo_minibatch=8, target_kl=target_kl
    )
    listener = CountedEpochs()
    Trainer(config, tmp_path, listener).run()
    assert listener.epochs == [epochs, epochs]


def test_other_settings_are_refused(tmp_path: Path) -> None:
    train(tmp_path, max_steps=1)
    with pytest.raises(ValueError, match=r"other settings \(clip, seed\)"):
        train(tmp_path, seed=3, clip=0.1)


def test_a_run_from_before_a_setting_came_goes_on(tmp_path: Path) -> None:
    train(tmp_path, max_steps=1)
    saved = load_tensors(tmp_path / CHECKPOINT)
    del saved.state["config"]["even_over_groups"]
    save_tensors(tmp_path / CHECKPOINT, saved.tensors, saved.state)
    assert train(tmp_path, max_steps=1) == {}
    with pytest.raises(ValueError, match=r"other settings \(even_over_groups\)"):
        del saved.state["config"]["clip"]
        save_tensors(tmp_path / CHECKPOINT, saved.tensors, saved.state)
        train(tmp_path, even_over_groups=True)


class Watched(RoomsEnv):
    """Remembers which tasks were begun in which split."""

    begun: ClassVar[set[tuple[str, str]]] = set()

    def reset(self, **options: Any) -> Any:
        started = super().reset(**options)
        self.begun.add((self.split, self.task_id))
        return started


def test_what_is_evaluated_on_is_not_trained_on(tmp_path: Path) -> None:
    """Neither the expert nor the policy begins a held-out task in the training split; all others are."""
    gym.register("toy/Watched-v0", entry_point=Watched, max_episode_steps=8)
    held_out = RoomsEnv("eval").tasks
    train(tmp_path / "split", env_id="toy/Watched-v0", eval_split="eval", episodes_per_update=64)
    assert {task for split, task in Watched.begun if split == "eval"} == set(held_out)
    assert {task for split, task in Watched.begun if split == "train"} == set(RoomsEnv.tasks) - set(held_out)
    Watched.begun.clear()
    train(tmp_path / "same", env_id="toy/Watched-v0", expert_episodes=0, episodes_per_update=128)
    assert {task for _, task in Watched.begun} == set(RoomsEnv.tasks)


def test_nothing_left_to_train_on_is_told(tmp_path: Path) -> None:
    message = "all 20 tasks of the training split 'train' are in the evaluation split 'other'"
    with pytest.raises(ValueError, match=message):
        train(tmp_path, eval_split="other")


def test_history_tells_every_step(tmp_path: Path) -> None:
    train(tmp_path)
    entries = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    assert [entry["stage"] for entry in entries] == ["imitation", "imitation", "update", "update"]
    assert ["evaluation" in entry for entry in entries] == [False, True, False, True]


def test_a_useless_expert_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none of 20 expert episodes scored 2\.0; lower min_expert_score"):
        train(tmp_path, min_expert_score=2.0)


def test_broken_weights_get_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="is no file of weights"):
        load_tensors(broken)
    with pytest.raises(FileNotFoundError, match="train some with `hiper train`"):
        load_tensors(tmp_path / "missing.safetensors")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.safetensors"
    save_tensors(path, {"a": torch.ones(2)}, {"step": 1})

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_tensors(path, {"a": torch.zeros(2)}, {"step": 2})
    assert load_tensors(path).state == {"step": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["weights.safetensors"]


class Grouped(RoomsEnv):
    """Tasks that begin in the red room are a group, each other task is one by itself."""

    begun: ClassVar[Counter[tuple[str, str]]] = Counter()

    def group_of(self, task: str) -> str:
        return "red" if task.startswith("red") else task

    def reset(self, **options: Any) -> Any:
        started = super().reset(**options)
        self.begun[self.split, self.group_of(self.task_id)] += 1
        return started


def test_groups_are_played_as_often_as_each_other(tmp_path: Path) -> None:
    """Of 20 tasks 4 are one group: it comes once in 17 tasks, not four times in 20."""
    gym.register("toy/Grouped-v0", entry_point=Grouped, max_episode_steps=8)
    settings = {"env_id": "toy/Grouped-v0", "even_over_groups": True, "expert_episodes": 34, "evaluation_every": 100}
    train(tmp_path / "expert", imitation_epochs=1, updates=0, evaluation_episodes=17, **settings)
    assert set(Grouped.begun.values()) == {3}  # twice by the expert, once in the one evaluation
    Grouped.begun.clear()
    train(
        tmp_path / "play",
        updates=1,
        evaluation_episodes=1,
        episodes_per_update=680,
        **(settings | {"expert_episodes": 0}),
    )
    assert 20 <= Grouped.begun["train", "red"] <= 65  # 40 in the mean, 136 if every task came as often


def test_groups_of_a_world_that_has_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not say which of its tasks belong together \(group_of\)"):
        train(tmp_path, even_over_groups=True)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=9), st.integers(1, 40), st.integers(0, 9))
def test_pools_draw_groups_evenly(sizes: list[int], count: int, seed: int) -> None:
    positions = iter(range(sum(sizes)))
    groups = [[next(positions) for _ in range(size)] for size in sizes]
    pool = TaskPool(groups)
    group_of = {position: number for number, group in enumerate(groups) for position in group}
    drawn = pool.draw_in_rounds(count, np.random.default_rng(seed))
    counts = Counter(group_of[position] for position in drawn)
    assert len(drawn) == count and max(counts.values()) <= min(counts[number] for number in range(len(sizes))) + 1
    assert pool.draw_in_rounds(count, np.random.default_rng(seed)) == drawn
    assert len(pool.draw(count, np.random.default_rng(seed))) == count
    assert set(pool.draw(count, np.random.default_rng(seed))) <= set(group_of)
    spread = pool.spread(count)
    assert len({group_of[position] for position in spread}) == len(spread) == min(count, len(sizes))


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 9))
def test_pools_without_groups_draw_as_ever(available: int, count: int, seed: int) -> None:
    """The same draws as before there were groups, so that a seed gives the same run."""
    pool = TaskPool([[position] for position in range(available)])
    rng = np.random.default_rng
    assert pool.draw(count, rng(seed)) == rng(seed).integers(0, available, size=count).tolist()
    assert pool.draw_in_rounds(count, rng(seed)) == draw_tasks(available, count, rng(seed))
    assert pool.spread(count) == spread_tasks(available, count)


def test_tasks() -> None:
    drawn = draw_tasks(5, 12, np.random.default_rng(0))
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == list(range(5)) and len(drawn) == 12
    assert spread_tasks(10, 4) == [0, 2, 5, 7]
    assert spread_tasks(3, 9) == [0, 1, 2]
    assert list_others(["a", "b", "c"], {"b", "d"}) == [0, 2]
