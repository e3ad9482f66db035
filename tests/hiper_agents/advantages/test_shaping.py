"""Shaping, normalisation, presets, and the refusals."""

import re
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.advantages import (
    ESTIMATORS,
    PRESETS,
    HAEConfig,
    Masks,
    Preset,
    ShapingConfig,
    TurnMarks,
    Turns,
    compute_advantages,
    estimate_hae,
    explained_variance,
    find_preset,
    normalise,
    normalise_advantages,
    shape_rewards,
)
from tests.hiper_agents.advantages.batches import generators, random_turns


def make_turns(**changes: Any) -> Turns:
    columns: dict[str, Any] = {
        "episode": np.array([4, 4, 4, 9]),
        "turn": np.array([0, 1, 2, 0]),
        "switch": np.array([True, False, False, False]),
        "terminated": np.array([False, False, True, True]),
        "reward": np.array([0.0, 0.0, 1.0, 0.0]),
        "value_low": np.zeros(4),
        "value_high": np.zeros(4),
    }
    return Turns(**(columns | changes))


def test_keep_reward() -> None:
    turns = make_turns()
    fixed = shape_rewards(turns, ShapingConfig(keep_reward=-0.3))
    np.testing.assert_allclose(fixed, [0.0, -0.3, 0.7, -0.3])
    spread = shape_rewards(turns, ShapingConfig(keep_reward=-3.0, keep_mode="normalized"))
    np.testing.assert_allclose(spread, [0.0, -1.0, 0.0, -3.0])


def test_invalid_and_consistency() -> None:
    turns = make_turns()
    marks = TurnMarks(valid=np.array([True, False, True, True]), subgoal=np.array([1, -1, 2, -1]))
    np.testing.assert_allclose(shape_rewards(turns, ShapingConfig(invalid_penalty=0.1), marks), [0, -0.1, 1, 0])
    lenient = ShapingConfig(consistency_reward=-0.5)
    strict = ShapingConfig(consistency_reward=-0.5, consistency_needs_both=False)
    np.testing.assert_allclose(shape_rewards(turns, lenient, marks), [0, 0, 1, 0])
    np.testing.assert_allclose(shape_rewards(turns, strict, marks), [0, -0.5, 0.5, 0])
    for config in (lenient, ShapingConfig(invalid_penalty=0.1)):
        with pytest.raises(ValueError, match=r"pass TurnMarks"):
            shape_rewards(turns, config)


@given(generators)
def test_normalised_advantages_have_mean_0_and_deviation_1(rng: np.random.Generator) -> None:
    turns = random_turns(rng, num_episodes=8)
    raw = estimate_hae(turns)
    masks = Masks(action=rng.random(len(turns)) < 0.8)
    final = normalise_advantages(raw, masks)
    assert masks.action is not None
    np.testing.assert_array_equal(np.isnan(final.advantage_low), ~masks.action)
    for name in ("advantage_low", "advantage_high", "advantage_switch"):
        values = getattr(final, name)[~np.isnan(getattr(final, name))]
        if len(values) > 1:
            assert abs(values.mean()) < 1e-9 and abs(values.std() - 1) < 1e-6
    np.testing.assert_array_equal(final.return_low, raw.return_low)


def test_normalising_a_constant_gives_zeros() -> None:
    np.testing.assert_array_equal(normalise(np.array([2.0, np.nan, 2.0])), [0.0, np.nan, 0.0])
    assert np.isnan(normalise(np.array([np.nan]))).all()


def test_explained_variance_looks_only_at_owned_returns() -> None:
    returns = np.array([1.0, np.nan, 3.0])
    assert explained_variance(np.array([1.0, 50.0, 3.0]), returns) == 1.0
    assert explained_variance(np.array([2.0, 50.0, 2.0]), returns) == 0.0
    assert np.isnan(explained_variance(returns, np.full(3, np.nan)))
    with pytest.raises(ValueError, match="values is nan at entry 2, which owns a return"):
        explained_variance(np.array([1.0, 2.0, np.nan]), np.array([1.0, np.nan, 3.0]))


@pytest.mark.parametrize("target", [0.0, 0.1, -3.7e8, 1e-300, 1e99])
def test_a_constant_target_is_explained_by_any_constant_and_by_nothing_else(target: float) -> None:
    returns = np.full(7, target)
    assert explained_variance(returns, returns) == 1.0
    assert explained_variance(returns + 2.0, returns) == 1.0
    assert explained_variance(returns + np.arange(7) * max(1.0, abs(target)), returns) == 0.0


@given(st.floats(-1e99, 1e99), st.lists(st.integers(-3, 3), min_size=1, max_size=50))
def test_values_that_differ_by_rounding_alone_normalise_to_zeros(value: float, steps: list[int]) -> None:
    values = np.array([value + step * np.spacing(value) for step in steps])
    np.testing.assert_array_equal(normalise(values), np.zeros(len(values)))
    assert explained_variance(values, values) == 1.0


