"""Advantages over flat arrays of turns: hierarchical (HAE) and flat (GAE), in numpy alone."""

from hiper_agents.advantages.compute import ESTIMATORS, PRESETS, Preset, compute_advantages, find_preset
from hiper_agents.advantages.gae import estimate_gae
from hiper_agents.advantages.hae import TRUNCATIONS, Advantages, HAEConfig, estimate_hae
from hiper_agents.advantages.normalise import Masks, explained_variance, normalise, normalise_advantages
from hiper_agents.advantages.shaping import ShapingConfig, TurnMarks, shape_rewards
from hiper_agents.advantages.turns import Turns

__all__ = [
    "ESTIMATORS",
    "PRESETS",
    "TRUNCATIONS",
    "Advantages",
    "HAEConfig",
    "Masks",
    "Preset",
    "ShapingConfig",
    "TurnMarks",
    "Turns",
    "compute_advantages",
    "estimate_gae",
    "estimate_hae",
    "explained_variance",
    "find_preset",
    "normalise",
    "normalise_advantages",
    "shape_rewards",
]
