"""The same on a GPU as on a processor, where there is one."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiper_agents.policies.language.engine import LocalEngine, Text
from hiper_agents.policies.language.network import LanguageNetwork
from hiper_agents.training.config import TrainConfig
from hiper_agents.training.trainer import CHECKPOINT, Trainer
from tests.hiper_agents.policies.language.tiny import assert_same, make_sharp_network, make_tokenizer, save_tiny

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def make_texts() -> list[Text]:
    rng = np.random.default_rng(0)
    return [Text(rng.integers(4, 200, rng.integers(1, 300)).tolist(), frozenset(range(50, 90))) for _ in range(40)]


def draw(network: LanguageNetwork, tokenizer: Any, decoding: str) -> list[Any]:
    engine, texts = LocalEngine(network, tokenizer, decoding), make_texts()
    ask = partial(engine.draw, temperature=1.0, max_tokens=24)
    drawn = ask(texts, [["look", "go to desk 1"]] * len(texts), rng=np.random.default_rng(1))
    for text in texts:
        text.ids += [5, 6, 7]
    return drawn + ask(texts[::2], [["look"]] * len(texts[::2]), rng=np.random.default_rng(2))


@pytest.mark.parametrize("decoding", ["free", "admissible"])
def test_a_gpu_draws_what_a_processor_draws(decoding: str) -> None:
    tokenizer = make_tokenizer()
    network = make_sharp_network(tokenizer)
    expected = draw(network, tokenizer, decoding)
    found = draw(network.to("cuda"), tokenizer, decoding)
    same = [one.ids == other.ids for one, other in zip(expected, found, strict=True)]
    assert np.mean(same) > 0.9  # chance may fall between two numbers that differ in their last digits
    for one, other, is_same in zip(expected, found, same, strict=True):
        if is_same:
            assert_same(one, other)


def make_config(model: Path, device: str, dtype: str = "float32") -> TrainConfig:
    options = {"model": str(model), "layout": "chat", "max_reply_tokens": 40, "device": device, "dtype": dtype}
    return TrainConfig(
        "gpu",
        "hiper/ALFWorld-v0",
        {"games": "generated", "max_episode_steps": 6},
        eval_split="train_eval",
        policy="language",
        policy_options=options,
        expert_episodes=4,
        min_expert_score=0.0,
        imitation_epochs=2,
        updates=2,
        value_updates=0,
        episodes_per_update=4,
        num_envs=4,
        value_clip=0.5,
        max_tokens=4000,
        evaluation_episodes=2,
    )


def test_imitation_on_a_gpu_learns_what_it_learns_on_a_processor(tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "model")
    weights = []
    for device in ("cpu", "cuda"):
        trainer = Trainer(make_config(model, device), tmp_path / device)
        trainer.run(max_steps=2)
        weights.append({name: each.cpu() for name, each in trainer.policy.network.state_dict().items()})
    for name, each in weights[0].items():
        torch.testing.assert_close(weights[1][name], each, atol=2e-4, rtol=0, msg=name)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_run_on_a_gpu_ends_and_goes_on_where_it_stopped(tmp_path: Path, dtype: str) -> None:
    config = make_config(save_tiny(tmp_path / "model"), "cuda", dtype)
    Trainer(config, tmp_path / "run").run(max_steps=3)
    assert (tmp_path / "run" / CHECKPOINT).is_file()
    trainer = Trainer(config, tmp_path / "run")
    assert trainer.step == 3
    metrics = trainer.run()
    assert np.isfinite(metrics["turns"]) and np.isfinite(trainer.history[-1]["kl"])
