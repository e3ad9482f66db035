"""From episodes to what an update reads: decisions in one list, with advantages and returns over them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hiper_agents.advantages import Advantages, Masks, Preset, Turns, compute_advantages
from hiper_agents.policies.policy import Decision, Kind
from hiper_agents.training.rollout import Rollout

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearningBatch:
    """Decisions of whole episodes and what is to be learned from them, [turns] each; NaN where nothing is.

    Attributes:
        decisions: The decisions, one a turn.
        advantages: Credit of each kind of choice.
        returns: What the value before each kind of choice is to predict.
    """

    decisions: list[Decision]
    advantages: Mapping[Kind, Floats]
    returns: Mapping[Kind, Floats]

    def __len__(self) -> int:
        return len(self.decisions)

    def shuffled(self, size: int, rng: np.random.Generator) -> Iterator["Minibatch"]:
        """Yield minibatches of about `size` turns that cover all turns once."""
        order = rng.permutation(len(self))
        for rows in np.array_split(order, max(1, round(len(self) / size))):
            yield self.select(rows)

    def select(self, rows: npt.NDArray[np.int64]) -> "Minibatch":
        """Return some of the turns."""
        return Minibatch(
            decisions=[self.decisions[row] for row in rows],
            advantages={kind: _tensor(values[rows]) for kind, values in self.advantages.items()},
            returns={kind: _tensor(values[rows]) for kind, values in self.returns.items()},
        )


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Some turns; see `LearningBatch` for the fields."""

    decisions: list[Decision]
    advantages: Mapping[Kind, Tensor]
    returns: Mapping[Kind, Tensor]

    def __len__(self) -> int:
        return len(self.decisions)


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
        final_value=_place_last(rollouts) if any(each.value_after is not None for each in rollouts) else None,
    )
    return turns, decisions


def _place_last(rollouts: Sequence[Rollout]) -> Floats:
    """Return what follows each episode at its last turn, NaN at all others, [turns]."""
    placed = [np.full(rollout.num_turns, np.nan) for rollout in rollouts]
    for values, rollout in zip(placed, rollouts, strict=True):
        values[-1] = np.nan if rollout.value_after is None else rollout.value_after
    return np.concatenate(placed)


def make_learning_batch(rollouts: Sequence[Rollout], preset: Preset) -> LearningBatch:
    """Estimate advantages of played episodes.

    Args:
        rollouts: Whole episodes.
        preset: Shaping, estimator and normalisation.
    """
    turns, decisions = gather_turns(rollouts)
    masks = Masks(
        subgoal=np.array([decision.chooses_subgoal for decision in decisions], dtype=bool),
        switch=np.array([decision.chooses_switch for decision in decisions], dtype=bool),
    )
    found: Advantages = compute_advantages(turns, preset, masks=masks)
    return LearningBatch(
        decisions=decisions,
        advantages={
            "action": found.advantage_low,
            "switch": found.advantage_switch,
            "subgoal": found.advantage_high,
        },
        returns={"action": found.return_low, "switch": found.return_switch, "subgoal": found.return_high},
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
        advantages={"action": nothing, "switch": nothing, "subgoal": nothing},
        returns={"action": to_come, "switch": to_come, "subgoal": np.where(boundary, to_come, np.nan)},
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
