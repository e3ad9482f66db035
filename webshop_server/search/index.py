"""Ranked search, equal to Lucene's BM25 in scores (32-bit) and order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from webshop_server.search.analyzer import analyze
from webshop_server.search.bm25 import list_divisors, weigh_term
from webshop_server.search.postings import SortedKeys

MAX_QUERY_LENGTH = 50_000
"""Characters of a query that are read; the rest is ignored."""
NUM_WORTH_PRUNING = 50_000
"""Products from which on the search leaves out those that can no longer be among the best."""
_MARGIN = 1.0 - 1e-6
"""Sums in another order differ in their last bits; without a margin a product could lose its place to rounding."""
_LOOKUP_COST = 8
"""How many postings are walked in the time of one look-up by halving, as measured."""
_SHARE_FOR_A_RACE = 0.3
"""A race with a lower floor lets nearly everybody in, and narrowing it costs more than it saves."""

Arrays = Mapping[str, NDArray[Any]]


class _Term(NamedTuple):
    """One term of a query: its products, their codes, the score that each code earns, and the highest of those."""

    numbers: NDArray[np.uint32]
    codes: NDArray[np.uint16]
    scores: NDArray[np.float32]
    highest: float


class SearchIndex:
    """The text of all products, ready to be searched.

    Args:
        arrays: What `postings.TermWriter` wrote, and ``asin_ranks``: for each product its place in the order of asins.
        num_products_with_terms: Products whose text has a term at all.
        num_all_terms: Length of all texts in terms.
    """

    def __init__(self, arrays: Arrays, num_products_with_terms: int, num_all_terms: int) -> None:
        self._keys = SortedKeys(arrays["term_keys"], arrays["term_key_starts"])
        self._starts = arrays["term_starts"]
        self._numbers, self._codes = arrays["term_numbers"], arrays["term_codes"]
        self._asin_ranks = arrays["asin_ranks"]
        self._num_products = len(self._asin_ranks)
        self._num_products_with_terms = num_products_with_terms
        self._spare_sums: list[NDArray[np.float64]] = []
        self._best_divisors = arrays["term_best"]
        self._divisors = list_divisors(arrays["term_pairs"], num_all_terms, num_products_with_terms)

    def search(self, query: str, limit: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers and scores of the best products, best first; equal scores in order of asin."""
        counts = Counter(analyze(query[:MAX_QUERY_LENGTH]))
        terms = [term for word, count in counts.items() if (term := self._weigh(word, count))]
        if not terms or limit < 1:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        terms.sort(key=lambda term: term.highest, reverse=True)
        numbers, sums = self._sum_scores(terms, limit)
        return self._rank(numbers, sums.astype(np.float32), limit)

    def _weigh(self, word: str, count: int) -> _Term | None:
        row = self._keys.find(word)
        if row is None:
            return None
        start, stop = int(self._starts[row]), int(self._starts[row + 1])
        weight = weigh_term(count, self._num_products_with_terms, stop - start)
        highest = float(weight - weight / self._best_divisors[row])
        return _Term(self._numbers[start:stop], self._codes[start:stop], weight - weight / self._divisors, highest)

    def _sum_scores(self, terms: list[_Term], limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return products that may be among the best, and their scores.

        Terms come by falling weight. As soon as the best products so far beat whatever the terms left could give to a
        product that none has named yet, only the products still in the race are looked up in the lists left.
        """
        sums = self._spare_sums.pop() if self._spare_sums else np.zeros(self._num_products, dtype=np.float64)
        left = [*np.cumsum([term.highest for term in terms][::-1])[::-1].tolist(), 0.0]
        race = _Race(limit) if self._num_products >= NUM_WORTH_PRUNING else None
        for term, still_left in zip(terms, left[1:], strict=True):
            if race and race.is_short_beside(term):
                race.add(sums, term)
            else:
                places = term.numbers.astype(np.intp)
                now = sums[places] + term.scores[term.codes]
                sums[places] = now
                if race:
                    race.look(places, now)
            if race:
                race.narrow(sums, still_left)
        chosen = np.flatnonzero(sums) if race is None or race.numbers is None else race.numbers
        found = sums[chosen]
        sums.fill(0.0)
        self._spare_sums.append(sums)  # fresh memory costs more than the search
        return chosen, found

    def _rank(
        self, numbers: NDArray[np.int64], scores: NDArray[np.float32], limit: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if len(scores) > limit:
            kept = scores >= np.partition(scores, -limit)[-limit]
            numbers, scores = numbers[kept], scores[kept]
        order = np.lexsort((self._asin_ranks[numbers], -scores))[:limit]
        return numbers[order], scores[order]


class _Race:
    """Which products can still be among the best while terms are added one by one.

    Attributes:
        numbers: The products in the race; None as long as any product may still come in.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._leaders = np.zeros(0, dtype=np.int64)
        self._bound = 0.0
        self.numbers: NDArray[np.int64] | None = None

    def is_short_beside(self, term: _Term) -> bool:
        """Return whether it pays to look the racers up in a term's list, and not to walk the list."""
        return self.numbers is not None and _LOOKUP_COST * len(self.numbers) <= len(term.numbers)

    def add(self, sums: NDArray[np.float64], term: _Term) -> None:
        """Add a term's scores for the racers only."""
        assert self.numbers is not None
        places = np.searchsorted(term.numbers, self.numbers.astype(term.numbers.dtype))
        places[places == len(term.numbers)] = 0  # past the end is no hit anywhere, and 0 is at least a place
        hits = term.numbers[places] == self.numbers
        sums[self.numbers[hits]] += term.scores[term.codes[places[hits]]]

    def look(self, numbers: NDArray[np.intp], sums: NDArray[np.float64]) -> None:
        """Note the products of a list that lead so far, so that the bound on the best can rise."""
        if self.numbers is not None:
            return
        ahead = sums > self._bound
        numbers, sums = numbers[ahead], sums[ahead]
        if len(numbers) > self._limit:
            numbers = numbers[np.argpartition(sums, -self._limit)[-self._limit :]]
        # A leader of an earlier term stays: its sum can only have risen, and it keeps the bound from falling.
        self._leaders = np.union1d(self._leaders, numbers)

    def narrow(self, sums: NDArray[np.float64], still_left: float) -> None:
        """Leave out the products that the terms left, worth `still_left` together, cannot bring among the best."""
        known = sums[self._leaders if self.numbers is None else self.numbers]
        if len(known) < self._limit:
            return
        self._bound = float(np.partition(known, -self._limit)[-self._limit]) * _MARGIN
        # Whoever is below the floor stays below the bound even if all terms left are worth their most to it.
        floor = self._bound - still_left
        if self.numbers is not None:
            self.numbers = self.numbers[known >= floor]
        elif floor > self._bound * _SHARE_FOR_A_RACE:
            self.numbers = np.flatnonzero(sums >= floor)
