"""Replays: a record's replies taken through the environment again, and all that comes back compared."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import gymnasium as gym
import msgspec

from hiper_envs.episodes.play import EpisodeRecorder
from hiper_envs.episodes.record import MILESTONE_VERSION, Episode, Turn
from hiper_envs.registration import find_known_id
from hiper_envs.segments import Segment, SubgoalWrapper

REPLAYED_OF_TURNS = ("action", "observation", "reward", "segment", "is_boundary", "problems", "form")
REPLAYED_AT_RESET = ("task_id", "instruction")
REPLAYED_AT_END = ("terminated", "score", "success", "segments", "milestones", "reward_parts")
"""What a replay gives again of turns and of an episode, beside the first observation and the turns' numbers."""
NO_LIMIT = 10**9


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
            least as many turns pass as the record has. Milestones are compared where it has a `MilestoneWrapper`.

    Returns:
        The differences, none for a record that is true. Play stops where the environment ends the episode earlier
        than the record does. A recorded truncation is the turn limit's and ends the replay at the same turn. Replies
        are read as the record says that they were: by its `reply_version`, with its `ignores_case`.

    Raises:
        ValueError: The record names an environment that is not known here, see `find_known_id`.
    """
    recorder = EpisodeRecorder(
        env or _make_recorded(episode), episode.agent, episode.ignores_case, episode.reply_version
    )
    recorder.reset(episode.task_id, episode.seed)
    found = compare(-1, [("observation", episode.reset_observation, recorder.reset_observation)])
    milestones = _MilestoneCheck(episode)
    for number, turn in enumerate(episode.turns):
        if recorder.is_done:
            return [*found, Difference(number, "turn", turn.action, "the episode was over")]
        recorder.step(turn.reply)
        replayed = recorder.turns[-1]
        found += compare(number, _pair(turn, replayed, REPLAYED_OF_TURNS))
        if "all_milestones" in recorder.info:
            found += compare(number, [("milestones", *milestones.pair(turn.milestones, replayed.milestones))])
    return found + _compare_whole(episode, recorder)


def compare(turn: int | None, pairs: Iterable[tuple[str, Any, Any]]) -> list[Difference]:
    """Return a difference for each of (field, recorded, replayed) whose two values are not the same in JSON."""
    return [Difference(turn, *pair) for pair in pairs if _in_json(pair[1]) != _in_json(pair[2])]


def _make_recorded(episode: Episode) -> SubgoalWrapper:
    limit = max(1, episode.num_turns) if episode.truncated else NO_LIMIT
    return SubgoalWrapper(gym.make(find_known_id(episode.env_id), max_episode_steps=limit, **episode.env_options))


def _at_end(recorder: EpisodeRecorder) -> list[str]:
    """Return the fields of the end without the milestones if the environment does not watch for them."""
    return [field for field in REPLAYED_AT_END if field != "milestones" or "all_milestones" in recorder.info]


def _pair(recorded: Turn | Episode, replayed: Turn | Episode, fields: Iterable[str]) -> list[tuple[str, Any, Any]]:
    return [(field, getattr(recorded, field), getattr(replayed, field)) for field in fields]


def _compare_whole(episode: Episode, recorder: EpisodeRecorder) -> list[Difference]:
    """Compare what a record says of the episode as a whole; `recorder` has taken all of its turns."""
    replayed = recorder.finish(None if episode.error is None else RuntimeError())
    if not recorder.is_done and episode.error is None:
        replayed = msgspec.structs.replace(replayed, segments=_end_by_limit(replayed.segments))
    pairs = _pair(episode, replayed, (*REPLAYED_AT_RESET, *_at_end(recorder)))
    pairs.append(("turns", [turn.number for turn in episode.turns], list(range(episode.num_turns))))
    if recorder.truncated or episode.error is not None:
        pairs.append(("truncated", episode.truncated, recorder.truncated))
    if episode.error is None:
        pairs.append(("end", recorder.is_done or episode.truncated, True))
        pairs.append(("error_kind", episode.error_kind, "agent"))
    elif recorder.is_done:
        pairs.append(("error", episode.error, "the episode was over"))
    return compare(None, pairs)


def _end_by_limit(segments: list[Segment]) -> list[Segment]:
    """Return the segments of an episode that a limit of turns cut off, which the environment does not have."""
    return [*segments[:-1], *(msgspec.structs.replace(last, end_reason="truncation") for last in segments[-1:])]


def _in_json(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


class _MilestoneCheck:
    """Compares milestones with those of records that were written by older rules too.

    Those rules were looser: what is reached now must have been reached then, by the same turn at the latest. Of what
    only they counted it is known that the goal has it, and that it was reached once.
    """

    def __init__(self, episode: Episode) -> None:
        self._is_loose = episode.milestone_version < MILESTONE_VERSION
        self._names = set(episode.milestones)
        self._recorded: set[str] = set()

    def pair(self, recorded: tuple[str, ...], replayed: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return a turn's milestones as recorded and replayed; equal where they agree."""
        if not self._is_loose:
            return recorded, replayed
        new = set(recorded)
        is_sound = len(new) == len(recorded) and new <= self._names - self._recorded
        expected = tuple(name for name in replayed if name not in self._recorded)
        self._recorded |= new
        return recorded, recorded if is_sound and new.issuperset(expected) else expected
