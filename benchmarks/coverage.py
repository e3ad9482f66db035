"""How often the leaderboard's 95 % intervals hold the true value, by simulation; the table in docs/leaderboard.md.

    python benchmarks/coverage.py              # 1,000 panels a cell: some minutes
    python benchmarks/coverage.py --runs 100   # a first look

A cluster's tasks succeed with a probability of its own, drawn from a beta law around the mean; its likeness is the
correlation between two tasks of a cluster: 0 where they have nothing in common, 1 where they all go the same way.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tyro

from hiper_envs.episodes.statistics import Interval, difference_intervals, ratio_intervals

Array = npt.NDArray[np.float64]
MEANS = (0.5, 0.7, 0.88, 0.95)
LIKENESSES = (0.0, 0.2, 0.5, 0.8)
PARTIAL_SCORES = (0.0, 0.25, 0.5, 0.5, 0.75)
"""What purchases that are no success score, each as often."""
RUNS_AT_ONCE = 250
ALFWORLD_SCENES = (62, 30, 25, 17)
WEBSHOP_PRODUCTS = (38, 36, 26, 13, 12, 10, 9, 7, 5, 4, 4, 4, 3, 3, 3, 2, 2, 2, 2, *[1] * 15)
DESIGNS: dict[str, Sequence[int]] = {
    "18 tasks": [1] * 18,
    "134 tasks": [1] * 134,
    "134 tasks of 4 scenes (alfworld-unseen-v2)": ALFWORLD_SCENES,
    "200 goals, 2 of each of 100 products": [2] * 100,
    "200 goals of 34 products (webshop-test-v1)": WEBSHOP_PRODUCTS,
    "200 goals of 34 products, 3 of them with 100": [34, 33, 33, *[4] * 7, *[3] * 24],
}
"""Sizes of the clusters."""


class Coverage(NamedTuple):
    """Shares of intervals that hold the true value, and the intervals' mean width."""

    share: float
    width: float


def label_tasks(sizes: Sequence[int]) -> list[int]:
    """Return the cluster of each task."""
    return np.repeat(np.arange(len(sizes)), sizes).tolist()


def draw_chances(sizes: Sequence[int], mean: float, likeness: float, runs: int, rng: np.random.Generator) -> Array:
    """Return the probability of success of each task, of shape (tasks, runs)."""
    if likeness == 0:
        return np.full((sum(sizes), runs), mean)
    strength = (1 - likeness) / likeness
    chances = rng.beta(mean * strength, (1 - mean) * strength, size=(len(sizes), runs))
    return np.repeat(chances, sizes, axis=0)


def draw_successes(sizes: Sequence[int], mean: float, likeness: float, runs: int, rng: np.random.Generator) -> Array:
    """Return 0/1 outcomes of shape (tasks, runs)."""
    chances = draw_chances(sizes, mean, likeness, runs, rng)
    return (rng.random(chances.shape) < chances).astype(float)


def draw_scores(sizes: Sequence[int], mean: float, likeness: float, runs: int, rng: np.random.Generator) -> Array:
    """Return scores as in WebShop: 1 for a success, else one of `PARTIAL_SCORES`."""
    successes = draw_successes(sizes, mean, likeness, runs, rng)
    return np.where(successes == 1, 1.0, rng.choice(PARTIAL_SCORES, size=successes.shape))


def mean_score(mean: float) -> float:
    """Return the mean of `draw_scores`."""
    return mean + (1 - mean) * float(np.mean(PARTIAL_SCORES))


