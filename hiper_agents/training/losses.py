"""The two losses: imitation of decisions, and clipped PPO on their advantages."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hiper_agents.policies.compact.network import CompactNetwork, Encoded
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
    """Weight of the decisions' entropies."""
    reference_coefficient: float = 0.0
    """Weight of the divergence from a reference policy, such as the one that imitation left."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Log-probabilities of a minibatch's decisions under the network as it is now.

    Attributes:
        switch, subgoal, action: Of what was decided, [turns]; only read where such a decision was made.
        entropy_switch, entropy_subgoal, entropy_action: Of each decision, [turns].
        all_switches, all_subgoals, all_actions: Of everything that could have been decided: KEEP and SWITCH,
            [turns, 2]; the candidates and the actions of all turns, each in one list.
    """

    switch: Tensor
    subgoal: Tensor
    action: Tensor
    entropy_switch: Tensor
    entropy_subgoal: Tensor
    entropy_action: Tensor
    all_switches: Tensor
    all_subgoals: Tensor
    all_actions: Tensor


def score_decisions(network: CompactNetwork, batch: Minibatch, encoded: Encoded) -> Scores:
    """Score what was decided at each turn."""
    logit = network.score_switch(encoded)
    log_keep, log_switch = functional.logsigmoid(-logit), functional.logsigmoid(logit)
    log_subgoals = network.score_subgoals(encoded)
    log_actions = network.score_actions(encoded, batch.subgoal, batch.choices)
    return Scores(
        switch=torch.where(batch.switches, log_switch, log_keep),
        subgoal=log_subgoals[batch.views.first + batch.subgoal],
        action=log_actions[batch.choices.first + batch.action.clamp(min=0)],
        entropy_switch=-(log_keep.exp() * log_keep + log_switch.exp() * log_switch),
        entropy_subgoal=_entropy(log_subgoals, batch.views.owner, len(batch)),
        entropy_action=_entropy(log_actions, batch.choices.owner, len(batch)),
        all_switches=torch.stack([log_keep, log_switch], dim=-1),
        all_subgoals=log_subgoals,
        all_actions=log_actions,
    )


def reference_divergence(batch: Minibatch, scores: Scores, reference: Scores, has_subgoals: bool) -> Tensor:
    """Return how far the policy is from a reference: KL(policy, reference) of each kind of decision, summed."""
    actions = scores.all_actions.exp() * (scores.all_actions - reference.all_actions)
    total = _masked_mean(_sum_by_owner(actions, batch.choices.owner, len(batch)), batch.action >= 0)
    if has_subgoals:
        switches = scores.all_switches.exp() * (scores.all_switches - reference.all_switches)
        subgoals = scores.all_subgoals.exp() * (scores.all_subgoals - reference.all_subgoals)
        total = total + _masked_mean(switches.sum(dim=-1), batch.chooses_switch)
        of_turns = _sum_by_owner(subgoals, batch.views.owner, len(batch))
        total = total + _masked_mean(of_turns, batch.chooses_subgoal)
    return total


def value_loss(network: CompactNetwork, batch: Minibatch, encoded: Encoded, has_subgoals: bool = True) -> Tensor:
    """Return the squared errors of the values, each averaged over the turns that own a return."""
    low = network.value_of_subgoal(encoded, batch.subgoal)
    loss = _masked_square(low, batch.return_low)
    if has_subgoals:
        high, switch = network.values_before(encoded)
        loss = loss + _masked_square(high, batch.return_high) + _masked_square(switch, batch.return_switch)
    return loss


