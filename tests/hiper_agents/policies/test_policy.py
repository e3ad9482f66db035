"""The seam: the trainer trains any policy, of which it knows no more than the protocol."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hiper_agents.policies.policy import KINDS, Kind, Policy, Rows, Units
from hiper_agents.policies.table import make_policy
from hiper_agents.training.config import make_config
from hiper_agents.training.trainer import Trainer
from hiper_envs.reply import Reply, write_reply
from tests.hiper_agents.toy import ROOMS, RoomsExpert, register_toy

ACTIONS = ("go back", "wait", *(f"enter the {room}" for room in ROOMS))


@dataclass
class Sight:
    """Which rooms are wanted, where the agent is, how many turns it has taken."""

    cell: tuple[int, int, int]
    admissible: Sequence[str]
    first: int = 0
    second: int = 0
    num_turns: int = 0

    def remember(self, decision: "Pick", /) -> None:
        self.num_turns += 1

    def observe(self, observation: str, admissible: Sequence[str]) -> None:
        self.admissible = admissible


@dataclass
class Pick:
    """An action, what it was picked from and how likely it was."""

    cell: tuple[int, int, int]
    allowed: list[int]
    action: int
    log_old: float = 0.0
    value_low: float = 0.0
    is_boundary: bool = False
    chooses_action: bool = True
    chooses_switch: bool = False
    chooses_subgoal: bool = False
    value_switch: float = 0.0
    value_high: float = 0.0
    reply: str = field(init=False)

    def __post_init__(self) -> None:
        self.reply = write_reply(ACTIONS[self.action])


class Table(nn.Module):
    """A logit for each action and a value in each cell: two wanted rooms and four turns."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(len(ROOMS), len(ROOMS), 4, len(ACTIONS)))
        self.value = nn.Parameter(torch.zeros(len(ROOMS), len(ROOMS), 4))


class TablePolicy:
    """A flat policy over the toy world's cells, nothing like the compact one."""

    def __init__(self) -> None:
        self.network = Table()
        self.has_subgoals = False

    def copy(self) -> Self:
        return copy.deepcopy(self)

    def open_memory(self, observation: str, info: Mapping[str, Any]) -> Sight:
        first, second = (ROOMS.index(clause.removeprefix("visit the ")) for clause in _clauses(info))
        return Sight((first, second, 0), info["admissible_actions"], first, second)

    def decide(
        self, memories: Sequence[Sight], rng: np.random.Generator | None = None, temperature: float = 1.0
    ) -> list[Pick]:
        return [self._pick(memory, rng, temperature) for memory in memories]

    def _pick(self, memory: Sight, rng: np.random.Generator | None, temperature: float) -> Pick:
        cell = (memory.first, memory.second, min(memory.num_turns, 3))
        allowed = [ACTIONS.index(action) for action in memory.admissible]
        logs = torch.log_softmax(self.network.logits[cell][allowed], 0).detach().double().numpy()
        noise = 0.0 if rng is None else rng.gumbel(size=len(logs))
        place = int(np.argmax(logs / temperature + noise))
        return Pick(cell, allowed, allowed[place], float(logs[place]), float(self.network.value[cell].detach()))

    def correct(self, memory: Sight, decision: Pick, wanted: Reply) -> Pick:
        return replace(decision, chooses_action=False)

    def imitate(self, memory: Sight, reply: Reply) -> Pick:
        cell = (memory.first, memory.second, min(memory.num_turns, 3))
        return Pick(cell, [ACTIONS.index(action) for action in memory.admissible], ACTIONS.index(reply.action))

    def divide(self, decisions: Sequence[Pick]) -> Units:
        return Units(np.arange(len(decisions)), np.ones(len(decisions), dtype=np.int64))

    def encode(self, decisions: Sequence[Pick], *, learns_values_alone: bool = False) -> Sequence[Pick]:
        return decisions

    def score(self, batch: Sequence[Pick], reference: "TablePolicy | None" = None) -> dict[Kind, Rows]:
        ours = [torch.log_softmax(self.network.logits[pick.cell][pick.allowed], 0) for pick in batch]
        new = torch.stack([log[pick.allowed.index(pick.action)] for log, pick in zip(ours, batch, strict=True)])
        entropy = torch.stack([-(log.exp() * log).sum() for log in ours])
        divergence = torch.zeros(len(batch)) if reference is not None else None
        none = torch.zeros(0)
        nothing = Rows(none.long(), none.bool(), none, none, none, None if reference is None else none)
        made, old = torch.ones(len(batch), dtype=torch.bool), torch.tensor([pick.log_old for pick in batch])
        actions = Rows(torch.arange(len(batch)), made, old, new, entropy, divergence)
        return {kind: actions if kind == "action" else nothing for kind in KINDS}

    def values(self, batch: Sequence[Pick]) -> dict[Kind, Tensor]:
        return {"action": torch.stack([self.network.value[pick.cell] for pick in batch])}


def _clauses(info: Mapping[str, Any]) -> list[str]:
    clauses: list[str] = info["instruction"].split(" and then ")
    return clauses


@pytest.mark.parametrize("expert_episodes", [0, 40])
def test_a_policy_of_another_kind_learns_in_the_same_trainer(tmp_path: Path, expert_episodes: int) -> None:
    policy: Policy = TablePolicy()
    config = make_config(
        {
            "name": "table",
            "env_id": register_toy(),
            "has_subgoals": False,
            "expert_episodes": expert_episodes,
            "imitation_epochs": 5,
            "imitation_lr": 0.1,
            "imitation_minibatch": 32,
            "updates": 25,
            "value_updates": 0,
            "episodes_per_update": 128,
            "num_envs": 16,
            "ppo_minibatch": 128,
            "lr": 0.1,
            "target_kl": 1.0,
            "evaluations_kept": 1,
        }
    )
    metrics = Trainer(config, tmp_path, make_expert=RoomsExpert, policy=policy).run()
    assert metrics["success"] >= (0.9 if expert_episodes else 0.5)  # chance is .05


def test_policies_are_found_by_name() -> None:
    assert make_policy("compact", has_subgoals=False).has_subgoals is False
    with pytest.raises(
        ValueError, match="unknown policy 'compactt'; allowed: compact, language; did you mean 'compact'"
    ):
        make_policy("compactt", has_subgoals=True)
