"""Advantages over flat arrays of turns, in numpy alone: with values (HAE, GAE, segment traces) or against a group."""

from hiper_agents.advantages.beacon import estimate_beacon
from hiper_agents.advantages.compute import PRESETS, compute_advantages, find_preset
from hiper_agents.advantages.g2po import estimate_g2po
from hiper_agents.advantages.gae import estimate_gae
from hiper_agents.advantages.gigpo import estimate_gigpo
from hiper_agents.advantages.graphgpo import estimate_graphgpo
from hiper_agents.advantages.graphs import GraphConfig
from hiper_agents.advantages.groups import GroupConfig, estimate_dr_grpo, estimate_grpo, estimate_rloo
from hiper_agents.advantages.hae import TRUNCATIONS, Advantages, HAEConfig, estimate_hae
from hiper_agents.advantages.marks import TurnMarks
from hiper_agents.advantages.normalise import Masks, explained_variance, normalise, normalise_advantages
from hiper_agents.advantages.reinforce import ReinforceConfig, estimate_reinforce
from hiper_agents.advantages.segment_traces import SegmentTraceConfig, estimate_segment_traces
from hiper_agents.advantages.shaping import ShapingConfig, shape_rewards
from hiper_agents.advantages.table import ESTIMATORS, OPTIONS, Estimator, Preset, sort_options
from hiper_agents.advantages.turns import Turns

__all__ = [
    "ESTIMATORS",
    "OPTIONS",
    "PRESETS",
    "TRUNCATIONS",
    "Advantages",
    "Estimator",
    "GraphConfig",
    "GroupConfig",
    "HAEConfig",
    "Masks",
    "Preset",
    "ReinforceConfig",
    "SegmentTraceConfig",
    "ShapingConfig",
    "TurnMarks",
    "Turns",
    "compute_advantages",
    "estimate_beacon",
    "estimate_dr_grpo",
    "estimate_g2po",
    "estimate_gae",
    "estimate_gigpo",
    "estimate_graphgpo",
    "estimate_grpo",
    "estimate_hae",
    "estimate_reinforce",
    "estimate_rloo",
    "estimate_segment_traces",
    "explained_variance",
    "find_preset",
    "normalise",
    "normalise_advantages",
    "shape_rewards",
    "sort_options",
]
