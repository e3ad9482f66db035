"""What is kept of an episode: every text, reply, action and reward, the segments, and how it ended."""

from typing import Any, Literal, NamedTuple

import msgspec

from hiper_envs.reply import NO_TAGS, Form
from hiper_envs.segments import Reading, Segment, Whole

RECORD_VERSION = 1
MILESTONE_VERSION = 2
"""Version 1 counted some milestones too early: options of other products, other treatments, other places."""
CUT_OFF_REASONS = ("length", "max_tokens")
"""Finish reasons of a reply that ran into the limit of tokens, as the endpoints of different makers say it, in small
letters."""
ErrorKind = Literal["agent", "around"]
_NO_SEGMENTS = ("no complete <switch>...</switch>", "no complete <subgoal>...</subgoal>")


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn.

    Attributes:
        number: Position in the episode, from 0; `turn` in a file.
        reply: The agent's whole reply.
        action: The primitive action that was read from it.
        observation: The text that came back.
        reward: The environment's reward for the turn.
        segment: Index of the turn's segment.
        is_boundary: Whether the turn opened that segment.
        problems: What was wrong with the reply, a sentence each.
        milestones: Milestones that the turn reached, where `MilestoneWrapper` watches.
        seconds: Time that the agent took to reply.
        prompt_tokens: Tokens that the agent's model read for the reply, if the agent says so.
        reply_tokens: Tokens that it wrote.
        cost: What the reply cost, in the currency that the agent counts in.
        finish_reason: Why the model stopped writing, in its endpoint's words, if the agent says so.
        form: Which kind of reply it is, see `hiper_envs.reply`; None in records from before there were kinds.
    """

    number: Whole = msgspec.field(name="turn")
    reply: str
    action: str
    observation: str
    reward: float
    segment: Whole
    is_boundary: bool
    problems: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()
    seconds: float | None = None
    prompt_tokens: Whole | None = None
    reply_tokens: Whole | None = None
    cost: float | None = None
    finish_reason: str | None = None
    form: Form | None = None

    @property
    def is_cut_off(self) -> bool:
        """Whether the reply ended before it was whole: by the limit of tokens, or inside a tag, a part or a thought."""
        return self.form == "truncated" or self._ran_into_limit

    @property
    def _ran_into_limit(self) -> bool:
        return (self.finish_reason or "").lower() in CUT_OFF_REASONS

    @property
    def is_ill_formed(self) -> bool:
        """Whether the reply has no form: it is whole, and neither flat nor react nor hierarchical."""
        if self.is_cut_off:
            return False
        if self.form is not None:
            return self.form == "ill-formed"
        is_flat = self.reply.strip() == self.action
        return bool(self.problems) and not is_flat and self.problems != _NO_SEGMENTS

    @property
    def faults(self) -> tuple[str, ...]:
        """What to tell a reader of the reply, a sentence each: its problems, but for those that it may well have."""
        told = tuple(problem for problem in self.problems if problem != NO_TAGS)
        if self.form is None and not self.is_ill_formed:
            told = ()  # earlier records tell of parts that an agent without segments does not write
        is_untold = self._ran_into_limit and self.form != "truncated"
        return (*told, "cut off: it ran into the limit of tokens") if is_untold else told


class Usage(NamedTuple):
    """What one reply used. An agent that knows keeps the last reply's in an attribute `usage`; two numbers will do.

    Attributes:
        prompt_tokens: Tokens that the model read.
        reply_tokens: Tokens that it wrote.
        cost: Price of the reply, in the currency of whoever gave the prices.
        finish_reason: Why the model stopped, in its endpoint's words: "stop", "length", ...
    """

    prompt_tokens: int | None
    reply_tokens: int | None
    cost: float | None = None
    finish_reason: str | None = None


class Episode(msgspec.Struct, frozen=True, omit_defaults=True):
    """One episode, as played. A crash of the agent is an episode with an `error`.

    Attributes:
        env_id: Gymnasium id of the environment.
        env_options: Options that it was made with.
        task_id: The task.
        seed: Seed of environment and agent.
        agent: Name of the agent.
        instruction: What the task asks for.
        reset_observation: The first text.
        turns: The turns; `steps` in a file.
        segments: The segments that the agent declared.
        score: The environment's score at the end, 0 to 1; 0 after an error.
        success: Whether the goal was reached.
        terminated: Whether the environment ended the episode.
        truncated: Whether the turn limit did.
        error: What the agent failed with, None if it did not.
        error_kind: "agent" if the failure was its own; "around" if its endpoint, the network or the machine failed, so
            that the episode says nothing of the agent.
        seconds: Time from reset to end.
        milestones: All milestones that the goal has, where `MilestoneWrapper` watches.
        reward_parts: What the last reward was made of, by name, where the environment says so (WebShop).
        version: Version of this form of record.
        milestone_version: Version of the rules by which milestones count; 1 where a file does not say.
        reply_version: Version by which the replies were read, see `hiper_envs.reply`; 1 in records that do not say.
        ignores_case: Whether actions were played without regard to case, see `SubgoalWrapper`.
    """

    env_id: str
    env_options: dict[str, Any]
    task_id: str
    seed: Whole
    agent: str
    instruction: str
    reset_observation: str
    turns: list[Turn] = msgspec.field(name="steps")
    segments: list[Segment]
    score: float
    success: bool
    terminated: bool
    truncated: bool
    error: str | None = None
    seconds: float | None = None
    milestones: tuple[str, ...] = ()
    reward_parts: dict[str, float | bool] | None = None
    version: Whole = RECORD_VERSION
    error_kind: ErrorKind = "agent"
    milestone_version: Whole = 1
    reply_version: Whole = 1
    ignores_case: bool = False

    @property
    def reading(self) -> Reading:
        """How the replies were read."""
        return Reading(self.reply_version, self.ignores_case)

    @property
    def failed_around(self) -> bool:
        """Whether it broke off with a failure around the agent, and so says nothing of it."""
        return self.error is not None and self.error_kind == "around"

    @property
    def num_turns(self) -> int:
        """Number of turns played."""
        return len(self.turns)

    @property
    def total_reward(self) -> float:
        """Sum of the rewards of all turns."""
        return sum(turn.reward for turn in self.turns)
