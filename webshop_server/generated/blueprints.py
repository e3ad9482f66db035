"""What a generated product is, before any text is written about it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from webshop_server.generated.brands import brand_name
from webshop_server.generated.vocabulary import Department, Family, Feature, ProductType, Vocabulary

SIBLING_RATE = 0.13
SIBLING_REACH = 400
SAME_OPTIONS_RATE = 0.6
SPREAD = 0.6180339887498949
NUM_BRANDS = 900
POPULAR_SHARE, POPULAR_RATE = 0.3, 0.92
FOREIGN_QUERY_RATE = 0.29
FOREIGN_PATH_RATE = 0.12
NO_PATH_RATE = 0.022
PRICE_SIGMA = 0.68
PRICE_LEVEL = 0.8
COLLECTIONS_PER_THOUSAND = 12
FEATURE_SLOPE = 0.32


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A product's nature.

    Attributes:
        department, family, type: Where it belongs.
        collection: The word before its noun and query, "" for the first thousand products.
        noun: What titles and texts call it.
        query: The shop's query word; sometimes that of a related type.
        path: Category path; sometimes that of a related type, rarely empty.
        brand: Invented name.
        words: Words that describe it in titles, in order of importance.
        features: All that it has.
        num_listed: How many of them the attribute list names, from the front.
        has_instruction: Whether it has a synthetic instruction.
        price: In dollars.
        options_from: Index of the product whose option groups it has: its own, or its elder sibling's.
    """

    department: Department
    family: Family
    type: ProductType
    collection: str
    noun: str
    query: str
    path: tuple[str, ...]
    brand: str
    words: tuple[str, ...]
    features: tuple[Feature, ...]
    num_listed: int
    has_instruction: bool
    price: float
    options_from: int


def draw_blueprint(vocabulary: Vocabulary, seed: int, index: int) -> Blueprint:
    """Return the nature of product `index`: its own, or that of a sibling a little changed.

    Args:
        vocabulary: The words to write with.
        seed: The catalogue's seed.
        index: Position of the product in the catalogue, from 0.
    """
    rng = random.Random(f"{seed}/{index}/nature")
    if index == 0 or rng.random() >= SIBLING_RATE:
        return _draw_own(vocabulary, rng, seed, index)
    elder = index - 1 - int(rng.random() * min(index, SIBLING_REACH))
    elder_rng = random.Random(f"{seed}/{elder}/nature")
    elder_rng.random()
    return _vary(rng, index, _draw_own(vocabulary, elder_rng, seed, elder))


def _draw_own(vocabulary: Vocabulary, rng: random.Random, seed: int, index: int) -> Blueprint:
    department = _department_of(vocabulary.departments, seed, index)
    collection = _draw_collection(vocabulary.collections, seed, index)
    family, kind = department.shelf[_draw_place(rng, len(department.shelf))]
    kind = kind.in_collection(collection)
    has_instruction = rng.random() < department.instruction_rate
    num_listed = _draw_num_listed(rng, has_instruction, department.name == "fashion")
    slope = 0.0 if collection else FEATURE_SLOPE
    features = _draw_features(rng, family.features, max(num_listed, 4 + int(rng.random() * 4)), slope)
    return Blueprint(
        department=department,
        family=family,
        type=kind,
        collection=collection,
        noun=kind.nouns[int(rng.random() * 2)],
        query=(_other(rng, family, 3).in_collection(collection) if rng.random() < FOREIGN_QUERY_RATE else kind).query,
        path=_draw_path(rng, family, kind),
        brand=brand_name(department.name, int(rng.random() ** 1.6 * NUM_BRANDS)),
        words=tuple(_draw_words(rng, vocabulary, family)),
        features=tuple(features),
        num_listed=num_listed,
        has_instruction=has_instruction,
        price=_draw_price(rng, kind.price * PRICE_LEVEL),
        options_from=index,
    )


