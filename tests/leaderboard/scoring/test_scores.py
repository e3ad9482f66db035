"""Scores against values worked out by hand and against resampling done the slow way."""

import math
import random

import msgspec
import numpy as np
import pytest
from hand_records import make_episode, make_run

from hiper_envs.reply import Form
from leaderboard.scoring.scores import METRICS_BY_KEY, compare_runs, score_episodes, score_run, unanimous_interval

MIXED = [
    make_episode("pick_and_place_simple-a", score=1.0, lengths=(2, 4)),
    make_episode("pick_and_place_simple-b", score=0.5, lengths=(1,), problems=1),
    make_episode("pick_two_obj_and_place-c", score=0.0, lengths=(3, 2, 1)),
    make_episode("pick_two_obj_and_place-d", score=0.0, lengths=(3,), error="ValueError: no idea"),
]


def test_values() -> None:
    values = {key: interval.value for key, interval in score_episodes(MIXED).items()}
    assert values == pytest.approx(
        {
            "success": 25,
            "score": 37.5,
            "turns": 4,
            "segments": 7 / 4,
            "segment_turns": 16 / 7,
            "boundary_precision": math.nan,
            "boundary_recall": math.nan,
            "ill_formed": 100 / 16,
            "cut_off": 0,
            "crashes": 25,
        },
        nan_ok=True,
    )


def test_boundaries_are_held_against_milestones() -> None:
    """Cuts before turns 2 and 5; milestones on turns 1, 3 and the last one, which nothing can follow."""
    episode = make_episode("a", score=1.0, lengths=(2, 3, 1))
    reached = {1: ("seen",), 3: ("held",), 5: ("placed",)}
    turns = [msgspec.structs.replace(turn, milestones=reached.get(turn.number, ())) for turn in episode.turns]
    watched = msgspec.structs.replace(episode, turns=turns, milestones=("seen", "held", "placed"))
    values = {key: interval.value for key, interval in score_episodes([watched, episode]).items()}
    assert (values["boundary_precision"], values["boundary_recall"]) == (50, 50)


def test_reply_without_tags_is_well_formed() -> None:
    episode = make_episode("a", score=1.0, problems=2)
    turns = [type(turn)(**{**_fields(turn), "reply": "work"}) for turn in episode.turns]
    flat = type(episode)(**{**_fields(episode), "turns": turns})
    assert score_episodes([episode])["ill_formed"].value == 100
    assert score_episodes([flat])["ill_formed"].value == 0


@pytest.mark.parametrize(
    ("problems", "form", "reason", "ill_formed", "cut_off"),
    [
        (("no complete <switch>...</switch>", "no complete <subgoal>...</subgoal>"), None, None, 0, 0),
        (("no complete <switch>...</switch>",), None, None, 100, 0),
        ((), "react", "stop", 0, 0),
        (("the action differs from an admissible one only in case",), "hierarchical", None, 0, 0),
        (("no complete <action>...</action>",), "ill-formed", "stop", 100, 0),
        (("no complete <action>...</action>",), "ill-formed", "length", 0, 100),
        (("cut off: <action> is never closed",), "truncated", None, 0, 100),
        ((), "flat", "MAX_TOKENS", 0, 100),
    ],
)
def test_kinds_of_replies_are_counted_apart(
    problems: tuple[str, ...], form: Form | None, reason: str | None, ill_formed: float, cut_off: float
) -> None:
    episode = make_episode("a", score=1.0)
    fields = {"problems": problems, "form": form, "finish_reason": reason}
    turns = [msgspec.structs.replace(turn, **fields) for turn in episode.turns]
    values = score_episodes([msgspec.structs.replace(episode, turns=turns)])
    assert (values["ill_formed"].value, values["cut_off"].value) == (ill_formed, cut_off)


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}  # type: ignore[attr-defined]


def test_no_episodes_have_no_values() -> None:
    scores = score_run(make_run("A", [], num_tasks=3))
    assert all(math.isnan(interval.value) for interval in scores.metrics.values())
    assert not scores.is_complete and scores.seconds_per_turn is None


