"""A turn of the compact policy: what it chose, and from which features."""

from dataclasses import dataclass

from hiper_agents.policies.compact.memory import ActionFeatures, TurnFeatures


@dataclass(frozen=True, eq=False)
class CompactDecision:
    """What was decided at a turn, and how likely and how good the network found it.

    Attributes:
        features: The turn as it was seen before anything was decided.
        actions: The actions as they looked under the subgoal.
        reply: The whole reply that says what was decided.
        command: The action's text.
        chooses_switch: Whether there was a KEEP or SWITCH to choose: a segment was open and the policy has subgoals.
        is_boundary: Whether a segment opens.
        chooses_subgoal: Whether a subgoal was chosen: at boundaries, if the policy has subgoals.
        subgoal: Position of the subgoal among the candidates.
        action: Position of the action among the memory's; -1 for somebody else's that is none of them.
        log_switch: Log-probability of the choice between KEEP and SWITCH; 0 where there was none.
        log_subgoal: Log-probability of the subgoal; 0 where none was chosen.
        log_action: Log-probability of the action.
        value_switch: Value before KEEP or SWITCH.
        value_high: Value before a subgoal.
        value_low: Value of state and subgoal.
    """

    features: TurnFeatures
    actions: ActionFeatures
    reply: str
    command: str
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

    @property
    def chooses_action(self) -> bool:
        """Whether the action is one that the policy could choose."""
        return self.action >= 0
