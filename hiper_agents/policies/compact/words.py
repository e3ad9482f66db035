"""Words of a text, as hashed ids and as overlaps; the same in every process."""

import re
import zlib
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

NUM_BUCKETS = 2048
PADDING = 0
CACHED_TEXTS = 1 << 15
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
FUNCTION_WORDS = frozenset(
    "a an and any are at be by for find from get i im in is it its looking me my need of on or please some the"
    " them this to under want with would like than lower price dollars that".split()
)


@lru_cache(maxsize=CACHED_TEXTS)
def split_words(text: str) -> tuple[str, ...]:
    """Return the lowercased words and numbers of a text."""
    return tuple(_WORD.findall(text.lower()))


@lru_cache(maxsize=CACHED_TEXTS)
def content_words(text: str) -> frozenset[str]:
    """Return the words that say what a text is about, plural endings cut off."""
    return frozenset(cut_plural(word) for word in split_words(text) if word not in FUNCTION_WORDS)


def cut_plural(word: str) -> str:
    """Return the word without a plural s."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def overlap(words: Collection[str], among: Collection[str]) -> float:
    """Return the share of `words` that are `among` the others; 0 for no words."""
    return sum(word in among for word in words) / len(words) if words else 0.0


def hash_word(word: str) -> int:
    """Return the word's bucket, from 1 to NUM_BUCKETS - 1."""
    return 1 + zlib.crc32(word.encode()) % (NUM_BUCKETS - 1)


@lru_cache(maxsize=CACHED_TEXTS)
def hash_words(words: tuple[str, ...], width: int) -> tuple[int, ...]:
    """Return the buckets of the first `width` words, padded."""
    ids = tuple(hash_word(word) for word in words[:width])
    return ids + (PADDING,) * (width - len(ids))


def pad_rows(rows: Sequence[Sequence[float]], width: int) -> npt.NDArray[np.float32]:
    """Return the rows as one array of `width` columns, zeros where a row is shorter.

    Raises:
        ValueError: A row is longer than `width`.
    """
    out = np.zeros((len(rows), width), dtype=np.float32)
    for position, row in enumerate(rows):
        if len(row) > width:
            raise ValueError(f"a row of {len(row)} features does not fit into {width} columns")
        out[position, : len(row)] = row
    return out
