"""Intervals hold what they promise: against exact sums, as properties, and by simulation of panels."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from benchmarks.coverage import (
    ALFWORLD_SCENES,
    WEBSHOP_PRODUCTS,
    draw_pairs,
    draw_scores,
    draw_successes,
    label_tasks,
    mean_score,
    measure_differences,
    measure_fixed_scenes,
    measure_means,
)
from hiper_envs.episodes.quantiles import beta_quantile, student_quantile
from hiper_envs.episodes.statistics import (
    UNKNOWN,
    describe_intervals,
    difference_intervals,
    familywise_confidence,
    mean_interval,
    proportion_interval,
    ratio_intervals,
)

PAIRS, THREE_LARGE = [2] * 100, [34, 33, 33, *[4] * 7, *[3] * 24]
TURNS = (0.0, math.inf)
values = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0]))
clustered_values = st.lists(st.tuples(values, st.integers(0, 5)), min_size=1, max_size=25)


def count_at_least(count: int, number: int, share: float) -> float:
    return sum(math.comb(number, k) * share**k * (1 - share) ** (number - k) for k in range(count, number + 1))


@pytest.mark.parametrize("number", [1, 2, 18, 134, 400])
def test_proportions_are_exact(number: int) -> None:
    for count in {0, 1, number // 2, number - 1, number}:
        found = proportion_interval(count, number)
        assert found.low == 0 if count == 0 else count_at_least(count, number, found.low) == pytest.approx(0.025)
        assert (
            found.high == 1
            if count == number
            else count_at_least(count + 1, number, found.high) == pytest.approx(0.975)
        )


@pytest.mark.parametrize("number", [18, 134, 200])
def test_exact_intervals_cover_as_often_as_they_say(number: int) -> None:
    """By the binomial law itself: never less, and with many tasks about as often."""
    found = [proportion_interval(count, number) for count in range(number + 1)]
    shares = np.linspace(0.02, 0.98, 49)
    laws = [
        [math.comb(number, k) * share**k * (1 - share) ** (number - k) for k in range(number + 1)] for share in shares
    ]
    held = [[interval.low <= share <= interval.high for interval in found] for share in shares]
    coverages = [float(np.dot(law, is_held)) for law, is_held in zip(laws, held, strict=True)]
    assert min(coverages) >= 0.95
    assert np.mean(coverages) <= (0.97 if number > 100 else 0.98)


def test_quantiles_agree_with_tables() -> None:
    tables = {(0.95, 1): 12.7062, (0.95, 3): 3.18245, (0.95, 17): 2.10982, (0.99, 8): 3.35539, (0.95, 1e6): 1.95997}
    for (confidence, freedom), expected in tables.items():
        assert student_quantile(confidence, freedom) == pytest.approx(expected, rel=1e-5)
    assert beta_quantile(0.3, 1, 1) == pytest.approx(0.3)
    assert beta_quantile(0.25, 0.5, 0.5) == pytest.approx(math.sin(math.pi / 8) ** 2)


@given(st.integers(1, 60), st.data())
def test_one_more_success_raises_both_ends(number: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, number - 1))
    fewer, more = (mean_interval([1] * k + [0] * (number - k)) for k in (count, count + 1))
    assert fewer.low <= more.low and fewer.high <= more.high
    assert fewer == proportion_interval(count, number)


def test_eighteen_of_eighteen() -> None:
    assert mean_interval([1] * 18) == pytest.approx((1, 0.8147, 1), abs=1e-4)
    assert mean_interval([1] * 17 + [0]) == pytest.approx((17 / 18, 0.7271, 0.9986), abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(clustered_values, st.booleans())
def test_intervals_are_within_limits_and_never_without_width(rows: list[tuple[float, int]], is_clustered: bool) -> None:
    scores, clusters = [row[0] for row in rows], [row[1] for row in rows]
    found = mean_interval(scores, clusters=clusters if is_clustered else None)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.5 / len(scores)
    assert found.value == pytest.approx(np.mean(scores))


@settings(max_examples=60, deadline=None)
@given(clustered_values, st.data())
def test_a_better_value_lowers_no_end(rows: list[tuple[float, int]], data: st.DataObject) -> None:
    scores, clusters = [row[0] for row in rows], [row[1] for row in rows]
    place = data.draw(st.integers(0, len(rows) - 1))
    better = [*scores]
    better[place] = data.draw(st.floats(scores[place], 1))
    for labels in (None, clusters):
        before, after = mean_interval(scores, clusters=labels), mean_interval(better, clusters=labels)
        assert after.low >= before.low - 1e-12 and after.high >= before.high - 1e-12


@settings(max_examples=40, deadline=None)
@given(clustered_values, st.randoms(use_true_random=False))
def test_order_and_labels_do_not_matter(rows: list[tuple[float, int]], random: object) -> None:
    shuffled = [*rows]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    before = mean_interval([row[0] for row in rows], clusters=[row[1] for row in rows])
    after = mean_interval([row[0] for row in shuffled], clusters=[f"cluster {row[1]}" for row in shuffled])
    assert after == pytest.approx(before, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(clustered_values)
def test_clusters_never_make_an_interval_narrower(rows: list[tuple[float, int]]) -> None:
    scores, clusters = [row[0] for row in rows], [row[1] for row in rows]
    alone, together = mean_interval(scores), mean_interval(scores, clusters=clusters)
    assert together.low <= alone.low and together.high >= alone.high


def test_same_values_give_the_same_bytes() -> None:
    rng = np.random.default_rng(3)
    numerators, clusters = rng.random((90, 4)), [str(n % 20) for n in range(90)]
    found = [ratio_intervals(numerators, np.ones_like(numerators), [(0, 1)] * 4, clusters) for _ in range(2)]
    assert repr(found[0]) == repr(found[1])
    alone = ratio_intervals(numerators[:, :1], np.ones((90, 1)), [(0, 1)], clusters)
    assert alone[0] == pytest.approx(found[0][0], abs=1e-12)


@pytest.mark.parametrize("count", [0, 3, 11, 12])
def test_clusters_that_go_one_way_count_as_one_task_each(count: int) -> None:
    """Twelve clusters of five whose tasks all agree: the interval is the exact one of 12, not of 60."""
    outcomes = np.repeat([1] * count + [0] * (12 - count), 5)
    found = mean_interval(outcomes, clusters=label_tasks([5] * 12))
    assert found == pytest.approx(proportion_interval(count, 12), abs=0.012)


def test_unequal_clusters_tell_less_than_equal_ones() -> None:
    equal, unequal = [10] * 20, [105, *[5] * 19]
    widths = []
    for sizes in (equal, unequal):
        outcomes = np.concatenate([[1] * (size // 2) + [0] * (size - size // 2) for size in sizes])
        found = mean_interval(outcomes, clusters=label_tasks(sizes))
        widths.append(found.high - found.low)
    assert widths[1] > 1.5 * widths[0]


def test_bootstrap_agrees_with_drawing_task_after_task() -> None:
    rng = np.random.default_rng(1)
    lengths, segments = rng.integers(1, 40, 60).astype(float), rng.integers(1, 6, 60).astype(float)
    found = ratio_intervals(lengths[:, None], segments[:, None], [TURNS])[0]
    drawn = rng.integers(60, size=(20_000, 60))
    slow = np.percentile(lengths[drawn].sum(axis=1) / segments[drawn].sum(axis=1), [2.5, 97.5])
    assert found[1:] == pytest.approx(slow, abs=0.06 * (slow[1] - slow[0]))


def test_means_without_limits_are_widened_as_students_t_is() -> None:
    turns = np.random.default_rng(2).normal(20, 4, size=12)
    found = mean_interval(turns, TURNS)
    reach = student_quantile(0.95, 11) * turns.std(ddof=1) / math.sqrt(12)
    assert found[1:] == pytest.approx((turns.mean() - reach, turns.mean() + reach), abs=0.15 * reach)


def test_nothing_is_known_from_no_task_and_no_reach_from_one() -> None:
    assert repr(mean_interval([])) == repr(UNKNOWN)
    assert repr(ratio_intervals([[0.0], [0.0]], [[0.0], [0.0]], [(0, 1)])[0]) == repr(UNKNOWN)
    one = mean_interval([9.0], TURNS)
    assert one.value == 9 and math.isnan(one.low) and math.isnan(one.high)
    together = mean_interval([9.0, 11.0], TURNS, clusters=["a", "a"])
    assert together.value == 10 and math.isnan(together.low)
    assert mean_interval([1.0]) == pytest.approx((1, 0.025, 1))


def test_ratios_leave_out_tasks_that_say_nothing() -> None:
    """One task of 18 has boundaries, all right: not more certain than one task is."""
    numerators, denominators = np.zeros((18, 1)), np.zeros((18, 1))
    numerators[0], denominators[0] = 5, 5
    found = ratio_intervals(numerators, denominators, [(0, 1)])[0]
    assert found.value == 1 and found.low < 0.04 and found.high == 1


@pytest.mark.filterwarnings("error")
def test_measures_without_limit_may_have_nothing_to_divide_by() -> None:
    (interval,) = ratio_intervals([[0.0], [0.0]], [[0.0], [0.0]], [TURNS])
    assert math.isnan(interval.value)


@pytest.mark.parametrize(("wins", "losses"), [(5, 0), (6, 0), (9, 2), (10, 2), (12, 3), (14, 4), (40, 24), (40, 20)])
def test_differences_exclude_zero_where_the_exact_test_does(wins: int, losses: int) -> None:
    """McNemar's exact test is the sign test on the tasks where just one of two agents succeeds; no near ties here."""
    first, second = np.zeros((90, 1)), np.zeros((90, 1))
    first[:wins] = second[-losses or 90 :] = 1
    for left, right, sign in ((first, second, 1), (second, first, -1)):
        found = difference_intervals(left, right, [(0, 1)])[0]
        assert found.value == pytest.approx(sign * (wins - losses) / 90)
        chance = 2 * count_at_least(wins, wins + losses, 0.5)
        assert (found.low > 0 or found.high < 0) is (chance < 0.05)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(values, values, st.integers(0, 4)), min_size=1, max_size=30), st.booleans(), st.booleans())
