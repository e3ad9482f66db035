"""Scores: plain functions of recorded episodes, with intervals. Nothing here touches an environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hiper_envs import Episode
from hiper_envs.episodes.statistics import UNKNOWN, Interval, ratio_intervals
from hiper_envs.task_types import task_type
from leaderboard.panels.fingerprint import PanelTask
from leaderboard.play.run import Run
from leaderboard.play.run_header import RunError
from leaderboard.scoring.metrics import HEADLINE_KEYS, METRICS, METRICS_BY_KEY, Metric, measure_episodes


@dataclass(frozen=True)
class Scores:
    """The scores of one run.

    Attributes:
        name: Name of the agent.
        panel: Name of the panel.
        num_tasks: Tasks in the panel.
        num_episodes: Episodes played.
        num_crashes: Episodes that the agent broke off.
        metrics: Every metric by its key; NaN where nothing was played.
        by_type: Number of episodes and headline metrics by type of task, where the ids tell types.
        seconds_per_turn: Mean time of the agent for a turn, None if not recorded.
        cluster_key: What tasks share over which intervals are taken, "" if tasks are independent.
    """

    name: str
    panel: str
    num_tasks: int
    num_episodes: int
    num_crashes: int
    metrics: Mapping[str, Interval]
    by_type: Mapping[str, tuple[int, Mapping[str, Interval]]]
    seconds_per_turn: float | None = None
    cluster_key: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the whole panel was played."""
        return self.num_episodes == self.num_tasks

    def type_metric(self, kind: str, key: str) -> Interval:
        """Return a headline metric over the tasks of a type, NaN if none was played."""
        return self.by_type[kind][1][key] if kind in self.by_type else UNKNOWN


def score_run(run: Run) -> Scores:
    """Return the scores of a run.

    Raises:
        RunError: An episode's score is not between 0 and 1.
    """
    _check_scores(run)
    turn_times = [seconds for time in run.times.values() for seconds in time.turns]
    episodes_by_type: dict[str, list[Episode]] = {}
    for episode in run.episodes:
        episodes_by_type.setdefault(task_type(episode.task_id), []).append(episode)
    headline = [METRICS_BY_KEY[key] for key in HEADLINE_KEYS]
    return Scores(
        name=run.header.name,
        panel=run.panel.name,
        num_tasks=len(run.panel.tasks),
        num_episodes=len(run.episodes),
        num_crashes=sum(episode.error is not None for episode in run.episodes),
        metrics=score_episodes(run.episodes, clusters=cluster_episodes(run, run.episodes)),
        by_type={
            kind: (len(episodes), score_episodes(episodes, headline, cluster_episodes(run, episodes)))
            for kind, episodes in sorted(episodes_by_type.items())
            if kind
        },
        seconds_per_turn=sum(turn_times) / len(turn_times) if turn_times else None,
        cluster_key=run.panel.cluster_key,
    )


def score_episodes(
    episodes: Sequence[Episode], metrics: Sequence[Metric] = METRICS, clusters: Sequence[str] | None = None
) -> dict[str, Interval]:
    """Return metrics over episodes with their intervals, by key; `clusters` has a label for each episode.

    Args:
        episodes: The records, at least one.
        metrics: What to measure.
        clusters: A label for each episode; those of one label go alike. None where each stands alone.
    """
    intervals = ratio_intervals(*measure_episodes(episodes, metrics), [metric.limits for metric in metrics], clusters)
    return {metric.key: interval for metric, interval in zip(metrics, intervals, strict=True)}


def panel_task(run: Run, episode: Episode) -> PanelTask:
    """Return the task of the panel that an episode of the run played, whatever the run's own seed."""
    return PanelTask(episode.task_id, episode.seed - run.header.seed)


def cluster_episodes(run: Run, episodes: Sequence[Episode]) -> list[str]:
    """Return the label of each episode's cluster in the run's panel."""
    clusters = run.panel.find_clusters()
    return [clusters[panel_task(run, episode)] for episode in episodes]


def _check_scores(run: Run) -> None:
    for position, episode in enumerate(run.episodes):
        if not 0 <= round(episode.score, 9) <= 1:
            raise RunError(
                f"episode {position} in {str(run.folder)!r} has the score {episode.score:g}, and scores lie between 0"
                " and 1: its world is faulty or the record was changed (leaderboard verify tells)"
            )
