"""The site as a state machine: a session and a request give the next page. It knows no HTML."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from webshop_server.allowed_names import check_choice
from webshop_server.catalogue.catalogue import SEARCH_LIMIT, Catalogue
from webshop_server.catalogue.goals import Goal
from webshop_server.product import Product
from webshop_server.shop.actions import parse_action, parse_click
from webshop_server.shop.pages import RESULTS_PER_PAGE, SUB_PAGES, Hit, Option, Page
from webshop_server.shop.reward import Reward, score_purchase

COMPAT_MODES = ("fixed", "original")
BACK, NEXT, PREVIOUS, BUY, SEARCH = "back to search", "next >", "< prev", "buy now", "search"
_ITEM_BUTTONS = (BACK, PREVIOUS, *SUB_PAGES, BUY)
_RANDOM_MARK = "<r>"
_FIELD_OF_MARK = {"<a>": "attribute", "<c>": "category", "<q>": "query"}


@dataclass(slots=True)
class Session:
    """Where one customer is.

    Attributes:
        goal: What the customer wants.
        seed: Decides what a random search ("<r>") finds.
        kind: Kind of the page shown.
        keywords: Words of the last search, None before the first.
        page_number: Number of the last results page.
        number: Number of the product looked at.
        options: Chosen value by option name.
        visited: Asins of the products looked at since the start page.
        reward: The reward, once something has been bought.
        notice: What the search page and the last page tell beside, see `Page`.
    """

    goal: Goal
    seed: int = 0
    kind: str = "index"
    keywords: tuple[str, ...] | None = None
    page_number: int = 1
    number: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)
    reward: Reward | None = None
    notice: str = ""

    @property
    def is_done(self) -> bool:
        """Whether something has been bought: nothing changes any more."""
        return self.kind == "done"

    def copy(self) -> Session:
        """Return a session that goes its own way from here."""
        return Session(
            self.goal, self.seed, self.kind, self.keywords, self.page_number, self.number, dict(self.options),
            set(self.visited), self.reward, self.notice,
        )  # fmt: skip


class Shop:
    """The shop over one catalogue, at one set of prices.

    Args:
        catalogue: What is sold.
        price_seed: Seed of the prices.
        compat: "fixed", or "original" for the original's faults where they change what is bought or shown.
    """

    def __init__(self, catalogue: Catalogue, price_seed: int = 0, compat: str = "fixed") -> None:
        self.catalogue = catalogue
        self.price_seed = price_seed
        self.is_original = check_choice(compat, COMPAT_MODES, "compat") == "original"
        self.list_options = lru_cache(maxsize=4096)(self._make_options)
        self._label = lru_cache(maxsize=8192)(self._make_label)

    def __reduce__(self) -> tuple[type[Shop], tuple[Catalogue, int, str]]:
        """It is what it was made of; sessions lie outside."""
        return Shop, (self.catalogue, self.price_seed, COMPAT_MODES[self.is_original])

    def __deepcopy__(self, memo: object) -> Shop:
        """It is never changed, so it is its own copy."""
        return self

    def act(self, session: Session, action: str) -> bool:
        """Carry out an action ("search[...]" or "click[...]") and return whether it was one.

        Whatever is no action of the page leaves the session as it is.
        """
        verb, argument = parse_action(action)
        if verb == "search":
            return self.search(session, argument)
        if self.is_original:
            return verb == "click" and self.click(session, argument)
        return self.click(session, parse_click(action))

    def search(self, session: Session, query: str) -> bool:
        """Search for words; possible on every page until something is bought."""
        if session.is_done or not query:
            return False
        self._search(session, tuple(query.lower().split(" ")), 1)
        return True

    def click(self, session: Session, text: str) -> bool:
        """Click what has this text, in any case; return whether the page has it."""
        text = text.lower()
        return bool(text) and text != SEARCH and not session.is_done and self._click(session, text)

    def show(self, session: Session) -> Page:
        """Return the page that the session is on."""
        instruction = session.goal.instruction
        if session.kind == "index":
            return Page("index", instruction, (SEARCH,), notice=session.notice)
        if session.kind == "results":
            return self._show_results(session)
        if session.kind == "done":
            return self._show_done(session)
        if session.kind == "item":
            return self._show_item(session)
        return Page(session.kind, instruction, (BACK, PREVIOUS), product=self._read(session))

    def _show_done(self, session: Session) -> Page:
        selected = frozenset(session.options.items())
        product = self._read(session)
        return Page(
            "done",
            session.goal.instruction,
            (),
            product=product,
            selected=selected,
            reward=session.reward,
            notice=session.notice,
        )

    def _read(self, session: Session) -> Product:
        assert session.number is not None
        return self.catalogue.products.read(session.number)

    def _search(self, session: Session, keywords: tuple[str, ...], page_number: int) -> None:
        session.kind, session.keywords, session.page_number = "results", keywords, page_number
        session.number, session.options = None, {}

    def _click(self, session: Session, text: str) -> bool:
        if session.kind == "results":
            return self._click_on_results(session, text)
        if session.kind == "item":
            return self._click_on_item(session, text)
        if session.kind in SUB_PAGES and text == PREVIOUS:
            session.kind = "item"
        elif session.kind in SUB_PAGES and text == BACK:
            self._go_back(session)
        else:
            return False
        return True

    def _go_back(self, session: Session) -> None:
        session.kind, session.keywords, session.page_number = "index", None, 1
        session.number, session.options, session.visited = None, {}, set()

    def _click_on_results(self, session: Session, text: str) -> bool:
        assert session.keywords is not None
        if text == BACK:
            self._go_back(session)
        elif text == NEXT:
            self._search(session, session.keywords, session.page_number + 1)
        elif text == PREVIOUS and session.page_number > 1:
            self._search(session, session.keywords, session.page_number - 1)
        else:
            shown = {self._label(number)[0].lower(): number for number in self._list_shown(session)}
            if text not in shown:
                return False
            session.kind, session.number = "item", shown[text]
            session.visited.add(self._label(session.number)[0])
        return True

    def _click_on_item(self, session: Session, text: str) -> bool:
        assert session.keywords is not None and session.number is not None
        if text == BACK:
            self._go_back(session)
        elif text == PREVIOUS:
            step = 1 if self._mistakes_item_for_results(session) else 0
            self._search(session, session.keywords, session.page_number - step)
        elif text == BUY:
            self._buy(session)
        elif text in SUB_PAGES:
            session.kind = text
        else:
            option = self.list_options(session.number)[1].get(text)
            if option is None:
                return False
            session.options[option.name] = option.value
        return True

    def _buy(self, session: Session) -> None:
        product = self._read(session)
        price = self.catalogue.price(product.asin, self.price_seed)
        session.reward = score_purchase(product, session.options, session.goal, price)
        session.kind = "done"

    def _mistakes_item_for_results(self, session: Session) -> bool:
        """Return whether the original takes the item for a results page: it looks for the name in the address."""
        return self.is_original and "search_results" in "+".join(session.keywords or ())

    def find(self, keywords: tuple[str, ...], seed: int = 0) -> tuple[int, ...]:
        """Return the numbers of the products that a search finds, best first.

        Args:
            keywords: Lowercase words; the first may be a mark: "<r>" random products, "<a>" an attribute, "<c>" a
                category, "<q>" a query.
            seed: Decides what "<r>" finds.
        """
        mark, rest = keywords[0], keywords[1:]
        if mark == _RANDOM_MARK:
            return self._draw_products(seed, keywords)
        if mark in _FIELD_OF_MARK:
            value = (rest[0] if rest and mark == "<c>" else " ".join(rest)).strip()
            return self.catalogue.list_numbers(_FIELD_OF_MARK[mark], value)
        return self.catalogue.find_numbers(" ".join(keywords))

    def _draw_products(self, seed: int, keywords: tuple[str, ...]) -> tuple[int, ...]:
        num_products = len(self.catalogue.products)
        generator = random.Random(ascii((seed, keywords)))
        return tuple(generator.sample(range(num_products), min(SEARCH_LIMIT, num_products)))

    def _find(self, session: Session) -> tuple[int, ...]:
        return self.find(session.keywords or ("",), session.seed)

    def _list_shown(self, session: Session) -> tuple[int, ...]:
        stop = session.page_number * RESULTS_PER_PAGE
        return self._find(session)[max(0, stop - RESULTS_PER_PAGE) : max(0, stop)]

    def _make_label(self, number: int) -> tuple[str, str, str]:
        product = self.catalogue.products.read(number)
        return product.asin, product.title, product.price_tag

    def _show_results(self, session: Session) -> Page:
        visited = session.visited
        labels = [self._label(number) for number in self._list_shown(session)]
        buttons = (BACK, NEXT) if session.page_number <= 1 else (BACK, PREVIOUS, NEXT)
        links = dict.fromkeys(label[0].lower() for label in labels)
        return Page(
            "results",
            session.goal.instruction,
            (*buttons, *links),
            page_number=session.page_number,
            num_results=len(self._find(session)),
            hits=tuple([Hit(*label, label[0] in visited) for label in labels]),
        )

    def _show_item(self, session: Session) -> Page:
        assert session.number is not None
        options, by_click = self.list_options(session.number)
        if self.is_original:
            selected = frozenset(
                (option.name, option.value) for option in options if self._is_in_address(session, option.value)
            )
        else:
            selected = frozenset(session.options.items())
        return Page(
            "item",
            session.goal.instruction,
            (*_ITEM_BUTTONS, *by_click),
            product=self._read(session),
            options=options,
            selected=selected,
        )

    def _is_in_address(self, session: Session, value: str) -> bool:
        """Return whether the original shows a value as selected: it looks for it, quoted, in the page's address."""
        keywords = "+".join(session.keywords or ())
        address = f"{keywords}/{session.page_number}/{json.dumps(session.options)}"
        return f'"{value}"' in address

    def _make_options(self, number: int) -> tuple[tuple[Option, ...], dict[str, Option]]:
        """Return a product's option values in order, and those that a click can choose by the text of the click.

        A text that a button or an earlier group has taken is clicked as "name: value".
        """
        options: list[Option] = []
        by_click: dict[str, Option] = {}
        for name, values in self.catalogue.products.read(number).options.items():
            clicks = {value: self._choose_click(name, value, by_click) for value in values}
            by_click |= {click: Option(name, value, click) for value, click in clicks.items()}
            options += [Option(name, value, clicks[value]) for value in values]
        buttons = {*_ITEM_BUTTONS, SEARCH}
        return tuple(options), {click: option for click, option in by_click.items() if click not in buttons}

    def _choose_click(self, name: str, value: str, taken: Mapping[str, Option]) -> str:
        is_taken = value in taken or value in _ITEM_BUTTONS or value == SEARCH
        return f"{name}: {value}" if is_taken and not self.is_original else value
