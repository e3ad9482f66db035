"""Rewards with all their parts against the recorded ones, and properties."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webshop_server import Catalogue, score_purchase
from webshop_server.shop.reward import MATCH_ABOVE, is_match, normalise_color, token_set_ratio

PHRASES = st.text(alphabet="abc -_é'12", max_size=24)


def test_recorded_rewards(real_catalogue: Catalogue, read_gold: Any) -> None:
    goals = {kind: real_catalogue.goals(kind) for kind in ("synthetic", "human")}
    for line in read_gold("rewards.jsonl.gz"):
        goal = goals[line["goal_set"]][line["goal_idx"]]
        reward = score_purchase(real_catalogue.products[line["asin"]], line["options"], goal, line["price"])
        assert reward.total == line["reward"]
        assert reward.list_parts() == line["info"]


def test_recorded_likeness(read_gold: Any) -> None:
    for left, right, score in read_gold("token_set_ratio.jsonl.gz"):
        assert token_set_ratio(left, right) == score
        assert is_match(left, right) == (score > MATCH_ABOVE)


def test_recorded_nouns(real_catalogue: Catalogue, read_gold: Any) -> None:
    for line in read_gold("title_nouns.jsonl.gz"):
        assert list(real_catalogue.products[line["asin"]].title_nouns) == line["nouns"]


@given(PHRASES, PHRASES)
def test_quick_no_is_right(left: str, right: str) -> None:
    assert is_match(left, right) == (token_set_ratio(left, right) > MATCH_ABOVE)


@pytest.mark.parametrize(
    ("value", "color"), [("dark blue", "blue"), ("tea", "tea"), ("wine red", "red"), ("tanned", "tan"), ("", "")]
)
def test_colors(value: str, color: str) -> None:
    assert normalise_color(value) == color


def test_parts_of_a_purchase(small_catalogue: Catalogue) -> None:
    goal = next(goal for goal in small_catalogue.goals() if dict(goal.options) == {"color": "blue", "size": "large"})
    product = small_catalogue.products[goal.asin]
    best = score_purchase(product, {"color": "blue", "size": "large"}, goal, price=11.0)
    assert best.total == 1.0 and best.r_option == 1.0 and best.r_price
    assert score_purchase(product, {}, goal, price=11.0).total == pytest.approx(2 / 4)
    assert score_purchase(product, {"color": "blue"}, goal, price=1e6).total == pytest.approx(2 / 4)
    assert best.w_att + (best.w_option or 0) + best.w_price == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "r_type"),
    [
        ({}, 1.0),
        ({"title_nouns": ("lamp",)}, 0.0),
        ({"title_nouns": ("mug", *(f"noun{n}" for n in range(20)))}, 0.1),
        ({"title_nouns": ("mug", *"abcdef"), "query": "lamps", "product_category": "Home"}, 0.5),
        ({"title_nouns": ("mug", *"abcdef"), "query": "lamps"}, 1.0),
        ({"title_nouns": (), "query": "lamps", "product_category": "Home"}, 0.5),
        ({"title_nouns": ("mug", "mug"), "query": "lamps", "product_category": "Home"}, 1.0),
    ],
)
def test_type(small_catalogue: Catalogue, changes: dict[str, Any], r_type: float) -> None:
    goal = replace(small_catalogue.goals()[0], **changes)
    assert score_purchase(small_catalogue.products[goal.asin], {}, goal, 11.0).r_type == r_type


def test_attribute_in_the_text_counts(small_catalogue: Catalogue) -> None:
    goal = replace(small_catalogue.goals()[0], attributes=["stoneware", "holds 300", "unbreakable"])
    assert score_purchase(small_catalogue.products[goal.asin], {}, goal, 11.0).r_att == pytest.approx(2 / 3)


def test_goal_without_options_has_no_option_parts(small_catalogue: Catalogue) -> None:
    goal = replace(small_catalogue.goals()[0], options={})
    reward = score_purchase(small_catalogue.products[goal.asin], {"color": "blue"}, goal, 11.0)
    assert reward.r_option is None and "w_option" not in reward.list_parts()
    assert reward.total == 1.0
