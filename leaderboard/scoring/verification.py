"""Verifying a run: playing every record again and comparing all that the world says."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from hiper_envs import Episode, Segment, parse_reply
from hiper_envs.episodes.replay import Difference, replay
from hiper_envs.segments import EndReason, SegmentTracker
from leaderboard.play.run_folder import Run


class EpisodeDifference(NamedTuple):
    """Where an episode of a run does not hold.

    Attributes:
        position: Of the episode in the run, from 0.
        task: Its task's id.
        difference: What differs.
    """

    position: int
    task: str
    difference: Difference

    def __str__(self) -> str:
        """Say it in one sentence."""
        return f"episode {self.position} ({self.task}): {self.difference}"


def verify_run(run: Run, on_episode: Callable[[int], None] = lambda position: None) -> list[EpisodeDifference]:
    """Play the replies of every episode again and compare texts, rewards, segments, score and ending.

    Args:
        run: The run.
        on_episode: Called with its position after each episode.

    Returns:
        The differences, none for a run that holds.

    Raises:
        PanelError: The world cannot be made, or has changed since the panel was frozen.
    """
    env = run.panel.make_env()
    found = []
    for position, episode in enumerate(run.episodes):
        differences = replay(episode, env) + check_outline(episode, run.panel.max_turns)
        found += [EpisodeDifference(position, episode.task_id, difference) for difference in differences]
        on_episode(position)
    env.close()
    return found


def check_outline(episode: Episode, max_turns: int) -> list[Difference]:
    """Compare what a record says of itself as a whole with what its turns say."""
    expected = {
        "end": True,
        "truncated": episode.num_turns >= max_turns,
        "segments": cut_segments(episode),
        "turns": list(range(episode.num_turns)),
    }
    recorded = {
        "end": episode.terminated or episode.truncated or episode.error is not None,
        "truncated": episode.truncated,
        "segments": episode.segments,
        "turns": [turn.number for turn in episode.turns],
    }
    return [
        Difference(None, field, _plain(recorded[field]), _plain(value))
        for field, value in expected.items()
        if recorded[field] != value
    ]


def cut_segments(episode: Episode) -> list[Segment]:
    """Cut an episode into segments again, from its replies and rewards alone."""
    tracker = SegmentTracker()
    for turn in episode.turns:
        tracker.declare(parse_reply(turn.reply, episode.reply_version))
        tracker.earn(turn.reward)
    return tracker.finish(_end_reason(episode))


def _end_reason(episode: Episode) -> EndReason:
    if episode.error is not None:
        return "error"
    if not episode.terminated:
        return "truncation"
    return "success" if episode.success else "failure"


def _plain(value: object) -> object:
    return msgspec.to_builtins(value)