def test_exchanged_sides_give_the_same_ends_with_the_other_sign(
    rows: list[tuple[float, float, int]], is_clustered: bool, is_limited: bool
) -> None:
    first, second = (np.array([[row[side]] for row in rows]) for side in (0, 1))
    clusters = [row[2] for row in rows] if is_clustered else None
    limits = [(0, 1) if is_limited else (0, math.inf)]
    one, other = (difference_intervals(*sides, limits, clusters)[0] for sides in ((first, second), (second, first)))
    assert one == pytest.approx((-other.value, -other.high, -other.low), abs=0, nan_ok=True)
    assert not one.low > one.value and not one.high < one.value


def test_sides_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"both sides must be of the same shape \(tasks, measures\), got \(2, 1\)"):
        difference_intervals(np.ones((2, 1)), np.ones((1, 1)), [(0, 1)])


def test_agents_that_always_agree_leave_doubt() -> None:
    both = np.ones((18, 1))
    doubt = 1 - 0.025 ** (1 / 18)
    assert difference_intervals(both, both, [(0, 1)])[0] == pytest.approx((0, -doubt, doubt), abs=0.01)
    assert difference_intervals(both, 0 * both, [(0, 1)])[0] == pytest.approx((1, 1 - 2 * doubt, 1), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "mean", "likeness"),
    [
        (PAIRS, 0.7, 0.0),
        (PAIRS, 0.88, 0.8),
        (WEBSHOP_PRODUCTS, 0.5, 0.5),
        (WEBSHOP_PRODUCTS, 0.88, 0.8),
        (THREE_LARGE, 0.7, 0.8),
        (THREE_LARGE, 0.95, 0.5),
        (ALFWORLD_SCENES, 0.7, 0.2),
        ([4, 2, 2, 2, *[1] * 10], 0.7, 0.5),
    ],
)
def test_clustered_intervals_cover(sizes: Sequence[int], mean: float, likeness: float) -> None:
    """The true value is held within 2 % as often as promised, or more often where clusters are few or unequal."""
    rng = np.random.default_rng(0)
    outcomes = draw_successes(sizes, mean, likeness, 300, rng)
    assert measure_means(outcomes, sizes, mean).share >= 0.93
    scores = draw_scores(sizes, mean, likeness, 300, rng)
    assert measure_means(scores, sizes, mean_score(mean)).share >= 0.93


