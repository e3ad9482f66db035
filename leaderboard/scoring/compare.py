"""Paired differences between runs of a panel, honest about how many pairs are looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hiper_envs import Episode
from hiper_envs.episodes.statistics import Array, Interval, difference_intervals, familywise_confidence
from leaderboard.panels.fingerprint import PanelTask
from leaderboard.play.run import Run
from leaderboard.scoring.metrics import HEADLINE_KEYS, METRICS_BY_KEY, Metric, measure_episodes
from leaderboard.scoring.scores import panel_task


@dataclass(frozen=True)
class Comparison:
    """Differences between two agents over the tasks that both played, first minus second.

    Attributes:
        first: Name of the first agent.
        second: Name of the second agent.
        num_pairs: Tasks that both played.
        differences: Headline metrics by key.
        panel: Name of the panel.
        num_comparisons: How many pairs of agents the intervals of a metric hold for together.
        cluster_key: What tasks share over which intervals are taken, "" if tasks are independent.
    """

    first: str
    second: str
    num_pairs: int
    differences: Mapping[str, Interval]
    panel: str
    num_comparisons: int = 1
    cluster_key: str = ""


def compare_runs(first: Run, second: Run) -> Comparison:
    """Return the differences between two runs, first minus second, over the tasks that both played.

    The difficulty of a task, which both agents share, drops out.

    Raises:
        ValueError: The runs are of different panels.
    """
    return _compare(first, [second], num_comparisons=1)[0]


def compare_to_best(runs: Sequence[Run]) -> list[Comparison]:
    """Return the differences of the first of a panel's runs, ranked with the best first, to each of the others.

    Which one is best shows only in what was played, so that any two could have been compared: intervals hold for all
    pairs of the runs together (Bonferroni).

    Raises:
        ValueError: The runs are of different panels.
    """
    return _compare(runs[0], runs[1:], num_comparisons=len(runs) * (len(runs) - 1) // 2) if runs else []


def _compare(first: Run, others: Sequence[Run], num_comparisons: int) -> list[Comparison]:
    """Compare a run to others; those that share the same tasks with it at once, so that weights are drawn once."""
    places_by_tasks: dict[tuple[PanelTask, ...], list[int]] = {}
    for place, other in enumerate(others):
        _check_same_panel(first, other)
        places_by_tasks.setdefault(_shared_tasks(first, other), []).append(place)
    confidence = familywise_confidence(num_comparisons)
    found: dict[int, Comparison] = {}
    for tasks, places in places_by_tasks.items():
        differences = _difference(first, [others[place] for place in places], tasks, confidence)
        for place, difference in zip(places, differences, strict=True):
            found[place] = Comparison(
                first=first.header.name,
                second=others[place].header.name,
                num_pairs=len(tasks),
                differences=difference,
                panel=first.panel.name,
                num_comparisons=num_comparisons,
                cluster_key=first.panel.cluster_key,
            )
    return [found[place] for place in range(len(others))]


def _difference(
    first: Run, others: Sequence[Run], tasks: Sequence[PanelTask], confidence: float
) -> list[dict[str, Interval]]:
    """Return the headline differences between a run and each of others over these tasks."""
    metrics = [METRICS_BY_KEY[key] for key in HEADLINE_KEYS]
    left, *right = (_measure_tasks(run, tasks, metrics) for run in (first, *others))
    labels = first.panel.find_clusters()
    intervals = difference_intervals(
        np.hstack([left] * len(others)),
        np.hstack(right),
        [metric.limits for metric in metrics] * len(others),
        [labels[task] for task in tasks],
        confidence,
    )
    rows = [intervals[start : start + len(metrics)] for start in range(0, len(intervals), len(metrics))]
    return [dict(zip(HEADLINE_KEYS, row, strict=True)) for row in rows]


def _measure_tasks(run: Run, tasks: Sequence[PanelTask], metrics: Sequence[Metric]) -> Array:
    episodes = _episodes_by_task(run)
    return measure_episodes([episodes[task] for task in tasks], metrics)[0]


def _shared_tasks(first: Run, second: Run) -> tuple[PanelTask, ...]:
    played = _episodes_by_task(second)
    return tuple(task for task in _episodes_by_task(first) if task in played)


def _episodes_by_task(run: Run) -> dict[PanelTask, Episode]:
    return {panel_task(run, episode): episode for episode in run.episodes}


def _check_same_panel(first: Run, second: Run) -> None:
    if first.panel.digest != second.panel.digest:
        raise ValueError(
            f"cannot compare {first.header.name!r} and {second.header.name!r}: they played different panels,"
            f" {first.panel.name!r} and {second.panel.name!r}"
        )
