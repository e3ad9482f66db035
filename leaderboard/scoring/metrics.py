"""What is measured of episodes: each metric a sum over episodes divided by another one."""

from collections.abc import Callable
from typing import NamedTuple

from hiper_envs import Episode
from hiper_envs.milestones import measure_record


class Metric(NamedTuple):
    """What is measured: a sum over episodes divided by another one.

    Attributes:
        key: Name in `Scores.metrics`.
        title: Heading in tables.
        meaning: One sentence for readers.
        numerator: Value of one episode.
        denominator: Weight of one episode; 1 makes a mean over episodes.
        digits: Decimal places to show.
        is_percent: Whether it lies between 0 and 100.
        is_of_episodes: Whether every episode has a value between 0 and 100 and the metric is their mean.
        is_better_high: Whether more is better, None if neither is.
    """

    key: str
    title: str
    meaning: str
    numerator: Callable[[Episode], float]
    denominator: Callable[[Episode], float] = lambda episode: 1.0
    digits: int = 1
    is_percent: bool = False
    is_of_episodes: bool = False
    is_better_high: bool | None = None


METRICS = (
    Metric(
        "success",
        "success %",
        "Episodes that reach the goal entirely.",
        lambda episode: 100.0 * episode.success,
        is_percent=True,
        is_of_episodes=True,
        is_better_high=True,
    ),
    Metric(
        "score",
        "score",
        "Mean score of an episode times 100; partly right purchases count in WebShop.",
        lambda episode: 100.0 * episode.score,
        is_percent=True,
        is_of_episodes=True,
        is_better_high=True,
    ),
    Metric("turns", "turns/ episode", "Turns of an episode.", lambda episode: episode.num_turns),
    Metric(
        "segments",
        "segments/ episode",
        "Segments of an episode: how often a subgoal was declared.",
        lambda episode: len(episode.segments),
    ),
    Metric(
        "segment_turns",
        "turns/ segment",
        "Turns of a segment, over all segments.",
        lambda episode: episode.num_turns,
        lambda episode: len(episode.segments),
    ),
    Metric(
        "boundary_precision",
        "cuts at milestones %",
        "Declared boundaries that follow a milestone of the goal: do the agent's segments end where something is done?",
        lambda episode: 100.0 * measure_record(episode).num_hits,
        lambda episode: measure_record(episode).num_declared,
        is_percent=True,
        is_better_high=True,
    ),
    Metric(
        "boundary_recall",
        "milestones cut %",
        "Milestones that a declared boundary follows: does the agent move on once something is done?",
        lambda episode: 100.0 * measure_record(episode).num_hits,
        lambda episode: measure_record(episode).num_reached,
        is_percent=True,
        is_better_high=True,
    ),
    Metric(
        "ill_formed",
        "ill-formed %",
        "Turns whose reply had missing or broken tags. One without any tags is an action, one with an action only is"
        " ReAct's; both are well-formed. Replies that were cut off are counted apart.",
        lambda episode: 100.0 * sum(turn.is_ill_formed for turn in episode.turns),
        lambda episode: episode.num_turns,
        is_percent=True,
        is_better_high=False,
    ),
    Metric(
        "cut_off",
        "cut off %",
        "Turns whose reply ended before it was whole: at the limit of tokens, or inside a tag or a thought.",
        lambda episode: 100.0 * sum(turn.is_cut_off for turn in episode.turns),
        lambda episode: episode.num_turns,
        is_percent=True,
        is_better_high=False,
    ),
    Metric(
        "crashes",
        "crashes %",
        "Episodes that the agent broke off: an exception, a timeout, a reply that is no text.",
        lambda episode: 100.0 * (episode.error is not None),
        is_percent=True,
        is_of_episodes=True,
        is_better_high=False,
    ),
)
METRICS_BY_KEY = {metric.key: metric for metric in METRICS}
HEADLINE_KEYS = ("success", "score", "turns")
"""What is compared between two agents and shown for each type of task."""
