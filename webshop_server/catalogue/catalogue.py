"""The catalogue: products, search, prices and goals, opened from a built folder shared between processes."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_integer
from webshop_server.catalogue.archive import (
    ARCHIVE_NAME,
    RECORDS_NAME,
    ArchiveError,
    Manifest,
    RecordFile,
    check_archive,
    explain_damage,
    is_archive,
    read_arrays,
)
from webshop_server.catalogue.builder import build_archive
from webshop_server.catalogue.goals import DEFAULT_PRICE_SEED, KINDS, Goals, GoalSource, draw_all
from webshop_server.catalogue.source_files import find_source_files, read_raw_products
from webshop_server.product import Product, RawProduct
from webshop_server.search.index import SearchIndex
from webshop_server.search.postings import ListReader

SEARCH_LIMIT = 50
MOST_KEPT_UNASKED = 10_000
_PRODUCTS_REMEMBERED = 4096
_SEARCHES_REMEMBERED = 2048
_OPEN: weakref.WeakValueDictionary[tuple[Path, str], Catalogue] = weakref.WeakValueDictionary()
"""The catalogues that are open in this process, by folder and digest."""


class Products(Mapping[str, Product]):
    """All products by asin, in file order; read from the archive when asked for."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], records: RecordFile) -> None:
        self._starts = arrays["record_starts"]
        self._asins = arrays["sorted_asins"]
        self._numbers = arrays["sorted_numbers"]
        decoder = msgspec.msgpack.Decoder(Product)

        def read(number: int) -> Product:
            record = records.read(int(self._starts[number]), int(self._starts[number + 1]))
            try:
                return decoder.decode(record)
            except msgspec.MsgspecError as error:
                raise explain_damage(records.folder, f"product {number} in {RECORDS_NAME}: {error}") from error

        self.read = lru_cache(maxsize=_PRODUCTS_REMEMBERED)(read)

    def find(self, asin: str) -> int | None:
        """Return the number of the product with this asin, None if there is none."""
        try:
            wanted = np.bytes_(asin.encode("utf-8"))
        except UnicodeEncodeError:
            return None
        place = int(np.searchsorted(self._asins, wanted))
        is_found = place < len(self._asins) and self._asins[place] == wanted
        return int(self._numbers[place]) if is_found else None

    def __getitem__(self, asin: str) -> Product:
        number = self.find(asin) if isinstance(asin, str) else None
        if number is None:
            raise KeyError(asin)
        return self.read(number)

    def __iter__(self) -> Iterator[str]:
        return (self.read(number).asin for number in range(len(self)))

    def __len__(self) -> int:
        return len(self._numbers)


