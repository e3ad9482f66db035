"""The two losses over a policy's rows: imitation of choices, and clipped PPO on their advantages."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hiper_agents.policies.policy import KINDS, Kind, Policy, ReadsPages, Rows
from hiper_agents.training.adam import Adam
from hiper_agents.training.batch import Minibatch
from hiper_agents.training.distribution import Losses, Processes

IMITATED: tuple[Kind, ...] = ("switch", "subgoal", "action", "format")


@dataclass(frozen=True)
class LossConfig:
    """Weights of the parts of the PPO loss."""

    clip: float = 0.2
    """How far a probability ratio may move before it stops counting."""
    value_coefficient: float = 0.5
    """Weight of the squared errors of the values."""
    entropy_coefficient: float = 0.01
    """Weight of the choices' entropies."""
    reference_coefficient: float = 0.0
    """Weight of the divergence from a reference policy, such as the one that imitation left."""
    value_clip: float = 0.0
    """How far a value may move from what it was when the choice was made before moving on stops paying; 0: any way."""


@dataclass(frozen=True)
class ImitationWeights:
    """Weights of the parts of the loss of imitation, beside that of the choices."""

    value: float
    """Of the squared errors of the values."""
    page: float = 0.0
    """Of the negative log-likelihood, a turn, of what the world wrote."""


def imitation_loss(policy: Policy, minibatch: Minibatch, weights: ImitationWeights) -> Losses:
    """Return the negative log-likelihood of the expert's choices plus the value errors, and metrics to show.

    Args:
        policy: The policy.
        minibatch: Some turns of an expert's episodes; of a piece, the share of the loss of its minibatch.
        weights: Of the loss's other parts.

    Raises:
        TypeError: The policy reads no pages, and they have a weight.
    """
    batch = policy.encode(minibatch.decisions)
    rows = policy.score(batch)
    total = minibatch.total.choices
    parts: dict[str, Tensor] = {
        kind: _share(-rows[kind].log_new, rows[kind].made, total[kind]) for kind in IMITATED if kind in rows
    }
    valued = policy.values(batch)
    values = value_loss(valued, minibatch.to(valued["action"].device))
    loss = sum(parts.values(), torch.zeros(())) + weights.value * values
    if weights.page:
        if not isinstance(policy, ReadsPages):
            raise TypeError(f"page_coefficient is {weights.page}, but this policy does not read the world's words")
        parts["page"] = policy.read_pages(batch) / max(1, total["action"])
        loss = loss + weights.page * parts["page"]
    return loss, _show(parts | {"value": values})


def ppo_loss(
    policy: Policy,
    minibatch: Minibatch,
    config: LossConfig,
    *,
    trains_policy: bool = True,
    reference: Policy | None = None,
) -> Losses:
    """Return the clipped loss of a minibatch, and metrics to show.

    Every row has a ratio of its own and the advantage of its kind at its turn; each kind is averaged over its choices.
    A piece of a minibatch gives its share of the average, so that the pieces' gradients add up to the minibatch's.

    Args:
        policy: The policy.
        minibatch: Some turns with normalised advantages.
        config: Weights of the parts.
        trains_policy: False trains the values alone.
        reference: The policy to stay near to; None for none.
    """
    batch = policy.encode(minibatch.decisions, learns_values_alone=not trains_policy)
    valued = policy.values(batch)
    minibatch = minibatch.to(valued["action"].device)
    values = value_loss(valued, minibatch, config.value_clip)
    stays_near = trains_policy and reference is not None and config.reference_coefficient > 0
    rows = policy.score(batch, reference if stays_near else None)
    total = minibatch.total
    clipped = _sum_kinds(
        rows, lambda kind, each: _clipped_loss(each, minibatch.advantages[kind], config.clip, total.advantages[kind])
    )
    entropy = _sum_kinds(rows, lambda kind, each: _share(each.entropy, each.made, total.choices[kind]))
    moved = _sum_kinds(rows, lambda kind, each: _share(_estimate_move(each), each.made, total.choices[kind]))
    loss = config.value_coefficient * values
    if trains_policy:
        loss = loss + clipped - config.entropy_coefficient * entropy
    if stays_near:
        near = {kind: _mean_divergence(kind, each, total.choices[kind]) for kind, each in rows.items()}
        loss = loss + config.reference_coefficient * torch.stack(list(near.values())).sum()
    return loss, _show({"policy": clipped, "value": values, "entropy": entropy, "kl": moved})


