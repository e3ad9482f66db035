"""The reward of a purchase, with all its parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from rapidfuzz import fuzz

from webshop_server.catalogue.goals import Goal
from webshop_server.product import Product

COLORS = (
    "alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown burgundy camel camo "
    "caramel champagne charcoal cherry chestnut chocolate christmas coffee cognac copper coral cranberry cream crystal "
    "dark denim eggplant elephant espresso fuchsia gold granite grape graphite grass gray green grey heather indigo "
    "ivory ivy khaki lavender lemon leopard light lilac lime magenta maroon mauve merlot midnight mint mocha "
    "multicolor mushroom mustard natural navy nude olive orange peach pewter pink plum purple rainbow red rose royal "
    "rust sand sapphire seashell silver skull slate steel stone stonewash sunflower tan taupe teal tiger turquoise "
    "violet walnut wheat white wine yellow"
).split()
CATEGORY_SEPARATOR = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}"
MATCH_ABOVE = 85
SUCCESS_SCORE = 1 - 1e-9
_NUM_REMEMBERED = 1 << 16
_LATIN_1 = dict.fromkeys(range(128, 256))
_NOT_A_WORD = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class Reward:
    """The reward of a purchase and its parts.

    Attributes:
        total: (matches of attributes and options, and 1 if the price fits) / (their number + 1), times r_type.
        r_type: 1, or 0.5, 0.1 or 0 as the product is of another type.
        r_att: Share of the wanted attributes that the product has.
        r_option: Share of the wanted options that were chosen; None if none was wanted.
        r_price: Whether the price is not above the limit.
        w_att: Share of the attributes in the total.
        w_option: Share of the options in the total; None if none was wanted.
        w_price: Share of the price in the total.
        query_match: Whether product and goal have the same query.
        category_match: Whether their category paths share two parts.
        title_score: Shared nouns of the titles / nouns of the goal's title.
    """

    total: float
    r_type: float
    r_att: float
    r_option: float | None
    r_price: bool
    w_att: float
    w_option: float | None
    w_price: float
    query_match: bool
    category_match: bool
    title_score: float

    def list_parts(self) -> dict[str, float | bool]:
        """Return the parts by name, without the total and without what does not apply."""
        return {name: value for name, value in asdict(self).items() if name != "total" and value is not None}


def score_purchase(product: Product, options: Mapping[str, str], goal: Goal, price: float) -> Reward:
    """Return the reward for buying a product.

    Args:
        product: What was bought.
        options: Chosen option values by option name.
        goal: What was wanted.
        price: The product's price in dollars.
    """
    r_type, query_match, category_match, title_score = _score_type(product, goal)
    num_attributes = _count_attributes(product, goal.attributes)
    wanted = list(goal.options.items()) if isinstance(goal.options, Mapping) else list(goal.options)
    num_options = _count_options(options.values(), wanted)
    is_cheap = price <= goal.price_upper
    parts = len(goal.attributes) + len(wanted) + 1
    return Reward(
        total=(num_attributes + num_options + is_cheap) / parts * r_type,
        r_type=r_type,
        r_att=num_attributes / len(goal.attributes),
        r_option=num_options / len(wanted) if wanted else None,
        r_price=is_cheap,
        w_att=len(goal.attributes) / parts,
        w_option=len(wanted) / parts if wanted else None,
        w_price=1 / parts,
        query_match=query_match,
        category_match=category_match,
        title_score=title_score,
    )


def _score_type(product: Product, goal: Goal) -> tuple[float, bool, bool, float]:
    query_match = product.query == goal.query
    category_match = len(_split_path(product.product_category) & _split_path(goal.product_category)) > 1
    title_score = 0.2
    if goal.title_nouns:
        title_score = len({*product.title_nouns} & {*goal.title_nouns}) / len(goal.title_nouns)
    r_type = 1.0 if query_match or category_match or title_score > 0.2 else 0.5
    if title_score < 0.1:
        r_type = 0.1
    if title_score == 0.0:
        r_type = 0.0
    return r_type, query_match, category_match, title_score


@lru_cache(maxsize=1024)
def _split_path(path: str) -> frozenset[str]:
    return frozenset(part.strip() for part in path.split(CATEGORY_SEPARATOR))


def _count_attributes(product: Product, wanted: Iterable[str]) -> int:
    texts = (product.title.lower(), " ".join(product.bullets).lower(), product.description.lower())
    return sum(
        any(is_match(known, attribute) for known in product.attributes) or any(attribute in text for text in texts)
        for attribute in wanted
    )


def _count_options(chosen: Iterable[str], wanted: Iterable[str | tuple[str, str]]) -> int:
    names = [normalise_color(value) for value in chosen]
    return sum(any(is_match(name, value) for name in names) for value in map(_normalise_wanted, wanted))


def _normalise_wanted(option: str | tuple[str, str]) -> str:
    """Write a wanted option as it is compared: a named one as the text of the pair, unless its value is a colour."""
    if isinstance(option, str):
        return normalise_color(option)
    return next((color for color in COLORS if color in option), str(option))


def normalise_color(value: str) -> str:
    """Return the first colour of the list that occurs in `value`, or `value` itself."""
    return next((color for color in COLORS if color in value), value)


@lru_cache(maxsize=_NUM_REMEMBERED)
def is_match(left: str, right: str) -> bool:
    """Return whether two phrases have a token set ratio above 85.

    The optimal alignment never finds fewer common letters than the original's greedy one, so the fast library settles
    every "no" and the original's own measure is asked about the few that pass.
    """
    left, right = _clean(left), _clean(right)
    return round(fuzz.token_set_ratio(left, right)) > MATCH_ABOVE and _compare(left, right) > MATCH_ABOVE


def token_set_ratio(left: str, right: str) -> int:
    """Return how alike two phrases are as sets of words, 0 .. 100, measured as the original measures it."""
    return _compare(_clean(left), _clean(right))


def _clean(text: str) -> str:
    return _NOT_A_WORD.sub(" ", text.translate(_LATIN_1)).lower().strip()


def _compare(left: str, right: str) -> int:
    words_left, words_right = set(left.split()), set(right.split())
    if not left or not right:
        return 0
    shared = " ".join(sorted(words_left & words_right))
    with_left = f"{shared} {' '.join(sorted(words_left - words_right))}".strip()
    with_right = f"{shared} {' '.join(sorted(words_right - words_left))}".strip()
    return max(_ratio(shared, with_left), _ratio(shared, with_right), _ratio(with_left, with_right))


def _ratio(left: str, right: str) -> int:
    if left == right:
        return 100
    if not left or not right:
        return 0
    return round(100 * SequenceMatcher(None, left, right).ratio())
