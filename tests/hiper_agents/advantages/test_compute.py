"""The table of estimators: what each reads, and what it gives."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from hiper_agents.advantages import (
    ESTIMATORS,
    OPTIONS,
    GraphConfig,
    GroupConfig,
    HAEConfig,
    Masks,
    Preset,
    ReinforceConfig,
    SegmentTraceConfig,
    ShapingConfig,
    TurnMarks,
    Turns,
    compute_advantages,
    estimate_beacon,
    estimate_dr_grpo,
    estimate_g2po,
    estimate_gae,
    estimate_gigpo,
    estimate_graphgpo,
    estimate_grpo,
    estimate_hae,
    estimate_reinforce,
    estimate_rloo,
    estimate_segment_traces,
    sort_options,
)
from tests.hiper_agents.advantages.batches import random_turns

IN_GROUPS = [name for name, each in ESTIMATORS.items() if not each.uses_values]


def make_batch() -> tuple[Turns, TurnMarks]:
    rng = np.random.default_rng(11)
    turns = random_turns(rng, num_episodes=9)
    group = (turns.episode % 2).astype(str)
    marks = TurnMarks(
        group=group,
        state=rng.integers(0, 5, len(turns)),
        milestone=rng.random(len(turns)) < 0.3,
        success=turns.is_last & (rng.random(len(turns)) < 0.5),
        final_state=rng.integers(0, 5, len(turns)),
    )
    return turns, marks


def test_estimators_on_values_are_themselves() -> None:
    turns, _ = make_batch()
    config = HAEConfig(0.9, 0.8, 0.7, "released")
    plain = HAEConfig(0.9, 0.8, 0.7, "bootstrap")
    for name, settings, direct in (
        ("hae", config, estimate_hae(turns, config)),
        ("gae", config, estimate_gae(turns, config)),
        ("segment_traces", plain, estimate_segment_traces(turns, 0.9, 0.8, 0.3, 0.6, "bootstrap")),
        ("decision_gae", plain, estimate_segment_traces(turns, 0.9, 0.8, 1.0, None, "bootstrap")),
        ("reinforce", plain, estimate_reinforce(turns, 0.9, "mean", "bootstrap")),
    ):
        preset = Preset(
            settings,
            normalises=False,
            estimator=name,
            segment_traces=SegmentTraceConfig(0.3, 0.6),
            reinforce=ReinforceConfig("mean"),
        )
        ours = compute_advantages(turns, preset)
        for field in fields(ours):
            np.testing.assert_array_equal(getattr(ours, field.name), getattr(direct, field.name))


def test_estimators_on_groups_read_their_settings() -> None:
    turns, marks = make_batch()
    settings, graphs = GroupConfig(2.0, True, "turn", 3.0), GraphConfig("both", False, 0.5, 0.3)
    far: Any = (marks.success, marks.final_state)
    group: Any = marks.group
    state: Any = marks.state
    milestone: Any = marks.milestone
    direct = {
        "grpo": estimate_grpo(turns, group, True, "turn"),
        "dr_grpo": estimate_dr_grpo(turns, group, "turn"),
        "rloo": estimate_rloo(turns, group, "turn"),
        "gigpo": estimate_gigpo(turns, group, state, 0.8, 2.0, True, "turn"),
        "beacon": estimate_beacon(turns, group, milestone, 0.8, 2.0, True, "turn", 3.0),
        "graphgpo": estimate_graphgpo(turns, group, state, *far, 2.0, False, "turn", "both", 0.5, 0.3),
        "g2po": estimate_g2po(turns, group, state, 0.8, 2.0, False, "turn", "both", 0.5),
    }
    assert set(direct) == set(IN_GROUPS)
    for name, expected in direct.items():
        preset = Preset(HAEConfig(0.8), normalises=False, estimator=name, groups=settings, graphs=graphs)
        found = compute_advantages(turns, preset, marks)
        np.testing.assert_array_equal(found.advantage_low, expected)
        np.testing.assert_array_equal(found.advantage_switch, expected)
        np.testing.assert_array_equal(found.advantage_high, np.where(turns.boundary, expected, np.nan))
        np.testing.assert_array_equal(found.boundary, turns.boundary)


@pytest.mark.parametrize("name", IN_GROUPS)
def test_without_values_there_are_no_returns(name: str) -> None:
    turns, marks = make_batch()
    found = compute_advantages(turns, Preset(estimator=name), marks, Masks(switch=turns.turn > 0))
    for returns in (found.return_low, found.return_high, found.return_switch):
        assert np.isnan(returns).all()
    np.testing.assert_array_equal(np.isnan(found.advantage_switch), turns.turn == 0)
    assert abs(found.advantage_low.mean()) < 1e-9 and abs(found.advantage_low.std() - 1) < 1e-6


@pytest.mark.parametrize(
    ("name", "missing"), [(name, mark) for name, each in ESTIMATORS.items() for mark in each.marks]
)
def test_a_mark_that_is_missing_gets_a_sentence(name: str, missing: str) -> None:
    turns, marks = make_batch()
    given = {mark: getattr(marks, mark) for mark in ESTIMATORS[name].marks if mark != missing}
    sentence = rf"the estimator {name} reads the {missing} of every turn, .* pass TurnMarks\({missing}=\.\.\.\)"
    with pytest.raises(ValueError, match=sentence):
        compute_advantages(turns, Preset(estimator=name), TurnMarks(**given))


def test_rewards_are_shaped_for_every_estimator() -> None:
    turns, marks = make_batch()
    shaping = ShapingConfig(keep_reward=-1.0)
    for name in set(ESTIMATORS) - {"graphgpo"}:  # reads from the rewards at most who reached the goal
        plain, shaped = (
            compute_advantages(turns, Preset(shaping=each, normalises=False, estimator=name), marks)
            for each in (ShapingConfig(), shaping)
        )
        assert np.abs(plain.advantage_low - shaped.advantage_low).max() > 0.1


def test_settings_of_the_wrong_kind_get_a_sentence() -> None:
    for name in ("hae", "shaping", *OPTIONS):
        with pytest.raises(ValueError, match=rf"{name} must be of type \w+Config, got 5 \(int\)"):
            Preset(**{name: 5})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="did you mean 'gigpo'"):
        Preset(estimator="gipgo")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_options_that_are_read_matter_and_others_are_refused(name: str) -> None:
    turns, marks = make_batch()
    other: dict[str, Any] = {
        "kappa": 0.5,
        "kappa_high": 0.5,
        "weight": 3.0,
        "normalise_std": False,
        "by": "turn",
        "milestone_reward": 3.0,
        "among": "state",
        "episode_weight": 1.0,
        "distance_discount": 0.5,
        "baseline": "mean",
    }
    for option, value in other.items():
        if option not in ESTIMATORS[name].options:
            with pytest.raises(ValueError, match=f"the estimator {name} does not read {option}; it reads "):
                sort_options({option: value}, name)
            continue
        base = {"episode_weight": 0.5} if "episode_weight" in ESTIMATORS[name].options else {}
        if option == "normalise_std":
            base |= {option: True}
        before, after = (
            compute_advantages(turns, Preset(normalises=False, estimator=name, **sort_options(each, name)), marks)
            for each in (base, base | {option: value})
        )
        changed = [
            np.nanmax(np.abs(getattr(before, kind) - getattr(after, kind)))
            for kind in ("advantage_low", "advantage_high")
        ]
        assert max(changed) > 1e-3, option


def test_unknown_options_get_the_nearest_name() -> None:
    for estimator in ("hae", "no such"):
        with pytest.raises(ValueError, match="did you mean 'kappa'"):
            sort_options({"kapa": 1.0}, estimator)
    with pytest.raises(ValueError, match="did you mean 'baseline'"):
        sort_options({"basline": "mean"}, "reinforce")
    with pytest.raises(ValueError, match="the estimator hae does not read kappa; it reads no options"):
        sort_options({"kappa": 0.5}, "hae")
