"""Verifying a run: playing every record again and comparing all that the world, the panel and the header say.

What only the agent and the clock know cannot be played again: tokens, costs and times are checked for sense alone.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import gymnasium as gym

from hiper_envs import Episode, Turn
from hiper_envs.episodes.record import MILESTONE_VERSION
from hiper_envs.episodes.replay import Difference, compare, replay
from hiper_envs.plain_text import describe_error
from leaderboard.play.run import EpisodeTime, Run, key_of

WHOLE_RUN = -1
"""Position of what does not hold of a run as a whole."""
SLACK_SECONDS = 1e-6


class EpisodeDifference(NamedTuple):
    """Where an episode of a run, or the run as a whole, does not hold.

    Attributes:
        position: Of the episode in the run, from 0; `WHOLE_RUN` for the run.
        task: Its task's id; of the run, the first task that is concerned.
        difference: What differs.
    """

    position: int
    task: str
    difference: Difference

    def __str__(self) -> str:
        """Say it in one sentence."""
        if self.position == WHOLE_RUN:
            _, field, recorded, expected = self.difference
            return f"{field} of the run: {recorded}, not {expected}; the first is {self.task}"
        return f"episode {self.position} ({self.task}): {self.difference}"


def verify_run(run: Run, on_episode: Callable[[int], None] = lambda position: None) -> list[EpisodeDifference]:
    """Play the replies of every episode again and compare all that can be known without the agent.

    Args:
        run: The run.
        on_episode: Called with its position after each episode.

    Returns:
        The differences, none for a run that holds: one that has an episode of every task that was asked for, each of
        them as the world plays it.

    Raises:
        PanelError: The world cannot be made, or has changed since the panel was frozen.
    """
    env = run.panel.make_env()
    found = list(_check_whole(run))
    for position, episode in enumerate(run.recorded):
        differences = _play_again(episode, env)
        known = {(difference.turn, difference.field) for difference in differences}
        claims = _check_claims(episode, run, env)
        differences += [difference for difference in claims if (difference.turn, difference.field) not in known]
        found += [EpisodeDifference(position, episode.task_id, difference) for difference in differences]
        on_episode(position)
    env.close()
    return found


def _check_whole(run: Run) -> Iterator[EpisodeDifference]:
    """Compare what was played with what was asked for."""
    num_tasks = len(run.panel.tasks[: run.header.num_tasks])
    if run.unasked:
        said = f"{len(run.unasked)} of the episodes are of tasks that were not asked for"
        wanted = f"of the panel's first {num_tasks} tasks alone"
        yield EpisodeDifference(WHOLE_RUN, run.unasked[0], Difference(None, "episodes", said, wanted))
    if run.header.num_tasks is not None and run.header.num_tasks > num_tasks:
        pair = run.header.num_tasks, f"at most the panel's {num_tasks}"
        yield EpisodeDifference(WHOLE_RUN, run.panel.tasks[-1].task, Difference(None, "num_tasks", *pair))
    if run.missing:
        num_around = len(run.failed_around)
        around = f", {num_around} of which failed around the agent" if num_around else ""
        said = f"{len(run.missing)} of {num_tasks} tasks have no episode that counts{around}"
        yield EpisodeDifference(WHOLE_RUN, run.missing[0], Difference(None, "episodes", said, "one for each task"))
    elif not run.is_ordered:
        first = run.panel.tasks[0].task
        said = "the file holds them in another order than the panel"
        yield EpisodeDifference(WHOLE_RUN, first, Difference(None, "order", said, "in the panel's, as a run ends"))


def _play_again(episode: Episode, env: gym.Env[str, str]) -> list[Difference]:
    try:
        return replay(episode, env)
    except Exception as error:
        return [Difference(None, "replay", "an episode", f"the world failed with {describe_error(error)}")]


def _check_claims(episode: Episode, run: Run, env: gym.Env[str, str]) -> list[Difference]:
    """Compare what a record says of itself with the header and the panel, and what cannot be known with itself."""
    env_id, env_options = (env.spec.id, dict(env.spec.kwargs)) if env.spec else (run.panel.env_id, {})
    pairs = [
        ("agent", episode.agent, run.header.name),
        ("env_id", episode.env_id, env_id),
        ("env_options", episode.env_options, env_options),
        ("truncated", episode.truncated, episode.truncated and episode.num_turns >= run.panel.max_turns),
        ("end", episode.terminated or episode.truncated or episode.error is not None, True),
        ("error", episode.error, episode.error or None),
        ("milestone_version", episode.milestone_version, _expect_milestone_version(episode)),
        ("seconds", episode.seconds, None),
    ]
    found = compare(None, pairs) + _check_time(episode, run.times.get(key_of(episode)))
    for number, turn in enumerate(episode.turns):
        found += _check_turn(number, turn)
    if not hasattr(env.unwrapped, "make_milestones"):  # nobody watched for any, and a replay compares none
        found += compare(None, [("milestones", episode.milestones, ())])
        found += [
            each for turn in episode.turns for each in compare(turn.number, [("milestones", turn.milestones, ())])
        ]
    return found


def _expect_milestone_version(episode: Episode) -> int:
    """Return by which version milestones count; none wrote forms of replies and counted milestones as version 1 did."""
    is_new = episode.milestones and episode.reply_version > 1
    return MILESTONE_VERSION if is_new else episode.milestone_version


def _check_turn(number: int, turn: Turn) -> list[Difference]:
    tokens = turn.prompt_tokens, turn.reply_tokens
    counts = [count for count in tokens if count is not None]
    is_sound = len(counts) != 1 and all(count >= 0 for count in counts)
    found = [] if is_sound else [Difference(number, "tokens", tokens, "two whole numbers from 0, or none")]
    if turn.cost is not None and not 0 <= turn.cost < math.inf:
        found.append(Difference(number, "cost", turn.cost, "a number from 0, or none"))
    return found + compare(number, [("seconds", turn.seconds, None)])


def _check_time(episode: Episode, time: EpisodeTime | None) -> list[Difference]:
    """Compare the times of an episode, which lie beside it, with its turns and with one another."""
    if time is None:
        return []
    found = compare(None, [("turns in the times", len(time.turns), episode.num_turns)])
    if min(time.turns, default=0.0) < 0 or time.seconds + SLACK_SECONDS < sum(time.turns):
        found.append(Difference(None, "seconds", [time.seconds, *time.turns], "no less than the sum of its turns'"))
    return found