def value_loss(values: Mapping[Kind, Tensor], minibatch: Minibatch, clip: float = 0.0) -> Tensor:
    """Return the squared errors of the values, each kind averaged over the turns that own a return.

    Args:
        values: The value before each kind of choice, now, [turns].
        minibatch: The turns with their returns and earlier values.
        clip: See `LossConfig.value_clip`.
    """
    returns, earlier, total = minibatch.returns, minibatch.values, minibatch.total.returns
    kinds = list(values)
    errors = [_square(values[kind], returns[kind], earlier[kind], clip) for kind in kinds]
    parts = [_share(error, ~torch.isnan(returns[kind]), total[kind]) for kind, error in zip(kinds, errors, strict=True)]
    return torch.stack(parts).sum()


def take_step(
    network: nn.Module,
    optimizer: Adam,
    losses: Iterable[Losses],
    max_norm: float,
    processes: Processes | None = None,
) -> dict[str, float]:
    """Follow the gradient of the sum of some losses, cut to `max_norm`; return the sums of their metrics.

    Args:
        network: Whose weights follow.
        optimizer: Its optimizer.
        losses: A minibatch's loss, or those of its pieces: each is let go of before the next is computed.
        max_norm: The longest that the gradient may be.
        processes: Those that follow the sum of all their losses together; None for this one alone.

    Raises:
        ValueError: The loss or its gradient is no finite number; the weights stay as they are.
    """
    processes = processes or Processes()
    optimizer.zero_grad()
    lost = 0.0
    sums: dict[str, float] = {}
    for loss, metrics in losses:
        loss.backward()  # type: ignore[no-untyped-call]
        lost += float(loss.detach())
        for name, metric in metrics.items():
            sums[name] = sums.get(name, 0.0) + metric
    length = processes.settle_gradients(network, max_norm)
    lost, sums = _add_up(processes, lost, sums)
    if not (math.isfinite(lost) and math.isfinite(length)):
        raise ValueError(
            f"the loss is {lost} and its gradient is {length} long, so nothing can be learned from them:"
            " the step sizes (lr, imitation_lr), keep_reward or the environment's rewards are too large"
        )
    optimizer.step()
    return sums


def _add_up(processes: Processes, lost: float, sums: dict[str, float]) -> tuple[float, dict[str, float]]:
    total, *others = processes.add_up({"": lost, **sums}).values()
    return total, dict(zip(sums, others, strict=True))


class Means:
    """Means of metrics over the turns of a batch, added up minibatch by minibatch.

    Args:
        num_turns: Turns in the batch.
    """

    def __init__(self, num_turns: int) -> None:
        self.num_turns = num_turns
        self.metrics: dict[str, float] = {}

    def add(self, metrics: Mapping[str, float], num_turns: int) -> None:
        """Take in the means over some of the turns."""
        for name, metric in metrics.items():
            self.metrics[name] = self.metrics.get(name, 0.0) + metric * num_turns / self.num_turns


def _show(parts: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: float(part.detach()) for name, part in parts.items()}


def _sum_kinds(rows: Mapping[Kind, Rows], measure: Callable[[Kind, Rows], Tensor]) -> Tensor:
    return torch.stack([measure(kind, rows[kind]) for kind in KINDS]).sum()


def _clipped_loss(rows: Rows, advantage: Tensor, clip: float, total: int) -> Tensor:
    ratio = (rows.log_new - rows.log_old).exp()
    credit = advantage[rows.turn]
    known = torch.nan_to_num(credit)
    gain = torch.minimum(ratio * known, ratio.clamp(1 - clip, 1 + clip) * known)
    return _share(-gain, rows.made & ~torch.isnan(credit), total)


def _estimate_move(rows: Rows) -> Tensor:
    """Return the low-variance estimate of the divergence from the policy that played (k3 of Schulman's note)."""
    log_ratio = (rows.log_new - rows.log_old).detach()
    return log_ratio.exp() - 1 - log_ratio


def _mean_divergence(kind: Kind, rows: Rows, total: int) -> Tensor:
    if rows.divergence is None:
        raise ValueError(f"the policy scored its {kind} rows without the reference that it was given")
    return _share(rows.divergence, rows.made, total)


def _share(values: Tensor, mask: Tensor, total: int) -> Tensor:
    """Return what some values add to a mean over `total`."""
    return torch.where(mask, values, 0.0).sum() / max(1, total)


def _square(values: Tensor, targets: Tensor, earlier: Tensor, clip: float) -> Tensor:
    known = torch.nan_to_num(targets)
    squares = (values - known) ** 2
    if not clip:
        return squares
    near = earlier + (values - earlier).clamp(-clip, clip)
    return torch.maximum(squares, (near - known) ** 2)
