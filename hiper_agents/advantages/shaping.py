"""Reward shaping on declared segments: what a KEEP, an invalid action or a changed copy costs."""

from dataclasses import dataclass

import numpy as np

from hiper_agents.advantages.marks import TurnMarks
from hiper_agents.advantages.turns import LARGEST, Booleans, Floats, Integers, Turns, as_integers, as_mask, check_count
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag, check_number

KEEP_MODES = ("fixed", "normalized")


@dataclass(frozen=True)
class ShapingConfig:
    """Amounts added to the reward before advantages are estimated; 0 turns each of them off."""

    keep_reward: float = 0.0
    """Added at each KEEP turn; HiPER uses negative values."""
    keep_mode: str = "fixed"
    """fixed: the amount as it is. normalized, as the released code calls it: divided by the episode's turns."""
    invalid_penalty: float = 0.0
    """Taken off at each turn whose action was not valid."""
    consistency_reward: float = 0.0
    """Added at each KEEP turn after the first whose written subgoal differs from the previous turn's. The copy
    on a KEEP turn has no influence on the episode (the parser ignores it), and its tokens get no gradient."""
    consistency_needs_both: bool = True
    """Whether a turn without subgoal text is left alone; if not, a missing text counts as a difference."""

    def __post_init__(self) -> None:
        check_choice(self.keep_mode, KEEP_MODES, "keep mode")
        check_flag(self.consistency_needs_both, "consistency_needs_both")
        for name in ("keep_reward", "invalid_penalty", "consistency_reward"):
            check_number(getattr(self, name), name, -LARGEST, LARGEST)


def shape_rewards(turns: Turns, config: ShapingConfig, marks: TurnMarks | None = None) -> Floats:
    """Return the rewards with the shaping added, shape [turns], in the rows' order.

    Turn 0 counts as a KEEP turn when the agent did not write SWITCH there, though it opens a segment.

    Args:
        turns: Whole episodes.
        config: The amounts.
        marks: Validity and subgoal ids; needed for the penalties that read them.

    Raises:
        TypeError: A mark holds something else than booleans or ids.
        ValueError: A penalty is set and the mark that it reads is missing, or a mark has not one entry a turn.
    """
    marks = marks or TurnMarks()
    keeps = ~turns.switch
    keep = np.full(len(turns), config.keep_reward)
    if config.keep_mode == "normalized":
        keep = keep / turns.num_turns[turns.episode_index]
    reward = turns.reward + np.where(keeps, keep, 0.0)
    if config.invalid_penalty:
        if marks.valid is None:
            raise ValueError("invalid_penalty is set but the turns' validity is not given; pass TurnMarks(valid=...)")
        reward = reward - config.invalid_penalty * ~as_mask(marks.valid, "TurnMarks.valid", len(turns))
    if config.consistency_reward:
        if marks.subgoal is None:
            raise ValueError("consistency_reward is set but no subgoal ids are given; pass TurnMarks(subgoal=...)")
        subgoal = as_integers(marks.subgoal, "TurnMarks.subgoal")
        check_count(subgoal, "TurnMarks.subgoal", len(turns))
        changed = _changes_copy(turns, subgoal, config.consistency_needs_both)
        reward = reward + np.where(keeps & changed, config.consistency_reward, 0.0)
    return reward


def _changes_copy(turns: Turns, subgoal: Integers, needs_both: bool) -> Booleans:
    """Return whether a turn's subgoal text differs from the one of the turn before; never at turn 0."""
    now, before = turns.order[1:], turns.order[:-1]
    has_both = (subgoal[now] >= 0) & (subgoal[before] >= 0)
    differs = subgoal[now] != subgoal[before]
    changed = np.zeros(len(turns), dtype=bool)
    changed[now] = (has_both & differs) if needs_both else (differs | ~has_both)
    return changed & (turns.turn > 0)
