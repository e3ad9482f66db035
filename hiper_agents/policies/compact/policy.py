"""The compact policy: the three choices of a turn, drawn from a small network for many episodes at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from hiper_agents.policies.compact.decision import CompactDecision
from hiper_agents.policies.compact.memory import Memory
from hiper_agents.policies.compact.network import (
    ActionBatch,
    CompactNetwork,
    Encoded,
    batch_actions,
    batch_turns,
    sum_by_turn,
)
from hiper_agents.policies.compact.worlds import open_memory
from hiper_agents.policies.policy import Kind, Rows, Units
from hiper_envs.reply import Reply, write_reply


@dataclass(frozen=True, eq=False)
class CompactBatch:
    """Decisions of several turns as the network reads them; tensors of shape [turns]."""

    encoded: Encoded
    actions: ActionBatch
    subgoal: Tensor
    action: Tensor
    switches: Tensor
    made: Mapping[Kind, Tensor]
    log_old: Mapping[Kind, Tensor]


@dataclass(frozen=True, eq=False)
class _Distributions:
    """Log-probabilities of everything that could have been chosen.

    Attributes:
        keep: KEEP, [turns].
        switch: SWITCH, [turns].
        subgoals: The candidates of all turns in one list.
        actions: The actions of all turns in one list.
    """

    keep: Tensor
    switch: Tensor
    subgoals: Tensor
    actions: Tensor


class CompactPolicy:
    """Chooses by a `CompactNetwork` over what it remembers of the texts.

    Args:
        network: The weights; fresh ones by default.
        has_subgoals: False for a flat policy: one segment, no subgoal, every reply an action with KEEP.
    """

    def __init__(self, network: CompactNetwork | None = None, has_subgoals: bool = True) -> None:
        self.network = network or CompactNetwork()
        self.has_subgoals = has_subgoals

    def copy(self) -> CompactPolicy:
        """Return the same policy with weights of its own, which nobody trains."""
        return CompactPolicy(copy.deepcopy(self.network).requires_grad_(False), self.has_subgoals)

    def open_memory(self, observation: str, info: Mapping[str, Any]) -> Memory:
        """Return the memory of an episode that begins with this observation."""
        return open_memory(observation, info, self.has_subgoals)

    @torch.no_grad()
    def decide(
        self, memories: Sequence[Memory], rng: np.random.Generator | None = None, temperature: float = 1.0
    ) -> list[CompactDecision]:
        """Decide a turn of several episodes, see `Policy.decide`.

        Args:
            memories: Of the episodes.
            rng: Draws the decisions; None takes the likeliest ones.
            temperature: Of the draws; 0 takes the likeliest ones.
        """
        network = self.network
        features = [memory.features() for memory in memories]
        encoded = network.encode(batch_turns(features))
        starts = _draw_segments(network, encoded, memories, rng, temperature)
        subgoals = torch.tensor([start.subgoal for start in starts])
        chosen = [memory.candidates[start.subgoal] for memory, start in zip(memories, starts, strict=True)]
        actions = [memory.action_features(subgoal) for memory, subgoal in zip(memories, chosen, strict=True)]
        scores = network.score_actions(encoded, subgoals, batch_actions(actions))
        log_actions = _split(scores, [len(each.features) for each in actions])
        drawn = [_draw(each, rng, temperature) for each in log_actions]
        value_high, value_switch = (values.tolist() for values in network.values_before(encoded))
        value_low = network.value_of_subgoal(encoded, subgoals).tolist()
        return [
            CompactDecision(
                features=features[k],
                actions=actions[k],
                reply=self._write(memories[k].actions[drawn[k]], chosen[k], start.is_boundary),
                command=memories[k].actions[drawn[k]],
                chooses_switch=start.chooses_switch,
                is_boundary=start.is_boundary,
                chooses_subgoal=start.is_boundary and self.has_subgoals,
                subgoal=start.subgoal,
                action=drawn[k],
                log_switch=start.log_switch,
                log_subgoal=start.log_subgoal,
                log_action=float(log_actions[k][drawn[k]]),
                value_switch=value_switch[k],
                value_high=value_high[k],
                value_low=value_low[k],
            )
            for k, start in enumerate(starts)
        ]

    def imitate(self, memory: Memory, reply: Reply) -> CompactDecision:
        """Return somebody else's turn as a decision, see `Policy.imitate`.

        A declared subgoal that is no candidate counts as the open one being kept; an action that the policy could not
        choose has the position -1.
        """
        features = memory.features()
        position = memory.find_subgoal(reply.subgoal) if self.has_subgoals else 0
        is_open = memory.current >= 0
        is_boundary = not is_open or (self.has_subgoals and reply.switches and position is not None)
        chosen = (position if position is not None else 0) if is_boundary else memory.current
        subgoal = memory.candidates[chosen]
        return CompactDecision(
            features=features,
            actions=memory.action_features(subgoal),
            reply=self._write(reply.action, subgoal, is_boundary),
            command=reply.action,
            chooses_switch=is_open and self.has_subgoals,
            is_boundary=is_boundary,
            chooses_subgoal=is_boundary and self.has_subgoals and position is not None,
            subgoal=chosen,
            action=memory.find_action(reply.action),
        )

    def correct(self, memory: Any, decision: CompactDecision, wanted: Reply) -> CompactDecision:
        """Return the decision with no choice to learn from, see `Policy.correct`.

        Args:
            memory: Not read.
            decision: What is done.
            wanted: Not read.
        """
        return replace(decision, chooses_switch=False, chooses_subgoal=False, action=-1)

    def _write(self, action: str, subgoal: str, is_boundary: bool) -> str:
        return write_reply(action, subgoal, is_boundary) if self.has_subgoals else write_reply(action)

    def divide(self, decisions: Sequence[CompactDecision]) -> Units:
        """Return every decision as a unit of its own: what it was made from is its features alone."""
        return Units(np.arange(len(decisions)), np.ones(len(decisions), dtype=np.int64))

    def encode(self, decisions: Sequence[CompactDecision], *, learns_values_alone: bool = False) -> CompactBatch:
        """Read the turns of some decisions as one batch; values and policy share weights that both change."""
        action = torch.tensor([decision.action for decision in decisions])
        return CompactBatch(
            encoded=self.network.encode(batch_turns([decision.features for decision in decisions])),
            actions=batch_actions([decision.actions for decision in decisions]),
            subgoal=torch.tensor([decision.subgoal for decision in decisions]),
            action=action,
            switches=torch.tensor([decision.is_boundary for decision in decisions]),
            made={
                "action": action >= 0,
                "switch": torch.tensor([decision.chooses_switch for decision in decisions]),
                "subgoal": torch.tensor([decision.chooses_subgoal for decision in decisions]),
            },
            log_old={
                "action": torch.tensor([decision.log_action for decision in decisions]),
                "switch": torch.tensor([decision.log_switch for decision in decisions]),
                "subgoal": torch.tensor([decision.log_subgoal for decision in decisions]),
            },
        )

    def score(self, batch: CompactBatch, reference: CompactPolicy | None = None) -> dict[Kind, Rows]:
        """Return the rows of a batch, one a turn of each kind."""
        ours = self._distributions(batch, batch.encoded)
        first, count = batch.encoded.turns.first, len(batch.action)
        log_new: dict[Kind, Tensor] = {
            "action": ours.actions[batch.actions.first + batch.action.clamp(min=0)],
            "switch": torch.where(batch.switches, ours.switch, ours.keep),
            "subgoal": ours.subgoals[first + batch.subgoal],
        }
        entropy: dict[Kind, Tensor] = {
            "action": sum_by_turn(-ours.actions.exp() * ours.actions, batch.actions.turn, count),
            "switch": -(ours.keep.exp() * ours.keep + ours.switch.exp() * ours.switch),
            "subgoal": sum_by_turn(-ours.subgoals.exp() * ours.subgoals, batch.encoded.turns.turn, count),
        }
        divergence = self._diverge(batch, ours, reference) if reference is not None else {}
        turn = torch.arange(count)
        return {
            kind: Rows(turn, batch.made[kind], batch.log_old[kind], log_new[kind], entropy[kind], divergence.get(kind))
            for kind in log_new
        }

    def values(self, batch: CompactBatch) -> dict[Kind, Tensor]:
        """Return the values before each kind of choice, [turns]; a flat policy has those before actions alone."""
        values: dict[Kind, Tensor] = {"action": self.network.value_of_subgoal(batch.encoded, batch.subgoal)}
        if self.has_subgoals:
            values["subgoal"], values["switch"] = self.network.values_before(batch.encoded)
        return values

    def _distributions(self, batch: CompactBatch, encoded: Encoded) -> _Distributions:
        logit = self.network.score_switch(encoded)
        return _Distributions(
            keep=functional.logsigmoid(-logit),
            switch=functional.logsigmoid(logit),
            subgoals=self.network.score_subgoals(encoded),
            actions=self.network.score_actions(encoded, batch.subgoal, batch.actions),
        )

    def _diverge(self, batch: CompactBatch, ours: _Distributions, reference: CompactPolicy) -> dict[Kind, Tensor]:
        """Return KL(policy, reference) over all that could have been chosen at each turn."""
        turns, count = batch.encoded.turns, len(batch.action)
        with torch.no_grad():
            theirs = reference._distributions(batch, reference.network.encode(turns))
        switches, their_switches = (torch.stack([each.keep, each.switch], dim=-1) for each in (ours, theirs))
        switches = switches.exp() * (switches - their_switches)
        subgoals = ours.subgoals.exp() * (ours.subgoals - theirs.subgoals)
        actions = ours.actions.exp() * (ours.actions - theirs.actions)
        return {
            "action": sum_by_turn(actions, batch.actions.turn, count),
            "switch": switches.sum(dim=-1),
            "subgoal": sum_by_turn(subgoals, turns.turn, count),
        }


class _Start(NamedTuple):
    """The first two choices of a turn."""

    chooses_switch: bool
    is_boundary: bool
    subgoal: int
    log_switch: float
    log_subgoal: float


def _draw_segments(
    network: CompactNetwork,
    encoded: Encoded,
    memories: Sequence[Memory],
    rng: np.random.Generator | None,
    temperature: float,
) -> list[_Start]:
    """Draw KEEP or SWITCH, and a subgoal where a segment opens."""
    logits = network.score_switch(encoded).double().numpy()
    log_switches = -np.logaddexp(0.0, np.stack([logits, -logits], axis=1))  # [turns, KEEP or SWITCH]
    log_subgoals = _split(network.score_subgoals(encoded), torch.bincount(encoded.turns.turn).tolist())
    starts = []
    for memory, switches, subgoals in zip(memories, log_switches, log_subgoals, strict=True):
        chooses_switch = memory.has_subgoals and memory.current >= 0
        # Both are drawn at every turn, so that the stream of chance does not depend on what was decided.
        switch, subgoal = _draw(switches, rng, temperature), _draw(subgoals, rng, temperature)
        is_boundary = memory.current < 0 or (chooses_switch and switch == 1)
        starts.append(
            _Start(
                chooses_switch=chooses_switch,
                is_boundary=is_boundary,
                subgoal=subgoal if is_boundary else memory.current,
                log_switch=float(switches[switch]) if chooses_switch else 0.0,
                log_subgoal=float(subgoals[subgoal]) if is_boundary and memory.has_subgoals else 0.0,
            )
        )
    return starts


def _split(scores: Tensor, counts: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    return np.split(scores.double().numpy(), np.cumsum(counts)[:-1])


def _draw(scores: npt.NDArray[np.float64], rng: np.random.Generator | None, temperature: float) -> int:
    """Draw a position from log-probabilities, by adding Gumbel noise; without `rng`, take the best."""
    if rng is None:
        return int(np.argmax(scores))
    return int(np.argmax(scores / temperature + rng.gumbel(size=len(scores))))