class Catalogue:
    """Products with their search index, prices and goals.

    Make one with `load`, `from_raw` or `generated`. Everything it holds is mapped from files, so processes that open
    the same archive share its pages; it is never changed, so any number of environments may use one.

    Attributes:
        products: Products by asin, in file order.
        manifest: What the archive says about itself: digest, counts, source of the title nouns.
        folder: The archive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder = folder.absolute()
        self.manifest: Manifest = check_archive(folder)
        self._arrays = read_arrays(folder)
        self.products = Products(self._arrays, RecordFile(folder))
        self._index = SearchIndex(self._arrays, self.manifest.num_products_with_terms, self.manifest.num_all_terms)
        self._lists = {name: ListReader(self._arrays, name) for name in ("category", "query", "attribute")}
        self.find_numbers = lru_cache(maxsize=_SEARCHES_REMEMBERED)(self._find_numbers)
        self._draw = lru_cache(maxsize=4)(self._draw_prices)
        self._goals = lru_cache(maxsize=4)(self._make_goals)
        _OPEN.setdefault((folder, self.manifest.digest), self)

    @classmethod
    def load(cls, folder: str | Path) -> Catalogue:
        """Open a catalogue: a built one, or a folder of real source files.

        Real files are built once, into the user's cache folder, under the digest of the files.

        Raises:
            ArchiveError: the built catalogue is damaged or of another version.
            FileNotFoundError: there is no such folder, or neither archive nor source files lie in it.
            CatalogueDataError: a source file cannot be read.
            NounModelMissingError: title nouns are needed and spaCy's model is not installed.
        """
        folder = Path(folder).expanduser()
        if is_archive(folder):
            return cls(folder)
        from webshop_server.catalogue.cache import build_cached

        return cls(build_cached(find_source_files(folder)))

    @classmethod
    def build(cls, folder: str | Path, out: str | Path, **build_options: Any) -> Catalogue:
        """Build the real source files of `folder` into `out`, and open that; see `builder.build_archive`."""
        files = find_source_files(Path(folder).expanduser())
        return cls(build_archive(read_raw_products(files), Path(out).expanduser(), **build_options))

    @classmethod
    def from_raw(cls, products: Iterable[RawProduct]) -> Catalogue:
        """Build a catalogue of these products in a temporary folder that goes when the catalogue goes."""
        parent = Path(tempfile.mkdtemp(prefix="webshop-catalogue-"))
        try:
            catalogue = cls(build_archive(products, parent / ARCHIVE_NAME))
        except BaseException:
            shutil.rmtree(parent, ignore_errors=True)
            raise
        weakref.finalize(catalogue, _remove_folder, parent, os.getpid())
        return catalogue

    def __reduce__(self) -> tuple[Callable[[Path, str], Catalogue], tuple[Path, str]]:
        """Another process opens the same files; this one goes on with what is open."""
        return _open_again, (self.folder, self.manifest.digest)

    def __copy__(self) -> Catalogue:
        """It is never changed, so it is its own copy."""
        return self

    def __deepcopy__(self, memo: object) -> Catalogue:
        """It is never changed, so it is its own copy."""
        return self

    @classmethod
    def generated(cls, num_products: int = 1000, seed: int = 0) -> Catalogue:
        """Make the embedded catalogue of this size and seed; the same one always.

        A small one is built once, into the user's cache folder; one that cannot be kept there is made in a temporary
        folder.
        """
        from webshop_server.catalogue.cache import generate_cached
        from webshop_server.generated.generate import generate_products

        if num_products <= MOST_KEPT_UNASKED:
            try:
                return cls(generate_cached(num_products, seed))
            except (OSError, ArchiveError):
                pass  # a cache that cannot be written or read costs time, not the catalogue
        return cls.from_raw(generate_products(num_products, seed))

    def search(self, query: str, limit: int = SEARCH_LIMIT) -> list[tuple[str, float]]:
        """Return asin and score of the best products for a query, best first; equal scores in order of asin."""
        numbers, scores = self._index.search(query, limit)
        asins = [self.products.read(number).asin for number in numbers.tolist()]
        return list(zip(asins, scores.tolist(), strict=True))

    def goals(self, kind: str = "synthetic", price_seed: int = 0) -> Goals:
        """Return the goals in the original's order.

        Args:
            kind: "synthetic" or "human".
            price_seed: Seed of prices and price limits.

        Raises:
            ValueError: the kind is unknown.
            WrongTypeError: the seed is no integer.
        """
        kind, price_seed = check_choice(kind, KINDS, "kind of goals"), check_integer(price_seed, "price_seed")
        result: Goals = self._goals(kind, price_seed)
        return result

    def price(self, asin: str, price_seed: int = 0) -> float:
        """Return a product's price in dollars.

        Raises:
            KeyError: there is no such product.
        """
        number = self.products.find(asin)
        if number is None:
            raise KeyError(asin)
        return float(self._draw("synthetic", check_integer(price_seed, "price_seed"))[0][number])

    def list_numbers(self, field: str, value: str) -> tuple[int, ...]:
        """Return the numbers of all products whose `field` (category, query or attribute) is `value`, in file order."""
        return self._lists[field].find(value)

    def _find_numbers(self, query: str) -> tuple[int, ...]:
        return tuple(self._index.search(query, SEARCH_LIMIT)[0].tolist())

    def _draw_prices(self, kind: str, price_seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if price_seed == DEFAULT_PRICE_SEED:
            return self._arrays["prices"], self._arrays[f"{kind}_limits"]
        return draw_all(self._arrays["pricing"], self._arrays[f"{kind}_bearers"], price_seed)

    def _make_goals(self, kind: str, price_seed: int) -> Goals:
        bearers, weights, order = (self._arrays[f"{kind}_{part}"] for part in ("bearers", "weights", "order"))
        limits = self._draw(kind, price_seed)[1]
        return Goals(GoalSource(kind, bearers, weights, limits, order, self.products.read, self._list_asins))

    def _list_asins(self, numbers: NDArray[np.uint32]) -> list[bytes]:
        asins: list[bytes] = self._arrays["sorted_asins"][self._arrays["asin_ranks"][numbers]].tolist()
        return asins


def _open_again(folder: Path, digest: str) -> Catalogue:
    """Return the catalogue that was pickled.

    Raises:
        ArchiveError: it is not there any more, or another one is.
    """
    catalogue = _OPEN.get((folder, digest)) or Catalogue(folder)
    if catalogue.manifest.digest != digest:
        raise ArchiveError(f"the catalogue at {folder} is another one than was pickled; build the one of then again")
    return catalogue


def _remove_folder(folder: Path, owner: int) -> None:
    """Remove a temporary catalogue, unless this is a forked copy of the process that made it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
