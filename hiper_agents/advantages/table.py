"""The table of estimators: what each is called, what it reads, and the settings that it reads it by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hiper_agents.advantages.beacon import estimate_beacon
from hiper_agents.advantages.g2po import estimate_g2po
from hiper_agents.advantages.gae import estimate_gae
from hiper_agents.advantages.gigpo import estimate_gigpo
from hiper_agents.advantages.graphgpo import estimate_graphgpo
from hiper_agents.advantages.graphs import GraphConfig
from hiper_agents.advantages.groups import (
    GroupConfig,
    credit_choices,
    estimate_dr_grpo,
    estimate_grpo,
    estimate_rloo,
)
from hiper_agents.advantages.hae import TRUNCATIONS, Advantages, HAEConfig, estimate_hae
from hiper_agents.advantages.marks import Labels
from hiper_agents.advantages.reinforce import ReinforceConfig, estimate_reinforce
from hiper_agents.advantages.segment_traces import CONTINUATIONS, SegmentTraceConfig, estimate_segment_traces
from hiper_agents.advantages.shaping import ShapingConfig
from hiper_agents.advantages.turns import Booleans, Turns
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, tell_wrong_type


@dataclass(frozen=True)
class Preset:
    """Everything that decides what an update sees of a batch of turns."""

    hae: HAEConfig = field(default_factory=HAEConfig)
    """Discount of every estimator; trace decays and truncation of those that read values (of segment_traces and
    decision_gae `lambda_low` is the trace)."""
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    """Penalties added to the rewards first."""
    normalises: bool = True
    """Whether each kind of advantage is brought to mean 0 and deviation 1."""
    estimator: str = "hae"
    """A name in `ESTIMATORS`."""
    segment_traces: SegmentTraceConfig = field(default_factory=SegmentTraceConfig)
    """What segment_traces has beside."""
    groups: GroupConfig = field(default_factory=GroupConfig)
    """What the estimators on groups have beside."""
    graphs: GraphConfig = field(default_factory=GraphConfig)
    """What those on graphs of states have beside; their `normalise_std` is the one here."""
    reinforce: ReinforceConfig = field(default_factory=ReinforceConfig)
    """What reinforce has beside."""

    def __post_init__(self) -> None:
        for name, kind in _SETTINGS.items():
            if not isinstance(getattr(self, name), kind):
                raise tell_wrong_type(name, f"of type {kind.__name__}", getattr(self, name))
        check_flag(self.normalises, "normalises")
        check_choice(self.estimator, ESTIMATORS, "estimator")
        allowed = ESTIMATORS[self.estimator].truncations
        check_choice(self.hae.truncation, allowed, f"truncation of the estimator {self.estimator}")


OPTIONS: dict[str, type[Any]] = {
    "segment_traces": SegmentTraceConfig,
    "groups": GroupConfig,
    "graphs": GraphConfig,
    "reinforce": ReinforceConfig,
}
"""Fields of a preset that hold what some estimators have beside discount and trace decays."""
_SETTINGS: dict[str, type[Any]] = {"hae": HAEConfig, "shaping": ShapingConfig, **OPTIONS}


def sort_options(options: Mapping[str, Any], estimator: str) -> dict[str, Any]:
    """Return an estimator's options as the fields of a preset that hold them.

    Args:
        options: Values by the names of the fields of the kinds in `OPTIONS`.
        estimator: Name of the estimator; what one that does not exist reads is not checked.

    Raises:
        TypeError: A value is of another kind.
        ValueError: There is no such option, the estimator does not read it, or a value is out of range.
    """
    names = {holder: {each.name for each in fields(kind)} for holder, kind in OPTIONS.items()}
    read = ESTIMATORS[estimator].options if estimator in ESTIMATORS else None
    for option in options:
        check_choice(option, sorted(set().union(*names.values())), "estimator option")
        if read is not None and option not in read:
            raise ValueError(
                f"the estimator {estimator} does not read {option}; it reads {', '.join(read) or 'no options'};"
                " leave it out, or choose an estimator that reads it"
            )
    return {
        holder: kind(**{option: value for option, value in options.items() if option in names[holder]})
        for holder, kind in OPTIONS.items()
    }


@dataclass(frozen=True)
class Estimator:
    """An entry of the table: how advantages are estimated, and what that takes."""

    estimate: Callable[..., Advantages]
    """From turns, a preset, and the marks that it reads by their names."""
    marks: tuple[str, ...] = ()
    """Fields of `TurnMarks` that it reads; they must be given."""
    further_marks: tuple[str, ...] = ()
    """Fields of `TurnMarks` that it reads where they are given."""
    options: tuple[str, ...] = ()
    """What it reads of the settings in `OPTIONS`, by the names of their fields."""
    uses_values: bool = True
    """Whether it reads values, and gives returns for them to learn; if not, returns are NaN."""
    truncations: tuple[str, ...] = TRUNCATIONS
    """The rules for truncated episodes that it knows; without values none is read."""


def _estimate_segment_traces(turns: Turns, preset: Preset) -> Advantages:
    hae, traces = preset.hae, preset.segment_traces
    return estimate_segment_traces(
        turns, hae.discount, hae.lambda_low, traces.kappa, traces.kappa_high, truncation=hae.truncation
    )


def _estimate_decision_gae(turns: Turns, preset: Preset) -> Advantages:
    hae = preset.hae
    return estimate_segment_traces(turns, hae.discount, hae.lambda_low, kappa=1.0, truncation=hae.truncation)


def _estimate_reinforce(turns: Turns, preset: Preset) -> Advantages:
    return estimate_reinforce(turns, preset.hae.discount, preset.reinforce.baseline, preset.hae.truncation)


def _estimate_dr_grpo(turns: Turns, preset: Preset, group: Labels) -> Advantages:
    return credit_choices(turns, estimate_dr_grpo(turns, group, preset.groups.by))


def _estimate_graphgpo(
    turns: Turns,
    preset: Preset,
    group: Labels,
    state: Labels,
    success: Booleans | None = None,
    final_state: Labels | None = None,
) -> Advantages:
    groups, graphs = preset.groups, preset.graphs
    credit = estimate_graphgpo(
        turns,
        group,
        state,
        success,
        final_state,
        groups.weight,
        graphs.normalise_std,
        groups.by,
        graphs.among,
        graphs.episode_weight,
        graphs.distance_discount,
    )
    return credit_choices(turns, credit)


def _estimate_g2po(turns: Turns, preset: Preset, group: Labels, state: Labels) -> Advantages:
    groups, graphs = preset.groups, preset.graphs
    credit = estimate_g2po(
        turns,
        group,
        state,
        preset.hae.discount,
        groups.weight,
        graphs.normalise_std,
        groups.by,
        graphs.among,
        graphs.episode_weight,
    )
    return credit_choices(turns, credit)


def _estimate_grpo(turns: Turns, preset: Preset, group: Labels) -> Advantages:
    groups = preset.groups
    return credit_choices(turns, estimate_grpo(turns, group, groups.normalise_std, groups.by))


def _estimate_rloo(turns: Turns, preset: Preset, group: Labels) -> Advantages:
    return credit_choices(turns, estimate_rloo(turns, group, preset.groups.by))


def _estimate_gigpo(turns: Turns, preset: Preset, group: Labels, state: Labels) -> Advantages:
    groups = preset.groups
    credit = estimate_gigpo(turns, group, state, preset.hae.discount, groups.weight, groups.normalise_std, by=groups.by)
    return credit_choices(turns, credit)


def _estimate_beacon(turns: Turns, preset: Preset, group: Labels, milestone: Booleans) -> Advantages:
    groups = preset.groups
    credit = estimate_beacon(
        turns,
        group,
        milestone,
        preset.hae.discount,
        groups.weight,
        groups.normalise_std,
        by=groups.by,
        milestone_reward=groups.milestone_reward,
    )
    return credit_choices(turns, credit)


_OF_GRAPHS = ("weight", "by", "normalise_std", "among", "episode_weight")

ESTIMATORS: Mapping[str, Estimator] = {
    "hae": Estimator(lambda turns, preset: estimate_hae(turns, preset.hae)),
    "gae": Estimator(lambda turns, preset: estimate_gae(turns, preset.hae)),
    "segment_traces": Estimator(_estimate_segment_traces, options=("kappa", "kappa_high"), truncations=CONTINUATIONS),
    "decision_gae": Estimator(_estimate_decision_gae, truncations=CONTINUATIONS),
    "reinforce": Estimator(_estimate_reinforce, options=("baseline",), truncations=CONTINUATIONS),
    "grpo": Estimator(_estimate_grpo, ("group",), options=("normalise_std", "by"), uses_values=False),
    "dr_grpo": Estimator(_estimate_dr_grpo, ("group",), options=("by",), uses_values=False),
    "rloo": Estimator(_estimate_rloo, ("group",), options=("by",), uses_values=False),
    "gigpo": Estimator(
        _estimate_gigpo, ("group", "state"), options=("weight", "normalise_std", "by"), uses_values=False
    ),
    "beacon": Estimator(
        _estimate_beacon,
        ("group", "milestone"),
        options=("weight", "normalise_std", "by", "milestone_reward"),
        uses_values=False,
    ),
    "graphgpo": Estimator(
        _estimate_graphgpo,
        ("group", "state"),
        further_marks=("success", "final_state"),
        options=(*_OF_GRAPHS, "distance_discount"),
        uses_values=False,
    ),
    "g2po": Estimator(_estimate_g2po, ("group", "state"), options=_OF_GRAPHS, uses_values=False),
}
