"""The three decisions of a turn, drawn from the network for many episodes at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hiper_agents.policies.compact.network import CompactNetwork, Encoded, batch_choices, batch_views
from hiper_agents.policies.compact.notes import Choices, Notes, View


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided at a turn, and how likely and how good the network found it.

    Attributes:
        view: What was seen.
        choices: The admissible actions under the subgoal.
        chooses_switch: Whether there was a KEEP or SWITCH to choose: a segment was open and the agent has subgoals.
        is_boundary: Whether a segment opens.
        chooses_subgoal: Whether a subgoal was chosen: at boundaries, if the agent has subgoals.
        subgoal: Position of the subgoal among the candidates.
        action: Position of the action among the admissible ones.
        log_switch: Log-probability of the choice between KEEP and SWITCH; 0 where there was none.
        log_subgoal: Log-probability of the subgoal; 0 where none was chosen.
        log_action: Log-probability of the action.
        value_switch: Value before KEEP or SWITCH.
        value_high: Value before a subgoal.
        value_low: Value of state and subgoal.
    """

    view: View
    choices: Choices
    chooses_switch: bool
    is_boundary: bool
    chooses_subgoal: bool
    subgoal: int
    action: int
    log_switch: float = 0.0
    log_subgoal: float = 0.0
    log_action: float = 0.0
    value_switch: float = 0.0
    value_high: float = 0.0
    value_low: float = 0.0


def decide(
    network: CompactNetwork, notes: Sequence[Notes], rng: np.random.Generator | None = None, temperature: float = 1.0
) -> list[Decision]:
    """Decide a turn of several episodes.

    Args:
        network: The policy.
        notes: One episode's notes each; every episode must have an admissible action.
        rng: Draws the decisions; None takes the likeliest.
        temperature: Divides the scores before drawing; log-probabilities are reported at temperature 1.

    Returns:
        One decision for each.
    """
    with torch.no_grad():
        return _decide(network, notes, rng, temperature)


def _decide(
    network: CompactNetwork, notes: Sequence[Notes], rng: np.random.Generator | None, temperature: float
) -> list[Decision]:
    views = [each.view() for each in notes]
    encoded = network.encode(batch_views(views))
    starts = _draw_segments(network, encoded, notes, rng, temperature)
    subgoals = torch.tensor([start.subgoal for start in starts])
    choices = [each.choices(each.candidates[start.subgoal]) for each, start in zip(notes, starts, strict=True)]
    scores = network.score_actions(encoded, subgoals, batch_choices(choices))
    log_actions = _split(scores, [len(each.actions) for each in choices])
    actions = [_draw(each, rng, temperature) for each in log_actions]
    value_high, value_switch = (values.tolist() for values in network.values_before(encoded))
    value_low = network.value_of_subgoal(encoded, subgoals).tolist()
    return [
        Decision(
            view=views[k],
            choices=choices[k],
            chooses_switch=start.chooses_switch,
            is_boundary=start.is_boundary,
            chooses_subgoal=start.is_boundary and notes[k].has_subgoals,
            subgoal=start.subgoal,
            action=actions[k],
            log_switch=start.log_switch,
            log_subgoal=start.log_subgoal,
            log_action=float(log_actions[k][actions[k]]),
            value_switch=value_switch[k],
            value_high=value_high[k],
            value_low=value_low[k],
        )
        for k, start in enumerate(starts)
    ]


class _Start(NamedTuple):
    """The first two decisions of a turn."""

    chooses_switch: bool
    is_boundary: bool
    subgoal: int
    log_switch: float
    log_subgoal: float


def _draw_segments(
    network: CompactNetwork,
    encoded: Encoded,
    notes: Sequence[Notes],
    rng: np.random.Generator | None,
    temperature: float,
) -> list[_Start]:
    """Draw KEEP or SWITCH, and a subgoal where a segment opens."""
    logits = network.score_switch(encoded).double().numpy()
    log_switches = -np.logaddexp(0.0, np.stack([logits, -logits], axis=1))  # [turns, KEEP or SWITCH]
    log_subgoals = _split(network.score_subgoals(encoded), torch.bincount(encoded.views.owner).tolist())
    starts = []
    for each, switches, subgoals in zip(notes, log_switches, log_subgoals, strict=True):
        chooses_switch = each.has_subgoals and each.current >= 0
        switch, subgoal = _draw(switches, rng, temperature), _draw(subgoals, rng, temperature)
        is_boundary = each.current < 0 or (chooses_switch and switch == 1)
        starts.append(
            _Start(
                chooses_switch=chooses_switch,
                is_boundary=is_boundary,
                subgoal=subgoal if is_boundary else each.current,
                log_switch=float(switches[switch]) if chooses_switch else 0.0,
                log_subgoal=float(subgoals[subgoal]) if is_boundary and each.has_subgoals else 0.0,
            )
        )
    return starts


def _split(scores: torch.Tensor, counts: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    return np.split(scores.double().numpy(), np.cumsum(counts)[:-1])


def _draw(scores: npt.NDArray[np.float64], rng: np.random.Generator | None, temperature: float) -> int:
    """Draw a position from log-probabilities, by adding Gumbel noise; without `rng`, take the best."""
    if rng is None:
        return int(np.argmax(scores))
    return int(np.argmax(scores / temperature + rng.gumbel(size=len(scores))))
