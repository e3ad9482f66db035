"""Named settings of the whole road from rewards to advantages, and that road itself."""

from dataclasses import replace

from hiper_agents.advantages.graphs import GraphConfig
from hiper_agents.advantages.groups import GroupConfig
from hiper_agents.advantages.hae import Advantages, HAEConfig
from hiper_agents.advantages.marks import Labels, TurnMarks
from hiper_agents.advantages.normalise import Masks, apply_masks, normalise_advantages
from hiper_agents.advantages.shaping import ShapingConfig, shape_rewards
from hiper_agents.advantages.table import ESTIMATORS, Preset
from hiper_agents.advantages.turns import Booleans, Turns
from webshop_server.allowed_names import check_choice

_RELEASED_HAE = HAEConfig(discount=1.0, lambda_low=1.0, lambda_high=0.95, truncation="released")
_RELEASED_GRAPHS = GraphConfig(among="state", episode_weight=1.0, distance_discount=0.1)

PRESETS: dict[str, Preset] = {
    "hiper": Preset(),
    "hae": Preset(),
    "released-hae": Preset(_RELEASED_HAE),
    "released-alfworld": Preset(
        _RELEASED_HAE, ShapingConfig(keep_reward=-0.3, invalid_penalty=0.1, consistency_reward=-0.3)
    ),
    "released-webshop": Preset(
        _RELEASED_HAE,
        ShapingConfig(keep_reward=-3.5, keep_mode="normalized", invalid_penalty=0.1, consistency_reward=-0.3),
    ),
    "decision-gae": Preset(HAEConfig(lambda_low=0.95), estimator="decision_gae"),
    "released-gigpo": Preset(
        HAEConfig(discount=0.95), normalises=False, estimator="gigpo", groups=GroupConfig(by="turn")
    ),
    "released-beacon": Preset(
        HAEConfig(discount=0.9), normalises=False, estimator="beacon", groups=GroupConfig(weight=10.0, by="turn")
    ),
    "released-graphgpo": Preset(
        normalises=False,
        estimator="graphgpo",
        groups=GroupConfig(by="turn"),
        graphs=_RELEASED_GRAPHS,
    ),
}
"""hiper and hae: ours. released-hae: HAE with the truncation rule and the trace decays of HiPER's released code;
released-alfworld and released-webshop: with the penalties of its runs too. decision-gae: a value before every decision,
trace .95. released-gigpo, -beacon and -graphgpo: discounts and weights of those papers' runs, episodes counted by
turn."""


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
    further = {name: getattr(marks, name) for name in estimator.further_marks}
    advantages = estimator.estimate(shaped, chosen, **read, **further)
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
