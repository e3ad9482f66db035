"""A product: as it lies in the source files, and as the shop sells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class RawProduct:
    """One product with everything the source files say about it.

    Attributes:
        product: one record of ``items_shuffle*.json``: name, full_description, pricing, images, product_category,
            small_description, customization_options, asin, category, query, page.
        attributes: the record of ``items_ins_v2*.json`` for this asin (attributes, instruction,
            instruction_attributes), or None where the file has none.
        human: the records of ``items_human_ins.json`` for this asin, in file order.
        title_nouns: lowercased nouns of the title in order, repeats kept; None when they are not known yet.
    """

    product: Mapping[str, Any]
    attributes: Mapping[str, Any] | None = None
    human: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    title_nouns: Sequence[str] | None = None


class Instruction(msgspec.Struct, frozen=True, array_like=True):
    """What a person or the generator asks for: text, wanted attributes, wanted option values (people only)."""

    text: str
    attributes: tuple[str, ...]
    options: tuple[str, ...] = ()


class Product(msgspec.Struct, frozen=True, array_like=True):
    """A product as the shop sells it.

    Attributes:
        asin: Its number, ten characters.
        title: Name as shown.
        description: Text of the description page.
        bullets: Lines of the features page.
        pricing: One price, or the lowest and the highest, in dollars.
        options: Values to choose from by option name, both in lower case.
        category: Department ("beauty").
        query: What people typed who found it, in lower case.
        product_category: Path of categories, joined by single right angle quotation marks.
        attributes: Known properties ("machine washable").
        image: Address of the main picture, or "".
        synthetic: The generated instruction, if the product has one.
        human: Instructions written by people, in file order.
        title_nouns: Nouns of the title in lower case, in order, repeats kept.
    """

    asin: str
    title: str
    description: str
    bullets: tuple[str, ...]
    pricing: tuple[float, ...]
    options: dict[str, tuple[str, ...]]
    category: str
    query: str
    product_category: str
    attributes: tuple[str, ...]
    image: str
    synthetic: Instruction | None
    human: tuple[Instruction, ...]
    title_nouns: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.asin)

    @property
    def price_tag(self) -> str:
        """The price as shown: "$36.0", or "$19.43 to $22.31"."""
        return " to ".join(f"${price}" for price in self.pricing)
