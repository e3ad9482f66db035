"""A customer who compares nothing: what it does is easily read from the page, and so easily imitated."""

from __future__ import annotations

from collections.abc import Mapping

from hiper_agents.agents.scripted.random_agent import SHOP_SUBGOALS
from hiper_agents.agents.scripted.webshop_judgement import choose_options, rate_hit
from hiper_envs.registration import WEBSHOP_MAX_TURNS
from hiper_envs.reply import write_reply
from hiper_envs.webshop.reading import Wish, page_kind, read_hits, read_item, read_wish
from webshop_server.shop.actions import make_searchable, parse_action, parse_click

_SEARCH, _CHOOSE, _, _OPTIONS, _BUY = SHOP_SUBGOALS
TURNS_TO_CHOOSE_AGAIN = 3
"""Back to the results, to another product, and to buy it."""


class HastyBuyer:
    """Searches, opens the most promising result, chooses its options and buys.

    It may be asked at any turn of any episode, whoever acts, as long as it sees every turn: it goes by the page and by
    ``info["action"]``, what was done last, which the subgoal wrapper tells; without that its own replies count as done.

    Args:
        max_turns: Turns of an episode.
        tolerance: A product that somebody else opened will do if it promises at most so much less than the best.
    """

    def __init__(self, max_turns: int = WEBSHOP_MAX_TURNS, tolerance: float = 0.2) -> None:
        self.max_turns = max_turns
        self.tolerance = tolerance
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        self._turn = 0
        self._num_searches = 0
        self._action = self._subgoal = ""
        self._wish: Wish | None = None
        self._promises: dict[str, float] = {}
        self._clicked: list[str] = []

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply: SWITCH whenever another subgoal begins."""
        if self._wish is None:
            self._wish = read_wish(str(info["instruction"]))
        self._watch(str(info.get("action", self._action)))
        subgoal, self._action = self._decide(self._wish, observation, info)
        self._turn += 1
        switches, self._subgoal = subgoal != self._subgoal, subgoal
        return write_reply(self._action, subgoal, switches)

    def _watch(self, done: str) -> None:
        self._num_searches += parse_action(done)[0] == "search"
        self._clicked.append(parse_click(done))

    def _decide(self, wish: Wish, observation: str, info: Mapping[str, object]) -> tuple[str, str]:
        kind = page_kind(info)
        if kind == "item":
            return self._on_item(wish, observation, info)
        if kind == "details":
            return _CHOOSE, "click[< prev]"
        self._clicked.clear()
        if kind == "search":
            query = make_searchable(wish.subject).strip() if self._num_searches else wish.query
            return _SEARCH, f"search[{query}]"
        hits = read_hits(observation, info)
        self._promises = {hit.asin: rate_hit(wish, hit, rank) for rank, hit in enumerate(hits)}
        if not hits:
            return _SEARCH, "click[back to search]"
        return _CHOOSE, f"click[{max(self._promises, key=self._promises.__getitem__)}]"

    def _on_item(self, wish: Wish, observation: str, info: Mapping[str, object]) -> tuple[str, str]:
        options = read_item(observation, info).options
        chosen = choose_options(wish, options)
        missing = [click for value, click in chosen.items() if not self._has_chosen(value, options)]
        if self._is_wrong() and self.max_turns - self._turn >= TURNS_TO_CHOOSE_AGAIN + len(chosen):
            return _CHOOSE, "click[< prev]"
        if missing and self.max_turns - self._turn > 1:
            return _OPTIONS, f"click[{missing[0]}]"
        return _BUY, "click[buy now]"

    def _is_wrong(self) -> bool:
        """Whether the product that was opened promises less than another on the page of results."""
        opened = next((click for click in self._clicked if click in self._promises), None)
        return opened is not None and self._promises[opened] < max(self._promises.values()) - self.tolerance

    def _has_chosen(self, value: str, options: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether the last click among the values of this one's group was on it."""
        group = next(group for group in options.values() if value in group)
        last = next((click for click in reversed(self._clicked) if click in group.values()), None)
        return last == group[value]
