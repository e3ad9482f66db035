"""Segments for agents that declare none: the milestones on the way to a goal, and how well declared segments fit them.

A milestone is something a goal needs that has become true for the first time: the target seen, held, cleaned, ... A
milestone is reached on the turn whose action brought it about, and ends a segment there.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import gymnasium as gym

from hiper_envs.episodes.record import Episode
from hiper_envs.reply import Reply
from hiper_envs.segments import Segment, SegmentTracker, name_end


class Milestones(Protocol):
    """What an environment's `make_milestones` returns: watches one episode.

    Attributes:
        names: All milestones of the goal, in the order of a direct way to it.
    """

    names: tuple[str, ...]

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""


class MilestoneWrapper(gym.Wrapper[str, str, str, str], gym.utils.RecordConstructorArgs):
    """Says in `info` which milestones are reached and where they cut the episode; never in the observation.

    It goes inside `SubgoalWrapper` where both are wanted. Added to `info`:

    * `milestones`: the names of all milestones reached so far, in the order in which they were; `new_milestones`:
      those of this turn; `all_milestones`: all that the goal has.
    * `milestone_segment`: `index`, `subgoal` (the milestone ahead), `is_boundary`, `age`, as `info["segment"]` of
      `SubgoalWrapper`; the turn after a milestone opens a segment. `milestone_segments`: at the end, all of them.

    Raises:
        ValueError: The environment has no milestones.
    """

    def __init__(self, env: gym.Env[str, str]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        if not hasattr(env.unwrapped, "make_milestones"):
            raise ValueError(f"{env.unwrapped} has no milestones: it needs a method make_milestones()")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode without milestones."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._milestones: Milestones = self.env.get_wrapper_attr("make_milestones")()
        self._reached: list[str] = []
        self._tracker = SegmentTracker()
        self._is_due = True
        segment = {"index": -1, "subgoal": "", "is_boundary": False, "age": 0}
        return observation, {**info, **self._describe([]), "milestone_segment": segment}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take an action and say what it reached."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        segment = self._tracker.declare(Reply(action, self._ahead(), self._is_due))
        self._tracker.earn(float(reward))
        new = self._milestones.watch(action, observation)
        self._reached += new
        self._is_due = bool(new)
        info = {**info, **self._describe(new), "milestone_segment": segment}
        if terminated or truncated:
            info["milestone_segments"] = self._tracker.finish(name_end(terminated, info))
        return observation, float(reward), terminated, truncated, info

    def _ahead(self) -> str:
        return next((name for name in self._milestones.names if name not in self._reached), "")

    def _describe(self, new: list[str]) -> dict[str, Any]:
        return {
            "milestones": list(self._reached),
            "new_milestones": new,
            "all_milestones": list(self._milestones.names),
        }


class Agreement(NamedTuple):
    """How declared boundaries fit the milestones of one episode or of many.

    Attributes:
        num_hits: Boundaries that follow a milestone.
        num_declared: Boundaries that the agent declared; an episode's first turn, which is one always, left out.
        num_reached: Turns that reached milestones and were followed by another turn.
    """

    num_hits: int
    num_declared: int
    num_reached: int

    @property
    def precision(self) -> float:
        """Share of declared boundaries that follow a milestone; nan without any."""
        return self.num_hits / self.num_declared if self.num_declared else float("nan")

    @property
    def recall(self) -> float:
        """Share of milestones that a declared boundary follows; nan without any."""
        return self.num_hits / self.num_reached if self.num_reached else float("nan")

    def __add__(self, other: tuple[object, ...]) -> "Agreement":
        """Pool two agreements."""
        if not isinstance(other, Agreement):
            raise TypeError(f"an Agreement adds to an Agreement, not to {type(other).__name__}")
        return Agreement(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def measure_agreement(declared: Sequence[Segment], by_milestones: Sequence[Segment]) -> Agreement:
    """Compare where the agent cut an episode with where its milestones cut it.

    Args:
        declared: Segments of one episode from `SubgoalWrapper`.
        by_milestones: Segments of the same episode from `MilestoneWrapper`.

    Raises:
        ValueError: They are not of one episode, because their numbers of turns differ.
    """
    ends = [segments[-1].end if segments else 0 for segments in (declared, by_milestones)]
    if ends[0] != ends[1]:
        raise ValueError(f"these are segments of two episodes, of {ends[0]} and {ends[1]} turns")
    return _compare_cuts(*({segment.start for segment in segments[1:]} for segments in (declared, by_milestones)))


def measure_record(episode: Episode) -> Agreement:
    """Compare where the agent cut a recorded episode with where the recorded milestones cut it.

    An episode that nobody watched for milestones counts as nothing.
    """
    if not episode.milestones:
        return Agreement(0, 0, 0)
    reached = {turn.number + 1 for turn in episode.turns[:-1] if turn.milestones}
    return _compare_cuts({segment.start for segment in episode.segments[1:]}, reached)


def _compare_cuts(declared: set[int], reached: set[int]) -> Agreement:
    return Agreement(len(declared & reached), len(declared), len(reached))
