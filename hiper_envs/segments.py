"""Segments: the runs of turns under one subgoal, as the agent declares them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import gymnasium as gym
import msgspec

from hiper_envs.arguments import check_options
from hiper_envs.reply import Reply, Spans, parse_reply
from hiper_envs.reply_version import REPLY_VERSION, check_version
from hiper_envs.spaces import UnicodeText
from hiper_envs.spelling import find_spelling
from webshop_server.allowed_types import check_flag

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that any reader of a record can hold."""
EndReason = Literal["switch", "success", "failure", "truncation", "error"]


class Segment(msgspec.Struct, frozen=True):
    """The turns `start <= turn < end` of an episode, all under one subgoal.

    Attributes:
        start: First turn.
        end: The turn after the last one, so that `turns[start:end]` are the segment's.
        subgoal: What the agent declared on the first turn.
        reward: Sum of the environment's rewards over the turns.
        end_reason: "switch" when another segment follows; else how the episode ended: "success", "failure"
            (terminated without success), "truncation", or "error" (the agent broke off).
    """

    start: Whole
    end: Whole
    subgoal: str
    reward: float
    end_reason: EndReason

    @property
    def num_turns(self) -> int:
        """Number of turns in the segment."""
        return self.end - self.start


class SegmentTracker:
    """Cuts a stream of turns into segments. The one place where a boundary is decided."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._start = self._turn = 0
        self._subgoal = ""
        self._reward = 0.0

    def declare(self, reply: Reply) -> dict[str, Any]:
        """Take the next turn's reply; return its `info["segment"]`.

        The first turn opens a segment whatever the reply says. Later, SWITCH opens one and KEEP goes on with the
        subgoal as it was declared, whatever was copied into the reply.
        """
        is_boundary = self._turn == 0 or reply.switches
        if is_boundary:
            if self._turn > 0:
                self._close("switch")
            self._start, self._subgoal, self._reward = self._turn, reply.subgoal, 0.0
        return {
            "index": len(self.segments),
            "subgoal": self._subgoal,
            "is_boundary": is_boundary,
            "age": self._turn - self._start,
        }

    def earn(self, reward: float) -> None:
        """Add the turn's reward and end the turn."""
        self._reward += reward
        self._turn += 1

    def finish(self, end_reason: EndReason) -> list[Segment]:
        """Close the last segment and return all of them; none for an episode without turns."""
        if self._turn > self._start:
            self._close(end_reason)
        return self.segments

    def _close(self, end_reason: EndReason) -> None:
        self.segments.append(Segment(self._start, self._turn, self._subgoal, self._reward, end_reason))
        self._start = self._turn


class Reading(NamedTuple):
    """How replies are read: what a record keeps so that a replay reads them alike.

    Attributes:
        version: The meaning of ill-formed replies, see `hiper_envs.reply`.
        ignores_case: Whether an action that differs from an admissible one only in case is played as that one.
    """

    version: int = REPLY_VERSION
    ignores_case: bool = False


