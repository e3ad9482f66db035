"""From episodes to what an update reads: decisions in one list, with advantages and returns over them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hiper_agents.advantages import (
    Advantages,
    Masks,
    Preset,
    TurnMarks,
    Turns,
    compute_advantages,
    explained_variance,
)
from hiper_agents.policies.policy import KINDS, Decision, Kind, Units
from hiper_agents.training.rollout import Rollout

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearningBatch:
    """Decisions of whole episodes and what is to be learned from them, [turns] each; NaN where nothing is.

    Attributes:
        decisions: The decisions, one a turn.
        advantages: Credit of each kind of choice.
        returns: What the value before each kind of choice is to predict.
        values: What it predicted when the choice was made.
    """

    decisions: list[Decision]
    advantages: Mapping[Kind, Floats]
    returns: Mapping[Kind, Floats]
    values: Mapping[Kind, Floats]

    def __len__(self) -> int:
        return len(self.decisions)

    def shuffled(
        self, units: Units, size: int, rng: np.random.Generator, max_tokens: int = 0, num_shares: int = 1
    ) -> Iterator[list["Minibatch"]]:
        """Yield minibatches of about `size` turns that cover all turns once, each in one or more pieces.

        Args:
            units: Which turns are read together, see `Policy.divide`.
            size: Turns in a minibatch.
            rng: Shuffles the units.
            max_tokens: Most tokens in a piece, padding included, where more than one unit is in it; 0 for one piece.
            num_shares: How many share the pieces: there are at least as many, where there are units enough.
        """
        order = np.argsort(units.unit, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(units.unit))[:-1])
        for chosen in np.array_split(rng.permutation(len(members)), max(1, round(len(self) / size))):
            total = count_targets(self, np.concatenate([members[unit] for unit in chosen]))
            pieces = _cut(chosen, units.size, max_tokens) if max_tokens else [chosen]
            pieces = pieces if len(pieces) >= num_shares else _share_out(chosen, units.size, num_shares)
            yield [self.select(np.concatenate([members[unit] for unit in piece]), total) for piece in pieces]

    def select(self, rows: npt.NDArray[np.int64], total: "Targets | None" = None) -> "Minibatch":
        """Return some of the turns.

        Args:
            rows: Their positions.
            total: What there is to learn from in the minibatch that they are a piece of; None: they are all of it.
        """
        return Minibatch(
            decisions=[self.decisions[row] for row in rows],
            advantages={kind: _tensor(values[rows]) for kind, values in self.advantages.items()},
            returns={kind: _tensor(values[rows]) for kind, values in self.returns.items()},
            values={kind: _tensor(values[rows]) for kind, values in self.values.items()},
            total=total or count_targets(self, rows),
        )


@dataclass(frozen=True)
class Targets:
    """How much there is to learn from in a whole minibatch, of each kind: what its pieces' sums are divided by.

    Attributes:
        choices: Turns at which there was such a choice.
        advantages: Those of them with an advantage.
        returns: Turns with a return for the value before it.
    """

    choices: Mapping[Kind, int]
    advantages: Mapping[Kind, int]
    returns: Mapping[Kind, int]


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Some turns, and what there is to learn from in the minibatch they belong to; see `LearningBatch`."""

    decisions: list[Decision]
    advantages: Mapping[Kind, Tensor]
    returns: Mapping[Kind, Tensor]
    values: Mapping[Kind, Tensor]
    total: Targets

    def __len__(self) -> int:
        return len(self.decisions)

    def to(self, device: torch.device) -> "Minibatch":
        """Return the same turns with their numbers on a device."""

        def move(numbers: Mapping[Kind, Tensor]) -> dict[Kind, Tensor]:
            return {kind: values.to(device) for kind, values in numbers.items()}

        return replace(self, advantages=move(self.advantages), returns=move(self.returns), values=move(self.values))


def count_targets(batch: LearningBatch, rows: npt.NDArray[np.int64]) -> Targets:
    """Count what there is to learn from at some of a batch's turns."""
    decisions = [batch.decisions[row] for row in rows]
    made = {kind: np.array([getattr(each, f"chooses_{kind}") for each in decisions], dtype=bool) for kind in KINDS}
    choices: dict[Kind, int] = {kind: int(mask.sum()) for kind, mask in made.items()}
    return Targets(
        choices=choices | {"format": choices["action"]},
        advantages={kind: int((made[kind] & ~np.isnan(batch.advantages[kind][rows])).sum()) for kind in KINDS},
        returns={kind: int((~np.isnan(batch.returns[kind][rows])).sum()) for kind in KINDS},
    )


def _cut(chosen: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], max_tokens: int) -> list[npt.NDArray[np.int64]]:
    """Cut units into pieces of like lengths that hold at most so many tokens when padded to the longest."""
    ordered = chosen[np.argsort(sizes[chosen], kind="stable")]
    pieces: list[list[int]] = [[]]
    for unit in ordered.tolist():
        if pieces[-1] and sizes[unit] * (len(pieces[-1]) + 1) > max_tokens:
            pieces.append([])
        pieces[-1].append(unit)
    return [np.array(piece) for piece in pieces]


def _share_out(
    chosen: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], num_shares: int
) -> list[npt.NDArray[np.int64]]:
    """Cut units into as many pieces of like sizes."""
    ordered = chosen[np.argsort(sizes[chosen], kind="stable")]
    return [piece for piece in np.array_split(ordered, num_shares) if len(piece)]


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
        action=np.array([decision.chooses_action for decision in decisions], dtype=bool),
        subgoal=np.array([decision.chooses_subgoal for decision in decisions], dtype=bool),
        switch=np.array([decision.chooses_switch for decision in decisions], dtype=bool),
    )
    lengths = [rollout.num_turns for rollout in rollouts]
    marks = TurnMarks(
        valid=np.array([valid for rollout in rollouts for valid in rollout.valid], dtype=bool),
        group=np.repeat([rollout.group for rollout in rollouts], lengths),
        state=[state for rollout in rollouts for state in rollout.states] or None,
        success=turns.is_last & np.repeat([rollout.success for rollout in rollouts], lengths),
        final_state=[rollout.final_state for rollout in rollouts for _ in range(rollout.num_turns)],
    )
    found: Advantages = compute_advantages(turns, preset, marks, masks)
    return LearningBatch(
        decisions=decisions,
        advantages={
            "action": found.advantage_low,
            "switch": found.advantage_switch,
            "subgoal": found.advantage_high,
        },
        returns={"action": found.return_low, "switch": found.return_switch, "subgoal": found.return_high},
        values={
            "action": turns.value_low,
            "switch": np.array([decision.value_switch for decision in decisions]),
            "subgoal": turns.value_high,
        },
    )


def explain(batch: LearningBatch) -> dict[str, float]:
    """Return how much of the returns the values explained, by kind of choice; only where there are any."""
    told = {
        f"explained_{kind}": explained_variance(batch.values[kind], batch.returns[kind])
        for kind in KINDS
        if not np.isnan(batch.returns[kind]).all()
    }
    return told


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
        values={"action": nothing, "switch": nothing, "subgoal": nothing},
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