def draw_pairs(
    sizes: Sequence[int], means: tuple[float, float], likeness: float, runs: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return 0/1 outcomes of two agents; on two clusters in three the second does what the first does."""
    first = draw_successes(sizes, means[0], likeness, runs, rng)
    second = draw_successes(sizes, means[1], likeness, runs, rng)
    is_same = np.repeat(rng.random((len(sizes), runs)) < 2 / 3, sizes, axis=0)
    return first, np.where(is_same, first, second)


def cover(truth: float | Array, intervals: Sequence[Interval]) -> Coverage:
    """Return how often intervals hold the true value, one for all or one for each, and their mean width."""
    lows, highs = (np.array([interval[end] for interval in intervals]) for end in (1, 2))
    return Coverage(float(np.mean((lows <= truth) & (truth <= highs))), float(np.mean(highs - lows)))


def measure_means(values: Array, sizes: Sequence[int], truth: float | Array, is_clustered: bool = True) -> Coverage:
    """Return the coverage of intervals of means; `values` has shape (tasks, runs)."""
    clusters = label_tasks(sizes) if is_clustered else None
    return cover(truth, ratio_intervals(values, np.ones_like(values), [(0.0, 1.0)] * values.shape[1], clusters))


def measure_differences(first: Array, second: Array, sizes: Sequence[int], truth: float) -> Coverage:
    """Return the coverage of intervals of paired differences; both have shape (tasks, runs)."""
    return cover(truth, difference_intervals(first, second, [(0.0, 1.0)] * first.shape[1], label_tasks(sizes)))


def measure_fixed_scenes(mean: float, likeness: float, runs: int) -> Coverage:
    """Return the coverage for ALFWorld's scenes as they are: the true value is the mean of the scenes' own chances."""
    rng = np.random.default_rng(0)
    chances = draw_chances(ALFWORLD_SCENES, mean, likeness, runs, rng)
    successes = (rng.random(chances.shape) < chances).astype(float)
    return measure_means(successes, ALFWORLD_SCENES, chances.mean(axis=0), is_clustered=False)


def pool(parts: Sequence[Coverage]) -> Coverage:
    """Return the mean of coverages of equally many runs."""
    return Coverage(*np.mean(parts, axis=0).tolist())


def measure_cell(sizes: Sequence[int], likeness: float, runs: int) -> Iterator[tuple[Coverage, Coverage, Coverage]]:
    """Yield for each mean the coverage of success, that of tasks taken as independent, and that of score."""
    rng = np.random.default_rng(0)
    for mean in MEANS:
        found = []
        for _ in range(max(1, runs // RUNS_AT_ONCE)):
            successes = draw_successes(sizes, mean, likeness, min(runs, RUNS_AT_ONCE), rng)
            scores = draw_scores(sizes, mean, likeness, min(runs, RUNS_AT_ONCE), rng)
            found.append(
                (
                    measure_means(successes, sizes, mean),
                    measure_means(successes, sizes, mean, is_clustered=False),
                    measure_means(scores, sizes, mean_score(mean)),
                )
            )
        success, naive, score = (pool(parts) for parts in zip(*found, strict=True))
        yield success, naive, score


def span(coverages: Sequence[Coverage]) -> str:
    """Return the least and the greatest share in percent."""
    shares = [100 * coverage.share for coverage in coverages]
    return f"{min(shares):.0f} to {max(shares):.0f}"


def main(runs: int = 1000) -> None:
    """Print the table: shares of intervals that hold the true value, least to most over `MEANS`.

    Args:
        runs: Simulated panels in each cell.
    """
    print(f"| | {' | '.join(f'likeness {likeness:g}' for likeness in LIKENESSES)} | score | taken as independent |")
    print(f"|---|{'---|' * (len(LIKENESSES) + 2)}")
    for name, sizes in DESIGNS.items():
        likenesses = LIKENESSES if max(sizes) > 1 else LIKENESSES[:1]
        cells = {likeness: list(measure_cell(sizes, likeness, runs)) for likeness in likenesses}
        success = [span([cell[0] for cell in cells.get(likeness, cells[0.0])]) for likeness in LIKENESSES]
        scores = span([cell[2] for row in cells.values() for cell in row])
        naive = span([cell[1] for row in cells.values() for cell in row])
        print(f"| {name} | {' | '.join(success)} | {scores} | {naive} |", flush=True)
    fixed = [span([measure_fixed_scenes(mean, likeness, runs) for mean in MEANS]) for likeness in LIKENESSES]
    print(f"| 134 tasks, their 4 scenes as they are | {' | '.join(fixed)} | | |")


if __name__ == "__main__":
    tyro.cli(main)
