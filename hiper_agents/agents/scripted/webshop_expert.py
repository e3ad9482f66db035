"""An expert customer that reads the pages' text and nothing else.

A basket's products are bought one after the other, each as if it were the only one and had what is left of the budget
and of the turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hiper_agents.agents.scripted.random_agent import SHOP_SUBGOALS
from hiper_agents.agents.scripted.webshop_judgement import choose_options, judge_item, judge_name, rate_hit
from hiper_envs.registration import WEBSHOP_MAX_TURNS
from hiper_envs.reply import write_reply
from hiper_envs.webshop.reading import (
    BasketWish,
    Hit,
    Item,
    Wish,
    page_kind,
    read_basket,
    read_clickables,
    read_details,
    read_hits,
    read_item,
    read_purchases,
    read_wish,
)
from webshop_server.shop.actions import make_searchable

SEARCH, CHOOSE, INSPECT, OPTIONS, BUY = SHOP_SUBGOALS
DETAIL_PAGES = ("features", "description")
PROMISE_WEIGHT = 0.1


@dataclass
class Candidate:
    """A product that was on a page of results, and what has been seen of it since."""

    hit: Hit
    promise: float
    item: Item | None = None
    details: dict[str, str] = field(default_factory=dict)

    def judge(self, wish: Wish, unknown: float | None = None) -> float:
        """Estimate the score of buying it; its page must have been seen."""
        assert self.item is not None
        return judge_item(wish, self.item, "\n".join(self.details.values()), len(self.details), unknown)

    def compare(self, wish: Wish) -> float:
        """Return what candidates are compared by: the estimate, how it is named, and how well it was found."""
        assert self.item is not None
        return self.judge(wish) * judge_name(wish, self.item) + PROMISE_WEIGHT * self.promise


class WebShopExpert:
    """Searches, compares products on their pages, chooses the options and buys, within the turns it has.

    Args:
        max_turns: Turns for each product.
        accept: A product is bought at once when its estimated score is at least this; details are read only of products
            that could reach it, where the wish is clear enough to tell.
        num_compared: Products whose page is opened, at most.
    """

    def __init__(self, max_turns: int = WEBSHOP_MAX_TURNS, accept: float = 0.93, num_compared: int = 5) -> None:
        self.max_turns = max_turns
        self.accept = accept
        self.num_compared = num_compared
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        self._turn = 0
        self._subgoal = ""
        self._basket: BasketWish | None = None
        self._num_bought = 0

    def _begin(self, wish: Wish) -> None:
        """Begin to shop for a product."""
        self._wish = wish
        self._num_searches = 0
        self._candidates: dict[str, Candidate] = {}
        self._current: Candidate | None = None
        self._choice: Candidate | None = None
        self._clicked: list[str] = []

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply: SWITCH whenever another subgoal begins."""
        if self._basket is None:
            self._basket = read_basket(str(info["instruction"]))
            self._begin(read_wish(self._basket.write_due()))
        purchases = read_purchases(observation) if info.get("has_search_bar") else None
        if purchases is not None and purchases.number != self._num_bought:
            self._num_bought = purchases.number
            self._begin(read_wish(self._basket.write_due(purchases)))
        subgoal, action = self._decide(self._wish, observation, info)
        self._turn += 1
        switches = subgoal != self._subgoal
        self._subgoal = subgoal
        return write_reply(action, subgoal, switches)

    @property
    def _num_left(self) -> int:
        return self.max_turns * (1 + self._num_bought) - self._turn

    def _decide(self, wish: Wish, observation: str, info: Mapping[str, object]) -> tuple[str, str]:
        kind = page_kind(info)
        if kind == "search":
            self._num_searches += 1
            return SEARCH, f"search[{wish.query if self._num_searches == 1 else make_searchable(wish.subject).strip()}]"
        if kind == "results":
            return self._on_results(wish, observation, info)
        if kind == "item" and self._current is not None:
            self._current.item = self._current.item or read_item(observation, info)
            return self._on_item(wish, self._current, self._current.item, info)
        if kind == "details" and self._current is not None:
            self._current.details[DETAIL_PAGES[len(self._current.details)]] = read_details(observation)
            return INSPECT, "click[< prev]"
        return SEARCH, "click[back to search]"

    def _on_results(self, wish: Wish, observation: str, info: Mapping[str, object]) -> tuple[str, str]:
        for rank, hit in enumerate(read_hits(observation, info)):
            self._candidates.setdefault(hit.asin, Candidate(hit, rate_hit(wish, hit, rank)))
        target = self._choice or self._next_to_open(wish) or self._best_seen(wish)
        if target is None:
            return SEARCH, "click[back to search]"
        self._current = target
        return CHOOSE, f"click[{target.hit.asin}]"

    def _next_to_open(self, wish: Wish) -> Candidate | None:
        """Return the most promising product not yet seen, None when it is time to settle."""
        num_seen = sum(candidate.item is not None for candidate in self._candidates.values())
        unseen = [candidate for candidate in self._candidates.values() if candidate.item is None]
        if not unseen or num_seen >= self.num_compared or (num_seen and self._num_left < self._cost_of_detour(wish)):
            return None
        return max(unseen, key=lambda candidate: candidate.promise)

    def _cost_of_detour(self, wish: Wish) -> int:
        """Turns to open one more product, come back to the results, and buy the best of all."""
        return 2 + self._cost_of_purchase(wish) + 1

    def _cost_of_purchase(self, wish: Wish) -> int:
        seen = [candidate.item for candidate in self._candidates.values() if candidate.item is not None]
        return 1 + max((len(choose_options(wish, item.options)) for item in seen), default=len(wish.options))

    def _best_seen(self, wish: Wish) -> Candidate | None:
        seen = [candidate for candidate in self._candidates.values() if candidate.item is not None]
        return max(seen, key=lambda candidate: candidate.compare(wish), default=None)

    def _on_item(self, wish: Wish, candidate: Candidate, item: Item, info: Mapping[str, object]) -> tuple[str, str]:
        if self._choice is None:
            page = self._page_worth_reading(wish, candidate, info)
            if page is not None:
                return INSPECT, f"click[{page}]"
            if self._is_settled(wish, candidate):
                self._choice = self._best_seen(wish)
        if self._choice is not candidate:
            return CHOOSE, "click[< prev]"
        for click in choose_options(wish, item.options).values():
            if click not in self._clicked:
                self._clicked.append(click)
                return OPTIONS, f"click[{click}]"
        return BUY, "click[buy now]"

    def _page_worth_reading(self, wish: Wish, candidate: Candidate, info: Mapping[str, object]) -> str | None:
        """Return the next page of details to read: for good candidates only, while there is time."""
        clickables = read_clickables(info)
        pages = [
            page
            for page in DETAIL_PAGES[: 2 if wish.is_template else 1]
            if page in clickables and page not in candidate.details
        ]
        estimate = candidate.judge(wish)
        best = max(other.judge(wish) for other in self._candidates.values() if other.item is not None)
        if not pages or estimate >= self.accept or estimate < best - 0.1 or not self._has_hope(wish, candidate):
            return None
        return pages[0] if self._num_left >= 2 + 2 + self._cost_of_purchase(wish) else None

    def _has_hope(self, wish: Wish, candidate: Candidate) -> bool:
        return not wish.is_template or candidate.judge(wish, unknown=1.0) >= self.accept

    def _is_settled(self, wish: Wish, candidate: Candidate) -> bool:
        """Whether to stop comparing: this one will do, or there is no time or nothing left to compare with."""
        if candidate.judge(wish) >= self.accept or self._num_left < 1 + self._cost_of_detour(wish):
            return True
        return self._next_to_open(wish) is None
