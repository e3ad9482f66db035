"""The one trainer on a language model: imitation in company, PPO with several estimators, resuming."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiper_agents.policies.language.engine import LocalEngine
from hiper_agents.policies.language.make import open_policy
from hiper_agents.training.company import Company
from hiper_agents.training.config import TrainConfig, make_config
from hiper_agents.training.trainer import Trainer
from tests.hiper_agents.policies.language.small import make_small_policy


def make_settings(**changes: Any) -> TrainConfig:
    settings: dict[str, Any] = {
        "name": "tiny",
        "env_id": "hiper/ALFWorld-v0",
        "env_options": {"games": "generated"},
        "train_options": {"shuffle_names": True, "max_episode_steps": 6},
        "eval_split": "valid_seen",
        "policy": "language",
        "expert_episodes": 8,
        "expert_fresh": True,
        "policy_share": 0.3,
        "policy_share_from": 1,
        "disturbance": 0.2,
        "min_expert_score": 0.0,
        "imitation_epochs": 2,
        "imitation_minibatch": 24,
        "imitation_warmup": 3,
        "max_tokens": 1200,
        "updates": 2,
        "value_updates": 1,
        "episodes_per_update": 4,
        "num_envs": 4,
        "ppo_epochs": 1,
        "evaluation_every": 5,
        "evaluation_episodes": 1,
    }
    return make_config(settings | changes)


def train(folder: Path, max_steps: int | None = None, has_subgoals: bool = True, **changes: Any) -> Trainer:
    config = make_settings(has_subgoals=has_subgoals, **changes)
    trainer = Trainer(config, folder, policy=make_small_policy(has_subgoals, decoding="format"))
    trainer.run(max_steps)
    return trainer


def list_weights(trainer: Trainer) -> list[torch.Tensor]:
    return [weights.detach().clone() for weights in trainer.policy.network.parameters()]


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    for _ in range(3):
        train(tmp_path / "stopped", max_steps=1)
    resumed = train(tmp_path / "stopped")
    assert all(map(torch.equal, list_weights(whole), list_weights(resumed)))
    assert whole.history == resumed.history and whole.reference is not None


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["segment_traces", "grpo", "rloo", "gigpo"])
def test_any_estimator_trains_a_language_model(tmp_path: Path, estimator: str) -> None:
    trainer = train(
        tmp_path, estimator=estimator, group_size=2, expert_episodes=0, value_updates=0, invalid_penalty=0.1
    )
    history = trainer.history
    assert [entry["stage"] for entry in history] == ["update", "update"]
    assert all(np.isfinite(entry["policy"]) for entry in history)
    uses_values = estimator == "segment_traces"
    assert all(("explained_action" in entry) == uses_values for entry in history)


@pytest.mark.slow
def test_a_flat_language_model_learns_in_the_same_trainer(tmp_path: Path) -> None:
    trainer = train(tmp_path, has_subgoals=False)
    assert [entry["stage"] for entry in trainer.history] == ["imitation"] * 2 + ["update"] * 2
    assert trainer.history[1]["action"] < trainer.history[0]["action"]
    assert trainer.history[0]["switch"] == trainer.history[0]["subgoal"] == 0


def test_imitation_teaches_a_language_model_the_form(tmp_path: Path) -> None:
    changes = {"updates": 0, "imitation_epochs": 4, "expert_episodes": 24, "policy_share": 0.0, "imitation_lr": 1e-2}
    first, *_, last = train(tmp_path, **changes).history
    assert last["format"] < 0.5 * first["format"] and last["switch"] < first["switch"]


def test_episodes_that_are_over_keep_no_rows(tmp_path: Path) -> None:
    policy = make_small_policy(decoding="format")
    trainer = Trainer(make_settings(), tmp_path, policy=policy)
    tasks = trainer.arena.pool("train").draw(6, np.random.default_rng(0))
    played = trainer._play(trainer.arena.train_envs, tasks, np.random.default_rng(0), "play")
    assert len(played) == 6 and isinstance(policy.engine, LocalEngine) and not policy.engine._rows


def test_groups_play_one_task_from_one_start(tmp_path: Path) -> None:
    trainer = Trainer(make_settings(group_size=2), tmp_path, policy=make_small_policy(decoding="format"))
    tasks = [task for task in trainer.arena.pool("train").draw(2, np.random.default_rng(0)) for _ in range(2)]
    played = trainer._play(trainer.arena.train_envs, tasks, np.random.default_rng(0), "play", group_size=2)
    begun = [rollout.decisions[0].text.ids[: rollout.decisions[0].start] for rollout in played]  # type: ignore[attr-defined]
    assert [rollout.group for rollout in played] == [0, 0, 1, 1]
    assert begun[0] == begun[1] and begun[2] == begun[3] and begun[0] != begun[2]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"estimator": "grpo"}, "compares episodes of one task; set group_size to 2 or more"),
        ({"estimator": "rloo", "group_size": 3}, "groups of 3 do not fill; make it a multiple"),
        ({"estimator": "beacon", "group_size": 2}, "milestones, which training does not keep"),
        ({"estimator": "dr_grpo"}, "the estimator dr_grpo compares episodes of one task; set group_size to 2 or more"),
        ({"estimator": "graphgpo"}, "the estimator graphgpo compares episodes of one task; set group_size to 2"),
        ({"estimator": "g2po"}, "the estimator g2po compares episodes of one task; set group_size to 2 or more"),
        ({"estimator": "grapgpo", "group_size": 2}, "did you mean 'graphgpo'"),
        ({"estimator_options": {"kapa": 1}}, "did you mean 'kappa'"),
        ({"estimator_options": {"kappa": 1}}, "the estimator hae does not read kappa; it reads no options"),
        (
            {"estimator": "dr_grpo", "group_size": 2, "estimator_options": {"normalise_std": True}},
            "the estimator dr_grpo does not read normalise_std; it reads by; leave it out",
        ),
        (
            {"estimator": "graphgpo", "group_size": 2, "estimator_options": {"among": "node"}},
            r"unknown set of edges to compare with \(among\) 'node'; allowed: group, state, both",
        ),
        (
            {"estimator": "reinforce", "truncation": "released"},
            "unknown truncation of the estimator reinforce 'released'",
        ),
        ({"policy_share": 0.5, "expert_fresh": False}, "set expert_fresh"),
        ({"policy": "compact", "policy_options": {}, "page_coefficient": 0.1}, "the policy compact reads no pages"),
    ],
)
def test_settings_that_do_not_go_together_are_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make_settings(**changes)


@pytest.mark.slow
def test_what_training_ships_is_a_folder_that_plays(tmp_path: Path) -> None:
    from hiper_agents.training.command import ship

    trainer = train(tmp_path / "run", updates=0, imitation_epochs=1)
    ship(trainer, tmp_path / "out", {"name": "tiny"})
    assert (tmp_path / "out" / "tiny" / "history.jsonl").read_text() == (tmp_path / "run" / "history.jsonl").read_text()
    policy, facts = open_policy(tmp_path / "out" / "tiny", decoding="admissible")
    assert facts["card"] == {"name": "tiny"} and policy.config.decoding == "admissible"


def test_company_acts_as_the_agent_will() -> None:
    config = make_settings(temperature=0.4, policy_share=0.5, policy_share_from=2, disturbance=0.1)
    assert config.company(1) == Company(0.0, 0.1, 0.4)
    assert config.company(2) == Company(0.5, 0.1, 0.4)
