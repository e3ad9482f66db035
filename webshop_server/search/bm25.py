"""The BM25 formula as Lucene computes it, in 32-bit floats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from webshop_server.search.length_norm import decode_length

K1 = np.float32(0.9)
B = np.float32(0.4)


def list_divisors(pairs: NDArray[Any], num_all_terms: int, num_products_with_terms: int) -> NDArray[np.float32]:
    """Return 1 + count / (k1 * (1 - b + b * length / mean length)) for pairs of a term's count and a coded length.

    Args:
        pairs: Shape (pairs, 2).
        num_all_terms: Length of all texts in terms.
        num_products_with_terms: How many texts have a term at all.
    """
    counts, codes = pairs[:, 0].astype(np.float32), pairs[:, 1].astype(np.int64)
    lengths = np.array([decode_length(code) for code in range(256)], dtype=np.float32)
    mean = np.float32(num_all_terms / max(1, num_products_with_terms) or 1.0)
    one = np.float32(1)
    inverse = one / (K1 * ((one - B) + B * lengths / mean))
    divisors: NDArray[np.float32] = one + counts * inverse[codes]
    return divisors


def weigh_term(count: int, num_products_with_terms: int, num_with_this: int) -> np.float32:
    """Return the weight of a term that occurs `count` times in the query and in `num_with_this` texts.

    Args:
        count: Occurrences of the term in the query.
        num_products_with_terms: How many texts have a term at all.
        num_with_this: How many texts have this one.
    """
    idf = np.float32(math.log(1 + (num_products_with_terms - num_with_this + 0.5) / (num_with_this + 0.5)))
    return np.float32(count) * idf
