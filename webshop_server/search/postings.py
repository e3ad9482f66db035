"""Inverted lists: for each key the products that have it, written once and read from mapped files."""

from __future__ import annotations

import errno
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from webshop_server.search.bm25 import list_divisors
from webshop_server.search.length_norm import encode_length

Arrays = dict[str, NDArray[Any]]
_POSTINGS_PER_BLOCK = 8_000_000
_NUM_REMEMBERED = 100_000
_NO_RESERVATIONS = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


def view_bytes(packed: NDArray[Any]) -> memoryview:
    """Return the bytes of an array without copying them."""
    return memoryview(packed.data) if packed.size else memoryview(b"")


def pack_keys(keys: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Return the keys' bytes in one row and where each begins (one more entry than keys)."""
    encoded = [key.encode("utf-8", "surrogatepass") for key in keys]
    starts = np.zeros(len(encoded) + 1, dtype=np.uint64)
    np.cumsum([len(key) for key in encoded], out=starts[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), starts


class SortedKeys:
    """Keys in order of their bytes, looked up by halving."""

    def __init__(self, packed: NDArray[np.uint8], starts: NDArray[np.uint64]) -> None:
        self._packed = view_bytes(packed)
        self._starts = starts
        self._rows: dict[str, int | None] = {}

    def find(self, key: str) -> int | None:
        """Return the row of `key`, None if there is none."""
        try:
            return self._rows[key]
        except KeyError:
            pass
        if len(self._rows) > _NUM_REMEMBERED:
            self._rows.clear()
        row = self._rows[key] = self._halve(key.encode("utf-8", "surrogatepass"))
        return row

    def _halve(self, wanted: bytes) -> int | None:
        low, high = 0, len(self._starts) - 1
        while low < high:
            middle = (low + high) // 2
            key = bytes(self._packed[int(self._starts[middle]) : int(self._starts[middle + 1])])
            if key == wanted:
                return middle
            if key < wanted:
                low = middle + 1
            else:
                high = middle
        return None


class ListWriter:
    """Collects, for each key, the numbers of the products that have it."""

    def __init__(self) -> None:
        self._numbers: dict[str, array[int]] = {}

    def add(self, number: int, keys: Iterable[str]) -> None:
        """Note that product `number` has these keys."""
        for key in dict.fromkeys(keys):
            self._numbers.setdefault(key, array("I")).append(number)

    def finish(self, name: str) -> Arrays:
        """Return the lists as arrays whose names begin with `name`."""
        keys = sorted(self._numbers, key=lambda key: key.encode("utf-8", "surrogatepass"))
        packed, key_starts = pack_keys(keys)
        lists = [np.frombuffer(self._numbers[key], dtype=np.uint32) for key in keys]
        starts = np.zeros(len(keys) + 1, dtype=np.uint64)
        np.cumsum([len(numbers) for numbers in lists], out=starts[1:])
        numbers = np.concatenate(lists) if lists else np.zeros(0, dtype=np.uint32)
        return {
            f"{name}_keys": packed,
            f"{name}_key_starts": key_starts,
            f"{name}_starts": starts,
            f"{name}_numbers": numbers,
        }


class ListReader:
    """The lists that a `ListWriter` wrote."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], name: str) -> None:
        self._keys = SortedKeys(arrays[f"{name}_keys"], arrays[f"{name}_key_starts"])
        self._starts = arrays[f"{name}_starts"]
        self._numbers = arrays[f"{name}_numbers"]

    def find(self, key: str) -> tuple[int, ...]:
        """Return the numbers of the products that have `key`, in order."""
        row = self._keys.find(key)
        if row is None:
            return ()
        start, stop = int(self._starts[row]), int(self._starts[row + 1])
        return tuple(self._numbers[start:stop].tolist())


class TermWriter:
    """Collects the terms of one product after another, and writes lists sorted by term.

    Memory stays bounded: what has been collected goes to `folder` in blocks.
    A term's count in a product and the product's coded length are kept as one code, an index into the table of the
    pairs that occur.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[str, int] = {}
        self._codes: dict[tuple[int, int], int] = {}
        self._block_rows, self._block_codes, self._num_terms = array("I"), array("I"), array("I")
        self._first_number = 0
        self._num_blocks = 0
        self.num_products_with_terms = 0
        self.num_all_terms = 0

    def add(self, terms: list[str]) -> None:
        """Add the terms of the next product."""
        length = encode_length(len(terms))
        self.num_all_terms += len(terms)
        self.num_products_with_terms += bool(terms)
        counts = Counter(terms)
        rows, codes = self._rows, self._codes
        for term, count in counts.items():
            self._block_rows.append(rows.setdefault(term, len(rows)))
            self._block_codes.append(codes.setdefault((count, length), len(codes)))
        self._num_terms.append(len(counts))
        if len(self._block_rows) >= _POSTINGS_PER_BLOCK:
            self._flush()

    def _flush(self) -> None:
        num_terms = np.frombuffer(self._num_terms, dtype=np.uint32)
        numbers = np.repeat(np.arange(len(num_terms), dtype=np.uint32) + np.uint32(self._first_number), num_terms)
        rows = np.frombuffer(self._block_rows, dtype=np.uint32)
        block = np.stack([rows, numbers, np.frombuffer(self._block_codes, dtype=np.uint32)])
        np.save(self._block_path(self._num_blocks), block[:, np.argsort(rows, kind="stable")])
        self._num_blocks += 1
        self._first_number += len(num_terms)
        self._block_rows, self._block_codes, self._num_terms = array("I"), array("I"), array("I")

    def _block_path(self, block: int) -> Path:
        return self._folder / f"block-{block}.tmp.npy"

    def finish(self) -> None:
        """Write the lists into the folder as ``term_*.npy`` and remove the blocks."""
        self._flush()
        terms = sorted(self._rows, key=lambda term: term.encode("utf-8", "surrogatepass"))
        packed, key_starts = pack_keys(terms)
        new_row = np.empty(len(terms), dtype=np.uint32)
        new_row[[self._rows[term] for term in terms]] = np.arange(len(terms), dtype=np.uint32)
        pairs = np.array(list(self._codes), dtype=np.uint32).reshape(-1, 2)
        for name, values in (("keys", packed), ("key_starts", key_starts), ("pairs", pairs)):
            np.save(self._folder / f"term_{name}.npy", values)
        self._merge_blocks(new_row)
        divisors = list_divisors(pairs, self.num_all_terms, self.num_products_with_terms)
        np.save(self._folder / "term_best.npy", _list_best(self._folder, divisors))

    def _merge_blocks(self, new_row: NDArray[np.uint32]) -> None:
        blocks = [np.load(self._block_path(block), mmap_mode="r") for block in range(self._num_blocks)]
        counts = np.zeros(len(new_row), dtype=np.int64)
        for block in blocks:
            counts += np.bincount(new_row[block[0]], minlength=len(counts))
        starts = np.zeros(len(counts) + 1, dtype=np.uint64)
        np.cumsum(counts, out=starts[1:])
        np.save(self._folder / "term_starts.npy", starts)
        total = int(starts[-1])
        code_type = np.uint16 if len(self._codes) <= np.iinfo(np.uint16).max else np.uint32
        numbers = _create(self._folder / "term_numbers.npy", np.uint32, total)
        codes = _create(self._folder / "term_codes.npy", code_type, total)
        # Blocks hold products in rising order, and each was sorted by term with a stable sort. So a term's postings of
        # one block are a run that belongs right behind those of the block before: its place in the run is all that is
        # to be found, and no list is ever sorted again.
        cursor = starts[:-1].astype(np.int64)
        for block in blocks:
            rows = new_row[block[0]]
            in_block = np.bincount(rows, minlength=len(counts))
            is_first = np.r_[True, rows[1:] != rows[:-1]] if len(rows) else np.zeros(0, dtype=bool)
            first = np.flatnonzero(is_first)
            rank = np.arange(len(rows)) - np.repeat(first, np.diff(np.r_[first, len(rows)]))
            places = cursor[rows] + rank
            numbers[places], codes[places] = block[1], block[2]
            cursor += in_block
        for block_number in range(self._num_blocks):
            self._block_path(block_number).unlink()


def _list_best(folder: Path, divisors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest divisor in each term's list: it bounds what the term can earn."""
    starts = np.load(folder / "term_starts.npy").astype(np.int64)
    codes = np.load(folder / "term_codes.npy", mmap_mode="r")
    best = np.empty(len(starts) - 1, dtype=np.float32)
    row = 0
    while row < len(best):
        stop = max(row + 1, int(np.searchsorted(starts, starts[row] + _POSTINGS_PER_BLOCK, side="right")) - 1)
        values = divisors[codes[starts[row] : starts[stop]]]
        best[row:stop] = np.maximum.reduceat(values, starts[row:stop] - starts[row])
        row = stop
    return best


def _create(path: Path, kind: type[np.generic], length: int) -> NDArray[Any]:
    """Return a new mapped array, or a plain one where there is nothing to map."""
    if length:
        mapped = open_memmap(path, mode="w+", dtype=kind, shape=(length,))
        _reserve(path)
        return mapped
    empty: NDArray[Any] = np.zeros(0, dtype=kind)
    np.save(path, empty)
    return empty


def _reserve(path: Path) -> None:
    """Take the room for a mapped file now: a full disk is an error here, and the end of the process while mapping."""
    if not hasattr(os, "posix_fallocate"):
        return
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in _NO_RESERVATIONS:
                raise
