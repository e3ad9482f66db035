"""From text to search terms, equal to Lucene's English analyzer."""

from __future__ import annotations

import re
from functools import lru_cache

from webshop_server.search.porter import stem
from webshop_server.search.word_break import split_words

STOP_WORDS = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with".split()
)
_SEPARATORS = re.compile(r"[ \t\n\r\f\v]+")
_POSSESSIVE = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}\N{FULLWIDTH APOSTROPHE}][sS]\\Z")
_NUM_REMEMBERED = 1 << 16


def analyze(text: str) -> list[str]:
    """Return the search terms of `text` in order: word breaks, possessive, lower case, stop words, stems."""
    terms: list[str] = []
    for chunk in _SEPARATORS.split(text):
        terms += analyze_chunk(chunk)
    return terms


@lru_cache(maxsize=_NUM_REMEMBERED)
def analyze_chunk(chunk: str) -> tuple[str, ...]:
    """Return the search terms of a piece of text without blanks (remembered: most pieces come again)."""
    words = (_lower(_POSSESSIVE.sub("", word)) for word in split_words(chunk))
    return tuple(stem(word) for word in words if word not in STOP_WORDS)


def _lower(word: str) -> str:
    """Lowercase letter by letter, without the rules that look around or write two letters for one."""
    if word.isascii():
        return word.lower()
    return "".join(letter.lower()[0] for letter in word)