class SubgoalWrapper(gym.Wrapper[str, str, str, str], gym.utils.RecordConstructorArgs):
    """Takes whole replies instead of actions, and says in `info` where segments begin and end.

    The action is `<switch>KEEP|SWITCH</switch><subgoal>...</subgoal><action>...</action>` (see `hiper_envs.reply` for
    the meaning of anything else). Added to `info`:

    * `segment`: `index`, `subgoal`, `is_boundary`, `age` (turns since its first) of the turn just taken. After
      `reset`, when no turn was taken: index -1, subgoal "", no boundary, age 0.
    * `segments`: at the end of the episode, the list of its `Segment`s.
    * `action`: the primitive action that was played. `reply_problems`: what was wrong with the reply, and that its
      action differs from an admissible one only in case. `reply_form` and `reply_spans`: the `Reply`'s; None and empty
      after `reset`.

    Args:
        env: An environment that takes actions.
        ignores_case: Whether "Go to Desk 1" is played as "go to desk 1" where that is admissible, and "Search[Shoes]"
            as "search[Shoes]". Replies are read as they stand otherwise, and a problem is told either way.
            `reset(options={"ignores_case": ...})` sets it for an episode.

    Attributes:
        reading: How the replies of this episode are read; `reset(options={"reply_version": 1})` reads them as before
            version 2 did, for replays.
    """

    def __init__(self, env: gym.Env[str, str], ignores_case: bool = False) -> None:
        gym.utils.RecordConstructorArgs.__init__(self, ignores_case=ignores_case)
        super().__init__(env)
        self.action_space = UnicodeText()
        self.ignores_case = check_flag(ignores_case, "ignores_case")
        self.reading = Reading(ignores_case=ignores_case)
        self._tracker = SegmentTracker()
        self._before: Mapping[str, Any] = {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode without segments.

        Raises:
            ValueError: `options["reply_version"]` or `options["ignores_case"]` is none.
            WrongTypeError: The options are no dictionary.
        """
        reading, options = self._take_reading(options)
        observation, info = self.env.reset(seed=seed, options=options)
        self.reading = reading
        self._remember(info)
        self._tracker = SegmentTracker()
        segment = {"index": -1, "subgoal": "", "is_boundary": False, "age": 0}
        said: dict[str, Any] = {"action": "", "reply_problems": [], "reply_form": None, "reply_spans": Spans()}
        return observation, {**info, "segment": segment, **said}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Parse the reply `action` once and take its primitive action.

        Raises:
            TypeError: The reply is no string.
        """
        reply = parse_reply(action, self.reading.version)
        played, problems = self._spell(reply)
        observation, reward, terminated, truncated, info = self.env.step(played)
        reward = float(reward)
        self._remember(info)
        segment = self._tracker.declare(reply)
        self._tracker.earn(reward)
        said = {"reply_problems": problems, "reply_form": reply.form, "reply_spans": reply.spans}
        info = {**info, "segment": segment, "action": played, **said}
        if terminated or truncated:
            info["segments"] = self._tracker.finish(name_end(terminated, info))
        return observation, reward, terminated, truncated, info

    def _take_reading(self, options: dict[str, Any] | None) -> tuple[Reading, dict[str, Any] | None]:
        """Take the options that are for this wrapper out of those for the environment."""
        options = check_options(options)
        if options is None:
            return Reading(ignores_case=self.ignores_case), None
        version = options.get("reply_version", REPLY_VERSION)
        check_version(version)
        ignores_case = check_flag(options.get("ignores_case", self.ignores_case), "ignores_case")
        left = {name: value for name, value in options.items() if name not in ("reply_version", "ignores_case")}
        return Reading(version, ignores_case), left

    def _remember(self, info: dict[str, Any]) -> None:
        """Keep what the next action is compared with, out of reach of an agent that changes its lists."""
        self._before = {**info, "admissible_actions": tuple(info.get("admissible_actions") or ())}

    def _spell(self, reply: Reply) -> tuple[str, list[str]]:
        """Return the action to play and the problems to tell."""
        problems = list(reply.problems)
        spelling = find_spelling(reply.action, self._before) if self.reading.version > 1 else None
        if spelling is None:
            return reply.action, problems
        played, how = (spelling, "that") if self.reading.ignores_case else (reply.action, "written")
        problems.append(f"the action differs from an admissible one only in case: {spelling!r}; it was played as {how}")
        return played, problems

    def break_off(self) -> list[Segment]:
        """Close the open segment because the agent cannot go on; return all segments so far."""
        return self._tracker.finish("error")


def name_end(terminated: bool, info: dict[str, Any]) -> EndReason:
    """Return why an episode's last segment ended."""
    if not terminated:
        return "truncation"
    return "success" if info.get("success", True) else "failure"
