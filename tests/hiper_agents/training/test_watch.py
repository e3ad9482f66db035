"""What goes wrong in a run is told, and nothing else is."""

import math

import numpy as np
import pytest

from hiper_agents.training.disturbance import Disturber
from hiper_agents.training.watch import find_troubles

SOUND = {"entropy": 0.8, "valid": 0.9, "kl": 0.01, "explained_action": 0.4, "explained_switch": 0.3, "policy": 0.0}


def test_a_sound_update_is_not_told_of() -> None:
    assert not list(find_troubles(SOUND, 0.03))
    assert not list(find_troubles({}, 0.03))
    assert not list(find_troubles(SOUND | {"explained_action": math.nan}, 0.03))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"entropy": 0.001}, "hardly draws any more"),
        ({"valid": 0.0}, "none of the replies"),
        ({"valid": 0.3}, "only 30% of the replies"),
        ({"kl": 0.2}, "lower lr"),
        (
            {"explained_action": -0.3, "explained_switch": 0.0},
            "the values before action and switch explain next to nothing",
        ),
        ({"value": math.inf}, "value is no number"),
    ],
)
def test_each_trouble_is_one_sentence(change: dict[str, float], told: str) -> None:
    [trouble] = find_troubles(SOUND | change, 0.03)
    assert told in trouble


def test_disturbances_fail_or_lead_astray() -> None:
    admissible = ["go to desk 1", "go to shelf 2", "look"]
    disturber = Disturber(0.5, np.random.default_rng(0))
    drawn = [disturber.draw("go to desk 1", admissible) for _ in range(400)]
    others = [action for action in drawn if action is not None]
    assert 0.5 < len(others) / len(drawn) < 0.95  # a burst of failures is longer than a turn
    failed = [action for action in others if action not in admissible]
    assert 0.5 < len(failed) / len(others) < 0.95 and all(action.startswith("go to ") for action in failed)
    assert not any(Disturber(0.0, np.random.default_rng(0)).draw("look", admissible) for _ in range(50))
