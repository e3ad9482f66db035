"""Reading WebShop's pages and instructions back from their text."""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from hiper_agents.compact.words import CACHED_TEXTS, content_words, overlap, split_words

SEPARATOR = " [SEP] "
FIXED_BUTTONS = frozenset(
    ["back to search", "< prev", "next >", "description", "features", "reviews", "attributes", "buy now", "search"]
)
_MARKUP = re.compile(r"\[(?:clicked )?button_?\]|\[(?:clicked )?button\]")
_LIMIT = re.compile(r"price lower than \$?([\d,.]+\d) dollars")
_PRICE = re.compile(r"\$([\d,]+(?:\.\d+)?)")
_OPTION = re.compile(r"^(?:.* )?with (?P<name>[^:]+?): (?P<value>.+)$|^(?P<name2>[^:]{1,40}): (?P<value2>.+)$")
_RESULTS = re.compile(r"Page (\d+) \(Total results: (\d+)\)")


@dataclass(frozen=True)
class ShoppingWish:
    """What an instruction asks for.

    Attributes:
        text: The part before options and price.
        options: Wanted value by option name, lowercased; empty when the instruction names none.
        price_limit: Highest price; infinite when there is none.
    """

    text: str
    options: dict[str, str]
    price_limit: float


def parse_instruction(instruction: str) -> ShoppingWish:
    """Read an instruction: what, "with name: value, and name: value", "and price lower than X dollars"."""
    text = instruction.removeprefix("Instruction:").strip().lower()
    limit = _LIMIT.search(text)
    price_limit = float(limit[1].replace(",", "")) if limit else float("inf")
    text = re.sub(r",? and price lower than .*$", "", text)
    chunks = text.split(", and ")
    options: dict[str, str] = {}
    rest: list[str] = []
    for chunk in chunks:
        found = _split_option(chunk)
        if found is None:
            rest.append(chunk)
            continue
        before, name, value = found
        options[name] = value
        if before:
            rest.append(before)
    return ShoppingWish(", and ".join(rest), options, price_limit)


def _split_option(chunk: str) -> tuple[str, str, str] | None:
    """Return (text before, name, value) of a chunk that holds an option."""
    head, colon, value = chunk.partition(": ")
    if not colon:
        return None
    before, _, name = head.rpartition(" with ")
    if not before and len(split_words(head)) > 5:
        return None
    return before.strip(), name.strip(), value.strip()


@dataclass
class Item:
    """What is known of a product: from result lists, its page, and the pages under it."""

    asin: str
    title: str = ""
    price: float = float("nan")
    position: int = 0
    page: int = 1
    visits: int = 0
    groups: dict[str, list[str]] = field(default_factory=dict)
    clicked: dict[str, str] = field(default_factory=dict)
    pages_read: set[str] = field(default_factory=set)
    words: frozenset[str] = frozenset()

    def learn(self, text: str) -> None:
        """Add the words of a text about the product."""
        self.words = self.words | content_words(text)


@dataclass(frozen=True)
class Page:
    """A page, read: its kind is search, results, item, below (a page under an item) or done."""

    kind: str
    number: int = 1
    items: tuple[tuple[str, str, float], ...] = ()
    title: str = ""
    price: float = float("nan")
    groups: dict[str, list[str]] = field(default_factory=dict)
    text: str = ""


def lowest_price(text: str) -> float:
    """Return the first price in a text; NaN for none."""
    match = _PRICE.search(text)
    return float(match[1].replace(",", "")) if match else float("nan")


def split_page(observation: str) -> list[str]:
    """Return the visible texts of a page, of the plain or of the rich observation."""
    if SEPARATOR in observation:
        return [part.strip() for part in observation.split(SEPARATOR)]
    lines = _MARKUP.sub("", observation).split("\n")
    return [line.strip() for line in lines if line.strip() and not line.startswith("You have clicked")]


def parse_page(observation: str, clickables: list[str]) -> Page:
    """Read a page.

    Args:
        observation: The page's text.
        clickables: What can be clicked on it, lowercased, without "click[...]".
    """
    parts = split_page(observation)
    buttons = set(clickables)
    results = next((match for part in parts if (match := _RESULTS.search(part))), None)
    if results:
        return Page("results", int(results[1]), items=tuple(_read_items(parts, buttons)))
    if "buy now" in buttons:
        return _read_item(parts, buttons)
    if "< prev" in buttons:
        start = next((k for k, part in enumerate(parts) if part.lower() == "< prev"), -1) + 1
        return Page("below", text=" ".join(parts[start:]))
    return Page("search" if buttons else "done")


def _read_items(parts: list[str], buttons: set[str]) -> list[tuple[str, str, float]]:
    links = [k for k, part in enumerate(parts) if part.lower() in buttons - FIXED_BUTTONS]
    return [(parts[k].lower(), parts[k + 1], lowest_price(parts[k + 2])) for k in links if k + 2 < len(parts)]


def _read_item(parts: list[str], buttons: set[str]) -> Page:
    start = next((k for k, part in enumerate(parts) if part.lower() == "< prev"), 0) + 1
    end = next((k for k in range(len(parts) - 1, -1, -1) if parts[k].startswith("Price:")), len(parts))
    title = parts[end - 1] if end - 1 >= start else ""
    groups: dict[str, list[str]] = {}
    name = ""
    for part in parts[start : end - 1]:
        if part.lower() in buttons:
            groups.setdefault(name, []).append(part.lower())
        else:
            name = part.lower()
    price = lowest_price(parts[end]) if end < len(parts) else float("nan")
    return Page("item", title=title, price=price, groups=groups)


@lru_cache(maxsize=CACHED_TEXTS)
def match_value(value: str, wanted: str) -> float:
    """Return how well an option's value fits the wanted one: 1 equal, else shared words over all words."""
    if value == wanted:
        return 1.0
    ours, theirs = set(split_words(value)), set(split_words(wanted))
    if not ours or not theirs:
        return 0.0
    return 0.9 * len(ours & theirs) / len(ours | theirs)


@lru_cache(maxsize=CACHED_TEXTS)
def mentions(text: str, value: str) -> bool:
    """Return whether a value stands in a text as whole words."""
    return re.search(rf"(?<![a-z0-9]){re.escape(value)}(?![a-z0-9])", text) is not None


def mutual_overlap(words: frozenset[str], others: frozenset[str]) -> float:
    """Return shared words over all words."""
    return overlap(words | others, words & others)
