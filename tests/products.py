"""Made-up products, and where the real ones lie in the folder of recorded data."""

from pathlib import Path
from typing import Any

from webshop_server import RawProduct

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