def imitation_loss(
    network: CompactNetwork, batch: Minibatch, value_coefficient: float, has_subgoals: bool = True
) -> tuple[Tensor, dict[str, float]]:
    """Return the negative log-likelihood of the expert's decisions plus the value errors, and figures to show."""
    encoded = network.encode(batch.views)
    scores = score_decisions(network, batch, encoded)
    switch = _masked_mean(-scores.switch, batch.chooses_switch)
    subgoal = _masked_mean(-scores.subgoal, batch.chooses_subgoal)
    action = _masked_mean(-scores.action, batch.action >= 0)
    values = value_loss(network, batch, encoded, has_subgoals)
    loss = switch + subgoal + action + value_coefficient * values
    figures = {"switch": switch, "subgoal": subgoal, "action": action, "value": values}
    return loss, {name: float(figure.detach()) for name, figure in figures.items()}


def ppo_loss(
    network: CompactNetwork,
    batch: Minibatch,
    config: LossConfig,
    has_subgoals: bool = True,
    trains_policy: bool = True,
    reference: CompactNetwork | None = None,
) -> tuple[Tensor, dict[str, float]]:
    """Return the clipped loss of a minibatch, and figures to show.

    Each of the three decisions has its own ratio and its own advantage, averaged over the turns where it was made.

    Args:
        network: The policy.
        batch: Some turns with normalised advantages.
        config: Weights of the parts.
        has_subgoals: False leaves switch and subgoal out.
        trains_policy: False trains the values alone.
        reference: The policy to stay near to; None for none.
    """
    encoded = network.encode(batch.views)
    values = value_loss(network, batch, encoded, has_subgoals)
    scores = score_decisions(network, batch, encoded)
    acted = batch.action >= 0
    parts = [(scores.action - batch.log_action, batch.advantage_low, scores.entropy_action, acted)]
    if has_subgoals:
        parts += [
            (scores.switch - batch.log_switch, batch.advantage_switch, scores.entropy_switch, batch.chooses_switch),
            (scores.subgoal - batch.log_subgoal, batch.advantage_high, scores.entropy_subgoal, batch.chooses_subgoal),
        ]
    policy = torch.stack([_clipped(ratio, credit, made, config.clip) for ratio, credit, _, made in parts]).sum()
    entropy = torch.stack([_masked_mean(each, made) for _, _, each, made in parts]).sum()
    divergence = torch.stack([_masked_mean(_divergence(ratio.detach()), made) for ratio, _, _, made in parts]).sum()
    loss = config.value_coefficient * values
    if trains_policy:
        loss = loss + policy - config.entropy_coefficient * entropy
    if trains_policy and reference is not None and config.reference_coefficient > 0:
        with torch.no_grad():
            theirs = score_decisions(reference, batch, reference.encode(batch.views))
        loss = loss + config.reference_coefficient * reference_divergence(batch, scores, theirs, has_subgoals)
    figures = {"policy": policy, "value": values, "entropy": entropy, "kl": divergence}
    return loss, {name: float(figure.detach()) for name, figure in figures.items()}


def take_step(network: nn.Module, optimizer: Adam, loss: Tensor, max_norm: float) -> None:
    """Follow the loss's gradient, cut to `max_norm`."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), max_norm)
    optimizer.step()


def _clipped(log_ratio: Tensor, advantage: Tensor, made: Tensor, clip: float) -> Tensor:
    ratio = log_ratio.exp()
    credit = torch.nan_to_num(advantage)
    gain = torch.minimum(ratio * credit, ratio.clamp(1 - clip, 1 + clip) * credit)
    return _masked_mean(-gain, made & ~torch.isnan(advantage))


def _divergence(log_ratio: Tensor) -> Tensor:
    """Return the low-variance estimate of the divergence from the policy that played."""
    return log_ratio.exp() - 1 - log_ratio


def _entropy(log_probabilities: Tensor, owner: Tensor, num_owners: int) -> Tensor:
    return _sum_by_owner(-log_probabilities.exp() * log_probabilities, owner, num_owners)


def _sum_by_owner(values: Tensor, owner: Tensor, num_owners: int) -> Tensor:
    return torch.zeros(num_owners).index_add(0, owner, values)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def _masked_square(values: Tensor, targets: Tensor) -> Tensor:
    return _masked_mean((values - torch.nan_to_num(targets)) ** 2, ~torch.isnan(targets))