@given(st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=30))
def test_normalised_values_are_never_out_of_proportion(values: list[float]) -> None:
    found = normalise(np.array(values))
    assert np.isfinite(found).all() and np.abs(found).max() <= np.sqrt(len(values)) + 1e-6
    assert abs(found.mean()) < 1e-6


INTEGERS = np.array([1, 0, 1, 1])


@pytest.mark.parametrize(
    "mask", [INTEGERS, INTEGERS.astype(float), INTEGERS.astype(np.uint8), list("tftt"), [1, 0, 1, 1]]
)
def test_masks_of_other_kinds_are_refused(mask: Any) -> None:
    turns = make_turns()
    found = estimate_hae(turns)
    calls = {
        "mask": lambda: normalise(np.arange(4.0), mask),
        "the mask of action tokens": lambda: normalise_advantages(found, Masks(action=mask)),
        "the mask of subgoal tokens": lambda: normalise_advantages(found, Masks(subgoal=mask)),
        "the mask of switch tokens": lambda: compute_advantages(turns, masks=Masks(switch=mask)),
        "TurnMarks.valid": lambda: shape_rewards(turns, ShapingConfig(invalid_penalty=0.1), TurnMarks(valid=mask)),
    }
    for name, call in calls.items():
        with pytest.raises(TypeError, match=rf"^{name} holds .* values; it must hold booleans \(try"):
            call()


@pytest.mark.parametrize("shape", [(3,), (5,), (1, 4), (4, 1), ()])
def test_masks_of_other_shapes_are_refused(shape: Any) -> None:
    turns, mask = make_turns(), np.ones(shape, bool)
    found = estimate_hae(turns)
    consistency = ShapingConfig(consistency_reward=-0.1)
    calls = (
        lambda: normalise(np.arange(4.0), mask),
        lambda: normalise(np.arange(4.0).reshape(2, 2), None),
        lambda: normalise_advantages(found, Masks(action=mask)),
        lambda: compute_advantages(turns, masks=Masks(subgoal=mask)),
        lambda: shape_rewards(turns, ShapingConfig(invalid_penalty=0.1), TurnMarks(valid=mask)),
        lambda: shape_rewards(turns, consistency, TurnMarks(subgoal=np.ones(shape, int))),
        lambda: explained_variance(np.ones(shape), np.arange(4.0)),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"give (one entry a turn|a flat array with one entry a turn)"):
            call()


@pytest.mark.parametrize("precision", [np.float16, np.float32])
def test_rounding_is_that_of_the_values_own_precision(precision: Any) -> None:
    value = precision(0.7)
    rounded = np.array([value, np.nextafter(value, precision(1)), value], dtype=precision)
    assert normalise(rounded).tolist() == [0, 0, 0]
    assert explained_variance(np.full(3, value), rounded) == 1.0
    assert np.std(normalise(np.array([0.7, 0.8, 0.9], dtype=precision))) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1.0, 1e139])
def test_explained_variance_has_no_unit(size: float) -> None:
    values, returns = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])
    assert explained_variance(values * size, returns * size) == pytest.approx(1 - (2 / 9) / (14 / 9))


def test_explained_variance_below_all_numbers_is_minus_infinity() -> None:
    assert explained_variance(np.array([1e140, -1e140]), np.array([1e-200, 2e-200])) == -np.inf


def test_masked_arrays_are_not_read_through_their_masks() -> None:
    hidden = np.ma.masked_array([1.0, 9.0], mask=[False, True])
    with pytest.raises(ValueError, match="values is an array with masked entries"):
        normalise(hidden)
    assert normalise(np.ma.masked_array([1.0, 9.0])).tolist() == pytest.approx([-1, 1])


def test_a_preset_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown preset 5; allowed: hiper"):
        compute_advantages(make_turns(), 5)  # type: ignore[arg-type]


def test_lists_of_booleans_are_masks() -> None:
    mask = [True, False, True, True]
    np.testing.assert_array_equal(normalise(np.arange(4.0), mask), normalise(np.arange(4.0), np.array(mask)))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, -1e101])
@pytest.mark.parametrize("field", ["reward", "value_low", "value_high", "value_switch", "final_value"])
def test_numbers_that_cannot_be_summed_are_told_with_their_place(field: str, value: float) -> None:
    values = np.zeros(4)
    values[3] = value
    ends = {"terminated": np.array([False, False, True, False])}
    with pytest.raises(
        ValueError, match=rf"{field} is {re.escape(str(value))} at turn 0 of episode 9; it must be a finite"
    ):
        make_turns(**{**ends, field: values})


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_the_largest_numbers_that_are_taken_stay_finite(name: str) -> None:
    largest = np.full(4, 1e100)
    turns = make_turns(reward=largest, value_low=-largest, value_high=largest, value_switch=-largest)
    milestone = np.array([True, False, False, True])
    marks = TurnMarks(group=np.zeros(4, int), state=np.zeros(4, int), milestone=milestone)
    with np.errstate(all="raise"):
        found = compute_advantages(turns, Preset(estimator=name), marks)
    assert not np.isinf([getattr(found, field.name) for field in fields(found)]).any()


