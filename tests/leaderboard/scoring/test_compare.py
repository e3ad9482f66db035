"""Paired differences: what both agents share drops out, and a family of pairs is corrected for."""

import math

import pytest
from hand_records import make_episode, make_run

from hiper_envs.episodes.statistics import Interval
from leaderboard.play.run_folder import Run
from leaderboard.scoring.compare import compare_runs, compare_to_best
from leaderboard.scoring.scores import score_run


def make_agent(name: str, num_successes: int, num_tasks: int = 60) -> Run:
    return make_run(name, [make_episode(str(n), score=float(n < num_successes)) for n in range(num_tasks)])


def test_agents_that_agree_on_all_tasks_leave_doubt() -> None:
    every, none = make_agent("every", 18, 18), make_agent("none", 0, 18)
    assert compare_runs(every, none).differences["success"] == pytest.approx((100, 100 - 2 * 18.53, 100), abs=0.01)
    assert compare_runs(every, every).differences["score"] == pytest.approx((0, -18.53, 18.53), abs=0.5)
    assert compare_runs(every, none).differences["turns"] == (0, 0, 0)


def test_paired_difference_cancels_what_both_share() -> None:
    hard = [number % 2 for number in range(60)]
    better = make_run("better", [make_episode(str(n), score=1.0 if n < 50 else hard[n]) for n in range(60)])
    worse = make_run("worse", [make_episode(str(n), score=1.0 if n < 36 else hard[n]) for n in range(60)])
    comparison = compare_runs(better, worse)
    success = comparison.differences["success"]
    assert comparison.num_pairs == 60 and success.value == pytest.approx(100 * 7 / 60)
    widths = [scores.high - scores.low for scores in (success_of(better), success_of(worse))]
    assert success.low > 0 and success.high - success.low < 0.8 * sum(widths)
    assert compare_runs(worse, better).differences["success"].value == -success.value


def success_of(run: Run) -> Interval:
    return score_run(run).metrics["success"]


def test_runs_with_other_seeds_are_paired_by_task() -> None:
    first = make_run("A", [make_episode("a", score=1.0, seed=0)])
    second = make_run("B", [make_episode("a", score=0.0, seed=100)], seed=100)
    assert compare_runs(first, second).differences["success"].value == 100


def test_differences_are_over_the_clusters_of_the_panel() -> None:
    """Eight wins, all on the goals of two products, are two wins."""
    clusters = [f"product {number // 4}" for number in range(40)]
    alone, together = (
        compare_runs(
            make_run("A", [make_episode(str(n), score=1.0) for n in range(40)], clusters=labels),
            make_run("B", [make_episode(str(n), score=float(n >= 8)) for n in range(40)], clusters=labels),
        )
        for labels in (None, clusters)
    )
    assert alone.differences["success"].low > 0 > together.differences["success"].low
    assert (alone.cluster_key, together.cluster_key) == ("", "product")


def test_the_best_is_compared_with_a_correction_for_all_pairs() -> None:
    runs = [make_agent("A", 50), make_agent("B", 44), make_agent("C", 40), make_agent("D", 0)]
    found = compare_to_best(runs)
    assert [(row.first, row.second, row.num_comparisons) for row in found] == [("A", name, 6) for name in "BCD"]
    alone = compare_runs(runs[0], runs[1])
    assert alone.num_comparisons == 1 and alone.differences["success"].low > 0 > found[0].differences["success"].low
    assert found[0].differences["success"].value == alone.differences["success"].value == 10
    assert found[1].differences["success"].low > 0


def test_unfinished_runs_are_compared_on_what_both_played() -> None:
    whole = make_agent("A", 20, 20)
    part = make_run("B", [make_episode(str(n), score=0.0) for n in range(9)], num_tasks=0)
    part = Run(part.folder, part.header, whole.panel, part.episodes, part.times)
    empty = Run(part.folder, part.header, whole.panel, [], {})
    found = compare_to_best([whole, part, make_agent("C", 10, 20), empty])
    assert [row.num_pairs for row in found] == [9, 20, 0]
    assert [row.differences["success"].value for row in found[:2]] == [100, 50]
    assert math.isnan(found[2].differences["success"].value)


def test_other_panel_is_not_compared() -> None:
    with pytest.raises(ValueError, match="they played different panels"):
        compare_runs(make_agent("A", 1, 4), make_agent("B", 1, 3))


def test_fewer_than_two_runs_have_no_differences() -> None:
    assert compare_to_best([]) == [] == compare_to_best([make_agent("A", 1)])
