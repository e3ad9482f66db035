"""The rule that any WebShop agent has to beat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hiper_agents.agents.scripted.random_agent import SHOP_SUBGOALS
from hiper_envs.reply import write_reply
from hiper_envs.webshop.reading import page_kind, read_hits, read_item
from webshop_server.allowed_types import check_flag
from webshop_server.shop.actions import make_searchable

_SEARCH, _CHOOSE, _, _OPTIONS, _BUY = SHOP_SUBGOALS


class RuleAgent:
    """Searches for the instruction, opens the first product, clicks the options that occur in it, and buys.

    No learning and no looking around, and yet it is right about every other time on the 1,000 real products: always
    show it beside an agent.

    Args:
        clicks_options: False for the plainer rule that buys without choosing options.
    """

    def __init__(self, clicks_options: bool = True) -> None:
        self.clicks_options = check_flag(clicks_options, "clicks_options")
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Forget the last episode; nothing here is random."""
        self._subgoal = ""
        self._to_click: list[str] | None = None

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the reply."""
        subgoal, action = self._decide(observation, info, str(info["instruction"]))
        switches, self._subgoal = subgoal != self._subgoal, subgoal
        return write_reply(action, subgoal, switches)

    def _decide(self, observation: str, info: Mapping[str, object], instruction: str) -> tuple[str, str]:
        kind = page_kind(info)
        if kind == "search":
            return _SEARCH, f"search[{make_searchable(instruction).strip()}]"
        if kind == "results":
            hits = read_hits(observation, info)
            return _CHOOSE, f"click[{hits[0].asin}]" if hits else "click[back to search]"
        if kind == "details":
            return _CHOOSE, "click[< prev]"
        if self._to_click is None:
            groups = read_item(observation, info).options.values() if self.clicks_options else ()
            self._to_click = [clicks[value] for clicks in groups for value in named_values(instruction, clicks)]
        if self._to_click:
            return _OPTIONS, f"click[{self._to_click.pop(0)}]"
        return _BUY, "click[buy now]"


def named_values(instruction: str, values: Iterable[str]) -> list[str]:
    """Return the longest of the values whose text occurs in the instruction, as a list of one; else an empty list."""
    text = instruction.lower()
    named = [value for value in values if value.lower() in text]
    return [max(named, key=len)] if named else []