def test_without_clusters_the_same_intervals_would_be_three_times_too_narrow() -> None:
    outcomes = draw_successes(WEBSHOP_PRODUCTS, 0.88, 0.8, 200, np.random.default_rng(0))
    alone = measure_means(outcomes, WEBSHOP_PRODUCTS, 0.88, is_clustered=False)
    together = measure_means(outcomes, WEBSHOP_PRODUCTS, 0.88)
    assert alone.share < 0.6 and together.width > 2.5 * alone.width


@pytest.mark.parametrize("likeness", [0.0, 0.2, 0.5])
def test_tasks_drawn_within_fixed_scenes_are_independent(likeness: float) -> None:
    """For ALFWorld's four scenes as they are, no cluster is needed, however much they differ."""
    assert measure_fixed_scenes(0.8, likeness, 400).share >= 0.94


def test_many_pairs_of_independent_tasks_cover_about_as_often_as_promised() -> None:
    """With enough clusters it is not merely safe: neither too often."""
    rng = np.random.default_rng(4)
    found = [measure_means(draw_successes(PAIRS, mean, 0.5, 300, rng), PAIRS, mean).share for mean in (0.5, 0.7, 0.8)]
    assert 0.93 <= np.mean(found) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("likeness", [0.0, 0.7])
def test_paired_differences_cover(likeness: float) -> None:
    for sizes in ([1] * 18, [1] * 134, PAIRS, WEBSHOP_PRODUCTS):
        first, second = draw_pairs(sizes, (0.88, 0.7), likeness, 300, np.random.default_rng(2))
        assert measure_differences(first, second, sizes, 0.18 / 3).share >= 0.93