def _vary(rng: random.Random, index: int, elder: Blueprint) -> Blueprint:
    """Return a product of the same line: same brand and kind, other details."""
    features = list(elder.features)
    others = [feature for feature in elder.family.features if feature not in features]
    for position in range(len(features)):
        if others and rng.random() < 0.15:
            features[position] = others.pop(int(rng.random() * len(others)))
    words = list(elder.words)
    if rng.random() < 0.7:
        rng.shuffle(words)
    has_instruction = rng.random() < elder.department.instruction_rate
    return replace(
        elder,
        brand=elder.brand if rng.random() < 0.7 else brand_name(elder.department.name, int(rng.random() * NUM_BRANDS)),
        words=tuple(words),
        features=tuple(features),
        num_listed=min(len(features), _draw_num_listed(rng, has_instruction, elder.department.name == "fashion")),
        has_instruction=has_instruction,
        price=_draw_price(rng, elder.price, sigma=0.2),
        options_from=elder.options_from if rng.random() < SAME_OPTIONS_RATE else index,
    )


def _department_of(departments: Sequence[Department], seed: int, index: int) -> Department:
    """Spread the departments evenly over the indices, in the proportions of the shares."""
    position = (_first_position(seed) + index * SPREAD) % 1.0 * sum(department.share for department in departments)
    for department in departments:
        position -= department.share
        if position < 0:
            return department
    return departments[-1]


@lru_cache(maxsize=64)
def _first_position(seed: int) -> float:
    return random.Random(f"{seed}/departments").random() if seed else 0.0


def _draw_collection(collections: Sequence[str], seed: int, index: int) -> str:
    """Draw the collection of a product, none among the first thousand.

    Each further thousand has twelve of its own while there are any left, so that a larger shop has a wider range and
    a customer no more near copies to tell apart than in a small one.
    """
    thousand = index // 1000
    if not thousand:
        return ""
    place = int(random.Random(f"{seed}/{index}/collection").random() * COLLECTIONS_PER_THOUSAND)
    return collections[((thousand - 1) * COLLECTIONS_PER_THOUSAND + place) % len(collections)]


def _draw_num_listed(rng: random.Random, has_instruction: bool, is_rich: bool) -> int:
    if not has_instruction:
        return rng.choices((0, 1, 2, 3, 4, 5), cum_weights=(38, 68, 87, 94, 98, 100))[0]
    count = rng.choices((2, 3, 4, 5, 6, 7, 9), cum_weights=(39, 66, 83, 90, 95, 98, 100))[0]
    return count + (int(rng.random() * 3.3) if is_rich else 0)


def _draw_features(rng: random.Random, features: Sequence[Feature], count: int, slope: float) -> list[Feature]:
    """Draw features, with a slope the first ones of each kind more often, as some are in every shop."""
    weights = [rng.random() ** (1.0 + slope * position) for position in range(len(features))]
    order = sorted(range(len(features)), key=weights.__getitem__, reverse=True)
    return [features[position] for position in order[:count]]


def _draw_place(rng: random.Random, num_types: int) -> int:
    """Draw a type's place on the shelf; the front of it is what most sellers offer."""
    return int(rng.random() * num_types * (POPULAR_SHARE if rng.random() < POPULAR_RATE else 1.0))


def _draw_words(rng: random.Random, vocabulary: Vocabulary, family: Family) -> list[str]:
    words = rng.sample(family.words, 10) + rng.sample(vocabulary.title_words, 4)
    rng.shuffle(words)
    return words


def _other(rng: random.Random, family: Family, first: int = 99) -> ProductType:
    return family.types[int(rng.random() * min(first, len(family.types)))]


def _draw_path(rng: random.Random, family: Family, kind: ProductType) -> tuple[str, ...]:
    chance = rng.random()
    if chance < NO_PATH_RATE:
        return ()
    return (_other(rng, family) if chance < NO_PATH_RATE + FOREIGN_PATH_RATE else kind).path


def _draw_price(rng: random.Random, usual: float, sigma: float = PRICE_SIGMA) -> float:
    price = usual * rng.lognormvariate(0.0, sigma)
    chance = rng.random()
    if chance < 0.55:
        return max(1, round(price)) - 0.01
    return max(0.5, round(price)) if chance < 0.65 else max(0.5, round(price, 2))
