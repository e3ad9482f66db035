"""The table of estimators: what each reads, and what it gives."""

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from hiper_agents.advantages import (
    ESTIMATORS,
    GroupConfig,
    HAEConfig,
    Masks,
    Preset,
    ShapingConfig,
    TurnMarks,
    Turns,
    compute_advantages,
    estimate_beacon,
    estimate_gae,
    estimate_gigpo,
    estimate_grpo,
    estimate_hae,
    estimate_rloo,
)
from tests.hiper_agents.advantages.batches import random_turns

IN_GROUPS = [name for name, each in ESTIMATORS.items() if not each.uses_values]


def make_batch() -> tuple[Turns, TurnMarks]:
    rng = np.random.default_rng(11)
    turns = random_turns(rng, num_episodes=9)
    group = (turns.episode % 2).astype(str)
    return turns, TurnMarks(group=group, state=rng.integers(0, 5, len(turns)), milestone=rng.random(len(turns)) < 0.3)


def test_estimators_on_values_are_themselves() -> None:
    turns, _ = make_batch()
    config = HAEConfig(0.9, 0.8, 0.7, "released")
    for name, estimate in (("hae", estimate_hae), ("gae", estimate_gae)):
        ours, direct = (
            compute_advantages(turns, Preset(config, normalises=False, estimator=name)),
            estimate(turns, config),
        )
        for field in fields(ours):
            np.testing.assert_array_equal(getattr(ours, field.name), getattr(direct, field.name))


def test_estimators_on_groups_read_their_settings() -> None:
    turns, marks = make_batch()
    settings = GroupConfig(2.0, True, "turn", 3.0)
    group: Any = marks.group
    state: Any = marks.state
    milestone: Any = marks.milestone
    direct = {
        "grpo": estimate_grpo(turns, group, True, "turn"),
        "rloo": estimate_rloo(turns, group, "turn"),
        "gigpo": estimate_gigpo(turns, group, state, 0.8, 2.0, True, "turn"),
        "beacon": estimate_beacon(turns, group, milestone, 0.8, 2.0, True, "turn", 3.0),
    }
    assert set(direct) == set(IN_GROUPS)
    for name, expected in direct.items():
        preset = Preset(HAEConfig(0.8), normalises=False, estimator=name, groups=settings)
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
    for name in ESTIMATORS:
        plain, shaped = (
            compute_advantages(turns, Preset(shaping=each, normalises=False, estimator=name), marks)
            for each in (ShapingConfig(), shaping)
        )
        assert np.abs(plain.advantage_low - shaped.advantage_low).max() > 0.1


def test_settings_of_the_wrong_kind_get_a_sentence() -> None:
    for name in ("hae", "shaping", "segment_traces", "groups"):
        with pytest.raises(ValueError, match=rf"{name} must be of type \w+Config, got 5 \(int\)"):
            Preset(**{name: 5})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="did you mean 'gigpo'"):
        Preset(estimator="gipgo")
