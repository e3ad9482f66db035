"""Reading WebShop's text: what the customer wishes, and what a page shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from webshop_server.shop.actions import make_searchable

PageKind = Literal["search", "results", "item", "details"]

STOP_WORDS = frozenset(
    "a an and are as at be being but by can could do either find for from get give good has have he help her him i i'd "
    "i'm if in is it it's its like looking made me my need of on one or order please pair prefer preferably purchase "
    "searching set should show so some something than thank thanks that the them then there these they this to too us "
    "use used want wanted we which will wish with would you your also am any buy comes come hello hi interested let "
    "lower price dollars must shall something sort kind type color colored colour size sized style make makes".split()
)
_PRICE_CLAUSE = re.compile(r",? *(?:and )?price (?:lower|less) than \$?([\d.,]+?)(?:\.00)? dollars?", re.IGNORECASE)
_NEXT_OPTION = re.compile(r", and (?=[a-z][\w &/-]*: )", re.IGNORECASE)
_TEMPLATE_START = re.compile(r"find me ", re.IGNORECASE)
_WITH = " with "
_LINK = re.compile(r" (?:with|for) ")
_BASKET = re.compile(r"Buy (\d+) products one after the other: ")
_BUDGET_CLAUSE = re.compile(r", with a total price lower than ([\d.]+) dollars$")
_BOUGHT = re.compile(
    r"Bought (\d+) of \d+: \(1\) .+?"
    r"(?: Left of the budget: (\d+\.\d\d) dollars\.| The budget is exceeded by (\d+\.\d\d) dollars\.)?"
)
_WORD = re.compile(r"[a-z0-9][a-z0-9.'\u2019]*")
_AMOUNT = re.compile(r"\$([\d,]+\.?\d*)")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an instruction asks for.

    Attributes:
        text: The instruction without its price clause.
        subject: What kind of thing it is; the whole text for free speech.
        wants: Phrases of properties, as far as the sentence tells them apart; empty for free speech.
        options: (group name, value) in the order named; empty for free speech.
        is_template: Whether it is the shop's own "Find me ..." sentence, which names every option group.
        words: Stems of all words that carry meaning.
        price_limit: In dollars, None for no limit.
    """

    text: str
    subject: str
    wants: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    is_template: bool
    words: frozenset[str]
    price_limit: float | None

    @property
    def query(self) -> str:
        """What to search for: the wish, and a template's options once more, as they tell near copies apart."""
        if not self.is_template:
            words = [word for word in self.text.split() if word.lower().strip(".,!?") not in STOP_WORDS]
            return make_searchable(" ".join(words) or self.text).strip()
        subject = _TEMPLATE_START.sub("", self.text, count=1)
        return make_searchable(" ".join([subject, *(f"{name} {value}" for name, value in self.options)])).strip()


@dataclass(frozen=True, slots=True)
class BasketWish:
    """What the instruction of a basket asks for.

    Attributes:
        texts: What is said of each product, in the order in which they are bought.
        budget: In dollars, for all of them together; None for no limit.
    """

    texts: tuple[str, ...]
    budget: float | None

    def write_due(self, purchases: Purchases | None = None) -> str:
        """Return what the customer wants next as the plain world would say it, with what is left as the price limit.

        Args:
            purchases: What was bought so far; None for nothing.
        """
        if len(self.texts) == 1:
            return self.texts[0]
        number, left = purchases or Purchases(0, self.budget)
        text = self.texts[min(number, len(self.texts) - 1)]
        return text if left is None else f"{text}, and price lower than {max(0.0, left):.2f} dollars"


