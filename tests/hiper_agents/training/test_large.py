"""The code path of the large models' configurations, walked by a chat model of a few thousand random weights."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from transformers import AutoModelForCausalLM

from hiper_agents.policies.language.make import open_policy
from hiper_agents.training.checkpoint import MODEL, load_tensors
from hiper_agents.training.command import run_training
from hiper_agents.training.config import list_configs, make_config, read_config
from hiper_agents.training.trainer import HISTORY, Trainer
from tests.hiper_agents.policies.language.tiny import save_tiny
from tests.hiper_agents.toy import RoomsExpert, register_toy

LARGE = [name for name in list_configs() if "qwen" in name or "smollm2" in name]
SMALLER = {
    "expert_episodes": 0,
    "updates": 1,
    "episodes_per_update": 2,
    "num_envs": 2,
    "evaluation_episodes": 1,
    "max_tokens": 6000,
}


def shrink(name: str, model: Path, **options: Any) -> dict[str, Any]:
    """A large configuration's settings for a tiny model, a few episodes and a processor."""
    config = read_config(name)
    few = {"model": str(model), "device": "cpu", "max_reply_tokens": 8, "sizes": {}}
    return config.to_dict() | SMALLER | {"policy_options": {**config.policy_options, **few, **options}}


@pytest.mark.parametrize("name", [name for name in LARGE if "7b" not in name])
def test_a_large_configuration_runs_on_the_toy_world(name: str, tmp_path: Path) -> None:
    settings = shrink(name, save_tiny(tmp_path / "model", max_position_embeddings=32_768))
    toy = {"env_id": register_toy(), "env_options": {}, "train_split": "train", "eval_split": "", "updates": 2}
    config = make_config(settings | toy | {"even_over_groups": False})
    trainer = Trainer(config, tmp_path / "run")
    assert trainer.reference is not None
    assert trainer.run()["num_evaluations"] >= 1
    history = [json.loads(line) for line in (tmp_path / "run" / HISTORY).read_text().splitlines()]
    assert [entry["stage"] for entry in history] == ["update", "update"]
    assert all(abs(entry["kl"]) < 0.01 for entry in history)
    saved = tmp_path / "run" / MODEL
    policy, facts = open_policy(saved)
    assert policy.config.layout == "chat" and policy.config.decoding == "free"
    assert facts["metrics"]["num_evaluations"] >= 1
    assert AutoModelForCausalLM.from_pretrained(saved).num_parameters() > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alfworld-hiper-qwen2.5-1.5b", "alfworld-ppo-qwen2.5-1.5b"])
def test_a_large_configuration_runs_on_its_world(name: str, tmp_path: Path) -> None:
    """As the command runs it, with adapters; the games' step limit is cut to a few turns."""
    pytest.importorskip("peft", reason="needs the extra lora")
    model = save_tiny(tmp_path / "model", max_position_embeddings=32_768)
    path = tmp_path / "run.toml"
    config = shrink(name, model, lora_rank=2)
    config["env_options"] = {**config["env_options"], "max_episode_steps": 3}
    path.write_text("\n".join(f"{key} = {write_toml(value)}" for key, value in config.items()))
    with (tmp_path / "said").open("w") as file:
        run_training(str(path), tmp_path / "run", None, (), tmp_path / "out", Console(file=file))
    assert (tmp_path / "out" / name / "model.safetensors").is_file()
    assert "done in" in (tmp_path / "said").read_text()


def write_toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {write_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)


@pytest.mark.slow
def test_an_adapted_run_that_is_resumed_is_the_same_run(tmp_path: Path) -> None:
    """Its checkpoints hold the adapters and the heads, not the model's weights, and so does its reference."""
    pytest.importorskip("peft", reason="needs the extra lora")
    model = save_tiny(tmp_path / "model")
    options = {"model": str(model), "lora_rank": 2, "max_reply_tokens": 8}
    settings = {"name": "toy", "env_id": register_toy(), "policy": "language", "policy_options": options}
    settings |= {"expert_episodes": 4, "imitation_epochs": 1, "updates": 2, "episodes_per_update": 4, "num_envs": 2}
    config = make_config({**settings, "evaluation_episodes": 1, "value_updates": 0, "lr": 1e-3, "value_lr": 1e-2})
    whole = Trainer(config, tmp_path / "whole", make_expert=RoomsExpert)
    whole.run()
    for _ in range(3):
        parts = Trainer(config, tmp_path / "parts", make_expert=RoomsExpert)
        parts.run(1)
    assert (tmp_path / "whole" / HISTORY).read_text() == (tmp_path / "parts" / HISTORY).read_text()
    sizes = [(tmp_path / "whole" / f"{stem}.safetensors").stat().st_size for stem in ("checkpoint", "model/model")]
    assert sizes[0] > 0 and sizes[1] > 0
    kept = load_tensors(tmp_path / "whole" / "checkpoint.safetensors").tensors
    assert not [name for name in kept if "base_layer" in name or "embed_tokens" in name]
    assert [name for name in kept if name.startswith("reference/") and "lora_" in name]


def test_checkpoints_come_as_often_as_they_are_asked_for(tmp_path: Path) -> None:
    settings = {"name": "toy", "env_id": register_toy(), "expert_episodes": 4, "imitation_epochs": 3}
    config = make_config({**settings, "evaluation_episodes": 1, "checkpoint_every": 2})
    trainer = Trainer(config, tmp_path, make_expert=RoomsExpert)
    trainer.run(1)
    assert not (tmp_path / "checkpoint.safetensors").exists()
    trainer.run(1)
    assert (tmp_path / "checkpoint.safetensors").exists()
    assert Trainer(config, tmp_path, make_expert=RoomsExpert).step == 2