def test_advantages_that_are_infinite_are_told_with_their_place() -> None:
    with pytest.raises(ValueError, match="values is inf at entry 2; it must be NaN or a finite number"):
        normalise(np.array([0.0, np.nan, np.inf]))
    with pytest.raises(ValueError, match="returns is -inf at entry 0"):
        explained_variance(np.zeros(1), np.array([-np.inf]))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"keep_reward": "0.1"}, r"keep_reward must be a number .*, got '0.1' \(str\)"),
        ({"invalid_penalty": np.nan}, "invalid_penalty is nan; it must be a number between"),
        ({"consistency_reward": np.inf}, "consistency_reward is inf"),
        ({"invalid_penalty": True}, r"invalid_penalty must be a number .*, got True \(bool\)"),
        ({"consistency_needs_both": "false"}, "consistency_needs_both must be True or False"),
    ],
)
def test_shaping_settings_of_the_wrong_kind(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ShapingConfig(**settings)
    with pytest.raises(ValueError, match="normalises must be True or False"):
        Preset(normalises="no")  # type: ignore[arg-type]


def test_presets() -> None:
    for name in PRESETS:
        marks = TurnMarks(
            valid=np.ones(4, bool),
            subgoal=np.zeros(4, int),
            group=np.zeros(4, int),
            state=np.arange(4),
            milestone=np.zeros(4, bool),
        )
        turns = make_turns(value_switch=np.zeros(4))
        assert np.isfinite(compute_advantages(turns, name, marks).advantage_low).all()
    assert find_preset("hae") == find_preset("hiper") and find_preset("hae").hae.truncation == "none"
    assert find_preset("released-hae").hae.truncation == "released"
    assert find_preset("released-hae").shaping == ShapingConfig()
    assert find_preset("released-alfworld").hae.truncation == "released"
    with pytest.raises(ValueError, match="did you mean 'released-webshop'"):
        find_preset("released-webshp")


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"turn": [0, 1, 1, 0]}, ValueError, "turn 1 of episode 4 occurs more than once"),
        ({"turn": [0, 1, 3, 0]}, ValueError, "episode 4 has turn 3 but not every turn before it"),
        ({"turn": [1, 2, 3, 0]}, ValueError, "episode 4 has turn 1 but not every turn before it"),
        ({"turn": [0, 1, 2, 5]}, ValueError, "episode 9 has turn 5 but not every turn before it"),
        ({"turn": [0.0, 1.0, 2.0, 0.0]}, TypeError, "turn holds float64 values; it must hold integers"),
        ({"switch": [1, 0, 0, 0]}, TypeError, "switch holds int64 values; it must hold booleans"),
        ({"terminated": [True, False, True, True]}, ValueError, "goes on after it"),
        ({"reward": [0.0, 0.0, 1.0]}, ValueError, "reward has 3 entries but episode has 4"),
        ({"reward": [[0.0, 0.0, 1.0, 0.0]]}, ValueError, r"reward has shape \(1, 4\)"),
        ({"reward": ["a", "b", "c", "d"]}, TypeError, "reward holds <U1 values; it must hold real numbers"),
        ({"value_low": [0.0, np.nan, 0.0, 0.0]}, ValueError, "value_low is nan at turn 1 of episode 4"),
        ({"value_high": [np.inf, 0.0, 0.0, 0.0]}, ValueError, "value_high is inf at turn 0 of episode 4"),
        ({"value_switch": [0.0, 0.0, np.nan, 0.0]}, ValueError, "value_switch is nan at turn 2 of episode 4"),
    ],
)
def test_bad_turns_get_a_sentence(changes: dict[str, Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        make_turns(**{name: np.array(values) for name, values in changes.items()})


def test_values_that_are_not_read_may_be_missing() -> None:
    nan = np.nan
    turns = make_turns(
        value_high=np.array([0.0, nan, nan, 0.0]),
        terminated=np.array([False, False, False, True]),
        final_value=np.array([nan, nan, 1.0, nan]),
    )
    plain = estimate_hae(turns, HAEConfig(truncation="none"))
    carried = estimate_hae(turns, HAEConfig(truncation="bootstrap"))
    np.testing.assert_allclose(carried.advantage_low - plain.advantage_low, [1.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize("field", ["discount", "lambda_low", "lambda_high"])
def test_settings_outside_their_range(field: str) -> None:
    assert field in {each.name for each in fields(HAEConfig)}
    with pytest.raises(ValueError, match=f"{field} is 1.5; it must be a number between 0 and 1"):
        HAEConfig(**{field: 1.5})
    for value in ("0.5", True, None):
        with pytest.raises(TypeError, match=f"{field} must be a number between 0 and 1, got"):
            HAEConfig(**{field: value})
    with pytest.raises(ValueError, match="did you mean 'bootstrap'"):
        HAEConfig(truncation="bootstrp")
    with pytest.raises(ValueError, match="did you mean 'normalized'"):
        ShapingConfig(keep_mode="normalised")