@pytest.mark.slow
def test_ratios_cover() -> None:
    """Turns of a segment, where long episodes have many segments; the truth is the ratio of the means."""
    rng = np.random.default_rng(5)
    for sizes, least, most in (([1] * 12, 0.92, 0.98), ([1] * 134, 0.92, 0.98), ([4] * 8, 0.92, 1.0)):
        segments = np.repeat(1 + rng.poisson(2, size=(len(sizes), 400)), sizes, axis=0).astype(float)
        turns = segments * 3 + np.repeat(rng.poisson(4, size=(len(sizes), 400)), sizes, axis=0)
        found = ratio_intervals(turns, segments, [TURNS] * 400, label_tasks(sizes))
        share = np.mean([interval.low <= 3 + 4 / 3 <= interval.high for interval in found])
        assert least <= share <= most, (len(sizes), share)


@pytest.mark.slow
def test_pairs_of_equal_agents_are_rarely_told_apart() -> None:
    """Six equal agents, of which the luckiest is held against the others: with correction at most once in twenty."""
    rng = np.random.default_rng(6)
    num_agents, num_panels, at_once = 6, 240, 20
    corrected = familywise_confidence(num_agents * (num_agents - 1) // 2)
    told: dict[float, list[bool]] = {0.95: [], corrected: []}
    for _ in range(num_panels // at_once):
        outcomes = (rng.random((at_once, 134, num_agents)) < 0.7).astype(float)
        ranked = np.take_along_axis(outcomes, np.argsort(-outcomes.sum(axis=1, keepdims=True), axis=2), axis=2)
        best, others = np.repeat(ranked[:, :, :1], num_agents - 1, axis=2), ranked[:, :, 1:]
        first, second = (np.concatenate(rows, axis=1) for rows in (best, others))
        for confidence, found in told.items():
            rows = difference_intervals(first, second, [(0.0, 1.0)] * first.shape[1], confidence=confidence)
            clear = np.array([interval.low > 0 for interval in rows]).reshape(at_once, -1)
            found += clear.any(axis=1).tolist()
    assert np.mean(told[0.95]) > 0.1 and np.mean(told[corrected]) <= 0.07


def test_correction_is_bonferronis() -> None:
    assert familywise_confidence(1) == pytest.approx(0.95)
    assert familywise_confidence(10) == pytest.approx(0.995)
    wide, narrow = (mean_interval([0.2, 0.4, 0.9] * 9, confidence=c) for c in (familywise_confidence(10), 0.95))
    assert wide.low < narrow.low and wide.high > narrow.high


@settings(max_examples=30, deadline=None)
@given(st.lists(values, min_size=2, max_size=30), st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_more_confidence_takes_a_wider_interval(scores: list[float], one: float, other: float) -> None:
    assume(abs(one - other) > 0.01)
    narrow, wide = (mean_interval(scores, confidence=confidence) for confidence in sorted([one, other]))
    assert wide.low <= narrow.low and wide.high >= narrow.high


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.2]], [[1.0]], [(0, 1)]), "task 0 has the value 1.2; it must lie between 0 and 1"),
        (([[0.5], [-0.1]], [[1.0], [1.0]], [(0, 1)]), "task 1 has the value -0.1;"),
        (([[math.nan]], [[1.0]], [(0, 1)]), "must be finite numbers"),
        (([[1.0]], [[-1.0]], [(0, 1)]), "must not be negative"),
        (([[1.0]], [[0.0]], [(0, 1)]), "task 0 has the value 1 / 0;"),
        (([[1.0], [1.0]], [[1.0]], [(0, 1)]), "must both have shape"),
        (([[1.0]], [[1.0]], [(0, 1), (0, 1)]), "one column for each of the limits"),
        (([[1.0]], [[1.0]], [(0, 1)], ["a", "b"]), "there are 2 cluster labels for 1 tasks"),
        (([[1.0]], [[1.0]], [(0, 1)], None, 95), "confidence is a share between 0 and 1, such as 0.95, not 95"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ratio_intervals(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(("successes", "number"), [(1, 0), (3, 2), (-1, 2)])
def test_impossible_proportions_are_refused(successes: int, number: int) -> None:
    with pytest.raises(ValueError, match="it takes at least one task"):
        proportion_interval(successes, number)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 1.5, -0.1, math.nan])
def test_confidence_of_a_proportion_is_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence is a share between 0 and 1"):
        proportion_interval(1, 2, confidence)


def test_the_way_is_told_in_a_few_words() -> None:
    assert describe_intervals() == "95 % interval: exact (Clopper-Pearson) for success, else bootstrap by task"
    assert describe_intervals("product") == "95 % interval: bootstrap by product"
