"""Baskets: which goals they are made of, and what is said."""

from typing import Any

import pytest

from hiper_envs.webshop.baskets import BasketSource, fill_basket
from hiper_envs.webshop.env import WebShopEnv
from hiper_envs.webshop.reading import read_basket, read_wish
from tests.products import make_raw
from webshop_server import Catalogue
from webshop_server.catalogue.goals import NO_PRICE_LIMIT, SPLITS


@pytest.mark.parametrize("kind", ["synthetic", "human"])
def test_baskets_are_of_other_products_and_lie_in_the_same_splits(kind: str) -> None:
    goals = WebShopEnv(split="all", goals=kind)._goals
    splits = {split: set(goals.source.list_positions(split).tolist()) for split in SPLITS}
    sources = {number: BasketSource(goals, number) for number in (1, 2, 3, 8)}
    for position in range(0, len(goals), 37):
        members = sources[8].list_members(position)
        assert members[0] == position and len({goals[each].asin for each in members}) == 8
        assert all(sources[number].list_members(position) == members[:number] for number in sources)
        for inside in splits.values():
            assert len({each in inside for each in members}) == 1
    assert len(sources[8].select(goals.source.list_positions("all"))) == len(goals)


def test_the_first_edition_stays() -> None:
    source = BasketSource(WebShopEnv(split="all")._goals, 4)
    assert [source.list_members(position) for position in (0, 700, 2000)] == EDITION_1


EDITION_1 = [[0, 300, 349, 361], [700, 623, 1036, 1288], [2000, 2656, 1822, 2632]]


@pytest.mark.parametrize("kind", ["synthetic", "human"])
def test_an_instruction_can_be_taken_apart(kind: str) -> None:
    check_instructions(WebShopEnv(split="all", goals=kind)._goals)


def test_real_instructions_can_be_taken_apart(real_catalogue: Catalogue) -> None:
    for kind in ("synthetic", "human"):
        check_instructions(real_catalogue.goals(kind))


def check_instructions(goals: Any) -> None:
    source = BasketSource(goals, 4)
    for position in range(0, len(goals), 23):
        own = [goals[each] for each in source.list_members(position)]
        wish = read_basket(source.find(position).instruction)
        limits = [goal.price_upper for goal in own]
        assert wish.budget == (None if max(limits) == NO_PRICE_LIMIT else sum(limits))
        for text, goal, limit in zip(wish.texts, own, limits, strict=True):
            clause = f", and price lower than {limit:.2f} dollars" if limit < NO_PRICE_LIMIT else ""
            assert goal.instruction == text + clause
            assert read_wish(text).options == read_wish(goal.instruction).options
            assert read_wish(text).price_limit is None


def test_a_goal_without_a_limit_leaves_the_basket_without_one() -> None:
    raws = [make_raw("B1", pricing="$995.00"), *(make_raw(f"B{number}") for number in range(2, 60))]
    goals = Catalogue.from_raw(raws).goals()
    free = next(goal for goal in goals if goal.asin == "B1")
    other = next(goal for goal in goals if goal.asin != "B1")
    assert "price" not in free.instruction
    basket = fill_basket([other, free])
    assert not basket.has_budget and "total price" not in basket.instruction
    assert read_basket(basket.instruction).budget is None and len(read_basket(basket.instruction).texts) == 2
    assert read_basket(fill_basket([other]).instruction).budget == other.price_upper
