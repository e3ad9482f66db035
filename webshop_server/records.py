"""One raw product as it lies in the three source files, before the shop reads anything into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


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
