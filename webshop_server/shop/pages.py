"""What the site shows, as a value: no HTML, no text.

Page kinds: "index" (the search bar), "results", "item", the item's "description", "features" and "reviews", and "done".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from webshop_server.product import Product
from webshop_server.shop.reward import Reward

SUB_PAGES = ("description", "features", "reviews")
RESULTS_PER_PAGE = 10


class Option(NamedTuple):
    """One value of an option group, and the text by which a click names it."""

    name: str
    value: str
    click: str


class Hit(NamedTuple):
    """One product on a results page."""

    asin: str
    title: str
    price_tag: str
    is_visited: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What the site shows.

    Attributes:
        kind: Kind of page.
        instruction: What the customer wants, without "Instruction: ".
        clickables: Texts of everything that can be clicked: buttons, product links, option values.
        page_number: Number of the results page, from 1.
        num_results: How many products the search found.
        hits: Products on this results page.
        product: The product of an item page or one of its sub pages.
        options: Option values to choose from, by group.
        selected: Those that are shown as selected.
        reward: The reward of the purchase, on the last page.
        notice: What the search page and the last page tell beside, of several purchases in a row; "" for nothing.
    """

    kind: str
    instruction: str
    clickables: tuple[str, ...]
    page_number: int = 0
    num_results: int = 0
    hits: tuple[Hit, ...] = ()
    product: Product | None = None
    options: tuple[Option, ...] = ()
    selected: frozenset[tuple[str, str]] = frozenset()
    reward: Reward | None = None
    notice: str = ""

    @property
    def has_search_bar(self) -> bool:
        """Whether the page shows a search bar."""
        return self.kind == "index"
