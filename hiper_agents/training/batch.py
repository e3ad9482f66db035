"""From episodes to what an update reads: decisions in one list, with advantages and returns over them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hiper_agents.advantages import Owners, Preset, Turns, compute_advantages, estimate_gae, normalise_advantages
from hiper_agents.policies.compact.decide import Decision
from hiper_agents.policies.compact.network import ChoiceBatch, ViewBatch, batch_choices, batch_views
from hiper_agents.training.rollout import Rollout

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearningBatch:
    """Decisions of whole episodes and what is to be learned from them, one entry a turn; NaN where nothing is.

    Attributes:
        decisions: The decisions.
        advantage_switch, advantage_high, advantage_low: Credit of KEEP or SWITCH, subgoal and action.
        return_switch, return_high, return_low: What the three values are to predict.
    """

    decisions: list[Decision]
    advantage_switch: Floats
    advantage_high: Floats
    advantage_low: Floats
    return_switch: Floats
    return_high: Floats
    return_low: Floats

    def __len__(self) -> int:
        return len(self.decisions)

    def shuffled(self, size: int, rng: np.random.Generator) -> Iterator["Minibatch"]:
        """Yield minibatches of about `size` turns that cover all turns once."""
        order = rng.permutation(len(self))
        for rows in np.array_split(order, max(1, round(len(self) / size))):
            yield self.select(rows)

    def select(self, rows: npt.NDArray[np.int64]) -> "Minibatch":
        """Return some of the turns as tensors."""
        chosen = [self.decisions[row] for row in rows]
        return Minibatch(
            views=batch_views([decision.view for decision in chosen]),
            choices=batch_choices([decision.choices for decision in chosen]),
            chooses_switch=torch.tensor([decision.chooses_switch for decision in chosen]),
            switches=torch.tensor([decision.is_boundary for decision in chosen]),
            chooses_subgoal=torch.tensor([decision.chooses_subgoal for decision in chosen]),
            subgoal=torch.tensor([decision.subgoal for decision in chosen]),
            action=torch.tensor([decision.action for decision in chosen]),
            log_switch=torch.tensor([decision.log_switch for decision in chosen]),
            log_subgoal=torch.tensor([decision.log_subgoal for decision in chosen]),
            log_action=torch.tensor([decision.log_action for decision in chosen]),
            advantage_switch=_tensor(self.advantage_switch[rows]),
            advantage_high=_tensor(self.advantage_high[rows]),
            advantage_low=_tensor(self.advantage_low[rows]),
            return_switch=_tensor(self.return_switch[rows]),
            return_high=_tensor(self.return_high[rows]),
            return_low=_tensor(self.return_low[rows]),
        )


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Some turns as tensors; see `Decision` and `LearningBatch` for the fields."""

    views: ViewBatch
    choices: ChoiceBatch
    chooses_switch: Tensor
    switches: Tensor
    chooses_subgoal: Tensor
    subgoal: Tensor
    action: Tensor
    log_switch: Tensor
    log_subgoal: Tensor
    log_action: Tensor
    advantage_switch: Tensor
    advantage_high: Tensor
    advantage_low: Tensor
    return_switch: Tensor
    return_high: Tensor
    return_low: Tensor

    def __len__(self) -> int:
        return len(self.action)


def gather_turns(rollouts: Sequence[Rollout]) -> tuple[Turns, list[Decision]]:
    """Put episodes after one another as flat arrays.

    Args:
        rollouts: Whole episodes.

    Returns:
        The turns, and the decisions in the same order.
    """
    decisions = [decision for rollout in rollouts for decision in rollout.decisions]
    lengths = [rollout.num_turns for rollout in rollouts]
    turn = np.concatenate([np.arange(length) for length in lengths])
    last = np.concatenate([np.arange(length) == length - 1 for length in lengths])
    ends = np.repeat([rollout.terminated for rollout in rollouts], lengths)
    turns = Turns(
        episode=np.repeat(np.arange(len(rollouts)), lengths),
        turn=turn,
        switch=np.array([decision.is_boundary for decision in decisions], dtype=bool),
        terminated=last & ends,
        reward=np.concatenate([rollout.rewards for rollout in rollouts]),
        value_low=np.array([decision.value_low for decision in decisions]),
        value_high=np.array([decision.value_high for decision in decisions]),
        value_switch=np.array([decision.value_switch for decision in decisions]),
    )
    return turns, decisions


def make_learning_batch(rollouts: Sequence[Rollout], preset: Preset, has_subgoals: bool = True) -> LearningBatch:
    """Estimate advantages of played episodes: hierarchical, or flat for an agent without subgoals.

    Args:
        rollouts: Whole episodes.
        preset: Shaping, estimator and normalisation.
        has_subgoals: False for flat GAE on `value_low`.
    """
    turns, decisions = gather_turns(rollouts)
    if has_subgoals:
        owners = Owners(
            subgoal=np.array([decision.chooses_subgoal for decision in decisions], dtype=bool),
            switch=np.array([decision.chooses_switch for decision in decisions], dtype=bool),
        )
        found = compute_advantages(turns, preset, owners=owners)
    else:
        found = estimate_gae(turns, preset.hae)
        found = normalise_advantages(found) if preset.normalises else found
    return LearningBatch(
        decisions=decisions,
        advantage_switch=found.advantage_switch,
        advantage_high=found.advantage_high,
        advantage_low=found.advantage_low,
        return_switch=found.return_switch,
        return_high=found.return_high,
        return_low=found.return_low,
    )


def make_imitation_batch(rollouts: Sequence[Rollout], discount: float) -> LearningBatch:
    """Put an expert's episodes together; every value is to predict the discounted rewards to come.

    Args:
        rollouts: Whole episodes.
        discount: Discount per turn.
    """
    decisions = [decision for rollout in rollouts for decision in rollout.decisions]
    to_come = np.concatenate([_discount(rollout.rewards, discount) for rollout in rollouts])
    boundary = np.array([decision.is_boundary for decision in decisions])
    nothing = np.full(len(decisions), np.nan)
    return LearningBatch(
        decisions=decisions,
        advantage_switch=nothing,
        advantage_high=nothing,
        advantage_low=nothing,
        return_switch=to_come,
        return_high=np.where(boundary, to_come, np.nan),
        return_low=to_come,
    )


def _discount(rewards: Sequence[float], discount: float) -> Floats:
    out = np.zeros(len(rewards))
    total = 0.0
    for turn in range(len(rewards) - 1, -1, -1):
        total = rewards[turn] + discount * total
        out[turn] = total
    return out


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
