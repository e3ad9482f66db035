"""Quantiles of the two distributions that exact intervals rest on, without scipy's half a second."""

import math
from functools import lru_cache


def student_quantile(confidence: float, freedom: float) -> float:
    """Return how far from 0 Student's t with so many degrees of freedom stays with this probability."""
    share = beta_quantile(1 - confidence, freedom / 2, 0.5)
    return math.sqrt(freedom * (1 - share) / share)


@lru_cache(maxsize=4096)
def beta_quantile(probability: float, first: float, second: float) -> float:
    """Return the quantile of the beta distribution with these two positive parameters, to 12 digits.

    Args:
        probability: How much of the distribution lies below, 0 to 1.
        first: The parameter that draws towards 1.
        second: The parameter that draws towards 0.
    """
    low, high = 0.0, 1.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _beta_probability(middle, first, second) < probability else (low, middle)
    return (low + high) / 2


def _beta_probability(x: float, first: float, second: float) -> float:
    """Return the regularised incomplete beta function, by its continued fraction where that converges fast."""
    if x > (first + 1) / (first + second + 2):
        return 1 - _beta_probability(1 - x, second, first)
    scale = math.lgamma(first + second) - math.lgamma(first) - math.lgamma(second)
    front = math.exp(scale + first * math.log(x) + second * math.log1p(-x)) / first if x > 0 else 0.0
    return front * _beta_fraction(x, first, second)


def _beta_fraction(x: float, first: float, second: float) -> float:
    """Evaluate the continued fraction (DLMF 8.17.22) by Lentz's method."""
    tiny, total = 1e-300, first + second
    above, below = 1.0, 1 / (1 - total * x / (first + 1) or tiny)
    value = below
    for step in range(1, 10_000):
        even = step * (second - step) * x / ((first + 2 * step - 1) * (first + 2 * step))
        odd = -(first + step) * (total + step) * x / ((first + 2 * step) * (first + 2 * step + 1))
        before = value
        for term in (even, odd):
            below = 1 / (1 + term * below or tiny)
            above = 1 + term / above or tiny
            value *= above * below
        if abs(value - before) <= 1e-15 * abs(value):
            break
    return value
