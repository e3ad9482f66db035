"""The table of estimators, named settings of the whole road from rewards to advantages, and that road itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from hiper_agents.advantages.beacon import estimate_beacon
from hiper_agents.advantages.gae import estimate_gae
from hiper_agents.advantages.gigpo import estimate_gigpo
from hiper_agents.advantages.groups import GroupConfig, credit_choices, estimate_grpo, estimate_rloo
from hiper_agents.advantages.hae import TRUNCATIONS, Advantages, HAEConfig, estimate_hae
from hiper_agents.advantages.marks import Labels, TurnMarks
from hiper_agents.advantages.normalise import Masks, apply_masks, normalise_advantages
from hiper_agents.advantages.segment_traces import CONTINUATIONS, SegmentTraceConfig, estimate_segment_traces
from hiper_agents.advantages.shaping import ShapingConfig, shape_rewards
from hiper_agents.advantages.turns import Booleans, Turns
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, tell_wrong_type


@dataclass(frozen=True)
class Preset:
    """Everything that decides what an update sees of a batch of turns."""

    hae: HAEConfig = field(default_factory=HAEConfig)
    """Discount of every estimator; trace decays and truncation of hae, gae and segment_traces (its trace is
    `lambda_low`)."""
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    """Penalties added to the rewards first."""
    normalises: bool = True
    """Whether each kind of advantage is brought to mean 0 and deviation 1."""
    estimator: str = "hae"
    """A name in `ESTIMATORS`."""
    segment_traces: SegmentTraceConfig = field(default_factory=SegmentTraceConfig)
    """What segment_traces has beside."""
    groups: GroupConfig = field(default_factory=GroupConfig)
    """What grpo, rloo, gigpo and beacon have beside."""

    def __post_init__(self) -> None:
        for name, kind in _SETTINGS.items():
            if not isinstance(getattr(self, name), kind):
                raise tell_wrong_type(name, f"of type {kind.__name__}", getattr(self, name))
        check_flag(self.normalises, "normalises")
        check_choice(self.estimator, ESTIMATORS, "estimator")
        allowed = ESTIMATORS[self.estimator].truncations
        check_choice(self.hae.truncation, allowed, f"truncation of the estimator {self.estimator}")


_SETTINGS = {"hae": HAEConfig, "shaping": ShapingConfig, "segment_traces": SegmentTraceConfig, "groups": GroupConfig}


@dataclass(frozen=True)
class Estimator:
    """An entry of the table: how advantages are estimated, and what that takes."""

    estimate: Callable[..., Advantages]
    """From turns, a preset, and the marks that it reads by their names."""
    marks: tuple[str, ...] = ()
    """Fields of `TurnMarks` that it reads; they must be given."""
    uses_values: bool = True
    """Whether it reads values, and gives returns for them to learn; if not, returns are NaN."""
    truncations: tuple[str, ...] = TRUNCATIONS
    """The rules for truncated episodes that it knows; without values none is read."""


def _estimate_segment_traces(turns: Turns, preset: Preset) -> Advantages:
    hae, traces = preset.hae, preset.segment_traces
    return estimate_segment_traces(
        turns, hae.discount, hae.lambda_low, traces.kappa, traces.kappa_high, truncation=hae.truncation
    )


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


ESTIMATORS: Mapping[str, Estimator] = {
    "hae": Estimator(lambda turns, preset: estimate_hae(turns, preset.hae)),
    "gae": Estimator(lambda turns, preset: estimate_gae(turns, preset.hae)),
    "segment_traces": Estimator(_estimate_segment_traces, truncations=CONTINUATIONS),
    "grpo": Estimator(_estimate_grpo, ("group",), uses_values=False),
    "rloo": Estimator(_estimate_rloo, ("group",), uses_values=False),
    "gigpo": Estimator(_estimate_gigpo, ("group", "state"), uses_values=False),
    "beacon": Estimator(_estimate_beacon, ("group", "milestone"), uses_values=False),
}

_RELEASED_HAE = HAEConfig(discount=1.0, lambda_low=1.0, lambda_high=0.95, truncation="released")

PRESETS: dict[str, Preset] = {
    "hiper": Preset(),
    "released-alfworld": Preset(
        _RELEASED_HAE, ShapingConfig(keep_reward=-0.3, invalid_penalty=0.1, consistency_reward=-0.3)
    ),
    "released-webshop": Preset(
        _RELEASED_HAE,
        ShapingConfig(keep_reward=-3.5, keep_mode="normalized", invalid_penalty=0.1, consistency_reward=-0.3),
    ),
}
"""hiper: ours. released-*: the settings and the truncation rule of HiPER's released runs."""


def find_preset(name: str) -> Preset:
    """Return the preset of that name.

    Raises:
        ValueError: There is none; the message lists them and the nearest.
    """
    return PRESETS[check_choice(name, PRESETS, "preset")]


def compute_advantages(
    turns: Turns, preset: Preset | str = "hiper", marks: TurnMarks | None = None, masks: Masks | None = None
) -> Advantages:
    """Shape the rewards, estimate, and normalise, as the preset says.

    Args:
        turns: Whole episodes with the environment's own rewards.
        preset: A preset or its name.
        marks: Validity and subgoal ids for the shaping; groups, states and milestones for the estimators that read
            them.
        masks: Turns that own action, subgoal and switch tokens; NaN is put at the others.

    Returns:
        Advantages in the rows' order, and the returns the value heads are to learn, NaN where there are none.

    Raises:
        TypeError: A mask or mark of another kind than booleans or ids.
        ValueError: A preset that does not exist, a mask or mark of another shape or one that is missing, or shaped
            rewards that are not finite.
    """
    chosen, marks = preset if isinstance(preset, Preset) else find_preset(preset), marks or TurnMarks()
    shaped = replace(turns, reward=shape_rewards(turns, chosen.shaping, marks))
    estimator = ESTIMATORS[chosen.estimator]
    read = {name: _find_mark(marks, name, chosen.estimator) for name in estimator.marks}
    advantages = estimator.estimate(shaped, chosen, **read)
    if chosen.normalises:
        return normalise_advantages(advantages, masks)
    return apply_masks(advantages, masks or Masks())


def _find_mark(marks: TurnMarks, name: str, estimator: str) -> Labels | Booleans:
    """Return a mark that an estimator reads."""
    found: Labels | Booleans | None = getattr(marks, name)
    if found is None:
        raise ValueError(
            f"the estimator {estimator} reads the {name} of every turn, which is not given; pass"
            f" TurnMarks({name}=...), or choose an estimator that needs none, such as hae or gae"
        )
    return found
