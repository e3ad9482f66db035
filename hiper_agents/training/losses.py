"""The two losses over a policy's rows: imitation of choices, and clipped PPO on their advantages."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hiper_agents.policies.policy import KINDS, Kind, Policy, Rows
from hiper_agents.training.adam import Adam
from hiper_agents.training.batch import Minibatch


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


def imitation_loss(policy: Policy, minibatch: Minibatch, value_coefficient: float) -> tuple[Tensor, dict[str, float]]:
    """Return the negative log-likelihood of the expert's choices plus the value errors, and metrics to show.

    Args:
        policy: The policy.
        minibatch: Some turns of an expert's episodes.
        value_coefficient: Weight of the value errors.
    """
    batch = policy.encode(minibatch.decisions)
    rows = policy.score(batch)
    parts: dict[str, Tensor] = {kind: _masked_mean(-rows[kind].log_new, rows[kind].made) for kind in KINDS}
    values = value_loss(policy.values(batch), minibatch.returns)
    loss = parts["switch"] + parts["subgoal"] + parts["action"] + value_coefficient * values
    return loss, _show(parts | {"value": values})


def ppo_loss(
    policy: Policy,
    minibatch: Minibatch,
    config: LossConfig,
    *,
    trains_policy: bool = True,
    reference: Policy | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Return the clipped loss of a minibatch, and metrics to show.

    Every row has a ratio of its own and the advantage of its kind at its turn; each kind is averaged over its rows.

    Args:
        policy: The policy.
        minibatch: Some turns with normalised advantages.
        config: Weights of the parts.
        trains_policy: False trains the values alone.
        reference: The policy to stay near to; None for none.
    """
    batch = policy.encode(minibatch.decisions)
    values = value_loss(policy.values(batch), minibatch.returns)
    stays_near = trains_policy and reference is not None and config.reference_coefficient > 0
    rows = policy.score(batch, reference if stays_near else None)
    clipped = _sum_kinds(rows, lambda kind, each: _clipped_loss(each, minibatch.advantages[kind], config.clip))
    entropy = _sum_kinds(rows, lambda _, each: _masked_mean(each.entropy, each.made))
    moved = _sum_kinds(rows, lambda _, each: _masked_mean(_estimate_move(each), each.made))
    loss = config.value_coefficient * values
    if trains_policy:
        loss = loss + clipped - config.entropy_coefficient * entropy
    if stays_near:
        loss = loss + config.reference_coefficient * _sum_kinds(rows, _mean_divergence)
    return loss, _show({"policy": clipped, "value": values, "entropy": entropy, "kl": moved})


def value_loss(values: Mapping[Kind, Tensor], returns: Mapping[Kind, Tensor]) -> Tensor:
    """Return the squared errors of the values, each averaged over the turns that own a return."""
    return torch.stack([_masked_square(values[kind], returns[kind]) for kind in values]).sum()


def take_step(network: nn.Module, optimizer: Adam, loss: Tensor, max_norm: float) -> None:
    """Follow the loss's gradient, cut to `max_norm`.

    Args:
        network: Whose weights follow.
        optimizer: Its optimizer.
        loss: A scalar.
        max_norm: The longest that the gradient may be.

    Raises:
        ValueError: The loss or its gradient is no finite number; the weights stay as they are.
    """
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = nn.utils.clip_grad_norm_(network.parameters(), max_norm)
    lost, length = float(loss.detach()), float(norm)
    if not (math.isfinite(lost) and math.isfinite(length)):
        raise ValueError(
            f"the loss is {lost} and its gradient is {length} long, so nothing can be learned from them:"
            " the step sizes (lr, imitation_lr), keep_reward or the environment's rewards are too large"
        )
    optimizer.step()


def _show(parts: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: float(part.detach()) for name, part in parts.items()}


def _sum_kinds(rows: Mapping[Kind, Rows], measure: Callable[[Kind, Rows], Tensor]) -> Tensor:
    return torch.stack([measure(kind, rows[kind]) for kind in KINDS]).sum()


def _clipped_loss(rows: Rows, advantage: Tensor, clip: float) -> Tensor:
    ratio = (rows.log_new - rows.log_old).exp()
    credit = advantage[rows.turn]
    known = torch.nan_to_num(credit)
    gain = torch.minimum(ratio * known, ratio.clamp(1 - clip, 1 + clip) * known)
    return _masked_mean(-gain, rows.made & ~torch.isnan(credit))


def _estimate_move(rows: Rows) -> Tensor:
    """Return the low-variance estimate of the divergence from the policy that played (k3 of Schulman's note)."""
    log_ratio = (rows.log_new - rows.log_old).detach()
    return log_ratio.exp() - 1 - log_ratio


def _mean_divergence(kind: Kind, rows: Rows) -> Tensor:
    if rows.divergence is None:
        raise ValueError(f"the policy scored its {kind} rows without the reference that it was given")
    return _masked_mean(rows.divergence, rows.made)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def _masked_square(values: Tensor, targets: Tensor) -> Tensor:
    return _masked_mean((values - torch.nan_to_num(targets)) ** 2, ~torch.isnan(targets))
