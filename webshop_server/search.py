"""Ranked search, equal to Lucene's BM25 in scores (32-bit) and order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from webshop_server.analyzer import analyze
from webshop_server.length_norm import decode_length
from webshop_server.postings import SortedKeys

K1 = np.float32(0.9)
B = np.float32(0.4)
MAX_QUERY_LENGTH = 50_000
"""Characters of a query that are read; the rest is ignored."""
NUM_WORTH_PRUNING = 50_000
"""Products from which on the search leaves out those that can no longer be among the best."""
_MARGIN = 1.0 - 1e-6

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
        self._divisors = _list_divisors(arrays["term_pairs"], num_all_terms / max(1, num_products_with_terms) or 1.0)

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
        found = stop - start
        idf = np.float32(math.log(1 + (self._num_products_with_terms - found + 0.5) / (found + 0.5)))
        weight = np.float32(count) * idf
        scores = weight - weight / self._divisors
        return _Term(self._numbers[start:stop], self._codes[start:stop], scores, float(scores.max()))

    def _sum_scores(self, terms: list[_Term], limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return products that may be among the best, and their scores.

        Terms come by falling weight. As soon as the best products so far beat whatever the terms left could give to a
        product that none has named yet, only the products still in the race are looked up in the lists left.
        """
        sums = np.zeros(self._num_products, dtype=np.float64)
        left = [*np.cumsum([term.highest for term in terms][::-1])[::-1].tolist(), 0.0]
        racers: NDArray[np.int64] | None = None
        probe = max(terms[: _count_needed(terms, limit)], key=lambda term: len(term.numbers)).numbers
        for index, term in enumerate(terms):
            if racers is None or len(term.numbers) < 8 * len(racers):
                sums[term.numbers] += term.scores[term.codes]
            else:
                _add_at(sums, racers, term)
            if len(self._asin_ranks) < NUM_WORTH_PRUNING:
                continue
            bound = _kth_best(sums[probe if racers is None else racers], limit) * _MARGIN
            if bound > left[index + 1]:
                floor = bound - left[index + 1]
                racers = np.flatnonzero(sums >= floor) if racers is None else racers[sums[racers] >= floor]
        chosen = np.flatnonzero(sums) if racers is None else racers
        return chosen, sums[chosen]

    def _rank(
        self, numbers: NDArray[np.int64], scores: NDArray[np.float32], limit: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if len(scores) > limit:
            kept = scores >= np.partition(scores, -limit)[-limit]
            numbers, scores = numbers[kept], scores[kept]
        order = np.lexsort((self._asin_ranks[numbers], -scores))[:limit]
        return numbers[order], scores[order]


def _list_divisors(pairs: NDArray[Any], mean_length: float) -> NDArray[np.float32]:
    """Return, for each pair of a term's count and a coded length, 1 + count / (k1 * (1 - b + b * length / mean))."""
    counts, codes = pairs[:, 0].astype(np.float32), pairs[:, 1].astype(np.int64)
    lengths = np.array([decode_length(code) for code in range(256)], dtype=np.float32)
    one = np.float32(1)
    inverse = one / (K1 * ((one - B) + B * lengths / np.float32(mean_length)))
    divisors: NDArray[np.float32] = one + counts * inverse[codes]
    return divisors


def _count_needed(terms: list[_Term], limit: int) -> int:
    """Return how many of the first terms it takes until one of them names at least `limit` products."""
    return next((n for n, term in enumerate(terms, 1) if len(term.numbers) >= limit), len(terms))


def _kth_best(scores: NDArray[np.float64], k: int) -> float:
    return float(np.partition(scores, -k)[-k]) if len(scores) >= k else 0.0


def _add_at(sums: NDArray[np.float64], racers: NDArray[np.int64], term: _Term) -> None:
    """Add a term's scores for the products still in the race only."""
    places = np.searchsorted(term.numbers, racers.astype(term.numbers.dtype))
    places[places == len(term.numbers)] = 0
    hits = term.numbers[places] == racers
    sums[racers[hits]] += term.scores[term.codes[places[hits]]]