def test_run_is_counted() -> None:
    scores = score_run(make_run("A", MIXED, num_tasks=6))
    assert (scores.num_episodes, scores.num_tasks, scores.num_crashes) == (4, 6, 1)
    assert {kind: (count, metrics["success"].value) for kind, (count, metrics) in scores.by_type.items()} == {
        "pick": (2, 50),
        "pick two": (2, 0),
    }
    assert scores.seconds_per_turn == 0.5


def test_intervals_agree_with_slow_resampling() -> None:
    draw = random.Random(1)
    lengths = [tuple(draw.randint(1, 6) for _ in range(draw.randint(1, 4))) for _ in range(40)]
    episodes = [
        make_episode(str(number), score=draw.random() ** 0.5, lengths=length) for number, length in enumerate(lengths)
    ]
    fast = score_episodes(episodes)
    rng = np.random.default_rng(5)
    for key in ("score", "segment_turns"):
        metric = METRICS_BY_KEY[key]
        numerators = np.array([metric.numerator(episode) for episode in episodes])
        denominators = np.array([metric.denominator(episode) for episode in episodes])
        drawn = rng.integers(40, size=(10_000, 40))
        slow = np.percentile(numerators[drawn].sum(axis=1) / denominators[drawn].sum(axis=1), [2.5, 97.5])
        width = slow[1] - slow[0]
        assert fast[key][1:] == pytest.approx(slow, abs=0.05 * width)


def test_intervals_are_the_same_every_time() -> None:
    assert score_episodes(MIXED) == score_episodes(MIXED)


def test_interval_shrinks_with_the_root_of_the_number() -> None:
    few = score_episodes([make_episode(str(number), score=number % 2) for number in range(100)])["success"]
    many = score_episodes([make_episode(str(number), score=number % 2) for number in range(1600)])["success"]
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(("num_episodes", "reach"), [(3, 70.76), (18, 18.53), (134, 2.715)])
def test_unanimous_episodes_leave_doubt(num_episodes: int, reach: float) -> None:
    none = unanimous_interval(0.0, num_episodes)
    assert none == pytest.approx((0, 0, reach), abs=0.01)
    every = score_episodes([make_episode(str(number), score=1.0) for number in range(num_episodes)])["success"]
    assert every == pytest.approx((100, 100 - reach, 100), abs=0.01)


def test_unanimous_differences_leave_doubt() -> None:
    every = make_run("every", [make_episode(str(number), score=1.0) for number in range(18)])
    none = make_run("none", [make_episode(str(number), score=0.0) for number in range(18)])
    assert compare_runs(every, none).differences["success"] == pytest.approx((100, 100 - 2 * 18.53, 100), abs=0.01)
    assert compare_runs(every, every).differences["score"] == pytest.approx((0, -18.53, 18.53), abs=0.01)
    assert compare_runs(every, none).differences["turns"] == (0, 0, 0)


def test_paired_difference_cancels_what_both_share() -> None:
    hard = [number % 2 for number in range(60)]
    better = make_run("better", [make_episode(str(n), score=1.0 if n < 50 else hard[n]) for n in range(60)])
    worse = make_run("worse", [make_episode(str(n), score=1.0 if n < 40 else hard[n]) for n in range(60)])
    comparison = compare_runs(better, worse)
    success = comparison.differences["success"]
    assert comparison.num_pairs == 60 and success.value == pytest.approx(100 * 5 / 60)
    widths = [run_scores.high - run_scores.low for run_scores in _successes(better, worse)]
    assert success.low > 0 and success.high - success.low < 0.8 * sum(widths)
    assert compare_runs(worse, better).differences["success"].value == -success.value


def _successes(*runs: object) -> list[object]:
    return [score_run(run).metrics["success"] for run in runs]  # type: ignore[arg-type]


def test_runs_with_other_seeds_are_paired_by_task() -> None:
    first = make_run("A", [make_episode("a", score=1.0, seed=0)])
    second = make_run("B", [make_episode("a", score=0.0, seed=100)], seed=100)
    assert compare_runs(first, second).differences["success"].value == 100


def test_other_panel_is_not_compared() -> None:
    with pytest.raises(ValueError, match="they played different panels"):
        compare_runs(make_run("A", MIXED), make_run("B", MIXED[:2]))
