"""What is kept of an episode: every text, reply, action and reward, the segments, and how it ended."""

from typing import Any, NamedTuple

import msgspec

from hiper_envs.segments import Segment

RECORD_VERSION = 1
MILESTONE_VERSION = 2
"""Version 1 counted some milestones too early: options of other products, other treatments, other places."""


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
        problems: What was ill-formed in the reply.
        milestones: Milestones that the turn reached, where `MilestoneWrapper` watches.
        seconds: Time that the agent took to reply.
        prompt_tokens: Tokens that the agent's model read for the reply, if the agent says so.
        reply_tokens: Tokens that it wrote.
    """

    number: int = msgspec.field(name="turn")
    reply: str
    action: str
    observation: str
    reward: float
    segment: int
    is_boundary: bool
    problems: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()
    seconds: float | None = None
    prompt_tokens: int | None = None
    reply_tokens: int | None = None

    @property
    def is_ill_formed(self) -> bool:
        """Whether the reply was ill-formed; one without any tags is a flat agent's and is not."""
        return bool(self.problems) and self.reply.strip() != self.action


class Usage(NamedTuple):
    """Tokens of one reply. An agent that counts them keeps the last reply's in an attribute `usage`."""

    prompt_tokens: int
    reply_tokens: int


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
        seconds: Time from reset to end.
        milestones: All milestones that the goal has, where `MilestoneWrapper` watches.
        reward_parts: What the last reward was made of, by name, where the environment says so (WebShop).
        version: Version of this form of record.
        milestone_version: Version of the rules by which milestones count; 1 where a file does not say.
    """

    env_id: str
    env_options: dict[str, Any]
    task_id: str
    seed: int
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
    version: int = RECORD_VERSION
    milestone_version: int = 1

    @property
    def num_turns(self) -> int:
        """Number of turns played."""
        return len(self.turns)

    @property
    def total_reward(self) -> float:
        """Sum of the rewards of all turns."""
        return sum(turn.reward for turn in self.turns)
