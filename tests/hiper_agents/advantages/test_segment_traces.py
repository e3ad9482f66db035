"""Segment traces against recorded outputs, their definition as a sum over decisions, and their members."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_agents.advantages import (
    HAEConfig,
    Preset,
    SegmentTraceConfig,
    Turns,
    compute_advantages,
    estimate_hae,
    estimate_segment_traces,
)
from tests.hiper_agents.advantages.batches import fractions, generators, random_turns

truncations = st.sampled_from(["none", "bootstrap"])


def test_recorded_batches(shared: Path) -> None:
    archive = np.load(shared / "gold" / "hierarchical" / "segment_traces.npz", allow_pickle=False)
    setups = json.loads(str(archive["cfg_json"]))
    assert len(setups) >= 30
    for position, setup in enumerate(setups):
        rows = archive["in_batch"] == position
        turns = Turns(**{field.name: archive[f"in_{field.name}"][rows] for field in fields(Turns)})
        found = estimate_segment_traces(
            turns, setup["discount"], setup["lam"], setup["kappa"], setup["kappa_high"], setup["truncation"]
        )
        for kind in ("low", "high", "switch"):
            ours, recorded = getattr(found, f"advantage_{kind}"), archive[f"gold_{kind}"][rows]
            np.testing.assert_allclose(ours, recorded, rtol=0, atol=1e-9, equal_nan=True, err_msg=f"{kind} of {setup}")


@dataclass
class Decided:
    """One decision of an episode: what was decided at which turn, and what it changed in value."""

    row: int
    turn: int
    kind: str
    error: float


def list_decisions(turns: Turns, episode: int, discount: float, truncation: str) -> Iterator[Decided]:
    """Yield the decisions of an episode in order."""
    assert turns.value_switch is not None and turns.final_value is not None
    rows = sorted(np.flatnonzero(turns.episode == episode), key=lambda row: turns.turn[row])
    for t, row in enumerate(rows):
        low, high, switch = turns.value_low[row], turns.value_high[row], turns.value_switch[row]
        opens = t == 0 or turns.switch[row]
        if t > 0:
            yield Decided(row, t, "switch", (high if opens else low) - switch)
        if opens:
            yield Decided(row, t, "subgoal", low - high)
        ends = t + 1 == len(rows)
        is_cut = truncation == "bootstrap" and ends and not turns.terminated[row]
        following = turns.final_value[row] if is_cut else 0.0 if ends else turns.value_switch[rows[t + 1]]
        yield Decided(row, t, "action", turns.reward[row] + discount * following - low)


def define_traces(turns: Turns, discount: float, trace: float, kappas: dict[str, float], truncation: str) -> Any:
    """Write each advantage as the sum that defines it."""
    out = {kind: np.full(len(turns), np.nan) for kind in ("switch", "subgoal", "action")}
    for episode in set(turns.episode.tolist()):
        decisions = list(list_decisions(turns, episode, discount, truncation))
        for i, first in enumerate(decisions):
            total = 0.0
            for j in range(i, len(decisions)):
                opened = [each for each in decisions[i + 1 : j + 1] if each.kind == "subgoal"]
                if first.kind == "switch":  # the segment that it opens is its own
                    opened = [each for each in opened if each.turn > first.turn]
                weight = discount ** (decisions[j].turn - first.turn) * trace ** (j - i)
                total += weight * kappas[first.kind] ** len(opened) * decisions[j].error
            out[first.kind][first.row] = total
    return out


@given(generators, fractions, fractions, fractions, st.none() | fractions, truncations)
@settings(max_examples=100, deadline=None)
def test_traces_are_their_definition(
    rng: np.random.Generator, discount: float, trace: float, kappa: float, kappa_high: float | None, truncation: str
) -> None:
    turns = random_turns(rng, num_episodes=4)
    found = estimate_segment_traces(turns, discount, trace, kappa, kappa_high, truncation)
    kappas = {"switch": kappa, "action": kappa, "subgoal": kappa if kappa_high is None else kappa_high}
    defined = define_traces(turns, discount, trace, kappas, truncation)
    values = {"low": turns.value_low, "high": turns.value_high, "switch": turns.value_switch}
    for ours, theirs in (("low", "action"), ("high", "subgoal"), ("switch", "switch")):
        advantage = getattr(found, f"advantage_{ours}")
        np.testing.assert_allclose(advantage, defined[theirs], atol=1e-10, equal_nan=True)
        np.testing.assert_allclose(getattr(found, f"return_{ours}"), advantage + values[ours], equal_nan=True)
    np.testing.assert_array_equal(found.boundary, turns.boundary)


@given(generators, fractions, fractions, truncations)
@settings(max_examples=150)
def test_hae_with_full_traces_is_a_member(
    rng: np.random.Generator, discount: float, decay: float, truncation: str
) -> None:
    turns = random_turns(rng)
    traces = estimate_segment_traces(turns, discount, 1.0, 0.0, decay, truncation)
    hae = estimate_hae(turns, HAEConfig(discount, 1.0, decay, truncation))
    np.testing.assert_allclose(traces.advantage_low, hae.advantage_low, rtol=0, atol=1e-12)
    np.testing.assert_allclose(traces.advantage_high, hae.advantage_high, rtol=0, atol=1e-12, equal_nan=True)
    later = turns.turn > 0
    np.testing.assert_allclose(traces.advantage_switch[later], hae.advantage_switch[later], rtol=0, atol=1e-12)
    assert np.isnan(traces.advantage_switch[~later]).all()


@given(generators, fractions, fractions)
def test_kappa_1_is_gae_over_the_row_of_decisions(rng: np.random.Generator, discount: float, trace: float) -> None:
    turns = random_turns(rng)
    found = estimate_segment_traces(turns, discount, trace)
    kinds = {"action": found.advantage_low, "subgoal": found.advantage_high, "switch": found.advantage_switch}
    for episode in set(turns.episode.tolist()):
        after, next_turn = 0.0, np.inf
        for each in reversed(list(list_decisions(turns, episode, discount, "none"))):
            after = each.error + trace * (discount if each.turn < next_turn < np.inf else 1.0) * after
            next_turn = each.turn
            assert kinds[each.kind][each.row] == pytest.approx(after, abs=1e-10)


@given(generators, fractions, truncations)
def test_full_traces_are_monte_carlo(rng: np.random.Generator, discount: float, truncation: str) -> None:
    turns = random_turns(rng)
    found = estimate_segment_traces(turns, discount, trace=1.0, kappa=1.0, truncation=truncation)
    assert turns.final_value is not None
    is_cut = turns.is_last & ~turns.terminated & (truncation == "bootstrap")
    gains = turns.reward + np.where(is_cut, discount * turns.final_value, 0.0)
    for row in range(len(turns)):
        rest = (turns.episode == turns.episode[row]) & (turns.turn >= turns.turn[row])
        to_come = (discount ** (turns.turn[rest] - turns.turn[row]) * gains[rest]).sum()
        assert found.return_low[row] == pytest.approx(to_come, abs=1e-10)
        assert not turns.boundary[row] or found.return_high[row] == pytest.approx(to_come, abs=1e-10)
        assert not turns.turn[row] or found.return_switch[row] == pytest.approx(to_come, abs=1e-10)


@given(generators, fractions, fractions, fractions)
def test_order_of_rows_and_other_episodes_do_not_matter(
    rng: np.random.Generator, trace: float, kappa: float, kappa_high: float
) -> None:
    turns = random_turns(rng)
    whole = estimate_segment_traces(turns, 0.9, trace, kappa, kappa_high)
    chosen = rng.permutation(np.flatnonzero(turns.episode == turns.episode[0]))
    part = Turns(**{field.name: getattr(turns, field.name)[chosen] for field in fields(Turns)})
    alone = estimate_segment_traces(part, 0.9, trace, kappa, kappa_high)
    for field in fields(whole):
        np.testing.assert_array_equal(getattr(whole, field.name)[chosen], getattr(alone, field.name))


def test_values_that_are_not_read_change_nothing() -> None:
    turns = random_turns(np.random.default_rng(3))
    assert turns.value_switch is not None
    changed = replace(
        turns,
        value_high=np.where(turns.boundary, turns.value_high, np.inf),
        value_switch=np.where(turns.turn > 0, turns.value_switch, 1e50),
        final_value=None,
    )
    with np.errstate(all="raise"):
        ours, other = estimate_segment_traces(turns, 0.9, 0.8, 0.3), estimate_segment_traces(changed, 0.9, 0.8, 0.3)
    for field in fields(ours):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(other, field.name))


def test_no_turns() -> None:
    nothing = np.zeros(0)
    numbers, claims = nothing.astype(int), nothing.astype(bool)
    found = estimate_segment_traces(Turns(numbers, numbers, claims, claims, *[nothing] * 4))
    assert len(found.advantage_low) == len(found.return_switch) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"discount": 1.1}, "discount is 1.1; it must be a number between 0 and 1"),
        ({"trace": np.nan}, "trace is nan; it must be"),
        ({"kappa": -0.1}, "kappa is -0.1; it must be"),
        ({"kappa": None}, "kappa must be a number between 0 and 1, got None"),
        ({"kappa_high": 2}, "kappa_high is 2; it must be"),
        ({"kappa_high": True}, "kappa_high must be a number between 0 and 1, got True"),
        ({"truncation": "bootstrp"}, "unknown truncation of segment traces 'bootstrp'; .* did you mean 'bootstrap'"),
        ({"truncation": "released"}, "unknown truncation of segment traces 'released'; allowed: none, bootstrap"),
    ],
)
def test_settings_get_a_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        estimate_segment_traces(random_turns(np.random.default_rng(0)), **arguments)


def test_values_that_are_missing_get_a_sentence() -> None:
    turns = random_turns(np.random.default_rng(0), terminated=lambda count: np.zeros(count, bool))
    with pytest.raises(ValueError, match="give value_switch, or use hae, which needs none"):
        estimate_segment_traces(replace(turns, value_switch=None))
    with pytest.raises(ValueError, match="needs final_value: 6 episodes"):
        estimate_segment_traces(replace(turns, final_value=None), truncation="bootstrap")
    with pytest.raises(ValueError, match="unknown truncation of the estimator segment_traces 'released'"):
        Preset(HAEConfig(truncation="released"), estimator="segment_traces")


def test_the_table_reads_the_settings() -> None:
    turns = random_turns(np.random.default_rng(5))
    preset = Preset(
        HAEConfig(0.9, 0.8, truncation="bootstrap"),
        normalises=False,
        estimator="segment_traces",
        segment_traces=SegmentTraceConfig(0.3, 0.6),
    )
    ours, direct = compute_advantages(turns, preset), estimate_segment_traces(turns, 0.9, 0.8, 0.3, 0.6, "bootstrap")
    for field in fields(ours):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(direct, field.name))
