"""A small made-up catalogue, and the real one where the recorded data lies beside the checkout."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from webshop_server import Catalogue, RawProduct

GOLD = Path("gold") / "webshop"
DATA = Path("data") / "webshop"


def make_raw(asin: str, **changes: Any) -> RawProduct:
    """A product with two option groups, a price range and an instruction; `changes` replace its fields."""
    product = {
        "asin": asin,
        "name": f"Harbour Mug {asin}",
        "full_description": "A mug of stoneware.",
        "pricing": "$10.00 - $14.50",
        "images": [],
        "product_category": " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(["Kitchen", "Cups", "Mugs"]),
        "small_description": ["Holds 300 ml", ""],
        "customization_options": {"Color": [{"value": "Red/White"}, {"value": "blue"}], "Size": [{"value": "Large"}]},
        "category": "garden",
        "query": " Mugs ",
        "page": 1,
    }
    attributes = {
        "attributes": ["dishwasher safe", "hand made"],
        "instruction": "Find me a dishwasher safe mug",
        "instruction_attributes": ["dishwasher safe"],
    }
    human = [{"instruction": "a blue mug.", "instruction_attributes": ["hand made"], "instruction_options": ["blue"]}]
    nouns = changes.pop("title_nouns", ("harbour", "mug"))
    attributes = changes.pop("attributes", attributes)
    human = changes.pop("human", human)
    return RawProduct({**product, **changes}, attributes, human, nouns)


@pytest.fixture(scope="session")
def small_catalogue() -> Catalogue:
    """Fifty mugs."""
    return Catalogue.from_raw(make_raw(f"B0000000{number:02}") for number in range(50))


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of this test run for catalogues built from real files."""
    folder = tmp_path_factory.mktemp("webshop-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEBSHOP_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def real_catalogue(shared: Path, cache_folder: Path) -> Catalogue:
    """The 1,000 real products."""
    pytest.importorskip("spacy", reason="nouns of real titles need the extra spacy")
    return Catalogue.load(shared / DATA)


@pytest.fixture(scope="session")
def read_gold(shared: Path) -> Any:
    """Reads a file of recorded behaviour: all lines of a gzipped one, or one JSON value."""

    def read(name: str) -> Any:
        path = shared / GOLD / name
        if path.suffix != ".gz":
            return json.loads(path.read_text(encoding="utf-8"))
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    return read
