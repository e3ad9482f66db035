"""What is remembered of a WebShop visit: products, options, and what is known to fit the instruction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from hiper_agents.policies.compact.memory import Memory
from hiper_agents.policies.compact.words import CACHED_TEXTS, overlap, split_words
from hiper_envs.registration import WEBSHOP_MAX_TURNS
from hiper_envs.webshop.reading import (
    Wish,
    page_kind,
    read_basket,
    read_details,
    read_hits,
    read_item,
    read_purchases,
    read_wish,
    stems,
)

PAGE_KINDS = ("search", "results", "item", "details", "done")
SUBGOALS = (
    "search for the product",
    "choose a product",
    "inspect the product",
    "choose the options",
    "buy the product",
)
BUTTONS = ("back to search", "< prev", "next >", "description", "features", "reviews", "attributes", "buy now")
SIMILAR = 0.5
NUM_FITS = 12
OTHER_GROUPS = 0.8


@dataclass
class Product:
    """What is known of a product: from lists of results, its page, and the pages under it."""

    asin: str
    title: str = ""
    price: float = 0.0
    rank: int = 0
    page: int = 1
    visits: int = 0
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clicked: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)

    def known_words(self) -> frozenset[str]:
        """Return the stems of everything read about it."""
        return stems("\n".join([self.title, *self.details.values()]))

    def find_option(self, click: str) -> tuple[str, str]:
        """Return group and value of what is clicked for an option; empty texts for anything else."""
        return next(
            (
                (group, value)
                for group, clicks in self.options.items()
                for value, text in clicks.items()
                if text == click
            ),
            ("", ""),
        )


class WebShopMemory(Memory):
    """Subgoals are the five stages of shopping; features say how pages and buttons fit the instruction."""

    def list_subgoals(self) -> list[str]:
        """Return the five stages."""
        self.basket = read_basket(self.instruction)
        self.wish: Wish = read_wish(self.basket.write_due())
        self.max_turns = WEBSHOP_MAX_TURNS * len(self.basket.texts)
        self.products: dict[str, Product] = {}
        self.product = Product("")
        self.kind = "search"
        self.links: list[str] = []
        self.results_page = 1
        return list(SUBGOALS)

    def list_actions(self) -> list[str]:
        """Return the admissible actions and, where there is a search bar, two more queries made from the wish."""
        if not any(action.startswith("search[") for action in self.admissible):
            return self.admissible
        queries = (self.wish.query, self.wish.subject)
        return list(dict.fromkeys([*self.admissible, *(f"search[{query}]" for query in queries)]))

    def read(self, observation: str) -> None:
        """Update the page, and what is remembered of its products."""
        before, target = self.kind, click_target(self.last_action)
        buttons = [click_target(action) for action in self.admissible if action.startswith("click[")]
        page = {"clickables": buttons, "has_search_bar": len(buttons) < len(self.admissible)}
        self.kind = page_kind(page) if self.admissible else "done"
        if self.last_action.startswith("search["):
            self.results_page = 1
        purchases = read_purchases(observation) if self.kind == "search" else None
        if purchases is not None and before != "search":
            self.wish, self.products = read_wish(self.basket.write_due(purchases)), {}
        if self.kind == "results":
            self._read_results(observation, page, before, target)
        elif self.kind == "item":
            self._read_item(observation, page, before, target)
        elif self.kind == "details" and before == "item":
            self.product.details[target] = read_details(observation)

    def _read_results(self, observation: str, page: Mapping[str, object], before: str, target: str) -> None:
        if before == "results":
            self.results_page = max(1, self.results_page + {"next >": 1, "< prev": -1}.get(target, 0))
        hits = read_hits(observation, page)
        self.links = [hit.asin for hit in hits]
        for position, hit in enumerate(hits):
            product = self.products.setdefault(hit.asin, Product(hit.asin))
            product.title, product.price, product.clicked = hit.title, hit.price, {}
            product.rank, product.page = 10 * (self.results_page - 1) + position, self.results_page

    def _read_item(self, observation: str, page: Mapping[str, object], before: str, target: str) -> None:
        if before == "results":
            self.product = self.products.setdefault(target, Product(target))
            self.product.visits += 1
        item = read_item(observation, page)
        product = self.product
        product.title, product.price, product.options = item.title, item.price, item.options
        if before == "item":
            group, value = product.find_option(target)
            product.clicked |= {group: value} if group else {}

    def _best_values(self, product: Product) -> dict[str, tuple[float, str]]:
        """Return for each wanted option how well the product can serve it, and with which value."""
        best: dict[str, tuple[float, str]] = {}
        for name, wanted in self._wanted(product).items():
            fits = [(match_value(value, wanted), value) for value in product.options.get(name, ())]
            best[name] = max(fits, key=lambda fit: fit[0], default=(0.0, ""))
        return best

    def _wanted(self, product: Product) -> dict[str, str]:
        """Return the wanted text of each option; free speech names none, so that each group is to fit all of it."""
        if self.wish.is_template:
            return dict(self.wish.options)
        return {name: self.wish.text.lower() for name in product.options}

    def _fits(self, product: Product) -> list[float]:
        """Return how a product fits the instruction, as far as is known."""
        wish = self.wish
        words = product.known_words()
        wants = [overlap(stems(want), words) for want in wish.wants]
        found = [fit for fit, _ in self._best_values(product).values()]
        is_visited = product.visits > 0
        return [
            overlap(wish.words, stems(product.title)),
            overlap(wish.words, words),
            sum(want == 1.0 for want in wants) / max(1, len(wants)),
            overlap(stems(wish.subject), stems(product.title)),
            float(self._is_affordable(product)),
            float(is_visited),
            sum(fit == 1.0 for fit in found) / len(found) if is_visited and found else 0.0,
            sum(found) / len(found) if is_visited and found else 0.0,
            float(is_visited and set(product.options) == {name for name, _ in wish.options}),
            float(is_visited and not found),
            len(product.details) / 2,
            self._rate(product),
        ]

    def _is_affordable(self, product: Product) -> bool:
        return self.wish.price_limit is None or product.price <= self.wish.price_limit

    def _rate(self, product: Product) -> float:
        """Return one number for how much of the wish a visited product is known to serve; 0 before a visit."""
        if not product.visits:
            return 0.0
        words = product.known_words()
        wish = self.wish
        wants = [float(stems(want) <= words) for want in wish.wants] or [overlap(wish.words, words)]
        found = [fit for fit, _ in self._best_values(product).values()]
        parts = [*wants, *found, float(self._is_affordable(product))]
        has_groups = not wish.is_template or set(product.options) == {name for name, _ in wish.options}
        return sum(parts) / len(parts) * (1.0 if has_groups else OTHER_GROUPS)

    def _promise(self, product: Product) -> float:
        """Return one number for how good a result looks from rank, title and price."""
        shared = overlap(self.wish.words, stems(product.title))
        return float((product.rank + 1) ** -0.5) + shared - (0.0 if self._is_affordable(product) else 1.0)

    def _count_open(self) -> int:
        """Return how many wanted values could be clicked and are not."""
        best, clicked = self._best_values(self.product), self.product.clicked
        return sum(fit >= SIMILAR and clicked.get(name) != value for name, (fit, value) in best.items())

    def _survey(self) -> tuple[Product | None, Product | None]:
        """Return the best product visited and the most promising one not visited."""
        visited = [product for product in self.products.values() if product.visits]
        others = [product for product in self.products.values() if not product.visits]
        return max(visited, key=self._rate, default=None), max(others, key=self._promise, default=None)

    def describe_state(self) -> list[float]:
        """Return the page, progress on the product, and the alternatives."""
        is_item = self.kind in ("item", "details")
        best, hope = self._survey()
        num_open = self._count_open() if is_item else 0
        left = self.max_turns - self.turn
        return [
            *(float(self.kind == kind) for kind in PAGE_KINDS),
            left / self.max_turns,
            float(left <= 1 + num_open),
            float(left <= 3 + num_open),
            float(left <= 5 + num_open),
            (self.results_page - 1) / 4,
            float(best is not None and best.page != self.results_page),
            sum(product.visits > 0 for product in self.products.values()) / 5,
            len(self.wish.options) / 3,
            len(self.wish.wants) / 4,
            float(self.wish.is_template),
            *(self._fits(self.product) if is_item else [0.0] * NUM_FITS),
            num_open / 3,
            float(is_item and num_open == 0),
            self._rate(best) if best is not None else 0.0,
            float(is_item and best is self.product),
            self._promise(hope) / 2 if hope is not None else 0.0,
            min(self.age, 10) / 10,
        ]

    def state_words(self) -> tuple[str, ...]:
        """Return the kind of page."""
        return (self.kind,)

    def describe_subgoal(self, position: int) -> list[float]:
        """Return which stage it is."""
        return [*self.common_subgoal_features(position), *(float(position == k) for k in range(len(SUBGOALS)))]

    def subgoal_words(self, subgoal: str) -> tuple[str, ...]:
        """Return the words of a stage; nothing for a flat agent's instruction."""
        return split_words(subgoal) if subgoal in SUBGOALS else ()

    def describe_actions(self, subgoal: str) -> list[list[float]]:
        """Return for each action which button it is, and how its product or option fits."""
        stage = [float(subgoal == known) for known in SUBGOALS]
        best, hope = self._survey()
        return [[*stage, *self._describe_action(action, best, hope)] for action in self.actions]

    def _describe_action(self, action: str, best: Product | None, hope: Product | None) -> list[float]:
        target = click_target(action)
        product = self.products.get(target) if self.kind == "results" else None
        is_option = self.kind == "item" and bool(target) and target not in BUTTONS
        return [
            float(action.startswith("search[")),
            float(action == f"search[{self.wish.query}]"),
            float(action == f"search[{self.wish.subject}]"),
            *(float(target == button) for button in BUTTONS),
            float(product is not None),
            float(is_option),
            min(self.taken[action], 3) / 3,
            float(action == self.last_action),
            float(target in self.product.details),
            *(self._describe_link(product, best, hope) if product else [0.0] * (NUM_FITS + 6)),
            *(self._describe_option(target) if is_option else [0.0] * 9),
        ]

    def _describe_link(self, product: Product, best: Product | None, hope: Product | None) -> list[float]:
        position = self.links.index(product.asin) if product.asin in self.links else len(self.links)
        unvisited = [asin for asin in self.links if not self.products[asin].visits]
        return [
            *self._fits(product),
            position / 10,
            float(product.rank == 0),
            float(bool(unvisited) and product.asin == unvisited[0]),
            float(product is hope),
            float(product is best),
            self._promise(product) / 2,
        ]

    def _describe_option(self, target: str) -> list[float]:
        group, value = self.product.find_option(target)
        wanted = self._wanted(self.product).get(group, "")
        best_fit, best_value = self._best_values(self.product).get(group, (0.0, ""))
        fit = match_value(value, wanted) if wanted else 0.0
        is_best = bool(wanted) and value == best_value
        is_clicked = self.product.clicked.get(group) == value
        return [
            fit,
            float(fit == 1.0),
            float(is_best and best_fit > 0),
            float(bool(wanted)),
            overlap(split_words(value), split_words(self.instruction)),
            float(is_clicked),
            float(group in self.product.clicked),
            best_fit,
            float(is_best and best_fit >= SIMILAR and not is_clicked),
        ]

    def action_words(self, action: str) -> tuple[str, ...]:
        """Return what kind of action it is: which button, or that it is a search, a product or an option."""
        target = click_target(action)
        if action.startswith("search["):
            return ("search",)
        if target in BUTTONS:
            return split_words(target)
        return ("product",) if target in self.products else ("option",)


def click_target(action: str) -> str:
    """Return what a click names, lowercased; empty for any other action."""
    return action[6:-1].lower() if action.startswith("click[") and action.endswith("]") else ""


@lru_cache(maxsize=CACHED_TEXTS)
def match_value(value: str, wanted: str) -> float:
    """Return how well an option's value fits the wanted text.

    1 when they are equal or, if the text is a whole sentence, when all words of the value stand in it; else less than
    that, by the share of common words.
    """
    if value == wanted:
        return 1.0
    ours, theirs = frozenset(split_words(value)), frozenset(split_words(wanted))
    if not ours or not theirs:
        return 0.0
    shared = len(ours & theirs)
    if len(theirs) > 2 * len(ours) + 4:
        return shared / len(ours) if shared == len(ours) else 0.8 * shared / len(ours)
    return 0.9 * shared / len(ours | theirs)
