"""Notes on WebShop: products seen and visited, options there and clicked, what still misses."""

import math
from collections.abc import Mapping

from hiper_agents.compact.notes import Notes
from hiper_agents.compact.webshop_pages import (
    FIXED_BUTTONS,
    Item,
    Page,
    match_value,
    mentions,
    mutual_overlap,
    parse_instruction,
    parse_page,
)
from hiper_agents.compact.words import content_words, overlap, split_words

MAX_TURNS = 15
PAGE_KINDS = ("search", "results", "item", "below", "done")
SUBGOALS = (
    "search for the product",
    "choose a product",
    "inspect the product",
    "choose the options",
    "buy the product",
)
BUTTONS = ("back to search", "< prev", "next >", "description", "features", "reviews", "attributes", "buy now")
SIMILAR = 0.5


class WebShopNotes(Notes):
    """Subgoals are the five stages of shopping; features say how pages and buttons fit the instruction."""

    def list_subgoals(self) -> list[str]:
        """Return the five stages."""
        self.wish = parse_instruction(self.instruction)
        self.wanted_words = content_words(self.wish.text)
        self.items: dict[str, Item] = {}
        self.asin = ""
        self.page = Page("search")
        self.results_page = 0
        self.num_searches = 0
        return list(SUBGOALS)

    def read(self, observation: str) -> None:
        """Update the page, and the notes on its products."""
        before = self.page
        target = click_target(self.last_action)
        self.page = parse_page(observation, [click_target(action) for action in self.admissible])
        self.num_searches += self.last_action.startswith("search[")
        if self.page.kind == "results":
            self.asin = ""
            self._note_results()
        elif self.page.kind == "item":
            self._note_item(before, target)
        elif self.page.kind == "below" and self.asin:
            self.items[self.asin].pages_read.add(target)
            self.items[self.asin].learn(self.page.text)

    def _note_results(self) -> None:
        self.results_page = self.page.number
        for position, (asin, title, price) in enumerate(self.page.items):
            item = self.items.setdefault(asin, Item(asin))
            item.title, item.price, item.position, item.page = title, price, position, self.page.number
            item.clicked = {}
            item.learn(title)

    def _note_item(self, before: Page, target: str) -> None:
        if before.kind == "results" and target:
            self.asin = target
        item = self.items.setdefault(self.asin, Item(self.asin))
        if before.kind == "results":
            item.visits += 1
            item.clicked = {}
        item.title, item.groups = self.page.title or item.title, self.page.groups
        item.price = item.price if math.isnan(self.page.price) else self.page.price
        item.learn(item.title)
        if before.kind == "item" and target not in FIXED_BUTTONS:
            for name, values in item.groups.items():
                if target in values:
                    item.clicked[name] = target

    def _wanted_value(self, group: str) -> str:
        """Return the wanted value of an option group; empty if the instruction names none."""
        return self.wish.options.get(group, "")

    def _best_values(self, item: Item) -> Mapping[str, tuple[float, str]]:
        """Return for each wanted option how well the item can serve it, and with which value."""
        best: dict[str, tuple[float, str]] = {}
        for name, wanted in self.wish.options.items():
            fits = [(match_value(value, wanted), value) for value in item.groups.get(name, [])]
            best[name] = max(fits, key=lambda fit: fit[0], default=(0.0, ""))
        return best

    def _served(self, item: Item) -> float:
        """Return the share of wanted options that the item has."""
        if not self.wish.options:
            return 1.0
        return sum(fit for fit, _ in self._best_values(item).values()) / len(self.wish.options)

    def _clicked_share(self, item: Item) -> float:
        wanted = self._best_values(item)
        if not wanted:
            return 1.0
        return sum(item.clicked.get(name) == value and fit > 0 for name, (fit, value) in wanted.items()) / len(wanted)

    def _num_missing(self, item: Item) -> int:
        """Return how many wanted options could be clicked and are not."""
        return sum(
            fit >= SIMILAR and item.clicked.get(name) != value for name, (fit, value) in self._best_values(item).items()
        )

    def _fits(self, item: Item) -> list[float]:
        """Return how an item fits the instruction, as far as is known."""
        title = content_words(item.title)
        is_affordable = math.isnan(item.price) or item.price <= self.wish.price_limit
        return [
            overlap(self.wanted_words, title),
            mutual_overlap(self.wanted_words, title),
            overlap(self.wanted_words, item.words),
            float(is_affordable),
            float(item.visits > 0),
            self._served(item) if item.visits else 0.0,
            float(item.visits > 0 and self._served(item) >= 0.99),
        ]

    def _rate(self, item: Item) -> float:
        """Return one number for how good a visited item is."""
        fits = self._fits(item)
        return 2.0 * fits[5] + fits[2] + 0.5 * fits[3]

    def describe_state(self) -> list[float]:
        """Return the page, progress on the item, and the best alternative seen."""
        item = self.items.get(self.asin) or Item("")
        is_item = self.page.kind in ("item", "below")
        visited = [other for other in self.items.values() if other.visits]
        best_other = max((self._rate(other) for other in visited if other.asin != self.asin), default=0.0)
        return [
            *(float(self.page.kind == kind) for kind in PAGE_KINDS),
            self.turn / MAX_TURNS,
            float(self.turn >= MAX_TURNS - 3),
            float(self.turn >= MAX_TURNS - 2),
            float(self.turn >= MAX_TURNS - 1),
            min(self.results_page, 5) / 5,
            min(self.num_searches, 3) / 3,
            min(len(visited), 5) / 5,
            len(self.wish.options) / 3,
            float(math.isinf(self.wish.price_limit)),
            *(self._fits(item) if is_item else [0.0] * 7),
            self._clicked_share(item) if is_item else 0.0,
            self._num_missing(item) / 3 if is_item else 0.0,
            float(is_item and self._num_missing(item) == 0),
            best_other / 3.5,
            float(is_item and self._rate(item) >= best_other),
            min(self.age, 10) / 10,
            min(len(item.pages_read), 3) / 3,
            len(item.groups) / 4 if is_item else 0.0,
        ]

    def state_words(self) -> tuple[str, ...]:
        """Return the kind of page and the names of the wanted options."""
        return (self.page.kind, *self.wish.options)

    def describe_subgoal(self, position: int) -> list[float]:
        """Return which stage it is."""
        return [*self.common_subgoal_features(position), *(float(position == k) for k in range(len(SUBGOALS)))]

    def subgoal_words(self, subgoal: str) -> tuple[str, ...]:
        """Return the words of a stage; nothing for a flat agent's instruction."""
        return split_words(subgoal) if subgoal in SUBGOALS else ()

    def describe_actions(self, subgoal: str) -> list[list[float]]:
        """Return for each action which button it is, and how its product or option fits."""
        stage = [float(subgoal == known) for known in SUBGOALS]
        shown = [self.items[asin] for asin, _, _ in self.page.items if asin in self.items]
        best = max((self._fits(item)[1] for item in shown if not item.visits), default=0.0)
        return [[*stage, *self._describe_action(action, best)] for action in self.admissible]

    def _describe_action(self, action: str, best: float) -> list[float]:
        target = click_target(action)
        item = self.items.get(target) if self.page.kind == "results" else None
        is_option = self.page.kind == "item" and target not in FIXED_BUTTONS
        return [
            float(action.startswith("search[")),
            *(float(target == button) for button in BUTTONS),
            float(item is not None),
            float(is_option),
            min(self.taken[action], 3) / 3,
            float(action == self.last_action),
            *(self._describe_link(item, best) if item else [0.0] * 15),
            *(self._describe_option(target) if is_option else [0.0] * 10),
        ]

    def _describe_link(self, item: Item, best: float) -> list[float]:
        fits = self._fits(item)
        unvisited = [asin for asin, _, _ in self.page.items if not self.items[asin].visits]
        affordable = [asin for asin in unvisited if self._fits(self.items[asin])[3] > 0]
        rates = {other.asin: self._rate(other) for other in self.items.values() if other.visits}
        return [
            *fits,
            item.position / 10,
            float(item.position == 0),
            float(bool(unvisited) and item.asin == unvisited[0]),
            float(bool(affordable) and item.asin == affordable[0]),
            float(not item.visits and fits[1] >= best),
            float(bool(rates) and item.asin == max(rates, key=lambda asin: rates[asin])),
            min(item.visits, 3) / 3,
            fits[1] - best,
        ]

    def _describe_option(self, target: str) -> list[float]:
        item = self.items[self.asin]
        group = next((name for name, values in item.groups.items() if target in values), "")
        wanted = self._wanted_value(group)
        fit = match_value(target, wanted) if wanted else 0.0
        best_fit, best_value = self._best_values(item).get(group, (0.0, ""))
        return [
            fit,
            float(fit == 1.0),
            float(bool(wanted) and target == best_value and best_fit > 0),
            float(bool(wanted)),
            float(mentions(self.instruction.lower(), target)),
            overlap(split_words(target), set(split_words(self.instruction))),
            float(item.clicked.get(group) == target),
            float(group in item.clicked),
            best_fit,
            float(len(target) <= 2),
        ]

    def action_words(self, action: str) -> tuple[str, ...]:
        """Return the words of fixed buttons and short options."""
        target = click_target(action)
        if action.startswith("search["):
            return ("search",)
        return split_words(target) if target not in self.items else ("product",)


def click_target(action: str) -> str:
    """Return what a click names, lowercased; empty for any other action."""
    return action[6:-1].lower() if action.startswith("click[") and action.endswith("]") else ""
