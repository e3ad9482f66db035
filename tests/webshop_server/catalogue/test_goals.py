"""Goals and prices against the recorded ones, their order, weights and splits."""

import math
import random
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.products import make_raw
from webshop_server import Catalogue, Goal
from webshop_server.catalogue.goals import (
    NO_PRICE_LIMIT,
    SPLITS,
    draw_price_limit,
    is_in_eval_disjoint,
    is_in_test_disjoint,
)
from webshop_server.generated.generate import make_asin


def describe(goal: Goal) -> dict[str, Any]:
    """A goal with the names of the recording."""
    return {
        "asin": goal.asin,
        "category": goal.category,
        "query": goal.query,
        "name": goal.name,
        "product_category": goal.product_category,
        "instruction_text": goal.instruction,
        "attributes": list(goal.attributes),
        "price_upper": goal.price_upper,
        "goal_options": goal.options if isinstance(goal.options, dict) else list(goal.options),
        "weight": goal.weight,
    }


def test_recorded_synthetic_goals(real_catalogue: Catalogue, read_gold: Any) -> None:
    recorded = read_gold("goals_head.json")
    goals = real_catalogue.goals(price_seed=recorded["seed"])
    assert len(goals) == recorded["num_goals"]
    assert [describe(goal) for goal in goals[: len(recorded["first_goals"])]] == recorded["first_goals"]
    for asin, price in recorded["product_prices"].items():
        assert real_catalogue.price(asin) == price


def test_recorded_human_goals(real_catalogue: Catalogue, read_gold: Any) -> None:
    recorded = read_gold("goals_human.json")
    goals = real_catalogue.goals("human", price_seed=recorded["seed"])
    assert [describe(goal) for goal in goals] == recorded["goals"]


def test_every_combination_is_a_goal_once(small_catalogue: Catalogue) -> None:
    goals = small_catalogue.goals()
    assert len(goals) == 50 * 2
    seen = {(goal.asin, tuple(goal.options.items())) for goal in goals if isinstance(goal.options, dict)}
    assert len(seen) == 100
    goal = next(goal for goal in goals if goal.asin == "B000000007" and "blue" in goal.instruction)
    limit = f"{goal.price_upper:.2f}"
    assert goal.instruction == (
        f"Find me a dishwasher safe mug with color: blue, and size: large, and price lower than {limit} dollars"
    )
    assert math.isclose(goal.weight, 1 / 100)


def test_price_seeds(small_catalogue: Catalogue) -> None:
    prices = [[small_catalogue.price(asin, seed) for asin in small_catalogue.products] for seed in (0, 0, 1)]
    assert prices[0] == prices[1] != prices[2]
    assert all(10.0 <= price <= 14.5 for price in prices[2])
    limits = {goal.price_upper for goal in small_catalogue.goals(price_seed=1)}
    assert limits <= {30.0, 40.0, 50.0}
    with pytest.raises(KeyError):
        small_catalogue.price("nowhere")


@given(st.floats(0, 2000), st.integers())
def test_price_limit_is_drawn_like_the_original(price: float, seed: int) -> None:
    offered = [10.0 * step for step in range(1, 100) if 10.0 * step > price][:4]
    generator = random.Random(seed)
    wanted = sorted(generator.sample(offered, 2))[1] if len(offered) > 1 else NO_PRICE_LIMIT
    again = random.Random(seed)
    assert draw_price_limit(price, again) == wanted
    assert again.getstate() == generator.getstate()


def test_no_limit_leaves_no_text() -> None:
    catalogue = Catalogue.from_raw([make_raw("B000000001", pricing="$985.50", customization_options="")])
    assert catalogue.goals()[0].instruction == "Find me a dishwasher safe mug"
    assert catalogue.goals()[0].price_upper == NO_PRICE_LIMIT


def test_splits_have_the_original_positions(real_catalogue: Catalogue) -> None:
    source = real_catalogue.goals().source
    assert source.list_positions("test").tolist() == list(range(500))
    assert source.list_positions("eval").tolist() == list(range(500, 1500))
    assert source.list_positions("train").tolist() == list(range(1500, 6910))
    with pytest.raises(ValueError, match="did you mean 'train'"):
        source.list_positions("tain")


@pytest.mark.parametrize("kind", ["synthetic", "human"])
def test_disjoint_splits_share_no_product(kind: str) -> None:
    catalogue = Catalogue.generated(300, seed=3)
    goals = catalogue.goals(kind)
    parts = {split: goals.source.list_positions(split).tolist() for split in SPLITS}
    asins = {split: {goals[position].asin for position in positions} for split, positions in parts.items()}
    assert asins["train_disjoint"] and asins["test_disjoint"]
    assert not asins["train_disjoint"] & asins["test_disjoint"]
    assert sorted(parts["train_disjoint"] + parts["test_disjoint"]) == parts["all"]
    assert 0.02 < len(asins["test_disjoint"]) / len(asins["all"]) < 0.25
    assert asins["eval_disjoint"] < asins["train_disjoint"]
    others = set(parts["train_disjoint"]) - set(parts["eval_disjoint"])
    assert not asins["eval_disjoint"] & {goals[position].asin for position in others}


def test_disjoint_splits_are_tenths_that_do_not_go_together() -> None:
    asins = [make_asin(0, index).encode() for index in range(20_000)]
    in_test = [asin for asin in asins if is_in_test_disjoint(asin)]
    in_eval = [asin for asin in asins if is_in_eval_disjoint(asin)]
    assert abs(len(in_test) - 2_000) < 150 and abs(len(in_eval) - 1_800) < 150
    assert not set(in_test) & set(in_eval)


@given(st.binary(max_size=12))
def test_a_product_is_in_one_disjoint_split(asin: bytes) -> None:
    assert not (is_in_test_disjoint(asin) and is_in_eval_disjoint(asin))


def test_products_keep_their_split() -> None:
    """A product that changed sides would be trained on by older weights and tested by older panels."""
    asins = [make_asin(0, index).encode() for index in range(60)]
    assert [index for index, asin in enumerate(asins) if is_in_test_disjoint(asin)] == [4, 7, 14, 31, 53, 59]
    assert [index for index, asin in enumerate(asins) if is_in_eval_disjoint(asin)] == [5, 10, 25, 47, 52, 55, 58]


def test_goals_are_a_sequence(small_catalogue: Catalogue) -> None:
    goals = small_catalogue.goals()
    assert goals[-1] == goals[len(goals) - 1]
    assert goals[3:5] == [goals[3], goals[4]]
    with pytest.raises(IndexError):
        goals[len(goals)]
    with pytest.raises(ValueError, match=r"unknown kind of goals 'humans'.*did you mean 'human'"):
        small_catalogue.goals("humans")


def test_same_goals_in_any_process() -> None:
    program = (
        "from webshop_server import Catalogue\n"
        "catalogue = Catalogue.generated(100, seed=2)\n"
        "print(catalogue.manifest.digest, [goal.instruction for goal in catalogue.goals()[:40]])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, text=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