class Purchases(NamedTuple):
    """What a page says of the purchases for a basket.

    Attributes:
        number: How many were made.
        left: What is left of the budget in dollars, below 0 if it is exceeded; None for no limit.
    """

    number: int
    left: float | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A product on a page of results."""

    asin: str
    title: str
    price: float


@dataclass(frozen=True, slots=True)
class Item:
    """What a product's page shows: title, lowest price, and by group the option values with what to click for each."""

    title: str
    price: float
    options: Mapping[str, Mapping[str, str]]


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Return a rough stem, good enough to compare singulars, plurals and verb forms."""
    word = word.replace("\u2019", "'").removesuffix("'s").strip(".'")
    for ending in ("ing", "able", "ed", "es", "s", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not (ending == "s" and word.endswith("ss")):
            return word.removesuffix(ending)
    return word


@lru_cache(maxsize=4096)
def stems(text: str) -> frozenset[str]:
    """Return the stems of the words of `text` that carry meaning."""
    return frozenset(stem(word) for word in _WORD.findall(text.lower()) if word not in STOP_WORDS)


def read_wish(instruction: str) -> Wish:
    """Take an instruction apart.

    The shop's template is "Find me A, B NOUN with C, D for E with GROUP: VALUE, and GROUP: VALUE, and price lower than
    X dollars"; anything else counts as free speech.
    """
    text = instruction.removeprefix("Instruction:").strip()
    price = _PRICE_CLAUSE.search(text)
    limit = float(price[1].replace(",", "")) if price else None
    text = _PRICE_CLAUSE.sub("", text).strip()
    is_template = text.startswith("Find me ")
    start = text.rfind(_WITH, 0, text.find(": ") + 1) if is_template else -1
    options = tuple(_read_options(text[start + len(_WITH) :])) if start >= 0 else ()
    before = _TEMPLATE_START.sub("", text[:start] if start >= 0 else text, count=1)
    subject, wants = _read_wants(before) if is_template else (text, [])
    return Wish(text, subject, tuple(wants), options, is_template, stems(text), limit)


def read_basket(instruction: str) -> BasketWish:
    """Take the instruction of a basket apart, see `hiper_envs.webshop.baskets`; a plain one asks for one product.

    What is said of a product can be read by `read_wish`; the price clause of a plain instruction stays in its text.
    """
    text = instruction.removeprefix("Instruction:").strip()
    start = _BASKET.match(text)
    if start is None:
        return BasketWish((text,), read_wish(text).price_limit)
    budget = _BUDGET_CLAUSE.search(text)
    text = text[start.end() : budget.start() if budget else None].removeprefix("(1) ")
    texts = []
    for number in range(2, int(start[1]) + 1):
        first, _, text = text.partition(f"; ({number}) ")
        texts.append(first)
    return BasketWish((*texts, text), float(budget[1]) if budget else None)


def read_purchases(observation: str) -> Purchases | None:
    """Return what a search page says of the purchases for a basket so far; None if it says nothing of any."""
    for piece in read_segments(observation):
        found = _BOUGHT.fullmatch(piece)
        if found is not None:
            number, left, excess = found.groups()
            return Purchases(int(number), float(left) if left else -float(excess) if excess else None)
    return None


def _read_options(clause: str) -> Iterable[tuple[str, str]]:
    for part in _NEXT_OPTION.split(clause):
        name, value = part.split(": ", 1)
        yield name.lower(), value.strip()


def _read_wants(sentence: str) -> tuple[str, list[str]]:
    """Return a template's subject and properties; those before the subject are two words each."""
    before, *after = _LINK.split(sentence)
    *wants, last = before.split(", ")
    words = last.split()
    if len(words) > 2:
        wants.append(" ".join(words[:2]))
    wants += [want for part in after for want in part.split(", ")]
    return " ".join(words[2:] or words), wants


def page_kind(info: Mapping[str, object]) -> PageKind:
    """Tell from what can be clicked which page this is."""
    clickables = read_clickables(info)
    if info.get("has_search_bar"):
        return "search"
    if "buy now" in clickables:
        return "item"
    return "results" if "next >" in clickables else "details"


def read_clickables(info: Mapping[str, object]) -> Sequence[str]:
    """Return what can be clicked."""
    clickables = info.get("clickables")
    if not isinstance(clickables, Sequence) or isinstance(clickables, str):
        raise ValueError(
            f"this agent plays WebShop: it needs info['clickables'], a list of strings, got {clickables!r}"
        )
    return clickables


def read_segments(observation: str) -> list[str]:
    """Cut a page into its pieces of text, whichever kind of text observation it is."""
    if "[button]" in observation or "[clicked button]" in observation:
        bare = re.sub(r"\[/?(?:clicked )?button_?\]", "", observation)
        return [line.strip() for line in bare.split("\n") if line.strip() and not line.startswith("You have clicked ")]
    return observation.split(" [SEP] ")


def read_hits(observation: str, info: Mapping[str, object]) -> list[Hit]:
    """Return the products on a page of results, in order."""
    segments, known = read_segments(observation), set(read_clickables(info))
    hits = []
    for position, segment in enumerate(segments[:-2]):
        if segment.lower() in known and segments[position + 2].startswith("$"):
            hits.append(Hit(segment.lower(), segments[position + 1], read_price(segments[position + 2])))
    return hits


def read_item(observation: str, info: Mapping[str, object]) -> Item:
    """Return what a product's page shows."""
    segments, known = read_segments(observation), set(read_clickables(info))
    start = segments.index("< Prev") + 1
    end = next(n for n in range(len(segments) - 1, start, -1) if segments[n].startswith("Price: "))
    groups: dict[str, dict[str, str]] = {}
    name = ""
    for segment in (segment.lower() for segment in segments[start : end - 1]):
        click = next((text for text in (f"{name}: {segment}", segment) if text in known), None)
        if click is None or not name:
            name = segment
        else:
            groups.setdefault(name, {})[segment] = click
    return Item(segments[end - 1], read_price(segments[end]), groups)


def read_details(observation: str) -> str:
    """Return the text of a product's description or features."""
    segments = read_segments(observation)
    return "\n".join(segments[segments.index("< Prev") + 1 :]) if "< Prev" in segments else ""


def read_price(text: str) -> float:
    """Return the lowest amount of dollars in `text`; 0 if there is none."""
    amounts = [float(amount.replace(",", "")) for amount in _AMOUNT.findall(text)]
    return min(amounts, default=0.0)
