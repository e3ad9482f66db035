"""GRPO, RLOO, GiGPO and BEACON against recorded outputs of the released codes, and against their definitions."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.advantages import (
    Turns,
    estimate_beacon,
    estimate_dr_grpo,
    estimate_g2po,
    estimate_gigpo,
    estimate_graphgpo,
    estimate_grpo,
    estimate_rloo,
)
from hiper_agents.advantages.beacon import count_reached, discount_until
from hiper_agents.advantages.groups import GroupConfig, compare_episodes, compare_turns
from hiper_agents.advantages.marks import number_labels, number_pairs
from hiper_agents.advantages.turns import sum_rewards_to_come
from tests.hiper_agents.advantages.batches import fractions, generators, random_turns

counts = st.sampled_from(["episode", "turn"])
SINGLE_PRECISION = 2e-5
"""How far the released codes come from exact numbers: they sum discounted rewards in single precision."""


def read_batches(path: Path) -> list[tuple[dict[str, Any], Turns, dict[str, np.ndarray]]]:
    archive = np.load(path, allow_pickle=False)
    batches = []
    for position, setup in enumerate(json.loads(str(archive["cfg_json"]))):
        rows = archive["in_batch"] == position
        batch = {name: archive[name][rows] for name in archive if name != "cfg_json"}
        never, zeros = np.zeros(rows.sum(), dtype=bool), np.zeros(rows.sum())
        turns = Turns(batch["in_traj"], batch["in_turn"], never, never, batch["in_reward"], zeros, zeros)
        batches.append((setup | {"divides": setup["mode"] == "mean_std_norm"}, turns, batch))
    return batches


@pytest.fixture(scope="module")
def recorded(shared: Path) -> list[tuple[dict[str, Any], Turns, dict[str, np.ndarray]]]:
    batches = read_batches(shared / "gold" / "groups" / "groups.npz")
    assert len(batches) >= 40
    return batches


def test_recorded_comparisons_of_episodes(recorded: list[Any]) -> None:
    for setup, turns, batch in recorded:
        by, group = ("turn" if setup["cross"] else "episode"), batch["in_index"]
        grpo, rloo = estimate_grpo(turns, group, setup["divides"], by), estimate_rloo(turns, group, by)
        np.testing.assert_allclose(grpo, batch["gold_grpo"], rtol=0, atol=1e-9, err_msg=str(setup))
        if not setup["divides"]:
            np.testing.assert_array_equal(estimate_dr_grpo(turns, group, by), grpo)
        np.testing.assert_allclose(rloo, batch["gold_rloo"], rtol=0, atol=1e-9, err_msg=str(setup))


def test_recorded_gigpo(recorded: list[Any]) -> None:
    for setup, turns, batch in recorded:
        config = GroupConfig(setup["w"], setup["divides"], by="turn")
        group, rounded = batch["in_index"].astype(np.int64), batch["gold_gigpo_return"].astype(np.float64)
        anchor = number_pairs(group, number_labels(batch["in_obs"], "state", len(turns)))
        np.testing.assert_allclose(sum_rewards_to_come(turns, setup["gamma"]), rounded, rtol=1e-6, atol=1e-6)
        after = compare_episodes(turns, group, config) + setup["w"] * compare_turns(turns, rounded, anchor, config)
        np.testing.assert_allclose(after, batch["gold_gigpo"], rtol=0, atol=1e-9, err_msg=str(setup))
        ours = estimate_gigpo(turns, group, batch["in_obs"], setup["gamma"], setup["w"], setup["divides"], "turn")
        np.testing.assert_allclose(ours, batch["gold_gigpo"], rtol=0, atol=SINGLE_PRECISION, err_msg=str(setup))


def test_recorded_beacon(recorded: list[Any]) -> None:
    for setup, turns, batch in recorded:
        config = GroupConfig(setup["w"], setup["divides"], by="turn")
        group, reached = batch["in_index"].astype(np.int64), batch["in_milestone"]
        rounded, stage = (
            batch["gold_beacon_reward"].astype(np.float64),
            number_pairs(group, count_reached(turns, reached)),
        )
        np.testing.assert_allclose(10 * discount_until(turns, reached, setup["gamma"]), rounded, rtol=1e-6, atol=1e-6)
        after = compare_episodes(turns, group, config) + setup["w"] * compare_turns(turns, rounded, stage, config)
        np.testing.assert_allclose(after, batch["gold_beacon"], rtol=0, atol=1e-9, err_msg=str(setup))
        ours = estimate_beacon(turns, group, reached, setup["gamma"], setup["w"], setup["divides"], "turn")
        np.testing.assert_allclose(ours, batch["gold_beacon"], rtol=0, atol=SINGLE_PRECISION, err_msg=str(setup))


def make_marks(rng: np.random.Generator, turns: Turns) -> dict[str, np.ndarray]:
    """Return random groups of episodes, states and milestones."""
    group = rng.integers(0, 3, size=len(turns.num_turns))[turns.episode_index]
    return {
        "group": group,
        "state": rng.integers(0, 4, size=len(turns)),
        "milestone": rng.random(len(turns)) < 0.3,
    }


def standardise(value: float, among: list[float], divides: bool) -> float:
    deviation = float(np.std(among, ddof=1)) if len(among) > 1 else 1.0
    return (value - float(np.mean(among))) / (deviation + 1e-6 if divides else 1.0)


def define_episodes(turns: Turns, group: np.ndarray, divides: bool, by: str) -> np.ndarray:
    out = np.zeros(len(turns))
    totals = [float(turns.reward[turns.episode == turns.episode[row]].sum()) for row in range(len(turns))]
    for row in range(len(turns)):
        counted = (group == group[row]) & ((turns.turn == 0) | (by == "turn"))
        among = [totals[other] for other in np.flatnonzero(counted)]
        is_lone = len(among) == 1
        out[row] = totals[row] / (1 + 1e-6 * divides) if is_lone else standardise(totals[row], among, divides)
    return out


def define_turns(values: np.ndarray, cells: list[Any], divides: bool) -> np.ndarray:
    among = [[float(values[k]) for k in range(len(cells)) if cells[k] == cell] for cell in cells]
    return np.array([standardise(float(value), each, divides) for value, each in zip(values, among, strict=True)])


@given(generators, st.booleans(), counts, fractions, st.floats(0, 20))
def test_estimators_are_their_definitions(
    rng: np.random.Generator, divides: bool, by: str, discount: float, weight: float
) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    group, state, reached = marks["group"], marks["state"], marks["milestone"]
    episodes = define_episodes(turns, group, divides, by)
    np.testing.assert_allclose(estimate_grpo(turns, group, divides, by), episodes, rtol=1e-6, atol=1e-9)

    to_come, reward, behind = np.zeros(len(turns)), np.zeros(len(turns)), []
    for row in range(len(turns)):
        mine = turns.episode == turns.episode[row]
        later = mine & (turns.turn >= turns.turn[row])
        to_come[row] = (discount ** (turns.turn[later] - turns.turn[row]) * turns.reward[later]).sum()
        goals = turns.turn[later & reached]
        reward[row] = 7.0 * discount ** (goals.min() - turns.turn[row]) if len(goals) else 0.0
        behind.append(int((mine & reached & (turns.turn < turns.turn[row])).sum()))
    in_state = define_turns(to_come, list(zip(group, state, strict=True)), divides)
    in_stage = define_turns(reward, list(zip(group, behind, strict=True)), divides)
    gigpo = estimate_gigpo(turns, group, state, discount, weight, divides, by)
    beacon = estimate_beacon(turns, group, reached, discount, weight, divides, by, milestone_reward=7.0)
    np.testing.assert_allclose(gigpo, episodes + weight * in_state, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(beacon, episodes + weight * in_stage, rtol=1e-5, atol=1e-6)


@given(generators)
def test_rloo_is_the_score_less_the_mean_of_the_others(rng: np.random.Generator) -> None:
    turns = random_turns(rng)
    group = make_marks(rng, turns)["group"]
    found = estimate_rloo(turns, group)
    for row in range(len(turns)):
        episodes = {e: turns.reward[turns.episode == e].sum() for e in set(turns.episode[group == group[row]].tolist())}
        own = episodes.pop(int(turns.episode[row]))
        assert found[row] == pytest.approx(own - (np.mean(list(episodes.values())) if episodes else 0.0), abs=1e-10)


Estimate = Callable[[Turns, dict[str, np.ndarray]], np.ndarray]
ESTIMATES: dict[str, Estimate] = {
    "grpo": lambda turns, marks: estimate_grpo(turns, marks["group"], normalise_std=True),
    "dr_grpo": lambda turns, marks: estimate_dr_grpo(turns, marks["group"]),
    "rloo": lambda turns, marks: estimate_rloo(turns, marks["group"]),
    "gigpo": lambda turns, marks: estimate_gigpo(turns, marks["group"], marks["state"], normalise_std=True),
    "beacon": lambda turns, marks: estimate_beacon(turns, marks["group"], marks["milestone"], normalise_std=True),
    "graphgpo": lambda turns, marks: estimate_graphgpo(turns, marks["group"], marks["state"], episode_weight=1.0),
    "g2po": lambda turns, marks: estimate_g2po(turns, marks["group"], marks["state"], episode_weight=1.0),
}


@pytest.mark.parametrize("name", ESTIMATES)
@given(rng=generators)
def test_order_of_rows_names_and_other_groups_do_not_matter(name: str, rng: np.random.Generator) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    whole = ESTIMATES[name](turns, marks)
    chosen = rng.permutation(np.flatnonzero(marks["group"] == marks["group"][0]))
    part = Turns(**{field.name: getattr(turns, field.name)[chosen] for field in fields(Turns)})
    names = {
        "group": np.array([f"task {number}" for number in marks["group"][chosen]]),
        "state": [(int(state), b"held") for state in marks["state"][chosen]],
        "milestone": marks["milestone"][chosen],
    }
    np.testing.assert_array_equal(ESTIMATES[name](part, cast(Any, names)), whole[chosen])


@pytest.mark.parametrize("name", ESTIMATES)
@given(rng=generators)
def test_values_and_switches_are_not_read(name: str, rng: np.random.Generator) -> None:
    turns = random_turns(rng)
    marks, count = make_marks(rng, turns), len(turns)
    other = replace(
        turns, value_low=np.zeros(count), value_high=np.zeros(count), value_switch=None, switch=np.zeros(count, bool)
    )
    np.testing.assert_array_equal(ESTIMATES[name](turns, marks), ESTIMATES[name](other, marks))


@given(generators, st.booleans(), counts, fractions, fractions)
def test_where_nothing_is_shared_or_reached_only_episodes_are_compared(
    rng: np.random.Generator, divides: bool, by: str, discount: float, weight: float
) -> None:
    turns = random_turns(rng)
    group = make_marks(rng, turns)["group"]
    plain = estimate_grpo(turns, group, divides, by)
    own_states = [f"only once {row}" for row in range(len(turns))]
    never = np.zeros(len(turns), dtype=bool)
    np.testing.assert_array_equal(estimate_gigpo(turns, group, own_states, discount, weight, divides, by), plain)
    np.testing.assert_array_equal(estimate_beacon(turns, group, never, discount, weight, divides, by), plain)


@given(generators, fractions)
def test_comparisons_sum_to_nothing(rng: np.random.Generator, discount: float) -> None:
    turns = random_turns(rng)
    marks = make_marks(rng, turns)
    group, starts = marks["group"], turns.turn == 0
    within = estimate_gigpo(turns, group, marks["state"], discount) - estimate_grpo(turns, group)
    for number in set(group.tolist()):
        if np.count_nonzero((group == number) & starts) > 1:
            assert estimate_grpo(turns, group)[(group == number) & starts].sum() == pytest.approx(0, abs=1e-9)
            assert estimate_rloo(turns, group)[(group == number) & starts].sum() == pytest.approx(0, abs=1e-9)
        for state in range(4):
            assert within[(group == number) & (marks["state"] == state)].sum() == pytest.approx(0, abs=1e-9)


def test_equal_scores_are_equal_though_they_are_rounded() -> None:
    reward = np.array([0.1, 0.2, 0.3, 0.3, 0.2, 0.1])
    assert sum(reward[:3]) != sum(reward[3:])
    turns = make_turns([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], reward)
    for found in (estimate_grpo(turns, [0] * 6), estimate_grpo(turns, [0] * 6, True), estimate_rloo(turns, [0] * 6)):
        np.testing.assert_array_equal(found, np.zeros(6))


def make_turns(episode: list[int], turn: list[int], reward: Any) -> Turns:
    zeros, never = np.zeros(len(episode)), np.zeros(len(episode), dtype=bool)
    return Turns(np.array(episode, int), np.array(turn, int), never, never, np.asarray(reward, float), zeros, zeros)


def test_long_episodes_weigh_more_by_turn() -> None:
    turns = make_turns([0, 0, 0, 1], [0, 1, 2, 0], [0.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(estimate_grpo(turns, np.zeros(4, int)), [0.5, 0.5, 0.5, -0.5])
    np.testing.assert_allclose(estimate_grpo(turns, np.zeros(4, int), by="turn"), [0.25, 0.25, 0.25, -0.75])
    np.testing.assert_allclose(estimate_rloo(turns, np.zeros(4, int)), [1.0, 1.0, 1.0, -1.0])


def test_a_lone_episode_is_compared_with_nothing() -> None:
    turns = make_turns([0, 0], [0, 1], [1.0, 2.0])
    for found in (
        estimate_grpo(turns, [5, 5]),
        estimate_rloo(turns, [5, 5]),
        estimate_gigpo(turns, [5, 5], ["a", "b"]),
    ):
        np.testing.assert_allclose(found, [3.0, 3.0])
    np.testing.assert_allclose(estimate_grpo(turns, [5, 5], by="turn"), [0.0, 0.0])


def test_states_that_only_look_alike_stay_apart() -> None:
    turns = make_turns([0, 1], [0, 0], [1.0, 0.0])
    apart: list[Any] = [[b"a", b"a\0"], [(1, 2), (2, 1)], ["", " "], np.array([2**63, 2**63 + 1], dtype=np.uint64)]
    for states in apart:
        np.testing.assert_allclose(estimate_gigpo(turns, [0, 0], states), [0.5, -0.5])
    np.testing.assert_allclose(estimate_gigpo(turns, [0, 0], [(1, "x"), (1, "x")]), [1.0, -1.0])


def test_no_turns() -> None:
    turns = make_turns([], [], [])
    marks = {"group": np.zeros(0, int), "state": np.zeros(0, int), "milestone": np.zeros(0, bool)}
    for estimate in ESTIMATES.values():
        assert estimate(turns, marks).shape == (0,)


TURNS = make_turns([4, 4, 9], [0, 1, 0], [0.0, 1.0, 0.5])
NAN = float("nan")


@pytest.mark.parametrize(
    ("group", "error", "sentence"),
    [
        ([0, 0], ValueError, "group has 2 entries but there are 3 turns; give one entry a turn"),
        (np.zeros((3, 1), int), ValueError, r"group has shape \(3, 1\); give a flat array"),
        (7, ValueError, r"group has shape \(\); give a flat array"),
        ("abc", ValueError, r"group has shape \(\); give a flat array"),
        (None, ValueError, r"group has shape \(\); give a flat array"),
        ({0: 1, 1: 2, 2: 3}, ValueError, r"group has shape \(\); give a flat array"),
        ([0, None, 1], ValueError, "group is None at entry 1; give every turn one"),
        ([NAN, NAN, NAN], ValueError, "group is nan at entry 0; give every turn one"),
        ([0.0, 0.0, 1.0], TypeError, r"group holds 0.0 \(float\); it must hold integers or names"),
        (np.array([True, True, False]), TypeError, r"group holds True \(bool\); it must hold integers or names"),
        ([[0], [0], [1]], TypeError, r"group is \[0\] at entry 0, which cannot be hashed"),
        (np.ma.masked_array([0, 0, 1], mask=[0, 1, 0]), ValueError, "group is an array with masked entries"),
        (np.array([0, 1, 1]), ValueError, "episode 4 lies in the groups 0 and 1; an episode belongs to one group"),
        (["a", "b", "b"], ValueError, "episode 4 lies in the groups '[ab]' and '[ab]'; an episode belongs"),
    ],
)
def test_bad_groups_get_a_sentence(group: Any, error: type[Exception], sentence: str) -> None:
    marks = {"group": group, "state": np.zeros(3, int), "milestone": np.zeros(3, bool)}
    for estimate in ESTIMATES.values():
        with pytest.raises(error, match=sentence):
            estimate(TURNS, marks)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], [1, 2]), ValueError, "state has 2 entries but there are 3 turns"),
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], [1, None, 2]), ValueError, "state is None at entry 1"),
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], [1.0, NAN, 2.0]), ValueError, "state is nan at entry 1"),
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], [{}, 1, 2]), TypeError, r"state is \{\} at entry 0, which cannot"),
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], ["a"] * 3, discount=1.5), ValueError, "discount is 1.5"),
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], ["a"] * 3, weight=-1), ValueError, "weight is -1"),
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], ["a"] * 3, weight=NAN), ValueError, "weight is nan"),
        (lambda: estimate_gigpo(TURNS, [0, 0, 0], ["a"] * 3, weight=None), TypeError, "weight must be a number"),
        (lambda: estimate_beacon(TURNS, [0, 0, 0], [1, 0, 0]), TypeError, "milestone holds int64 values; it must hold"),
        (lambda: estimate_beacon(TURNS, [0, 0, 0], [True]), ValueError, "milestone has 1 entries but there are 3"),
        (lambda: estimate_beacon(TURNS, [0, 0, 0], [True] * 3, discount="1"), TypeError, "discount must be a number"),
        (
            lambda: estimate_beacon(TURNS, [0, 0, 0], [True] * 3, milestone_reward=-1.0),
            ValueError,
            "milestone_reward is -1.0; it must be a number between 0",
        ),
        (lambda: estimate_grpo(TURNS, [0, 0, 0], normalise_std=1), TypeError, "normalise_std must be True or False"),
        (lambda: estimate_grpo(TURNS, [0, 0, 0], by="turns"), ValueError, "did you mean 'turn'"),
        (
            lambda: estimate_rloo(TURNS, [0, 0, 0], by="step"),
            ValueError,
            r"way to count \(by\) 'step'; allowed: episode",
        ),
    ],
)
def test_bad_marks_and_settings_get_a_sentence(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()
