"""Scores against values worked out by hand, with intervals that know the panel's clusters."""

import math

import msgspec
import pytest
from hand_records import make_episode, make_run

from hiper_envs.episodes.statistics import proportion_interval
from hiper_envs.reply import Form
from leaderboard.play.run_folder import RunError
from leaderboard.scoring.scores import score_episodes, score_run

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


def test_intervals_are_the_same_every_time() -> None:
    assert score_episodes(MIXED) == score_episodes(MIXED)


def test_interval_shrinks_with_the_root_of_the_number() -> None:
    few = score_episodes([make_episode(str(number), score=number % 2) for number in range(100)])["success"]
    many = score_episodes([make_episode(str(number), score=number % 2) for number in range(1600)])["success"]
    assert (few.high - few.low) / (many.high - many.low) == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("num_successes", [0, 1, 9, 17, 18])
def test_success_and_crashes_have_exact_intervals(num_successes: int) -> None:
    """One success more raises both ends: 17 of 18 had a higher lower end than 18 of 18."""
    errors = [None] * num_successes + ["ValueError: no idea"] * (18 - num_successes)
    episodes = [
        make_episode(str(number), score=float(error is None), error=error) for number, error in enumerate(errors)
    ]
    found = score_episodes(episodes)
    exact = [100 * end for end in proportion_interval(num_successes, 18)]
    assert found["success"] == pytest.approx(exact) and found["score"] == found["success"]
    assert found["crashes"].low == pytest.approx(100 - exact[2]) and found["crashes"].high == pytest.approx(
        100 - exact[1]
    )


def test_unanimous_measures_with_limits_leave_doubt() -> None:
    found = score_episodes([make_episode(str(number), score=0.5, problems=0) for number in range(18)])
    assert found["score"].value == 50 and 35 < found["score"].low < 45 and 55 < found["score"].high < 65
    assert found["ill_formed"].low == 0 and found["ill_formed"].high == pytest.approx(18.5, abs=1)
    assert found["turns"] == (2, 2, 2)


def test_a_single_episode_says_nothing_of_how_turns_vary() -> None:
    turns = score_episodes([make_episode("a", score=1.0)])["turns"]
    assert turns.value == 2 and math.isnan(turns.low) and math.isnan(turns.high)


def test_intervals_are_over_the_clusters_of_the_panel() -> None:
    """Twenty tasks of five products that go one way each tell as much as five tasks."""
    episodes = [make_episode(str(number), score=float(number < 12)) for number in range(20)]
    alone = score_run(make_run("A", episodes))
    clusters = [f"product {number // 4}" for number in range(20)]
    together = score_run(make_run("A", episodes, clusters=clusters))
    assert (alone.cluster_key, together.cluster_key) == ("", "product")
    exact = [100 * end for end in proportion_interval(3, 5)]
    assert together.metrics["success"] == pytest.approx(exact, abs=1.5)
    assert alone.metrics["success"] == pytest.approx([100 * end for end in proportion_interval(12, 20)])
    part = score_run(make_run("A", episodes[:8], num_tasks=20, clusters=[*clusters[:8], *clusters[8:]]))
    assert part.num_episodes == 8 and part.metrics["success"].low < 20


def test_episodes_of_one_task_are_one_cluster() -> None:
    repeated = [make_episode("a", score=1.0, seed=seed) for seed in range(10)]
    assert score_run(make_run("A", repeated)).metrics["success"].low < 5


def test_types_have_intervals_over_clusters_too() -> None:
    episodes = [make_episode(f"pick_and_place_simple-{number}", score=1.0) for number in range(12)]
    clusters = ["3"] * 6 + ["4"] * 6
    alone, together = (score_run(make_run("A", episodes, clusters=labels)) for labels in (None, clusters))
    lows = [scores.type_metric("pick", "success").low for scores in (alone, together)]
    assert lows[0] > 70 and lows[1] < 20


@pytest.mark.parametrize("score", [1.5, -0.25])
def test_scores_that_cannot_be_are_refused(score: float) -> None:
    episodes = [make_episode("a", score=1.0), msgspec.structs.replace(make_episode("b", score=0.0), score=score)]
    with pytest.raises(RunError, match=f"episode 1 in 'hand' has the score {score}, and scores lie between 0 and 1"):
        score_run(make_run("A", episodes))
