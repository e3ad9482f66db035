"""Scores: plain functions of recorded episodes, with bootstrap intervals. Nothing here touches an environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hiper_envs import Episode
from hiper_envs.task_types import task_type
from leaderboard.play.run_folder import Run, TaskKey
from leaderboard.scoring.metrics import HEADLINE_KEYS, METRICS, METRICS_BY_KEY, Metric

NUM_RESAMPLES = 10_000
CONFIDENCE = 0.95
BOOTSTRAP_SEED = 20_240
CHUNK_CELLS = 1_000_000
"""Resampling counts held in memory at once."""

Array = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """A value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


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
    """

    name: str
    panel: str
    num_tasks: int
    num_episodes: int
    num_crashes: int
    metrics: Mapping[str, Interval]
    by_type: Mapping[str, tuple[int, Mapping[str, Interval]]]
    seconds_per_turn: float | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the whole panel was played."""
        return self.num_episodes == self.num_tasks

    def type_metric(self, kind: str, key: str) -> Interval:
        """Return a headline metric over the tasks of a type, NaN if none was played."""
        return self.by_type[kind][1][key] if kind in self.by_type else UNKNOWN


@dataclass(frozen=True)
class Comparison:
    """Differences between two agents over the tasks that both played, first minus second.

    Attributes:
        first: Name of the first agent.
        second: Name of the second agent.
        num_pairs: Tasks that both played.
        differences: Headline metrics by key.
    """

    first: str
    second: str
    num_pairs: int
    differences: Mapping[str, Interval]


def score_run(run: Run) -> Scores:
    """Return the scores of a run."""
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
        metrics=score_episodes(run.episodes),
        by_type={
            kind: (len(episodes), score_episodes(episodes, headline))
            for kind, episodes in sorted(episodes_by_type.items())
            if kind
        },
        seconds_per_turn=sum(turn_times) / len(turn_times) if turn_times else None,
    )


def score_episodes(episodes: Sequence[Episode], metrics: Sequence[Metric] = METRICS) -> dict[str, Interval]:
    """Return metrics over episodes with their intervals, by key."""
    numerators, denominators = _measure(episodes, metrics)
    totals = numerators.sum(axis=0), denominators.sum(axis=0)
    samples = _resample(np.hstack([numerators, denominators]))
    ratios = _divide(samples[:, : len(metrics)], samples[:, len(metrics) :])
    intervals = _intervals(metrics, _divide(*totals), ratios)
    for column, metric in enumerate(metrics):
        if metric.is_of_episodes and len(episodes) and np.ptp(numerators[:, column]) == 0:
            intervals[metric.key] = unanimous_interval(intervals[metric.key].value, len(episodes))
    return intervals


def unanimous_interval(value: float, num_episodes: int, lowest: float = 0.0) -> Interval:
    """Return an interval for the mean of episodes that all have the same value, between `lowest` and 100.

    Resampling episodes that agree gives an interval of no width, however few they are. But by the exact
    (Clopper-Pearson) bound up to a share `doubt` of all episodes may have another value, anywhere in the range.
    """
    doubt = 1 - ((1 - CONFIDENCE) / 2) ** (1 / num_episodes)
    return Interval(value, value - doubt * (value - lowest), value + doubt * (100.0 - value))


def compare_runs(first: Run, second: Run) -> Comparison:
    """Return the differences between two runs, first minus second, over the tasks that both played.

    Pairs are resampled, so that the difficulty of a task, which both agents share, drops out.

    Raises:
        ValueError: The runs are of different panels.
    """
    if first.panel.digest != second.panel.digest:
        raise ValueError(
            f"cannot compare {first.header.name!r} and {second.header.name!r}: they played different panels,"
            f" {first.panel.name!r} and {second.panel.name!r}"
        )
    metrics = [METRICS_BY_KEY[key] for key in HEADLINE_KEYS]
    episodes, others = _episodes_by_task(first), _episodes_by_task(second)
    shared = [key for key in episodes if key in others]
    differences = (
        _measure([episodes[key] for key in shared], metrics)[0] - _measure([others[key] for key in shared], metrics)[0]
    )
    means = _divide(differences.sum(axis=0), np.full(len(metrics), float(len(shared))))
    samples = _resample(differences) / max(1, len(shared))
    intervals = _intervals(metrics, means, samples)
    for column, metric in enumerate(metrics):
        if metric.is_of_episodes and shared and np.ptp(differences[:, column]) == 0:
            intervals[metric.key] = unanimous_interval(intervals[metric.key].value, len(shared), lowest=-100.0)
    return Comparison(first.header.name, second.header.name, len(shared), intervals)


def _episodes_by_task(run: Run) -> dict[TaskKey, Episode]:
    """Return episodes by the task and the panel's seed for it, whatever the run's own seed."""
    return {(episode.task_id, episode.seed - run.header.seed): episode for episode in run.episodes}


def _measure(episodes: Sequence[Episode], metrics: Sequence[Metric]) -> tuple[Array, Array]:
    """Return numerators and denominators, each of shape (episodes, metrics)."""
    shape = (len(episodes), len(metrics))
    numerators = [[metric.numerator(episode) for metric in metrics] for episode in episodes]
    denominators = [[metric.denominator(episode) for metric in metrics] for episode in episodes]
    return np.array(numerators, dtype=float).reshape(shape), np.array(denominators, dtype=float).reshape(shape)


def _resample(rows: Array) -> Array:
    """Return the column sums of `NUM_RESAMPLES` samples of as many rows, drawn with replacement."""
    num_rows = len(rows)
    if num_rows == 0:
        return np.zeros((NUM_RESAMPLES, rows.shape[1]))
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    chunk = max(1, CHUNK_CELLS // num_rows)
    sizes = [min(chunk, NUM_RESAMPLES - start) for start in range(0, NUM_RESAMPLES, chunk)]
    return np.vstack([_count_draws(rng, num_rows, size) @ rows for size in sizes])


def _count_draws(rng: np.random.Generator, num_rows: int, num_samples: int) -> Array:
    """Return how often each row is drawn in each sample, of shape (samples, rows)."""
    cells = rng.integers(num_rows, size=(num_samples, num_rows)) + num_rows * np.arange(num_samples)[:, np.newaxis]
    counts = np.bincount(cells.ravel(), minlength=num_samples * num_rows)
    return counts.reshape(num_samples, num_rows).astype(float)


def _divide(numerators: Array, denominators: Array) -> Array:
    ratios = np.full(numerators.shape, np.nan)
    np.divide(numerators, denominators, out=ratios, where=denominators != 0)
    return ratios


def _intervals(metrics: Sequence[Metric], values: Array, samples: Array) -> dict[str, Interval]:
    """Return percentile intervals; samples where a ratio has no denominator are left out."""
    tail = 100 * (1 - CONFIDENCE) / 2
    intervals = {}
    for column, metric in enumerate(metrics):
        known = samples[:, column][~np.isnan(samples[:, column])]
        if np.isnan(values[column]) or not len(known):
            intervals[metric.key] = UNKNOWN
            continue
        low, high = np.percentile(known, [tail, 100 - tail])
        intervals[metric.key] = Interval(float(values[column]), float(low), float(high))
    return intervals
