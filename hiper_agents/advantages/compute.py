"""The table of estimators, named settings of the whole road from rewards to advantages, and that road itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from hiper_agents.advantages.gae import estimate_gae
from hiper_agents.advantages.hae import Advantages, HAEConfig, estimate_hae
from hiper_agents.advantages.normalise import Masks, apply_masks, normalise_advantages
from hiper_agents.advantages.shaping import ShapingConfig, TurnMarks, shape_rewards
from hiper_agents.advantages.turns import Turns
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag

Estimator = Callable[[Turns, HAEConfig], Advantages]
ESTIMATORS: Mapping[str, Estimator] = {"hae": estimate_hae, "gae": estimate_gae}


@dataclass(frozen=True)
class Preset:
    """Everything that decides what an update sees of a batch of turns."""

    hae: HAEConfig = field(default_factory=HAEConfig)
    """Discount, trace decays, truncation."""
    shaping: ShapingConfig = field(default_factory=ShapingConfig)
    """Penalties added to the rewards first."""
    normalises: bool = True
    """Whether each kind of advantage is brought to mean 0 and deviation 1."""
    estimator: str = "hae"
    """A name in `ESTIMATORS`."""

    def __post_init__(self) -> None:
        check_choice(self.estimator, ESTIMATORS, "estimator")
        check_flag(self.normalises, "normalises")


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
        marks: Validity and subgoal ids for the shaping.
        masks: Turns that own action, subgoal and switch tokens; NaN is put at the others.

    Returns:
        Advantages in the rows' order, and the returns the value heads are to learn.

    Raises:
        TypeError: A mask or mark of another kind than booleans or ids.
        ValueError: A preset that does not exist, a mask or mark of another shape or one that is missing, or shaped
            rewards that are not finite.
    """
    chosen = preset if isinstance(preset, Preset) else find_preset(preset)
    shaped = replace(turns, reward=shape_rewards(turns, chosen.shaping, marks))
    advantages = ESTIMATORS[chosen.estimator](shaped, chosen.hae)
    if chosen.normalises:
        return normalise_advantages(advantages, masks)
    return apply_masks(advantages, masks or Masks())
