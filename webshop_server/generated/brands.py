"""Invented brand names, each from its number alone."""

from __future__ import annotations

import random
from functools import lru_cache

_ONSETS = ("b", "br", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "tr", "v", "w", "z")
_VOWELS = ("a", "a", "e", "e", "i", "o", "o", "u", "ea", "ia", "oo")
_CODAS = ("", "", "", "", "", "n", "r", "l", "s", "x", "m")
_SURNAMES = (
    "Harrow",
    "Linden",
    "Marlow",
    "Pemberly",
    "Quill",
    "Rosemont",
    "Thackery",
    "Underhill",
    "Vance",
    "Wexford",
    "Ashcombe",
    "Brindle",
    "Calloway",
    "Dunmore",
    "Eastlake",
    "Fenwick",
    "Garrity",
    "Hollis",
    "Ivers",
    "Juniper",
)
_SECONDS = ("Home", "Labs", "Works", "Studio", "House", "Goods", "Craft", "Supply", "Line", "Valley", "Point", "Field")


@lru_cache(maxsize=20_000)
def brand_name(department: str, number: int) -> str:
    """Return the name of a department's brand; numbers differ, names may coincide as they do in life."""
    rng = random.Random(f"brand/{department}/{number}")
    style = rng.random()
    if style < 0.15:
        return f"{_pick(rng, _SURNAMES)} {_pick(rng, _SECONDS)}"
    if style < 0.25:
        return f"{_pick(rng, _SURNAMES)} & {_pick(rng, _SURNAMES)}"
    stem = "".join(_syllable(rng) for _ in range(2 + (rng.random() < 0.35)))
    if style < 0.5:
        return stem.upper()
    if style < 0.65:
        return f"{stem.capitalize()} {_pick(rng, _SECONDS)}"
    return stem.capitalize()


def _pick(rng: random.Random, options: tuple[str, ...]) -> str:
    return options[int(rng.random() * len(options))]


def _syllable(rng: random.Random) -> str:
    return _pick(rng, _ONSETS) + _pick(rng, _VOWELS) + _pick(rng, _CODAS)
