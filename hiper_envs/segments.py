"""Segments: the runs of turns under one subgoal, as the agent declares them."""

from typing import Any, Literal

import gymnasium as gym
import msgspec

from hiper_envs.reply import Reply, parse_reply
from hiper_envs.spaces import UnicodeText

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

    start: int
    end: int
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


class SubgoalWrapper(gym.Wrapper[str, str, str, str], gym.utils.RecordConstructorArgs):
    """Takes whole replies instead of actions, and says in `info` where segments begin and end.

    The action is `<switch>KEEP|SWITCH</switch><subgoal>...</subgoal><action>...</action>` (see `hiper_envs.reply` for
    the meaning of anything else). Added to `info`:

    * `segment`: `index`, `subgoal`, `is_boundary`, `age` (turns since its first) of the turn just taken. After
      `reset`, when no turn was taken: index -1, subgoal "", no boundary, age 0.
    * `segments`: at the end of the episode, the list of its `Segment`s.
    * `action`: the primitive action that was read from the reply. `reply_problems`: what was ill-formed in it.
    """

    def __init__(self, env: gym.Env[str, str]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.action_space = UnicodeText()
        self._tracker = SegmentTracker()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode without segments."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._tracker = SegmentTracker()
        segment = {"index": -1, "subgoal": "", "is_boundary": False, "age": 0}
        return observation, {**info, "segment": segment, "action": "", "reply_problems": []}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Parse the reply `action` once and take its primitive action.

        Raises:
            TypeError: The reply is no string.
        """
        reply = parse_reply(action)
        observation, reward, terminated, truncated, info = self.env.step(reply.action)
        reward = float(reward)
        segment = self._tracker.declare(reply)
        self._tracker.earn(reward)
        info = {**info, "segment": segment, "action": reply.action, "reply_problems": list(reply.problems)}
        if terminated or truncated:
            info["segments"] = self._tracker.finish(name_end(terminated, info))
        return observation, reward, terminated, truncated, info

    def break_off(self) -> list[Segment]:
        """Close the open segment because the agent cannot go on; return all segments so far."""
        return self._tracker.finish("error")


def name_end(terminated: bool, info: dict[str, Any]) -> EndReason:
    """Return why an episode's last segment ended."""
    if not terminated:
        return "truncation"
    return "success" if info.get("success", True) else "failure"
