"""Several processes learn what one does: their episodes, gradients and steps are those of one."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hiper_agents.policies.policy import Units
from hiper_agents.training.batch import LearningBatch
from hiper_agents.training.checkpoint import MODEL, load_tensors
from hiper_agents.training.distribution import Processes, join_processes
from hiper_agents.training.trainer import CHECKPOINT, HISTORY
from tests.hiper_agents.policies.language.tiny import save_tiny
from tests.hiper_agents.toy import register_toy
from tests.hiper_agents.training.process import train
from webshop_server.extras import MissingExtraError

ROOT = Path(__file__).resolve().parents[3]


class OneOf(Processes):
    """One of several processes, the others being imagined."""

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count


def test_shares_cover_everything_once() -> None:
    items = list(range(11))
    shares = [OneOf(rank, 3).share(items) for rank in range(3)]
    assert sorted(item for share in shares for item in share) == items
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("num_pieces", [1, 2, 3, 4, 7])
def test_every_process_computes_as_many_losses_as_another(num_pieces: int) -> None:
    """Or those with sharded weights would wait for each other for ever; what is computed besides counts for nothing."""
    pieces = [float(number) for number in range(1, num_pieces + 1)]
    found = [
        list(OneOf(rank, 3).learn(pieces, lambda piece: (torch.tensor(piece), {"loss": piece}))) for rank in range(3)
    ]
    assert len({len(losses) for losses in found}) == 1
    assert sum(float(loss) for losses in found for loss, _ in losses) == sum(pieces)
    assert sum(metrics["loss"] for losses in found for _, metrics in losses) == sum(pieces)


@pytest.mark.parametrize("max_tokens", [0, 40])
def test_there_are_pieces_for_all(max_tokens: int) -> None:
    nothing = np.zeros(12)
    kinds: Any = {"action": nothing, "switch": nothing, "subgoal": nothing}

    class Made:
        chooses_action = chooses_switch = chooses_subgoal = True

    decisions: list[Any] = [Made() for _ in range(12)]
    batch = LearningBatch(decisions, kinds, kinds, kinds)
    units = Units(np.arange(12), np.full(12, 10))
    for pieces in batch.shuffled(units, 6, np.random.default_rng(0), max_tokens, num_shares=4):
        assert len(pieces) >= 4 and sum(map(len, pieces)) == 6
        assert all(piece.total.choices["action"] == 6 for piece in pieces)


def test_one_process_cuts_gradients_as_torch_does() -> None:
    network = nn.Linear(3, 1)
    network(torch.ones(2, 3)).sum().backward()
    assert Processes().settle_gradients(network, 0.5) == pytest.approx(math.sqrt(16))
    assert float(nn.utils.get_total_norm(each.grad for each in network.parameters() if each.grad is not None)) <= 0.5


def test_without_accelerate_several_processes_get_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(join_processes()) is Processes
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hiper-suite\[scale\]'"):
        join_processes()
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ValueError, match="must be the number of processes"):
        join_processes()


def settings(model: Path) -> dict[str, Any]:
    return {
        "name": "toy",
        "env_id": register_toy(),
        "policy": "language",
        "policy_options": {"model": str(model), "max_reply_tokens": 12},
        "expert_episodes": 10,
        "imitation_epochs": 1,
        "imitation_minibatch": 16,
        "updates": 1,
        "value_updates": 0,
        "episodes_per_update": 6,
        "num_envs": 3,
        "ppo_minibatch": 16,
        "ppo_epochs": 1,
        "max_tokens": 400,
        "lr": 1e-3,
        "value_lr": 1e-2,
        "reference_coefficient": 0.1,
        "evaluation_episodes": 1,
    }


def differ(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    assert set(first) == set(second)
    return max(float((first[name].float() - second[name].float()).abs().max()) for name in first)


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """An imitation step and a PPO step, by processes with whole weights and by ones that each hold a half (FSDP)."""
    pytest.importorskip("accelerate", reason="needs the extra scale")
    told = json.dumps(settings(save_tiny(tmp_path / "model")))
    torch.manual_seed(0)
    train(told, str(tmp_path / "one"))
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [
        *launcher,
        "-m",
        "tests.hiper_agents.training.process",
        told,
        *map(str, (tmp_path / "two", tmp_path / "parts")),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    one = load_tensors(tmp_path / "one" / CHECKPOINT)
    start = load_tensors(tmp_path / "one" / CHECKPOINT).tensors
    moved = max(float((start[f"network/{name}"] - start[f"reference/{name}"]).abs().max()) for name in names(start))
    assert moved > 1e-4
    for folder in ("two", "parts"):
        several = load_tensors(tmp_path / folder / CHECKPOINT)
        assert differ(one.tensors, several.tensors) < 2e-5
        assert (tmp_path / folder / HISTORY).is_file()
        assert (tmp_path / folder / MODEL / "model.safetensors").is_file()
        assert several.state["step"] == one.state["step"] == 2
        assert several.state["history"][0]["action"] == pytest.approx(one.state["history"][0]["action"], rel=1e-4)


def names(tensors: dict[str, Tensor]) -> list[str]:
    return [name.removeprefix("reference/") for name in tensors if name.startswith("reference/")]
