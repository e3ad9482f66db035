"""The estimators against their definitions written out as sums, and against each other where they must agree."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_agents.advantages import TRUNCATIONS, HAEConfig, Turns, estimate_gae, estimate_hae
from tests.hiper_agents.advantages.batches import fractions, generators, random_turns

configs = st.builds(HAEConfig, fractions, fractions, fractions, st.sampled_from(TRUNCATIONS))


def segments_of(turns: Turns) -> list[list[list[int]]]:
    """Return the rows of each segment of each episode."""
    episodes = []
    for episode in sorted(set(turns.episode.tolist())):
        rows = sorted(np.flatnonzero(turns.episode == episode), key=lambda row: turns.turn[row])
        segments: list[list[int]] = []
        for row in rows:
            if turns.switch[row] or not segments:
                segments.append([])
            segments[-1].append(int(row))
        episodes.append(segments)
    return episodes


def value_after(turns: Turns, config: HAEConfig, segments: list[list[int]], number: int, kind: str) -> float:
    if number + 1 < len(segments):
        return float(turns.value_high[segments[number + 1][0]])
    last = segments[-1][-1]
    if turns.terminated[last] or config.truncation == "none":
        return 0.0
    if config.truncation == "bootstrap":
        assert turns.final_value is not None
        return float(turns.final_value[last])
    return float(turns.value_low[last] if kind == "low" else turns.value_high[segments[-1][0]])


def discounted(turns: Turns, rows: list[int], after: float, discount: float) -> float:
    return sum(discount**k * turns.reward[row] for k, row in enumerate(rows)) + discount ** len(rows) * after


def define_hae(turns: Turns, config: HAEConfig) -> dict[str, np.ndarray]:
    """Write each advantage as the sum that defines it."""
    g, out = config.discount, {name: np.full(len(turns), np.nan) for name in ("low", "high", "switch")}
    for segments in segments_of(turns):
        for number, rows in enumerate(segments):
            low_after = value_after(turns, config, segments, number, "low")
            high_after = value_after(turns, config, segments, number, "high")
            values = [*turns.value_low[rows], low_after]
            errors = [turns.reward[row] + g * values[k + 1] - values[k] for k, row in enumerate(rows)]
            for k, row in enumerate(rows):
                out["low"][row] = sum((g * config.lambda_low) ** m * error for m, error in enumerate(errors[k:]))
                assert turns.value_switch is not None
                out["switch"][row] = discounted(turns, rows[k:], high_after, g) - turns.value_switch[row]
        for number, rows in enumerate(segments):
            total, weight = 0.0, 1.0
            for later in range(number, len(segments)):
                after = value_after(turns, config, segments, later, "high")
                error = discounted(turns, segments[later], after, g) - turns.value_high[segments[later][0]]
                total += weight * error
                weight *= g ** len(segments[later]) * config.lambda_high
            out["high"][rows[0]] = total
    return out


@given(generators, configs)
@settings(max_examples=150)
def test_hae_is_its_definition(rng: np.random.Generator, config: HAEConfig) -> None:
    turns = random_turns(rng)
    ours, defined = estimate_hae(turns, config), define_hae(turns, config)
    for name, expected in defined.items():
        np.testing.assert_allclose(getattr(ours, f"advantage_{name}"), expected, atol=1e-10, equal_nan=True)
    np.testing.assert_array_equal(np.isfinite(ours.advantage_high), ours.boundary)
    for name in ("low", "high", "switch"):
        value, advantage = getattr(turns, f"value_{name}"), getattr(ours, f"advantage_{name}")
        np.testing.assert_allclose(getattr(ours, f"return_{name}"), advantage + value, atol=1e-10, equal_nan=True)


@given(generators, fractions, fractions, st.sampled_from(["none", "bootstrap"]))
def test_hae_is_flat_gae_when_every_turn_is_a_boundary(
    rng: np.random.Generator, discount: float, decay: float, truncation: str
) -> None:
    turns = random_turns(rng, switch_rate=1.1)
    flat = estimate_gae(replace(turns, value_low=turns.value_high), HAEConfig(discount, decay, truncation=truncation))
    ours = estimate_hae(turns, HAEConfig(discount, lambda_high=decay, truncation=truncation))
    np.testing.assert_allclose(ours.advantage_high, flat.advantage_low, atol=1e-10)


@given(generators, configs)
def test_low_of_one_segment_is_flat_gae(rng: np.random.Generator, config: HAEConfig) -> None:
    turns = random_turns(rng, switch_rate=-1.0)
    ours, flat = estimate_hae(turns, config), estimate_gae(turns, config)
    np.testing.assert_allclose(ours.advantage_low, flat.advantage_low, atol=1e-12)
    np.testing.assert_array_equal(ours.boundary, flat.boundary)


@given(generators, fractions)
def test_full_traces_are_monte_carlo(rng: np.random.Generator, discount: float) -> None:
    turns = random_turns(rng)
    ours = estimate_hae(turns, HAEConfig(discount, 1.0, 1.0))
    for segments in segments_of(turns):
        rows = [row for segment in segments for row in segment]
        for segment in segments:
            rest = rows[rows.index(segment[0]) :]
            np.testing.assert_allclose(ours.return_high[segment[0]], discounted(turns, rest, 0.0, discount), atol=1e-10)


@given(generators, configs)
def test_order_of_rows_and_other_episodes_do_not_matter(rng: np.random.Generator, config: HAEConfig) -> None:
    turns = random_turns(rng)
    whole = estimate_hae(turns, config)
    chosen = np.flatnonzero(turns.episode == turns.episode[0])
    chosen = rng.permutation(chosen)
    part = Turns(**{field.name: getattr(turns, field.name)[chosen] for field in fields(Turns)})
    alone = estimate_hae(part, config)
    for field in fields(whole):
        np.testing.assert_allclose(getattr(whole, field.name)[chosen], getattr(alone, field.name), atol=1e-12)


def test_released_rule_teaches_nothing_to_a_failed_one_segment_episode() -> None:
    turns = Turns(
        episode=np.zeros(3, int),
        turn=np.arange(3),
        switch=np.array([True, False, False]),
        terminated=np.zeros(3, bool),
        reward=np.zeros(3),
        value_low=np.full(3, 0.5),
        value_high=np.array([0.5, np.nan, np.nan]),
    )
    released = estimate_hae(turns, HAEConfig(truncation="released"))
    ours = estimate_hae(turns, HAEConfig(truncation="none"))
    np.testing.assert_array_equal(released.advantage_low, 0.0)
    assert released.advantage_high[0] == 0.0
    np.testing.assert_array_equal(ours.advantage_low, -0.5)
    assert ours.advantage_high[0] == -0.5
    assert np.isnan(ours.advantage_switch).all() and np.isnan(ours.return_switch).all()


def test_no_turns() -> None:
    nothing = np.zeros(0)
    turns = Turns(nothing.astype(int), nothing.astype(int), nothing.astype(bool), nothing.astype(bool), *[nothing] * 3)
    assert len(estimate_hae(turns).advantage_low) == len(estimate_gae(turns).advantage_low) == 0


def test_bootstrap_needs_final_values() -> None:
    turns = random_turns(
        np.random.default_rng(0), final_value=lambda count: None, terminated=lambda count: np.zeros(count, bool)
    )
    with pytest.raises(ValueError, match="needs final_value: 6 episodes"):
        estimate_hae(turns, HAEConfig(truncation="bootstrap"))
