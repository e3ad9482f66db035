"""Guesses at how a reply goes on, so that several of its tokens are read at once.

A guess is read along with what is known, and counts if just that token is drawn then: what is drawn, and with which
probability, is the same as without (speculative decoding; Leviathan et al., arXiv 2211.17192, with a draft that is
certain of itself). Replies are full of tokens that nearly always follow another, tags above all.
"""

from collections import Counter
from collections.abc import Sequence

MOST_GUESSES = 6
MIN_CHANCE = 0.3
"""Guessing goes on as long as all guesses together are right so often."""


class Guesser:
    """Remembers what followed each token in earlier replies."""

    def __init__(self) -> None:
        self._followers: dict[int, Counter[int]] = {}
        self._best: dict[int, int] = {}
        self._totals: Counter[int] = Counter()

    def learn(self, before: int, reply: Sequence[int]) -> None:
        """Take in a reply.

        Args:
            before: The token that it followed.
            reply: Its tokens.
        """
        for token in reply:
            followers = self._followers.setdefault(before, Counter())
            followers[token] += 1
            self._totals[before] += 1
            if followers[token] > followers[self._best.setdefault(before, token)]:
                self._best[before] = token
            before = token

    def guess(self, last: int, most: int) -> list[int]:
        """Return the tokens that probably follow, none if nothing is probable.

        Args:
            last: The token that they follow.
            most: At most so many, and never more than `MOST_GUESSES`.
        """
        guesses: list[int] = []
        chance = 1.0
        while len(guesses) < min(most, MOST_GUESSES) and last in self._best:
            best = self._best[last]
            chance *= self._followers[last][best] / self._totals[last]
            if chance < MIN_CHANCE:
                break
            guesses.append(best)
            last = best
        return guesses
