"""Intervals of what is measured of tasks: exact for 0/1 measures, a bootstrap for all others, honest about clusters.

Nothing here knows episodes or metrics: arrays and cluster labels in, intervals out.

All of it is one idea. The weight of each task is drawn anew (the Bayesian bootstrap, Rubin 1981), and with them that of
one task which nobody has seen: for the lower end it has the least value that the measure can have, for the upper end
the greatest (Gaffke 2005; Learned-Miller and Thomas 2020). For 0/1 values that is the Clopper-Pearson interval, and for
paired differences of 0/1 values the interval excludes zero where the exact McNemar test does. No interval of a measure
with limits is without width or leaves them, and a greater value never lowers an end.

Tasks that share a product or a scene go alike, and then clusters are what was drawn: each gets one weight, and a whole
cluster is unseen. Clusters of unequal size tell less than their number; `_find_shape` puts that into the weights.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hiper_envs.episodes.quantiles import beta_quantile, student_quantile

CONFIDENCE = 0.95
BOOTSTRAP_SEED = 20_240
MIN_DRAWS, MAX_DRAWS = 10_000, 400_000
DRAWS_BEYOND_AN_END = 50
CHUNK_CELLS = 1_000_000
"""Weights held in memory at once."""
MIN_EFFECTIVE_CLUSTERS = 3.0
"""Below that Student's t says nothing of use; the cluster that nobody has seen makes intervals wide enough."""
MIN_SHAPE = 0.1
"""Draws of a smaller shape are all on one cluster anyway, and their weights would be too small for a float."""
SLACK = 1e-9

Array = npt.NDArray[np.float64]
Range = tuple[float, float]
"""Least and greatest value that a measure of one task can have, infinite where there is none."""


class Interval(NamedTuple):
    """A value with the ends of its interval; the ends are NaN where they cannot be known, as from one task alone."""

    value: float
    low: float
    high: float


UNKNOWN = Interval(math.nan, math.nan, math.nan)


