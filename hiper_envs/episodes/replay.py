"""Replays: a record's replies taken through the environment again, and all that comes back compared."""

from typing import Any, NamedTuple

import gymnasium as gym

from hiper_envs.episodes.record import MILESTONE_VERSION, Episode
from hiper_envs.segments import SubgoalWrapper


class Difference(NamedTuple):
    """Where a replay did not give what the record says.

    Attributes:
        turn: The turn, -1 for the reset and None for the episode as a whole.
        field: What differs.
        recorded: What the record says.
        replayed: What came this time.
    """

    turn: int | None
    field: str
    recorded: Any
    replayed: Any

    def __str__(self) -> str:
        """Say the difference in one sentence."""
        where = "the episode" if self.turn is None else "the reset" if self.turn < 0 else f"turn {self.turn}"
        return f"{self.field} of {where}: recorded {self.recorded!r:.200}, replayed {self.replayed!r:.200}"


def replay(episode: Episode, env: gym.Env[str, str] | None = None) -> list[Difference]:
    """Run a record's replies through the environment and compare all that comes back.

    Args:
        episode: The record.
        env: An environment wrapped in `SubgoalWrapper` to use instead of making the recorded one; it must let at
            least as many turns pass as the record has.

    Returns:
        The differences, none for a record that is true. Play stops where the environment ends the episode earlier
        than the record does. A recorded truncation is the turn limit's and ends the replay at the same turn.
    """
    env = env or SubgoalWrapper(gym.make(episode.env_id, max_episode_steps=10**9, **episode.env_options))
    reading = {"reply_version": episode.reply_version, "ignores_case": episode.ignores_case}
    observation, info = env.reset(seed=episode.seed, options={"task": episode.task_id, **reading})
    found = _compare(-1, {"observation": (episode.reset_observation, observation)})
    found += _compare(None, {"instruction": (episode.instruction, info["instruction"])})
    is_over = False
    milestones = _MilestoneCheck(episode.milestone_version)
    for turn in episode.turns:
        if is_over:
            return [*found, Difference(turn.number, "turn", turn.action, "the episode was over")]
        observation, reward, terminated, truncated, info = env.step(turn.reply)
        is_over = terminated or truncated
        pairs = {
            "action": (turn.action, info["action"]),
            "problems": (turn.problems, tuple(info["reply_problems"])),
            "form": (turn.form, info["reply_form"]),
            "observation": (turn.observation, observation),
            "reward": (turn.reward, float(reward)),
            "segment": (turn.segment, info["segment"]["index"]),
            "milestones": milestones.pair(turn.milestones, tuple(info.get("new_milestones", turn.milestones))),
        }
        found += _compare(turn.number, pairs)
    ending: dict[str, tuple[Any, Any]] = {}
    if episode.turns:
        ending["terminated"] = (episode.terminated, terminated)
    if episode.error is None:
        ending |= {"score": (episode.score, float(info["score"])), "success": (episode.success, bool(info["success"]))}
    if episode.reward_parts is not None:
        ending["reward_parts"] = (episode.reward_parts, info.get("reward_parts"))
    return found + _compare(None, ending)


class _MilestoneCheck:
    """Compares milestones with those of records that were written by older rules too.

    Those rules were looser: what is reached now must have been reached then, by the same turn at the latest.
    """

    def __init__(self, version: int) -> None:
        self._is_loose = version < MILESTONE_VERSION
        self._recorded: set[str] = set()

    def pair(self, recorded: tuple[str, ...], replayed: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return a turn's milestones as recorded and replayed; equal where they agree."""
        self._recorded.update(recorded)
        agrees = self._is_loose and self._recorded.issuperset(replayed)
        return recorded, recorded if agrees else replayed


def _compare(turn: int | None, pairs: dict[str, tuple[Any, Any]]) -> list[Difference]:
    return [Difference(turn, field, *pair) for field, pair in pairs.items() if pair[0] != pair[1]]
