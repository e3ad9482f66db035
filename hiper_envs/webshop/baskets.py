"""Baskets: several goals shopped for one after the other under one budget. Which goals, what is said, what it scores.

A basket of k is a goal and k - 1 others that lie in exactly the same splits, each made from another product. The others
are drawn from those goals by SHA-256 of the first one's task id, so that a basket is the same in every split that has
its task, no split sees a goal of another one, and a basket of k begins with that of k - 1. A basket of one is the plain
world's task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from webshop_server.catalogue.goals import NO_PRICE_LIMIT, Goal, Goals
from webshop_server.shop.reward import SUCCESS_SCORE
from webshop_server.shop.shop import Session, Shop

MOST_PRODUCTS = 8
EDITION = "webshop-basket-1"
"""Begins what is hashed; other rules of drawing would be another edition."""


@dataclass(frozen=True, slots=True)
class Basket:
    """Goals under one budget.

    Attributes:
        goals: What to buy, in the order in which to.
        texts: What is said of each: its own instruction without its price clause.
        instruction: What the customer says.
        budget: Sum of the goals' price limits in dollars; `NO_PRICE_LIMIT` if one of them has none.
    """

    goals: tuple[Goal, ...]
    texts: tuple[str, ...]
    instruction: str
    budget: float

    @property
    def has_budget(self) -> bool:
        """Whether there is a limit to what all purchases may cost."""
        return self.budget < NO_PRICE_LIMIT

    def open_session(self, number: int, left: float, seed: int, notice: str = "") -> Session:
        """Return the session in which a goal is shopped for.

        Args:
            number: Which of the goals, from 0.
            left: What is left of the budget in dollars: a purchase's price fits if it is not above it.
            seed: Decides what a random search finds.
            notice: What its search page tells beside.
        """
        goal = replace(self.goals[number], instruction=self.instruction, price_upper=left)
        return Session(goal, seed, notice=notice)


def fill_basket(goals: Sequence[Goal]) -> Basket:
    """Return the basket of these goals."""
    limits = [goal.price_upper for goal in goals]
    budget = NO_PRICE_LIMIT if max(limits) >= NO_PRICE_LIMIT else sum(limits)
    texts = tuple(goal.instruction.removesuffix(goal.price_clause) for goal in goals)
    instruction = goals[0].instruction if len(goals) == 1 else _write_instruction(texts, budget)
    return Basket(tuple(goals), texts, instruction, budget)


def _write_instruction(texts: Sequence[str], budget: float) -> str:
    wanted = "; ".join(f"({number}) {text}" for number, text in enumerate(texts, 1))
    limit = f", with a total price lower than {budget:.2f} dollars" if budget < NO_PRICE_LIMIT else ""
    return f"Buy {len(texts)} products one after the other: {wanted}{limit}"


def price_left(basket: Basket, shop: Shop, bought: Sequence[Session]) -> float:
    """Return what is left of a basket's budget in dollars, below 0 if it is exceeded.

    Args:
        basket: The basket.
        shop: Where the purchases were made.
        bought: The sessions of all purchases so far, in their order.
    """
    left = basket.budget
    if basket.has_budget:
        for session in bought:
            left -= price_purchase(shop, session)
    return left


def price_purchase(shop: Shop, session: Session) -> float:
    """Return what was paid in a session in which something was bought, in dollars."""
    assert session.number is not None
    return shop.catalogue.price(shop.catalogue.products.read(session.number).asin, shop.price_seed)


def score_basket(basket: Basket, bought: Sequence[Session]) -> float:
    """Return the mean over the goals of their purchases' rewards; a goal that nothing was bought for counts as 0."""
    return sum(session.reward.total for session in bought if session.reward) / len(basket.goals)


def is_success(basket: Basket, bought: Sequence[Session]) -> bool:
    """Return whether every goal's purchase has the full score."""
    num_right = sum(session.reward is not None and session.reward.total >= SUCCESS_SCORE for session in bought)
    return num_right == len(basket.goals)


def list_parts(bought: Sequence[Session]) -> dict[str, float | bool]:
    """Return the parts of the purchases' rewards and their totals, by the goal's number and their name: "2: r_type"."""
    parts: dict[str, float | bool] = {}
    for number, session in enumerate(bought, 1):
        assert session.reward is not None
        of_purchase = {"total": session.reward.total, **session.reward.list_parts()}
        parts |= {f"{number}: {name}": part for name, part in of_purchase.items()}
    return parts


def describe_purchases(basket: Basket, shop: Shop, bought: Sequence[Session]) -> str:
    """Return the line that tells what was bought and what is left of the budget; with the score after the last one.

    Args:
        basket: The basket.
        shop: Where the purchases were made.
        bought: The sessions of all purchases so far, in their order.
    """
    purchases = "; ".join(f"({number}) {_describe(shop, session)}" for number, session in enumerate(bought, 1))
    text = f"Bought {len(bought)} of {len(basket.goals)}: {purchases}."
    left = price_left(basket, shop, bought)
    if basket.has_budget and left >= 0:
        text += f" Left of the budget: {left:.2f} dollars."
    elif basket.has_budget:
        text += f" The budget is exceeded by {-left:.2f} dollars."
    is_over = len(bought) == len(basket.goals)
    return text + (f" Score of all {len(bought)}: {score_basket(basket, bought):.4g}." if is_over else "")


def _describe(shop: Shop, session: Session) -> str:
    assert session.number is not None
    options = "".join(f", {name}: {value}" for name, value in sorted(session.options.items()))
    title = shop.catalogue.products.read(session.number).title
    return f"{title}{options} for {price_purchase(shop, session):.2f} dollars"


class BasketSource:
    """The baskets of a catalogue's goals.

    Args:
        goals: All goals.
        num_products: How many of them a basket has.
    """

    def __init__(self, goals: Goals, num_products: int) -> None:
        self._goals, self._num_products = goals, num_products
        if num_products > 1:
            source = goals.source
            self._products = source.list_products(source.list_positions("all"))
            self._cells = source.list_cells()
            self._members = {int(cell): np.flatnonzero(self._cells == cell) for cell in np.unique(self._cells)}

    def select(self, positions: np.ndarray[Any, np.dtype[np.uint32]]) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """Return those of the positions whose goal has a basket: enough products lie in exactly the same splits."""
        if self._num_products == 1:
            return positions
        wide = [cell for cell in self._members if self._count_products(cell) >= self._num_products]
        return positions[np.isin(self._cells[positions], wide)]

    def find(self, position: int) -> Basket:
        """Return the basket whose first goal is at a position that `select` leaves."""
        return fill_basket([self._goals[each] for each in self.list_members(position)])

    def list_members(self, position: int) -> list[int]:
        """Return the positions of a basket's goals."""
        chosen = [position]
        if self._num_products == 1:
            return chosen
        members = self._members[int(self._cells[position])]
        taken = {int(self._products[position])}
        number = 0
        while len(chosen) < self._num_products:
            number += 1
            other = int(members[self._hash(position, number) % len(members)])
            if int(self._products[other]) not in taken:
                taken.add(int(self._products[other]))
                chosen.append(other)
        return chosen

    def _hash(self, position: int, number: int) -> int:
        text = f"{EDITION} {self._goals.source.kind}-{position} {number}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

    def _count_products(self, cell: int) -> int:
        return len(np.unique(self._products[self._members[cell]]))