def proportion_interval(successes: float, number: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval of a proportion (Clopper and Pearson 1934): it covers at least as often as it says.

    Args:
        successes: How many of the tasks were successes.
        number: How many tasks there are.
        confidence: How often such intervals hold what they estimate, 0 to 1.

    Raises:
        ValueError: There are no tasks, not between 0 and `number` successes, or `confidence` is no share.
    """
    _check_confidence(confidence)
    if number < 1 or not 0 <= successes <= number:
        raise ValueError(f"{successes} successes of {number}: it takes at least one task, and 0 to {number} successes")
    tail = (1 - confidence) / 2
    failures = number - successes
    low = beta_quantile(tail, successes, failures + 1) if successes else 0.0
    high = beta_quantile(1 - tail, successes + 1, failures) if failures else 1.0
    return Interval(successes / number, low, high)


def mean_interval(
    values: npt.ArrayLike,
    limits: Range = (0.0, 1.0),
    clusters: Sequence[object] | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return the interval of the mean of one value a task; see `ratio_intervals`.

    Args:
        values: One for each task, shape (tasks,).
        limits: The least and the most that a value can be.
        clusters: A label for each task; tasks of one label go alike. None where each stands alone.
        confidence: How often such intervals hold what they estimate, 0 to 1.
    """
    column = np.asarray(values, dtype=float).reshape(-1, 1)
    return ratio_intervals(column, np.ones_like(column), [limits], clusters, confidence)[0]


def ratio_intervals(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    limits: Sequence[Range],
    clusters: Sequence[object] | None = None,
    confidence: float = CONFIDENCE,
) -> list[Interval]:
    """Return the intervals of several measures of the same tasks, each a sum over tasks divided by another one.

    Args:
        numerators: Of shape (tasks, measures).
        denominators: Of the same shape, not negative; all 1 for a mean.
        limits: For each measure the least and greatest value that numerator / denominator of one task can have. A
            measure with an infinite limit has nothing unseen drawn; its interval is widened as Student's t is.
        clusters: A label for each task; tasks with the same label go alike. None if all are independent. Intervals
            over clusters are never narrower than those over tasks.
        confidence: How often the interval is to hold the value of the population that tasks, or clusters, come from.

    Returns:
        An interval for each measure, `UNKNOWN` where its denominators sum to 0; the same arrays give the same bytes.

    Raises:
        ValueError: Shapes do not fit, a value is not finite or not within its limits, or `confidence` is no share.
    """
    tops, bottoms, bounds = _check(numerators, denominators, limits, confidence)
    num_tasks = len(tops)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = tops.sum(axis=0) / bottoms.sum(axis=0)
    if not num_tasks:
        return [UNKNOWN] * len(bounds)
    lows, highs = _bound(tops, bottoms, np.ones(num_tasks), bounds, confidence)
    for column in np.flatnonzero((bottoms == 1).all(axis=0) & np.isfinite(bounds).all(axis=1)):
        low, high = _bound_by_rounding(tops[:, column], bounds[column], confidence)
        lows[column], highs[column] = np.clip(lows[column], *low), np.clip(highs[column], *high)
    order, starts, sizes = _sort_by_cluster(clusters, num_tasks)
    if len(starts) < num_tasks:
        tops, bottoms = (np.add.reduceat(rows[order], starts, axis=0) for rows in (tops, bottoms))
        wider = _bound(tops, bottoms, sizes, bounds, confidence)
        lows, highs = np.minimum(lows, wider[0]), np.maximum(highs, wider[1])
    ends = zip(values, np.minimum(lows, values), np.maximum(highs, values), strict=True)
    return [Interval(*map(float, each)) if each[0] == each[0] else UNKNOWN for each in ends]


def difference_intervals(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    limits: Sequence[Range],
    clusters: Sequence[object] | None = None,
    confidence: float = CONFIDENCE,
) -> list[Interval]:
    """Return the intervals of mean paired differences, first minus second, over the same tasks.

    What makes a task hard for both drops out. With the sides exchanged the ends are the same with the other sign: the
    upper end is found as the lower one of second minus first.

    Args:
        first: Values of the first side, shape (tasks, measures).
        second: Those of the second, over the same tasks.
        limits: The least and the most that a value of either side can be, for each measure.
        clusters: A label for each task; tasks of one label go alike. None where each stands alone.
        confidence: How often such intervals hold what they estimate, 0 to 1.

    Raises:
        ValueError: As for `ratio_intervals`, or the sides are not of one shape.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape:
        raise ValueError(
            f"both sides must be of the same shape (tasks, measures), got {first.shape} and {second.shape}"
        )
    both = np.concatenate([first - second, second - first], axis=-1)
    spans = [(least - greatest, greatest - least) for least, greatest in limits] * 2
    found = ratio_intervals(both, np.ones_like(both), spans, clusters, confidence)
    pairs = zip(found[: len(limits)], found[len(limits) :], strict=True)
    return [Interval(interval.value, interval.low, -mirrored.low) for interval, mirrored in pairs]


def familywise_confidence(num_intervals: int, confidence: float = CONFIDENCE) -> float:
    """Return the confidence of each of several intervals that all hold together at `confidence` (Bonferroni)."""
    return 1 - (1 - confidence) / max(1, num_intervals)


def describe_intervals(cluster_key: str = "") -> str:
    """Return in a few words how intervals come about; `cluster_key` names what tasks of a cluster share, if any do."""
    exact = "" if cluster_key else "exact (Clopper-Pearson) for success, else "
    return f"95 % interval: {exact}bootstrap by {cluster_key or 'task'}"


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is a share between 0 and 1, such as {CONFIDENCE}, not {confidence}")


def _check(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, limits: Sequence[Range], confidence: float
) -> tuple[Array, Array, Array]:
    """Return the arguments as arrays; `limits` of shape (measures, 2)."""
    tops, bottoms = (np.asarray(rows, dtype=float) for rows in (numerators, denominators))
    bounds = np.asarray(limits, dtype=float).reshape(-1, 2)
    _check_confidence(confidence)
    if tops.ndim != 2 or tops.shape != bottoms.shape or tops.shape[1] != len(bounds):
        raise ValueError(
            f"numerators and denominators must both have shape (tasks, {len(bounds)}), one column for each of the"
            f" limits; they have {tops.shape} and {bottoms.shape}"
        )
    if not (np.isfinite(tops).all() and np.isfinite(bottoms).all() and (bottoms >= 0).all()):
        raise ValueError("numerators and denominators must be finite numbers, and denominators must not be negative")
    with np.errstate(invalid="ignore"):  # no limit times no denominator: the limit stands
        least, greatest = (np.where(np.isinf(side), side, side * bottoms) for side in bounds.T)
    slack = SLACK * (1 + np.abs(tops))
    wrong = (tops < least - slack) | (tops > greatest + slack)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        low, high = bounds[column]
        over = "" if bottoms[row, column] == 1 else f" / {bottoms[row, column]:g}"
        raise ValueError(
            f"task {row} has the value {tops[row, column]:g}{over}; it must lie between {low:g} and {high:g}"
        )
    return np.clip(tops, least, greatest), bottoms, bounds


def _bound_by_rounding(values: Array, limits: Array, confidence: float) -> tuple[Range, Range]:
    """Return what both ends of a mean's interval must lie between: the exact ones of values rounded down, and up.

    For values that are all at one limit or the other they are the same, so that 0/1 measures get exact intervals; and
    as draws are clipped to them, what chance there is in these never makes a better value look worse.
    """
    least, greatest = limits
    counts = (values == greatest).sum(), (values > least).sum()
    down, up = (proportion_interval(int(count), len(values), confidence) for count in counts)
    lows, highs = ([least + (greatest - least) * end for end in ends] for ends in zip(down[1:], up[1:], strict=True))
    return (lows[0], lows[1]), (highs[0], highs[1])


def _sort_by_cluster(
    clusters: Sequence[object] | None, num_tasks: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array]:
    """Return an order of the tasks by cluster, where each cluster starts in it, and the clusters' sizes in tasks."""
    labels = range(num_tasks) if clusters is None else clusters
    if len(labels) != num_tasks:
        raise ValueError(f"there are {len(labels)} cluster labels for {num_tasks} tasks; each task needs one")
    numbers: dict[object, int] = {}
    places = np.array([numbers.setdefault(label, len(numbers)) for label in labels])
    sizes = np.bincount(places)
    return np.argsort(places, kind="stable"), np.cumsum(sizes) - sizes, sizes.astype(float)


def _bound(tops: Array, bottoms: Array, sizes: Array, bounds: Array, confidence: float) -> tuple[Array, Array]:
    """Return lower and upper ends for measures of independent units, rows of sums over `sizes` tasks each."""
    tail = (1 - confidence) / 2
    is_bounded = np.isfinite(bounds).all(axis=1)
    weighted_tops, weighted_bottoms, unseen = _reweight(tops, bottoms, _find_shape(sizes, confidence), tail)
    num_counted = np.maximum(1, (bottoms > 0).sum(axis=0))
    unseen = unseen * np.where(is_bounded, bottoms.sum(axis=0) / num_counted, 0.0)
    least, greatest = np.where(is_bounded, bounds.T, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        totals = weighted_bottoms + unseen
        lows = np.quantile((weighted_tops + unseen * least) / totals, tail, axis=0)
        highs = np.quantile((weighted_tops + unseen * greatest) / totals, 1 - tail, axis=0)
        values = tops.sum(axis=0) / bottoms.sum(axis=0)
        reach = np.where(is_bounded, 1.0, _widen_as_student(len(tops), confidence))
        lows, highs = values - reach * (values - lows), values + reach * (highs - values)
    return np.maximum(lows, bounds[:, 0]), np.minimum(highs, bounds[:, 1])


def _reweight(tops: Array, bottoms: Array, shape: float, tail: float) -> tuple[Array, Array, Array]:
    """Return sums of both arrays under drawn weights, of shape (draws, measures), and the weights of what is unseen.

    Rows are sorted in each column first: a weight belongs to a rank, so that the order of tasks does not matter and a
    better value never leads to a worse draw.
    """
    num_rows = len(tops)
    order = np.lexsort((tops, bottoms), axis=0)
    tops, bottoms = (np.take_along_axis(rows, order, axis=0) for rows in (tops, bottoms))
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    num_draws = min(MAX_DRAWS, max(MIN_DRAWS, math.ceil(DRAWS_BEYOND_AN_END / tail)))
    chunk = max(1, CHUNK_CELLS // (num_rows + 1))
    parts = []
    for start in range(0, num_draws, chunk):
        weights = rng.standard_gamma(shape, size=(min(chunk, num_draws - start), num_rows + 1))
        parts.append((weights[:, 1:] @ tops, weights[:, 1:] @ bottoms, weights[:, :1]))
    sums = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return next(sums), next(sums), next(sums)


def _find_shape(sizes: Array, confidence: float) -> float:
    """Return the shape of the gamma law of weights: 1 for units of equal size, less for unequal ones.

    Kish's effective number of clusters (1965), the square of the sum of sizes over the sum of their squares, says how
    many of equal size would tell as much where tasks of a cluster go alike. Besides, large clusters pull the mean
    towards themselves, so that less of their spread is seen. Both make an interval wider, and weights of shape a spread
    a mean as 1 / sqrt(a) does.
    """
    num_units, shares = len(sizes), sizes / sizes.sum()
    concentration = float((shares**2).sum())
    effective = min(num_units, max(MIN_EFFECTIVE_CLUSTERS, 1 / concentration))
    if effective > num_units - SLACK:
        return 1.0
    seen = 1 - 2 * float((shares**3).sum()) / concentration + concentration
    seen = max(1 - 1 / MIN_EFFECTIVE_CLUSTERS, seen)
    ratio = _widen_as_student(effective, confidence, seen) / _widen_as_student(num_units, confidence)
    return max(MIN_SHAPE, ratio**-2)


def _widen_as_student(number: float, confidence: float, seen: float | None = None) -> float:
    """Return by how much an interval of drawn weights is narrower than Student's t for a mean of so many units.

    Weights spread a mean by what is seen of the variance, (n - 1) / n of it for n equal units, divided by n + 1 rather
    than n, and as the normal law does.
    """
    if number <= 1:
        return math.nan
    normal = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = (1 + 1 / number) / (1 - 1 / number if seen is None else seen)
    return math.sqrt(spread) * student_quantile(confidence, number - 1) / normal
