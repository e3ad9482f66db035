"""The embedded catalogue: products made from a seed, shaped as the original's 1,000 real ones.

Product i depends on the seed and on i alone, never on how many are made, so a catalogue of 100 products is the
beginning of one of a million. The words lie in `wordlists/`; the shape (shares, lengths, counts, prices) follows
measurements of the real files, see docs/webshop_catalogue.md.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from webshop_server.generated.blueprints import Blueprint, draw_blueprint
from webshop_server.generated.instructions import write_human_instruction, write_instruction
from webshop_server.generated.product_options import draw_options
from webshop_server.generated.product_text import write_text
from webshop_server.generated.vocabulary import PATH_SEPARATOR, Vocabulary, load_vocabulary
from webshop_server.product import RawProduct

MIN_PRODUCTS, MAX_PRODUCTS, DEFAULT_PRODUCTS = 100, 1_200_000, 1_000
HUMAN_RICH_PRODUCTS = 1_000
HUMAN_RATE = 0.01
RANGE_RATE = 0.093
NO_PRICE_RATE = 0.085
ASIN_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ASIN_SPACE = 36**7
ASIN_STEP = 43_112_609_947


def generate_products(num_products: int = DEFAULT_PRODUCTS, seed: int = 0) -> Iterator[RawProduct]:
    """Yield the products of the embedded catalogue, one at a time.

    Args:
        num_products: How many, from 100 to 1,200,000.
        seed: Any whole number; the same seed gives the same products in any process.

    Returns:
        An iterator over the products, with the nouns of their titles.

    Raises:
        ValueError: `num_products` is out of range.
        TypeError: A number is no whole number.
    """
    for name, value in (("num_products", num_products), ("seed", seed)):
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} must be a whole number, got {value!r}")
    if not MIN_PRODUCTS <= num_products <= MAX_PRODUCTS:
        raise ValueError(
            f"num_products must lie between {MIN_PRODUCTS:,} and {MAX_PRODUCTS:,}, got {num_products:,}; "
            f"the default is {DEFAULT_PRODUCTS:,}"
        )
    vocabulary = load_vocabulary()
    return (generate_product(vocabulary, seed, index) for index in range(num_products))


def generate_product(vocabulary: Vocabulary, seed: int, index: int) -> RawProduct:
    """Return product `index` of the catalogue with this seed.

    Args:
        vocabulary: The words to write with.
        seed: The catalogue's seed.
        index: Position of the product in the catalogue, from 0.
    """
    rng = random.Random(f"{seed}/{index}/text")
    blueprint = draw_blueprint(vocabulary, seed, index)
    options = _draw_options(vocabulary, seed, blueprint)
    text = write_text(rng, vocabulary, blueprint)
    asin = make_asin(seed, index)
    product = {
        "name": text.title,
        "full_description": text.description,
        "small_description": list(text.bullets),
        "pricing": _write_price(rng, blueprint.price),
        "images": [],
        "product_category": PATH_SEPARATOR.join(blueprint.path),
        "customization_options": {
            name: [{"value": value, "image": None} for value in values] for name, values in options.items()
        },
        "asin": asin,
        "category": blueprint.department.name,
        "query": blueprint.query,
        "page": 1 + int(rng.random() * 76),
    }
    attributes = _list_attributes(rng, vocabulary, blueprint)
    human = _write_human(rng, vocabulary, blueprint, options, index, asin, attributes["attributes"])
    return RawProduct(product, attributes, human, text.title_nouns)


def _draw_options(vocabulary: Vocabulary, seed: int, blueprint: Blueprint) -> dict[str, list[str]]:
    rng = random.Random(f"{seed}/{blueprint.options_from}/options")
    if rng.random() >= blueprint.department.option_rate:
        return {}
    return draw_options(rng, vocabulary, blueprint.family.options)


def make_asin(seed: int, index: int) -> str:
    """Return the ten-character id of a product; ids of one seed never repeat."""
    number = ((index + 1) * ASIN_STEP + (seed % ASIN_SPACE) * 7_368_787) % ASIN_SPACE
    digits = []
    for _ in range(7):
        number, digit = divmod(number, 36)
        digits.append(ASIN_DIGITS[digit])
    return "B0G" + "".join(reversed(digits))


def _write_price(rng: random.Random, price: float) -> str:
    chance = rng.random()
    if chance < NO_PRICE_RATE:
        return ""
    if chance < NO_PRICE_RATE + RANGE_RATE:
        return f"${price:,.2f} - ${price * (1.15 + rng.random()):,.2f}"
    return f"${price:,.2f}"


def _list_attributes(rng: random.Random, vocabulary: Vocabulary, blueprint: Blueprint) -> dict[str, Any]:
    """Return the attribute record: what the product has, some chaff, and the instruction if it has one."""
    listed = blueprint.features[: blueprint.num_listed]
    chaff = [_draw_chaff(rng, vocabulary, blueprint) for _ in range(2) if rng.random() < 0.28 and listed]
    if blueprint.has_instruction:
        chaff += [_draw_chaff(rng, vocabulary, blueprint) for _ in range(3) if rng.random() < 0.45]
    attributes = list(dict.fromkeys([feature.attribute for feature in listed] + chaff))
    rng.shuffle(attributes)
    if not blueprint.has_instruction:
        return {"attributes": attributes}
    instruction, wanted = write_instruction(blueprint.query, listed)
    return {"attributes": attributes, "instruction": instruction, "instruction_attributes": wanted}


def _draw_chaff(rng: random.Random, vocabulary: Vocabulary, blueprint: Blueprint) -> str:
    """Draw a pair of words that an automatic miner would take for an attribute."""
    if rng.random() < 0.3:
        return _pick(rng, vocabulary.common_parts)
    return (
        f"{_pick(rng, blueprint.words)} {blueprint.noun}".lower().split(" ", 1)[0]
        + " "
        + blueprint.noun.split()[-1].lower()
    )


def _write_human(
    rng: random.Random,
    vocabulary: Vocabulary,
    blueprint: Blueprint,
    options: dict[str, list[str]],
    index: int,
    asin: str,
    attributes: list[str],
) -> tuple[dict[str, Any], ...]:
    listed = blueprint.features[: blueprint.num_listed]
    if not listed or (index >= HUMAN_RICH_PRODUCTS and rng.random() >= HUMAN_RATE):
        return ()
    shown = [f"{name.lower()}: {value.lower()}" for name, values in options.items() for value in values]
    return tuple(
        {
            "asin": asin,
            "attributes": attributes,
            "options": shown,
            **write_human_instruction(rng, vocabulary, blueprint.noun, listed, options),
        }
        for _ in range(_draw_num_human(rng, bool(options)))
    )


def _draw_num_human(rng: random.Random, has_options: bool) -> int:
    return 3 + int(rng.random() * 5) if has_options else int(rng.random() * 3)


def _pick(rng: random.Random, options: Sequence[str]) -> str:
    return options[int(rng.random() * len(options))]
