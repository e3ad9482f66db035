"""A turn of a language model: where its reply stands in the text, and what each of the reply's tokens chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hiper_agents.policies.language.engine import Text
from hiper_agents.policies.policy import Kind


class Lesson(NamedTuple):
    """Tokens to learn, the first where the reply begins, and what each belongs to.

    Each is the next one after those of the reply before it, so all but the last are the reply's own.
    """

    ids: Sequence[int]
    kinds: Sequence[Kind]


@dataclass
class LanguageDecision:
    """What was said at a turn; n tokens.

    Attributes:
        text: All tokens of the episode, of which the reply's are `ids`, from `start` on.
        start: Position of the reply's first token in the text.
        ids: The reply's tokens.
        kinds: What each of them belongs to.
        reply: The whole reply.
        subgoal: The subgoal that it names.
        is_boundary: Whether a segment opens.
        can_switch: Whether a segment was open and the policy has subgoals.
        low_at: Position in the text of the token at which the value of state and subgoal is read: the one that closes
            the subgoal; the last before the reply where none does (HiPER's released code).
        log_old: Log-probability of each token when it was drawn.
        allowed: What each token was drawn from; None for the whole vocabulary.
        lesson: What is to be learned here instead of the reply, where somebody else wanted another; None for the reply.
        finish_reason: Why the reply ended, "stop" or "length"; None for somebody else's.
        value_switch: Value before KEEP or SWITCH.
        value_high: Value before a subgoal.
        value_low: Value of state and subgoal.
    """

    text: Text
    start: int
    ids: tuple[int, ...]
    kinds: list[Kind]
    reply: str
    subgoal: str
    is_boundary: bool
    can_switch: bool
    low_at: int
    log_old: list[float] = field(default_factory=list)
    allowed: list[tuple[int, ...] | None] = field(default_factory=list)
    lesson: Lesson | None = None
    finish_reason: str | None = None
    value_switch: float = 0.0
    value_high: float = 0.0
    value_low: float = 0.0

    @property
    def end(self) -> int:
        """Position after the reply's last token."""
        return self.start + len(self.ids)

    @property
    def learned(self) -> Lesson:
        """The tokens to learn from."""
        return self.lesson or Lesson(self.ids, self.kinds)

    @property
    def chooses_action(self) -> bool:
        """Whether there are tokens of an action to learn from."""
        return "action" in self.learned.kinds

    @property
    def chooses_switch(self) -> bool:
        """Whether there are tokens of a choice between KEEP and SWITCH to learn from."""
        return self.can_switch and "switch" in self.learned.kinds

    @property
    def chooses_subgoal(self) -> bool:
        """Whether there are tokens of a new subgoal to learn from."""
        return "subgoal" in self.learned.kinds
