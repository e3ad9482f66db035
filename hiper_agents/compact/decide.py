"""The three decisions of a turn, drawn from the network for many episodes at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from hiper_agents.compact.network import CompactNetwork, batch_choices, batch_views
from hiper_agents.compact.notes import Choices, Notes, View

UNSET = -1


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
    logits = network.score_switch(encoded).double().numpy()
    log_switch = -np.logaddexp(0.0, np.stack([logits, -logits], axis=1))  # [turns, KEEP or SWITCH]
    log_subgoals = _split(network.score_subgoals(encoded), [len(view.subgoals) for view in views])
    chooses_switch = [each.has_subgoals and each.current >= 0 for each in notes]
    switches = [bool(_draw(scores, rng, temperature)) for scores in log_switch]
    is_boundary = [
        each.current < 0 or (asked and switch)
        for each, asked, switch in zip(notes, chooses_switch, switches, strict=True)
    ]
    drawn = [_draw(scores, rng, temperature) for scores in log_subgoals]
    subgoals = [
        choice if opens else each.current for each, choice, opens in zip(notes, drawn, is_boundary, strict=True)
    ]
    chosen = torch.tensor(subgoals)
    choices = [each.choices(each.candidates[subgoal]) for each, subgoal in zip(notes, subgoals, strict=True)]
    scores = network.score_actions(encoded, chosen, batch_choices(choices))
    log_actions = _split(scores, [len(each.actions) for each in choices])
    value_high, value_switch = (values.tolist() for values in network.values_before(encoded))
    value_low = network.value_of_subgoal(encoded, chosen).tolist()
    decisions = []
    for k, each in enumerate(notes):
        action = _draw(log_actions[k], rng, temperature)
        chooses_subgoal = is_boundary[k] and each.has_subgoals
        decisions.append(
            Decision(
                view=views[k],
                choices=choices[k],
                chooses_switch=chooses_switch[k],
                is_boundary=is_boundary[k],
                chooses_subgoal=chooses_subgoal,
                subgoal=subgoals[k],
                action=action,
                log_switch=float(log_switch[k][int(switches[k])]) if chooses_switch[k] else 0.0,
                log_subgoal=float(log_subgoals[k][drawn[k]]) if chooses_subgoal else 0.0,
                log_action=float(log_actions[k][action]),
                value_switch=value_switch[k],
                value_high=value_high[k],
                value_low=value_low[k],
            )
        )
    return decisions


def _split(scores: torch.Tensor, counts: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    return np.split(scores.double().numpy(), np.cumsum(counts)[:-1])


def _draw(scores: npt.NDArray[np.float64], rng: np.random.Generator | None, temperature: float) -> int:
    """Draw a position from log-probabilities, by adding Gumbel noise; without `rng`, take the best."""
    if rng is None:
        return int(np.argmax(scores))
    return int(np.argmax(scores / temperature + rng.gumbel(size=len(scores))))
