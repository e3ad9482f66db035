"""From a raw record to a product, with a sentence for whatever is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from webshop_server.product import Instruction, Product, RawProduct

PRODUCTS_FILE = "items_shuffle*.json"
ATTRIBUTES_FILE = "items_ins_v2*.json"
HUMAN_FILE = "items_human_ins.json"
MAX_ASIN_LENGTH = 10
PRICE_WITHOUT_PRICING = 100.0
ATTRIBUTES_WITHOUT_RECORD = ("DUMMY_ATTR",)
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_NOT_PART_OF_A_NUMBER = re.compile(r"[^\d.]")


class CatalogueDataError(ValueError):
    """A catalogue's source files cannot be read; the message names file, record and field."""


def mend_text(text: str) -> str:
    """Replace halves of surrogate pairs, which cut texts leave behind and no encoding can write."""
    return text if text.isascii() else _HALF_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def is_sold(asin: str) -> bool:
    """Return whether the shop sells products with this asin ("nan" and long ones are left out)."""
    return asin != "nan" and len(asin) <= MAX_ASIN_LENGTH


def read_asin(record: object, place: str) -> str:
    """Return the asin of a raw product record.

    Raises:
        CatalogueDataError: the record is not an object or has no asin.
    """
    if not isinstance(record, Mapping):
        raise CatalogueDataError(f"{place}: a product must be a JSON object, not {_name_type(record)}")
    return _read_text(record, "asin", place)


def read_product(raw: RawProduct, place: str, title_nouns: Sequence[str]) -> Product:
    """Return the product that a raw record describes.

    Args:
        raw: The record with its attributes and human instructions.
        place: Where it was found, for messages ("items_shuffle.json, record 12").
        title_nouns: Nouns of its title.

    Raises:
        CatalogueDataError: a field is missing or of the wrong type.
    """
    record = raw.product
    asin = read_asin(record, place)
    place = f"{place} (asin {asin})"
    images = record.get("images") or []
    if not isinstance(images, Sequence) or isinstance(images, str):
        raise CatalogueDataError(f"{place}: field 'images' must be a list, not {_name_type(images)}")
    return Product(
        asin=asin,
        title=_read_text(record, "name", place),
        description=_read_text(record, "full_description", place),
        bullets=_read_bullets(record, place),
        pricing=_read_pricing(record.get("pricing"), place),
        options=_read_options(record, place),
        category=_read_text(record, "category", place),
        query=_read_text(record, "query", place).lower().strip(),
        product_category=_read_text(record, "product_category", place),
        attributes=_read_attributes(raw.attributes, asin),
        image=mend_text(str(images[0])) if images else "",
        synthetic=_read_synthetic(raw.attributes, asin),
        human=tuple(_read_human(entry, asin) for entry in raw.human),
        title_nouns=tuple(map(mend_text, title_nouns)),
    )


def _name_type(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _read_field(record: Mapping[str, Any], field: str, place: str) -> Any:
    try:
        return record[field]
    except KeyError:
        raise CatalogueDataError(f"{place}: field {field!r} is missing") from None


def _read_text(record: Mapping[str, Any], field: str, place: str) -> str:
    value = _read_field(record, field, place)
    if not isinstance(value, str):
        raise CatalogueDataError(f"{place}: field {field!r} must be a text, not {_name_type(value)}")
    return mend_text(value)


def _read_texts(value: object, field: str, place: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise CatalogueDataError(f"{place}: field {field!r} must be a list of texts, not {value!r:.60}")
    return tuple(map(mend_text, value))


def _read_bullets(record: Mapping[str, Any], place: str) -> tuple[str, ...]:
    value = _read_field(record, "small_description", place)
    return (mend_text(value),) if isinstance(value, str) else _read_texts(value, "small_description", place)


def _read_pricing(value: object, place: str) -> tuple[float, ...]:
    if not value:
        return (PRICE_WITHOUT_PRICING,)
    try:
        amounts = [_NOT_PART_OF_A_NUMBER.sub("", part) for part in str(value).split("$")[1:]]
        prices = tuple(float(Decimal(amount)) for amount in amounts)[:2]
    except InvalidOperation:
        prices = ()
    if not prices:
        raise CatalogueDataError(
            f"{place}: field 'pricing' must read like '$5' or '$19.99 - $21.99', not {value!r:.60}"
        )
    return prices


def _read_options(record: Mapping[str, Any], place: str) -> dict[str, tuple[str, ...]]:
    groups = record.get("customization_options")
    if not groups:
        return {}
    if not isinstance(groups, Mapping):
        raise CatalogueDataError(f"{place}: field 'customization_options' must be an object, not {_name_type(groups)}")
    return {
        mend_text(name).lower(): tuple(_read_option_value(item, name, place) for item in items)
        for name, items in groups.items()
        if items is not None
    }


def _read_option_value(item: object, name: str, place: str) -> str:
    value = item.get("value") if isinstance(item, Mapping) else None
    if not isinstance(value, str):
        raise CatalogueDataError(f"{place}: each item of customization_options[{name!r}] needs a text 'value'")
    return mend_text(value).strip().replace("/", " | ").lower()


def _read_attributes(record: Mapping[str, Any] | None, asin: str) -> tuple[str, ...]:
    if record is None or "attributes" not in record:
        return ATTRIBUTES_WITHOUT_RECORD
    return _read_texts(record["attributes"], "attributes", f"{ATTRIBUTES_FILE}, asin {asin}")


def _read_synthetic(record: Mapping[str, Any] | None, asin: str) -> Instruction | None:
    if record is None or record.get("instruction") is None:
        return None
    place = f"{ATTRIBUTES_FILE}, asin {asin}"
    text = _read_text(record, "instruction", place)
    value = _read_field(record, "instruction_attributes", place)
    attributes = _read_texts(value, "instruction_attributes", place)
    if not attributes:
        raise CatalogueDataError(f"{place}: field 'instruction_attributes' must name at least one attribute")
    return Instruction(text, attributes)


def _read_human(entry: object, asin: str) -> Instruction:
    place = f"{HUMAN_FILE}, asin {asin}"
    if not isinstance(entry, Mapping):
        raise CatalogueDataError(f"{place}: each instruction must be an object, not {_name_type(entry)}")
    return Instruction(
        _read_text(entry, "instruction", place),
        _read_texts(_read_field(entry, "instruction_attributes", place), "instruction_attributes", place),
        _read_texts(entry.get("instruction_options", ()), "instruction_options", place),
    )
