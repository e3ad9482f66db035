"""Other asins for every episode, so that an agent reads them from the page and does not learn them by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from webshop_server.allowed_types import check_flag
from webshop_server.shop.actions import parse_click
from webshop_server.shop.pages import Page

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
NUM_KEPT, NUM_LETTERS = 3, 10
"""Letters of an asin that stay as they are, such as B0G, and of all."""


class AsinCipher:
    """Swaps the letters of asins, at each place in its own way; it leaves texts alone that are no asin.

    Names are in capitals where the asin is.

    Args:
        seed: Where chance comes from; the same seed swaps alike.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        orders = [rng.permutation(len(LETTERS)) for _ in range(NUM_LETTERS - NUM_KEPT)]
        self._to = [_make_table(order.tolist()) for order in orders]
        self._back = [_make_table(np.argsort(order).tolist()) for order in orders]

    def hide(self, asin: str) -> str:
        """Return what an asin is called instead."""
        return _swap(asin, self._to)

    def find(self, name: str) -> str:
        """Return the asin that is called so."""
        return _swap(name, self._back)

    def hide_all(self, page: Page) -> Page:
        """Return a page of results with its products called otherwise; any other page as it is."""
        if not page.hits:
            return page
        shown = {hit.asin.lower() for hit in page.hits}
        return replace(
            page,
            clickables=tuple(self.hide(text) if text in shown else text for text in page.clickables),
            hits=tuple(hit._replace(asin=self.hide(hit.asin)) for hit in page.hits),
        )

    def find_target(self, action: str) -> str:
        """Return an action on a page of results as the shop takes it."""
        name = parse_click(action)
        asin = self.find(name)
        return action if asin == name else f"click[{asin}]"


def check_shuffle(shuffle_asins: object, split: str, observation: str, browser: str, expert_plan: bool) -> bool:
    """Return whether asins are shuffled, where that may be.

    Args:
        shuffle_asins: What was asked.
        split: The tasks' split.
        observation: Kind of observation.
        browser: Kind of browser.
        expert_plan: Whether a plan in the shop's own asins is given.

    Raises:
        ValueError: The split is frozen, or the real asins are shown besides.
        WrongTypeError: It is neither True nor False.
    """
    if not check_flag(shuffle_asins, "shuffle_asins"):
        return False
    if not split.startswith("train"):
        raise ValueError(f"shuffle_asins is for the train splits, not for {split!r}: the others are frozen")
    if observation == "html" or browser != "inprocess" or expert_plan:
        raise ValueError(
            "shuffle_asins goes with the text observations in process alone: html, a browser and expert_plan show the"
            " real asins"
        )
    return True


@lru_cache(maxsize=1024)
def make_cipher(seed: int) -> AsinCipher:
    """Return the cipher of an episode's seed."""
    return AsinCipher(seed)


def _make_table(order: Sequence[int]) -> dict[int, int]:
    swapped = "".join(LETTERS[place] for place in order)
    return str.maketrans(LETTERS, swapped)


def _swap(text: str, tables: Sequence[dict[int, int]]) -> str:
    small = text.lower()
    if len(small) != NUM_LETTERS or small[:2] != "b0" or not (small.isascii() and small.isalnum()):
        return text
    swapped = (letter.translate(table) for letter, table in zip(small[NUM_KEPT:], tables, strict=True))
    name = small[:NUM_KEPT] + "".join(swapped)
    return name.upper() if text.isupper() else name
