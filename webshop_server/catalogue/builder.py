"""From raw products to a built catalogue, in one pass and bounded memory."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from webshop_server.catalogue.archive import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    RECORDS_NAME,
    ArchiveFolder,
    Manifest,
    list_sizes,
    write_arrays,
)
from webshop_server.catalogue.goals import (
    DEFAULT_PRICE_SEED,
    KINDS,
    count_combinations,
    draw_all,
    shuffle_goals,
    weigh_synthetic,
)
from webshop_server.catalogue.nouns import NounModel
from webshop_server.catalogue.product_reader import CatalogueDataError, is_sold, mend_text, read_asin, read_product
from webshop_server.product import Instruction, Product, RawProduct
from webshop_server.search.analyzer import analyze
from webshop_server.search.postings import Arrays, ListWriter, TermWriter

GIVEN_NOUNS = "given"
_PRODUCTS_PER_BATCH = 512


def build_archive(
    products: Iterable[RawProduct],
    out: Path,
    *,
    show_progress: Callable[[int], None] | None = None,
    show_merging: Callable[[], None] | None = None,
) -> Path:
    """Build a catalogue into the new folder `out`; if anything stops it, nothing stays there.

    Args:
        products: Raw products in file order; products without title nouns get them from spaCy's model.
        out: The folder to make; it may exist if it is empty.
        show_progress: Called with the number of products done, now and then.
        show_merging: Called when all products are read and the search index is put together.

    Returns:
        `out`.

    Raises:
        CatalogueDataError: a record cannot be read, or there is none.
        FileExistsError: `out` is there already.
        NounModelMissingError: title nouns are needed and the model is not installed.
    """
    with ArchiveFolder(out) as folder, _Builder(folder) as builder:
        for batch in _take_batches(products):
            builder.add_batch(batch)
            if show_progress:
                show_progress(builder.num_products)
        if show_merging:
            show_merging()
        builder.finish()
    return out


def write_search_text(product: Product) -> str:
    """Return the text by which a product is found: title, description, first bullet and options, in lower case."""
    groups = (f"{name}: {', '.join(values)}" for name, values in product.options.items())
    first_bullet = product.bullets[0] if product.bullets else ""
    return " ".join((product.title, product.description, first_bullet, ", and ".join(groups))).lower()


def _take_batches(products: Iterable[RawProduct]) -> Iterator[list[tuple[int, RawProduct]]]:
    numbered = enumerate(products, 1)
    while batch := list(islice(numbered, _PRODUCTS_PER_BATCH)):
        yield batch


class _Builder:
    """Everything that grows while products come in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records = (folder / RECORDS_NAME).open("wb")
        self._encoder = msgspec.msgpack.Encoder()
        self._digest = hashlib.sha256(f"format {FORMAT_VERSION}".encode())
        self._starts = array("Q", [0])
        self._pricing = array("d")
        self._numbers: dict[str, int] = {}
        self._num_repeats = self._num_unsold = 0
        self._nouns: NounModel | None = None
        self._terms = TermWriter(folder)
        self._lists = {name: ListWriter() for name in ("category", "query", "attribute")}
        self._synthetic, self._human = array("I"), array("I")
        self._synthetic_instructions: list[Instruction] = []

    def __enter__(self) -> _Builder:
        return self

    def __exit__(self, *_: object) -> None:
        self._records.close()

    @property
    def num_products(self) -> int:
        """Products taken so far."""
        return len(self._numbers)

    def add_batch(self, batch: list[tuple[int, RawProduct]]) -> None:
        """Take the sold products of a batch of (record number, raw product)."""
        sold = [(f"product {place}", raw) for place, raw in batch if self._take_asin(raw, f"product {place}")]
        nouns = self._find_nouns([raw for _, raw in sold])
        for (place, raw), title_nouns in zip(sold, nouns, strict=True):
            self._add(read_product(raw, place, title_nouns))

    def _take_asin(self, raw: RawProduct, place: str) -> bool:
        asin = read_asin(raw.product, place)
        if not is_sold(asin):
            self._num_unsold += 1
        elif asin in self._numbers:
            self._num_repeats += 1
        else:
            self._numbers[asin] = len(self._numbers)
            return True
        return False

    def _find_nouns(self, products: list[RawProduct]) -> list[tuple[str, ...]]:
        titles = [mend_text(str(raw.product.get("name"))) for raw in products if raw.title_nouns is None]
        if titles and self._nouns is None:
            self._nouns = NounModel()
        found = self._nouns.find_nouns(titles) if self._nouns and titles else iter(())
        return [next(found) if raw.title_nouns is None else tuple(raw.title_nouns) for raw in products]

    def _add(self, product: Product) -> None:
        number = self._numbers[product.asin]
        record = self._encoder.encode(product)
        self._records.write(record)
        self._digest.update(record)
        self._starts.append(self._starts[-1] + len(record))
        self._pricing.extend((product.pricing[0], product.pricing[1] if len(product.pricing) > 1 else float("nan")))
        self._terms.add(analyze(write_search_text(product)))
        self._lists["category"].add(number, [product.category])
        self._lists["query"].add(number, [product.query])
        self._lists["attribute"].add(number, [attribute.lower() for attribute in product.attributes])
        if product.synthetic:
            self._synthetic.extend((number, 0, count_combinations(product)))
            self._synthetic_instructions.append(product.synthetic)
        for index, instruction in enumerate(product.human):
            if instruction.attributes:
                self._human.extend((number, index, 1))

    def finish(self) -> None:
        """Write everything; the manifest comes last."""
        if not self._numbers:
            raise CatalogueDataError("there is no product to sell in this catalogue; check the product file")
        self._records.close()
        self._terms.finish()
        write_arrays(self._folder, self._list_arrays())
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            digest=self._digest.hexdigest(),
            noun_source=self._nouns.source if self._nouns else GIVEN_NOUNS,
            num_products=len(self._numbers),
            num_repeats=self._num_repeats,
            num_unsold=self._num_unsold,
            num_products_with_terms=self._terms.num_products_with_terms,
            num_all_terms=self._terms.num_all_terms,
            file_sizes=list_sizes(self._folder),
        )
        (self._folder / MANIFEST_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))

    def _list_arrays(self) -> Arrays:
        asins = np.array([asin.encode("utf-8", "surrogatepass") for asin in self._numbers])
        order = np.argsort(asins, kind="stable").astype(np.uint32)
        ranks = np.empty(len(order), dtype=np.uint32)
        ranks[order] = np.arange(len(order), dtype=np.uint32)
        synthetic = np.array(self._synthetic, dtype=np.uint32).reshape(-1, 3)
        human = np.array(self._human, dtype=np.uint32).reshape(-1, 3)
        weights = weigh_synthetic(self._synthetic_instructions, synthetic[:, 2].tolist())
        arrays: Arrays = {
            "record_starts": np.array(self._starts, dtype=np.uint64),
            "sorted_asins": asins[order],
            "sorted_numbers": order,
            "asin_ranks": ranks,
            "pricing": np.array(self._pricing, dtype=np.float64).reshape(-1, 2),
            "synthetic_bearers": synthetic,
            "synthetic_weights": np.array(weights, dtype=np.float64),
            "human_bearers": human,
            "human_weights": np.ones(len(human), dtype=np.float64),
        }
        for kind in KINDS:
            bearers = arrays[f"{kind}_bearers"]
            arrays[f"{kind}_order"] = shuffle_goals(int(bearers[:, 2].sum()))
            arrays["prices"], arrays[f"{kind}_limits"] = draw_all(arrays["pricing"], bearers, DEFAULT_PRICE_SEED)
        for name, writer in self._lists.items():
            arrays |= writer.finish(name)
        return arrays
