"""Judging products against a wish: which options to choose, and how good a purchase would be."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping

from rapidfuzz import fuzz

from hiper_envs.webshop.reading import Hit, Item, Wish, stem, stems

LIKELY_UNSEEN, LIKELY_UNFOUND = 0.72, 0.4
CLOSE_ENOUGH = 60.0
OTHER_GROUPS, OTHER_NAME, OTHER_PEOPLE = 0.85, 0.9, 0.75
PEOPLE = (("women", "men"), ("men", "women"))
_WORD = re.compile(r"[a-z0-9.]+")


def rate_hit(wish: Wish, hit: Hit, rank: int) -> float:
    """Say how promising a search result looks, from its rank (from 0), title and price.

    Args:
        wish: What the instruction asks for.
        hit: The search result.
        rank: Its place in the results, from 0.
    """
    shared = len(wish.words & stems(hit.title)) / max(1, len(wish.words))
    is_too_dear = wish.price_limit is not None and hit.price > wish.price_limit
    return 1.0 / math.sqrt(rank + 1) + 0.8 * shared - (1.0 if is_too_dear else 0.0)


def choose_options(wish: Wish, options: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the values to choose, at most one a group, and what to click for each, in the order of the groups."""
    wanted, text = dict(wish.options), wish.text.lower()
    chosen = {}
    for name, clicks in options.items():
        value = _closest(wanted[name], clicks) if name in wanted else None if wanted else _named_in(text, clicks)
        if value is not None:
            chosen[value] = clicks[value]
    return chosen


def _closest(wanted: str, values: Collection[str]) -> str | None:
    if wanted in values:
        return wanted
    best = max(values, key=lambda value: fuzz.token_set_ratio(wanted, value))
    return best if float(fuzz.token_set_ratio(wanted, best)) >= CLOSE_ENOUGH else None


def _named_in(text: str, values: Collection[str]) -> str | None:
    """Return the value that free speech names best: word by word, the longest of equals."""
    spoken = set(_WORD.findall(text))
    spoken |= {stem(word) for word in spoken}
    squeezed = re.sub(r"[^a-z0-9.]", "", text)
    rated = [(_share_named(value, spoken, squeezed), len(value), value) for value in values]
    share, _, best = max(rated)
    return best if share > 0 else None


def _share_named(value: str, spoken: Collection[str], squeezed: str) -> float:
    words = [word for word in _WORD.findall(value) if word not in ("of", "pack", "and", "the")]
    if not words:
        return 0.0
    share = sum(word in spoken or stem(word) in spoken for word in words) / len(words)
    joined = "".join(words)
    return max(share, 0.95 if len(joined) > 3 and joined in squeezed else 0.0)


def judge_item(wish: Wish, item: Item, details: str, num_pages_read: int, unknown: float | None = None) -> float:
    """Estimate the score of buying a product, from 0 to 1.

    Args:
        wish: What the customer wants.
        item: What the product's page shows.
        details: Text of the description and features, as far as they were read.
        num_pages_read: How many of those two were read.
        unknown: Chance that the product has a property that no text read so far names; by default an estimate.
    """
    price = 1.0 if wish.price_limit is None or item.price <= wish.price_limit else 0.0
    known = stems(f"{item.title}\n{details}")
    if unknown is None:
        unknown = (LIKELY_UNSEEN, (LIKELY_UNSEEN + LIKELY_UNFOUND) / 2, LIKELY_UNFOUND)[num_pages_read]
    if not wish.is_template:
        return _judge_free_speech(wish, item, known, price, unknown)
    wants = sum(1.0 if stems(want) <= known else unknown for want in wish.wants)
    found = sum(value in item.options.get(name, {}) for name, value in wish.options)
    score: float = (wants + found + price) / (len(wish.wants) + len(wish.options) + 1)
    has_same_groups = set(item.options) == {name for name, _ in wish.options}
    return score * (1.0 if has_same_groups else OTHER_GROUPS)


def judge_name(wish: Wish, item: Item) -> float:
    """Return how far the title speaks for a product of the wanted kind, and for the wanted people."""
    if not wish.is_template:
        return 1.0
    subject, title = stems(wish.subject), stems(item.title)
    share = len(subject & title) / max(1, len(subject))
    is_for_others = any(wanted in subject and other in title and wanted not in title for wanted, other in PEOPLE)
    return (OTHER_NAME + (1.0 - OTHER_NAME) * share) * (OTHER_PEOPLE if is_for_others else 1.0)


def _judge_free_speech(wish: Wish, item: Item, known: Collection[str], price: float, unknown: float) -> float:
    chosen = choose_options(wish, item.options)
    seen = {*known, *(word for value in chosen for word in stems(value))}
    shares = [1.0 if word in seen else unknown * 0.6 for word in wish.words]
    return min(1.0, 0.8 * sum(shares) / max(1, len(shares)) + 0.2 * price)
